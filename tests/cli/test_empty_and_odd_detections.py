"""Detections that can be scored but need a warning: none at all, inverted boxes, unknown names."""

import json

import pytest

EMPTY = {
    "voc": lambda path: [file.write_bytes(b"") for file in path.glob("*.txt")],
    "coco": lambda path: path.write_text("[]"),
    "yolo": lambda path: [file.write_bytes(b"") for file in path.glob("*.txt")],
}


@pytest.mark.parametrize("format_name", EMPTY)
def test_empty_detections_score_0_and_say_so(command, broken, format_name):
    broken.ground_truth = broken.files.ground_truth("coco" if format_name == "coco" else "voc")
    EMPTY[format_name](broken.copy("detections", format_name))
    outcome = command(
        "eval", broken.ground_truth, broken.detections, "--protocol", "coco", "--json", "-"
    )
    assert outcome.code == 0
    summary = json.loads(outcome.out)["runs"][0]["summary"]
    assert {name: summary[name] for name in ("AP", "AP50", "AR100")} == {
        "AP": 0.0,
        "AP50": 0.0,
        "AR100": 0.0,
    }
    warning, suspicion = outcome.err.splitlines()
    problem = "no detections at all; every class with ground truth scores 0"
    assert warning == f"warning: {broken.detections}: {problem}"
    assert suspicion.startswith("suspicious: ")
    assert "there are no detections" in suspicion


def test_empty_parquet_detections_say_so(command, broken, files, tmp_path):
    EMPTY["coco"](broken.copy("detections", "coco"))
    target = tmp_path / "empty.parquet"
    assert (
        command(
            "convert", broken.detections, target, "--ground-truth", files.ground_truth("coco")
        ).code
        == 0
    )
    outcome = command("eval", files.ground_truth("coco"), target)
    assert outcome.code == 0
    assert f"warning: {target}: no detections at all" in outcome.err


def test_a_few_inverted_boxes_are_counted_in_a_warning_and_stay_false_positives(command, broken):
    broken.copy("detections", "voc")
    path = broken.detections / "comp4_det_test_word.txt"
    with path.open("a") as file:
        file.write("200001 .99 50 50 20 20\n")
    outcome = command("eval", broken.ground_truth, broken.detections, "--json", "-")
    assert outcome.code == 0
    assert "warning: " in outcome.err
    assert "1 of 29 boxes are inverted" in outcome.err
    word = json.loads(outcome.out)["runs"][0]["classes"]["word"]
    whole = json.loads(
        command("eval", broken.ground_truth, broken.files.detections("voc"), "--json", "-").out
    )["runs"][0]["classes"]["word"]
    assert word["detections"] == whole["detections"] + 1
    assert word["recall"] == whole["recall"]
    assert word["AP"] < whole["AP"]


def test_allow_unknown_drops_with_a_warning(command, broken):
    def spoil(rows):
        rows[5]["image_id"] = 77
        rows[6]["category_id"] = 91

    broken.results(spoil)
    assert command("eval", broken.ground_truth, broken.detections).code == 2
    outcome = command(
        "eval", broken.ground_truth, broken.detections, "--allow-unknown", "--json", "-"
    )
    assert outcome.code == 0
    assert (
        "dropped 1 of 28 detections whose image is not in the ground truth (the first: '77'"
        in outcome.err
    )
    assert (
        "dropped 1 of 28 detections whose class is not in the ground truth (the first: '91'"
        in outcome.err
    )
    assert (
        sum(
            values["detections"]
            for values in json.loads(outcome.out)["runs"][0]["classes"].values()
        )
        == 26
    )

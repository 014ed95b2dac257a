"""`detbench plan` on a small dataset."""

import json

import pytest

from detbench.data.load import load_ground_truth, save_detections
from detbench.data.shapes import shapes_detections


@pytest.fixture(scope="module")
def rival(files, tmp_path_factory):
    truth = load_ground_truth(files.truth("voc"), split="test")
    path = tmp_path_factory.mktemp("rival") / "rival.parquet"
    save_detections(shapes_detections(truth, 0.9), truth, path, "parquet")
    return path


def test_two_detectors(command, files, rival):
    outcome = command(
        "plan",
        files.truth("voc"),
        files.found("voc"),
        rival,
        "--difference",
        "1.5",
        "--replicates",
        "200",
        "--json",
        "-",
    )
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["correlation_assumed"] is False
    assert (found["measure"], found["images"], found["difference"]) == ("mAP", 8, 0.015)
    assert found["images_needed"] >= 8 * (found["smallest_difference"] / 0.015) ** 2
    assert found["smallest_difference"] == pytest.approx(2.8015852 * found["standard_error"])
    assert {each["name"] for each in found["detectors"]} == {"comp4", "simulated-0.9"}
    again = command(
        "plan",
        files.truth("voc"),
        files.found("voc"),
        rival,
        "--difference",
        "1.5",
        "--replicates",
        "200",
        "--json",
        "-",
    )
    assert again.out == outcome.out


def test_one_detector_in_words_and_in_a_file(command, files, tmp_path):
    target = tmp_path / "plan.json"
    outcome = command(
        "plan",
        files.truth("coco"),
        files.found("coco"),
        "--measure",
        "AP50",
        "--power",
        "0.9",
        "--replicates",
        "50",
        "--json",
        target,
    )
    assert outcome.code == 0, outcome.err
    assert "AP50 on 8 images" in outcome.out
    assert "a rival of equal spread and correlation 0.7 is assumed" in outcome.out
    assert "smallest difference shown with power 0.9 at level 0.05: " in outcome.out
    assert json.loads(target.read_text())["power"] == 0.9


def test_groups_are_drawn_together(command, files, tmp_path):
    images = load_ground_truth(files.truth("voc"), split="test").image_ids
    groups, alone = tmp_path / "groups.csv", tmp_path / "alone.csv"
    groups.write_text(
        "image,group\n" + "".join(f"{image},{n // 2}\n" for n, image in enumerate(images))
    )
    alone.write_text("image,group\n" + "".join(f"{image},{image}\n" for image in images))
    plans = [
        json.loads(
            command(
                "plan",
                files.truth("voc"),
                files.found("voc"),
                *options,
                "--replicates",
                "100",
                "--json",
                "-",
            ).out
        )
        for options in ((), ("--groups", alone), ("--groups", groups))
    ]
    errors = [each["standard_error"] for each in plans]
    assert errors[0] == errors[1] != errors[2]
    done = command(
        "plan", files.truth("voc"), files.found("voc"), "--groups", groups, "--json", groups
    )
    assert (done.code, "is an input and would be replaced" in done.err) == (2, True)
    groups.write_text("image,group\nnowhere,1\n")
    done = command("plan", files.truth("voc"), files.found("voc"), "--groups", groups)
    assert (done.code, "line 2: image 'nowhere' is not in" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--measure", "AP95"), "protocol 'voc2007' has no measure 'AP95'; choose one of mAP"),
        (
            ("--difference", "0"),
            "the difference to be shown must lie between 0 and 100 points, got 0",
        ),
        (("--correlation", "1"), "correlation must lie between -1 and 1, and below 1, got 1"),
        (("--power", "2"), "power must lie between the level and 1"),
    ],
)
def test_what_cannot_be_planned(command, files, options, problem):
    outcome = command("plan", files.truth("voc"), files.found("voc"), *options)
    assert outcome.code == 2
    assert problem in outcome.err


def test_an_input_is_not_replaced(command, files):
    outcome = command(
        "plan", files.truth("coco"), files.found("coco"), "--json", files.found("coco")
    )
    assert outcome.code == 2
    assert "is an input and would be replaced" in outcome.err


def test_too_many_detectors(command, files):
    outcome = command("plan", files.truth("voc"), *[files.found("voc")] * 3)
    assert outcome.code == 2
    assert "from one detector or from two that are to be compared, got 3" in outcome.err

"""`detbench convert` between all formats keeps the score, and refuses what it cannot write."""

from __future__ import annotations

import json
import tarfile

import pytest

from tests.cli.broken_files import error_lines, put

FORMATS = ("voc", "coco", "yolo", "parquet")
SHAPES = ("circle", "square", "triangle", "word")


def parsed(outcome) -> dict:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


class TestConvert:
    @pytest.mark.parametrize("target", FORMATS)
    @pytest.mark.parametrize("source", FORMATS)
    def test_detections_keep_their_score(self, command, files, tmp_path, source, target):
        name = tmp_path / {"coco": "x.json", "parquet": "x.parquet"}.get(target, "x")
        outcome = command(
            "convert",
            files.detections(source),
            name,
            "--to",
            target,
            "--ground-truth",
            files.ground_truth("voc"),
        )
        assert outcome.code == 0, outcome.err
        assert outcome.err == f"wrote {name}\n"
        options = ("--protocol", "voc2012", "--json", "-", "--name", "same")
        before = parsed(
            command("eval", files.ground_truth("voc"), files.detections("voc"), *options)
        )
        after = parsed(command("eval", files.ground_truth("voc"), name, *options))
        assert after["runs"][0]["summary"]["mAP"] == pytest.approx(
            before["runs"][0]["summary"]["mAP"], abs=1e-12
        )
        for shape in SHAPES:
            assert after["runs"][0]["classes"][shape] == pytest.approx(
                before["runs"][0]["classes"][shape], abs=1e-12
            )

    @pytest.mark.parametrize("target", FORMATS)
    @pytest.mark.parametrize("source", FORMATS)
    def test_ground_truth_keeps_the_score(self, command, files, tmp_path, source, target):
        """Under the COCO protocol, which counts difficult objects; not every format marks them."""
        name = tmp_path / {"coco": "x.json", "parquet": "x.parquet"}.get(target, "x")
        options = {
            "voc": ("--split", "test"),
            "coco": ("--images", files.ground_truth("voc") / "JPEGImages"),
        }.get(source, ())
        outcome = command("convert", files.ground_truth(source), name, "--to", target, *options)
        assert outcome.code == 0, outcome.err
        options = ("--protocol", "coco", "--json", "-")
        before = parsed(
            command("eval", files.ground_truth("coco"), files.detections("yolo"), *options)
        )["runs"][0]
        shown = ("--split", "test") if (source, target) in {("voc", "voc"), ("voc", "yolo")} else ()
        after = parsed(command("eval", name, files.detections("yolo"), *options, *shown))["runs"][0]
        assert after["summary"] == pytest.approx(before["summary"], abs=1e-12)
        for shape in SHAPES:
            assert after["classes"][shape] == pytest.approx(before["classes"][shape], abs=1e-12)


def test_fetch_from_a_file_at_hand_gives_what_eval_takes(command, files, tmp_path):
    archive = tmp_path / "VOC.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(files.ground_truth("voc"), "VOCdevkit/VOC2007")
    outcome = command("fetch", "voc2007", tmp_path / "data", "--from", archive)
    dataset = tmp_path / "data" / "VOCdevkit" / "VOC2007"
    assert outcome.code == 0
    assert outcome.out == ""
    warning, last = outcome.err.splitlines()
    assert (
        warning
        == f"warning: {archive}: is none of the official archives (by its MD5); it is used anyway"
    )
    assert last == f"dataset: {dataset}"
    fetched = parsed(command("eval", dataset, files.detections("voc"), "--json", "-"))
    assert fetched == parsed(
        command("eval", files.ground_truth("voc"), files.detections("voc"), "--json", "-")
    )


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("out", [], "cannot infer the output format from its name"),
        ("out.csv", [], "cannot infer the output format from its name"),
        (
            "out.json",
            ["--to", "csv"],
            "unknown format 'csv'; choose one of: parquet, coco, voc, yolo",
        ),
        ("out.json", ["--split", "dev"], "there is no split 'dev'"),
        ("used", ["--to", "voc"], "already exists and is not an empty folder"),
        ("used", ["--to", "coco"], "is a folder, expected a file to write"),
    ],
)
def test_conversions_that_cannot_be(command, files, tmp_path, target, options, message):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine").write_text("mine")
    outcome = command("convert", files.ground_truth("voc"), tmp_path / target, *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert len(error_lines(outcome.err)) == 1
    assert message in outcome.err
    assert [path.name for path in tmp_path.rglob("*")] == ["used", "mine"]


def test_a_conversion_of_bad_input_writes_nothing(command, broken, tmp_path):
    broken.results(put(3, "score", float("nan")))
    for target in (["out.parquet"], ["out", "--to", "voc"]):
        outcome = command(
            "convert",
            broken.detections,
            tmp_path / target[0],
            *target[1:],
            "--ground-truth",
            broken.ground_truth,
        )
        assert (outcome.code, outcome.out) == (2, "")
        assert "NaN" in outcome.err
        assert [path.name for path in tmp_path.iterdir()] == ["input"]

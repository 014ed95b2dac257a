"""`detbench eval`: each option that changes the protocol or the data, against plain references."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import partial

import pytest

from tests.cli.references import COCO_NAMES, SHAPES, by_devkit, by_pycocotools, parsed
from tests.references.voc_devkit import MATLAB_RECALLS, area_under_curve, eleven_point


class TestSwitches:
    """Each option has the result of the plain references."""

    @pytest.mark.parametrize(
        ("options", "reference"),
        [
            (["--protocol", "voc2012"], {"average": area_under_curve}),
            (["--difficult", "count"], {"count": True}),
            (["--difficult", "drop"], {"drop": True}),
            (["--difficult", "ignore"], {}),
            (["--strict-overlap"], {"strict": True}),
            (["--no-plus-one"], {"plus_one": False}),
            (["--matlab-recalls"], {"average": partial(eleven_point, recalls=MATLAB_RECALLS)}),
            (["--iou", "0.75"], {"threshold": 0.75}),
            (
                ["--iou", "0.9", "--strict-overlap", "--no-plus-one"],
                {"threshold": 0.9, "strict": True, "plus_one": False},
            ),
        ],
    )
    def test_voc(self, command, files, options, reference):
        [run] = parsed(
            command(
                "eval", files.ground_truth("voc"), files.detections("voc"), "--json", "-", *options
            )
        )["runs"]
        assert {name: values["AP"] for name, values in run["classes"].items()} == pytest.approx(
            by_devkit(files, **reference), abs=1e-12
        )

    def test_coco(self, command, files):
        [run] = parsed(
            command("eval", files.ground_truth("coco"), files.detections("coco"), "--json", "-")
        )["runs"]
        reference = by_pycocotools(files.ground_truth("coco"), files.detections("coco"))
        assert list(run["summary"]) == sorted(COCO_NAMES)
        assert {
            name: -1.0 if value is None else value for name, value in run["summary"].items()
        } == reference

    def test_max_detections(self, command, files):
        options = ("--max-detections", "1,2,3", "--json", "-")
        outcome = command("eval", files.ground_truth("coco"), files.detections("coco"), *options)
        [run] = parsed(outcome)["runs"]
        reference = by_pycocotools(
            files.ground_truth("coco"), files.detections("coco"), maxDets=[1, 2, 3]
        )
        assert run["summary"]["AR1"] == reference["AR1"]
        assert run["summary"]["AR2"] == reference["AR10"]
        assert run["summary"]["AR3"] == reference["AR100"]
        assert "AR100" not in run["summary"]
        one = command(
            "eval", files.ground_truth("coco"), files.detections("coco"), "--max-detections", 1
        )
        assert "suspicious: detections: 8 detections are not scored: " in one.err
        assert "beyond the 1 highest-scoring ones of their image and class" in one.err

    def test_several_thresholds(self, command, files):
        document = parsed(
            command(
                "eval",
                files.ground_truth("voc"),
                files.detections("voc"),
                "--iou",
                "0.75,0.5",
                "--json",
                "-",
            )
        )
        half, tight = by_devkit(files), by_devkit(files, threshold=0.75)
        assert document["changed_switches"] == {"iou_thresholds": [0.5, 0.75]}
        for name, values in document["runs"][0]["classes"].items():
            assert values["AP50"] == pytest.approx(half[name], abs=1e-12)
            assert values["AP75"] == pytest.approx(tight[name], abs=1e-12)
            assert values["AP"] == pytest.approx((half[name] + tight[name]) / 2, abs=1e-12)

    def test_a_measure_without_its_threshold_is_null_and_a_dash(self, command, files):
        arguments = ("eval", files.ground_truth("coco"), files.detections("coco"), "--iou", "0.6")
        summary = parsed(command(*arguments, "--json", "-"))["runs"][0]["summary"]
        assert (summary["AP50"], summary["AP75"]) == (None, None)
        assert summary["AP"] is not None
        lines = command(*arguments).out.splitlines()
        assert [line.split() for line in lines if line.startswith(" AP50")] == [["AP50", "–"]]

    def test_changed_switches_are_shown(self, command, files):
        options = ("--difficult", "count", "--no-plus-one", "--iou", "0.5,0.6")
        plain = command(
            "eval", files.ground_truth("voc"), files.detections("voc")
        ).out.splitlines()[0]
        assert plain == "shapes test: 8 images, 15 objects, protocol voc2007"
        changed = command("eval", files.ground_truth("voc"), files.detections("voc"), *options)
        first = changed.out.splitlines()[0]
        assert first.startswith("shapes test: 8 images, 17 objects, protocol voc2007 but ")
        assert (
            first.partition(" but ")[2] == "iou_thresholds 0.5 0.6, plus_one False, difficult count"
        )
        document = parsed(
            command(
                "eval", files.ground_truth("voc"), files.detections("voc"), *options, "--json", "-"
            )
        )
        assert document["changed_switches"] == {
            "difficult": "count",
            "iou_thresholds": [0.5, 0.6],
            "plus_one": False,
        }

    def test_split(self, command, files, tmp_path):
        results = tmp_path / "val"
        results.mkdir()
        for name in SHAPES:
            (results / f"{name}.txt").write_text("")
        boxes = list(ET.parse(files.ground_truth("voc") / "Annotations/100001.xml").iter("object"))  # noqa: S314
        first_object = boxes[0]
        corners = " ".join(
            first_object.findtext(f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")
        )
        name = first_object.findtext("name")
        (results / f"{name}.txt").write_text(f"100001 0.9 {corners}\n")
        outcome = command("eval", files.ground_truth("voc"), results, "--split", "val")
        assert outcome.code == 0
        assert outcome.out.startswith("shapes val: 3 images, ")
        document = parsed(
            command(
                "eval",
                files.ground_truth("voc"),
                results,
                "--split",
                "val",
                "--json",
                "-",
                "--difficult",
                "count",
            )
        )
        assert (
            document["runs"][0]["classes"][name]["recall"]
            == 1 / document["runs"][0]["classes"][name]["ground_truths"]
        )

    def test_only_present(self, command, files, tmp_path):
        some = tmp_path / "images"
        some.mkdir()
        images = files.ground_truth("voc") / "JPEGImages"
        kept = ["200002", "200005", "200007"]
        for image in kept:
            (some / f"{image}.jpg").write_bytes((images / f"{image}.jpg").read_bytes())
        arguments = (
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "--images",
            some,
            "--only-present",
        )
        outcome = command(*arguments)
        assert outcome.err.splitlines()[0] == f"only present: 3 of 8 images have a file in {some}"
        assert outcome.out.startswith("shapes test: 3 images, ")
        [run] = parsed(command(*arguments, "--json", "-"))["runs"]
        lines = [
            line
            for name in SHAPES
            for line in (files.detections("voc") / f"comp4_det_test_{name}.txt")
            .read_text()
            .splitlines()
        ]
        assert sum(values["detections"] for values in run["classes"].values()) == sum(
            line.split()[0] in kept for line in lines
        )

    def test_only_present_of_none_is_refused(self, command, files, tmp_path):
        outcome = command(
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "--images",
            tmp_path,
            "--only-present",
            "--json",
            "-",
        )
        assert (outcome.code, outcome.out) == (2, "")
        assert f"none of its 8 images is in {tmp_path}" in outcome.err

    def test_matlab_recalls_are_for_11_points(self, command, files):
        inputs = (files.ground_truth("voc"), files.detections("voc"), "--protocol", "coco")
        outcome = command("eval", *inputs, "--matlab-recalls")
        assert (outcome.code, outcome.out) == (2, "")
        assert "is about the 11 recalls of voc2007, and coco has none" in outcome.err

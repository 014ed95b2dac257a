"""`detbench eval` on a small dataset, on made cases and on the published numbers of real detectors."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import detbench
from detbench.metrics.protocols.protocol import VOC2007, VOC2012
from tests.references.voc_devkit import area_under_curve, eleven_point, evaluate_class

SHAPES = ("circle", "square", "triangle", "word")
COCO_NAMES = [
    "AP",
    "AP50",
    "AP75",
    "APs",
    "APm",
    "APl",
    "AR1",
    "AR10",
    "AR100",
    "ARs",
    "ARm",
    "ARl",
]


def parsed(outcome) -> dict:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def by_devkit(files, average=eleven_point, drop=False, count=False, **switches) -> dict[str, float]:
    """AP per class of the small dataset, from its files, by the devkit in plain Python."""
    year = files.truth("voc")
    found = {}
    for name in SHAPES:
        truths = {}
        for image in (year / "ImageSets/Main/test.txt").read_text().split():
            for element in ET.parse(year / "Annotations" / f"{image}.xml").iter("object"):  # noqa: S314
                hard = element.findtext("difficult") == "1"
                if element.findtext("name") == name and not (hard and drop):
                    corners = [
                        float(element.findtext(f"bndbox/{corner}"))
                        for corner in ("xmin", "ymin", "xmax", "ymax")
                    ]
                    truths.setdefault(image, []).append((*corners, hard and not count))
        lines = (files.found("voc") / f"comp4_det_test_{name}.txt").read_text().splitlines()
        rows = [(image, *map(float, numbers)) for image, *numbers in map(str.split, lines)]
        recall, precision, _ = evaluate_class(truths, rows, **switches)
        found[name] = average(recall, precision)
    return found


def by_pycocotools(truth: Path, found: Path, **params) -> dict[str, float]:
    """The 12 numbers as the reference computes them from the files."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO(str(truth))
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(str(found)), "bbox")
        for name, value in params.items():
            setattr(evaluator.params, name, value)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return dict(zip(COCO_NAMES, evaluator.stats.tolist(), strict=True))


class TestJson:
    def test_one_document_with_sorted_keys_and_nothing_else(self, command, files):
        first, second = (
            command("eval", files.truth("voc"), files.found("voc"), "--json", "-") for _ in range(2)
        )
        assert first.code == 0
        assert first.err == ""
        assert first.out == second.out
        document = json.loads(first.out)
        assert (
            first.out == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        )

    def test_shape_and_values(self, command, files):
        document = parsed(command("eval", files.truth("voc"), files.found("voc"), "--json", "-"))
        expected = by_devkit(files)
        assert set(document) == {"schema_version", "protocol", "changed_switches", "runs"}
        assert (document["schema_version"], document["protocol"], document["changed_switches"]) == (
            1,
            "voc2007",
            {},
        )
        [run] = document["runs"]
        assert run["name"] == "comp4"
        assert run["summary"] == {"mAP": pytest.approx(sum(expected.values()) / 4, abs=1e-12)}
        assert set(run["classes"]) == set(SHAPES)
        for name, values in run["classes"].items():
            assert set(values) == {"AP", "ground_truths", "detections", "recall"}
            assert values["AP"] == pytest.approx(expected[name], abs=1e-12)
            assert values["detections"] == len(
                (files.found("voc") / f"comp4_det_test_{name}.txt").read_text().splitlines()
            )
        assert (run["classes_without_ground_truth"], run["suspicions"]) == ([], [])

    def test_a_file_is_written_beside_the_table(self, command, files, tmp_path):
        target = tmp_path / "new" / "out.json"
        outcome = command("eval", files.truth("voc"), files.found("voc"), "--json", target)
        assert outcome.code == 0
        assert outcome.err == f"results: {target}\n"
        assert "circle" in outcome.out
        assert (
            target.read_text()
            == command("eval", files.truth("voc"), files.found("voc"), "--json", "-").out
        )
        assert [path.name for path in target.parent.iterdir()] == ["out.json"]
        command(
            "eval", files.truth("voc"), files.found("voc"), "--json", target, "--protocol", "coco"
        )
        assert json.loads(target.read_text())["protocol"] == "coco"

    def test_several_detectors_keep_their_order_and_names(self, command, files):
        three = [files.found("parquet"), files.found("voc"), files.found("yolo")]
        names = [option for name in ("z", "a", "m") for option in ("--name", name)]
        document = parsed(command("eval", files.truth("voc"), *three, *names, "--json", "-"))
        assert [run["name"] for run in document["runs"]] == ["z", "a", "m"]
        assert document["runs"][0]["classes"] == document["runs"][1]["classes"]

    def test_equal_detectors_cannot_be_told_apart(self, command, files):
        given = (
            files.truth("voc"),
            files.found("voc"),
            files.found("yolo"),
            "--name",
            "a",
            "--name",
            "b",
        )
        document = parsed(command("eval", *given, "--json", "-"))
        [pair] = document["pairs"]
        assert (pair["difference"], pair["low"], pair["high"], pair["p"], pair["told_apart"]) == (
            0,
            0,
            0,
            1,
            False,
        )
        assert document["ranks"] == {"a": [1, 2], "b": [1, 2]}
        assert "cannot be told" in command("eval", *given).out
        assert "pairs" not in parsed(command("eval", *given, "--json", "-", "--no-intervals"))

    def test_the_document_has_the_keys_of_the_readme(self, command, files):
        text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
        shown, _ = json.JSONDecoder().raw_decode(text, text.index('{"schema_version"'))
        document = parsed(
            command(
                "eval", files.truth("voc"), files.found("voc"), files.found("yolo"), "--json", "-"
            )
        )
        assert shown.keys() == document.keys()
        for one, other in (
            (shown["runs"][0], document["runs"][0]),
            (shown["pairs"][0], document["pairs"][0]),
        ):
            assert one.keys() == other.keys()
        assert shown["runs"][0]["intervals"].keys() == document["runs"][0]["intervals"].keys()

    def test_threads_do_not_change_the_result(self, command, files):
        one, two = (
            command(
                "eval", files.truth("coco"), files.found("coco"), "--json", "-", "--threads", n
            ).out
            for n in (1, 2)
        )
        assert one == two


class TestSwitches:
    """Each option gives what the plain references give."""

    @pytest.mark.parametrize(
        ("options", "reference"),
        [
            (["--protocol", "voc2012"], {"average": area_under_curve}),
            (["--difficult", "count"], {"count": True}),
            (["--difficult", "drop"], {"drop": True}),
            (["--difficult", "ignore"], {}),
            (["--strict-overlap"], {"strict": True}),
            (["--no-plus-one"], {"plus_one": False}),
            (["--iou", "0.75"], {"threshold": 0.75}),
            (
                ["--iou", "0.9", "--strict-overlap", "--no-plus-one"],
                {"threshold": 0.9, "strict": True, "plus_one": False},
            ),
        ],
    )
    def test_voc(self, command, files, options, reference):
        [run] = parsed(
            command("eval", files.truth("voc"), files.found("voc"), "--json", "-", *options)
        )["runs"]
        assert {name: values["AP"] for name, values in run["classes"].items()} == pytest.approx(
            by_devkit(files, **reference), abs=1e-12
        )

    def test_coco(self, command, files):
        [run] = parsed(command("eval", files.truth("coco"), files.found("coco"), "--json", "-"))[
            "runs"
        ]
        reference = by_pycocotools(files.truth("coco"), files.found("coco"))
        assert list(run["summary"]) == sorted(COCO_NAMES)
        assert {
            name: -1.0 if value is None else value for name, value in run["summary"].items()
        } == reference

    def test_max_detections(self, command, files):
        options = ("--max-detections", "1,2,3", "--json", "-")
        outcome = command("eval", files.truth("coco"), files.found("coco"), *options)
        [run] = parsed(outcome)["runs"]
        reference = by_pycocotools(files.truth("coco"), files.found("coco"), maxDets=[1, 2, 3])
        assert run["summary"]["AR1"] == reference["AR1"]
        assert run["summary"]["AR2"] == reference["AR10"]
        assert run["summary"]["AR3"] == reference["AR100"]
        assert "AR100" not in run["summary"]
        one = command("eval", files.truth("coco"), files.found("coco"), "--max-detections", 1)
        assert "suspicious: found: " in one.err
        assert "beyond the 1 best of their image and class" in one.err

    def test_several_thresholds(self, command, files):
        document = parsed(
            command(
                "eval", files.truth("voc"), files.found("voc"), "--iou", "0.75,0.5", "--json", "-"
            )
        )
        half, tight = by_devkit(files), by_devkit(files, threshold=0.75)
        assert document["changed_switches"] == {"iou_thresholds": [0.5, 0.75]}
        for name, values in document["runs"][0]["classes"].items():
            assert values["AP50"] == pytest.approx(half[name], abs=1e-12)
            assert values["AP75"] == pytest.approx(tight[name], abs=1e-12)
            assert values["AP"] == pytest.approx((half[name] + tight[name]) / 2, abs=1e-12)

    def test_a_measure_whose_threshold_is_gone_is_null_and_a_dash(self, command, files):
        arguments = ("eval", files.truth("coco"), files.found("coco"), "--iou", "0.6")
        summary = parsed(command(*arguments, "--json", "-"))["runs"][0]["summary"]
        assert (summary["AP50"], summary["AP75"]) == (None, None)
        assert summary["AP"] is not None
        lines = command(*arguments).out.splitlines()
        assert [line.split() for line in lines if line.startswith(" AP50")] == [["AP50", "–"]]

    def test_what_was_changed_is_said(self, command, files):
        options = ("--difficult", "count", "--no-plus-one", "--iou", "0.5,0.6")
        plain = command("eval", files.truth("voc"), files.found("voc")).out.splitlines()[0]
        assert plain == "shapes test: 8 images, 15 objects, protocol voc2007"
        changed = command("eval", files.truth("voc"), files.found("voc"), *options)
        first = changed.out.splitlines()[0]
        assert first.startswith("shapes test: 8 images, 17 objects, protocol voc2007 but ")
        assert (
            first.partition(" but ")[2] == "iou_thresholds 0.5 0.6, plus_one False, difficult count"
        )
        document = parsed(
            command("eval", files.truth("voc"), files.found("voc"), *options, "--json", "-")
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
        boxes = list(ET.parse(files.truth("voc") / "Annotations/100001.xml").iter("object"))  # noqa: S314
        hit = boxes[0]
        corners = " ".join(
            hit.findtext(f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")
        )
        name = hit.findtext("name")
        (results / f"{name}.txt").write_text(f"100001 0.9 {corners}\n")
        outcome = command("eval", files.truth("voc"), results, "--split", "val")
        assert outcome.code == 0
        assert outcome.out.startswith("shapes val: 3 images, ")
        document = parsed(
            command(
                "eval",
                files.truth("voc"),
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
        some = tmp_path / "pictures"
        some.mkdir()
        pictures = files.truth("voc") / "JPEGImages"
        kept = ["200002", "200005", "200007"]
        for image in kept:
            (some / f"{image}.jpg").write_bytes((pictures / f"{image}.jpg").read_bytes())
        arguments = (
            "eval",
            files.truth("voc"),
            files.found("voc"),
            "--images",
            some,
            "--only-present",
        )
        outcome = command(*arguments)
        assert (
            outcome.err.splitlines()[0]
            == f"only present: 3 of 8 images have their picture in {some}"
        )
        assert outcome.out.startswith("shapes test: 3 images, ")
        [run] = parsed(command(*arguments, "--json", "-"))["runs"]
        written = [
            line
            for name in SHAPES
            for line in (files.found("voc") / f"comp4_det_test_{name}.txt").read_text().splitlines()
        ]
        assert sum(values["detections"] for values in run["classes"].values()) == sum(
            line.split()[0] in kept for line in written
        )

    def test_only_present_of_none_is_refused(self, command, files, tmp_path):
        outcome = command(
            "eval",
            files.truth("voc"),
            files.found("voc"),
            "--images",
            tmp_path,
            "--only-present",
            "--json",
            "-",
        )
        assert (outcome.code, outcome.out) == (2, "")
        assert f"none of its 8 pictures is in {tmp_path}" in outcome.err


def test_classes_without_ground_truth_are_named_and_null(command, files, tmp_path):
    document = json.loads(files.truth("coco").read_text())
    document["categories"] += [{"id": 50, "name": "hexagon"}, {"id": 51, "name": "arrow"}]
    (tmp_path / "truth.json").write_text(json.dumps(document))
    rows = json.loads(files.found("coco").read_text())
    rows.append({**rows[0], "category_id": 51})
    (tmp_path / "found.json").write_text(json.dumps(rows))
    arguments = ("eval", tmp_path / "truth.json", tmp_path / "found.json")
    assert (
        "2 classes without ground truth are left out of every mean: hexagon, arrow"
        in command(*arguments).out.splitlines()
    )
    [run] = parsed(command(*arguments, "--json", "-"))["runs"]
    assert run["classes_without_ground_truth"] == ["hexagon", "arrow"]
    for name, detections in (("hexagon", 0), ("arrow", 1)):
        assert run["classes"][name] == {
            "AP": None, "AP50": None, "AP75": None, "recall": None, "ground_truths": 0, "detections": detections,
        }  # fmt: skip
    before = parsed(command("eval", files.truth("coco"), files.found("coco"), "--json", "-"))[
        "runs"
    ][0]
    assert run["summary"] == before["summary"]


class TestExtras:
    def test_conventions(self, command, files):
        arguments = ("eval", files.truth("voc"), files.found("voc"), "--conventions")
        [run] = parsed(command(*arguments, "--json", "-"))["runs"]
        values = {
            (row["interpolation"], row["difficult"], row["plus_one"], row["strict_overlap"]): row[
                "value"
            ]
            for row in run["conventions"]
        }
        assert len(run["conventions"]) == len(values) == 36
        for (interpolation, difficult, plus_one, strict), value in values.items():
            if interpolation == "101-point":
                continue
            average = eleven_point if interpolation == "11-point" else area_under_curve
            switches = {
                "count": difficult == "count",
                "drop": difficult == "drop",
                "plus_one": plus_one,
                "strict": strict,
            }
            assert value == pytest.approx(
                sum(by_devkit(files, average, **switches).values()) / 4, abs=1e-12
            )
        assert (
            run["coco"]["AP50"] == by_pycocotools(files.truth("coco"), files.found("coco"))["AP50"]
        )
        shown = command(*arguments).out
        assert f"{values['11-point', 'count', True, False]:.5f}" in shown
        assert f"{values['area', 'ignore', True, False]:.5f}" in shown

    def test_audit(self, command, files):
        outcome = command("eval", files.truth("coco"), files.found("coco"), "--audit")
        assert outcome.code == 0
        assert "largest absolute difference of the 12 numbers: 0\n" in outcome.out
        assert "equal bit for bit" in outcome.out
        audited = parsed(
            command("eval", files.truth("coco"), files.found("coco"), "--audit", "--json", "-")
        )["runs"][0]["audit"]
        reference = by_pycocotools(files.truth("coco"), files.found("coco"))
        assert {
            name: -1.0 if value is None else value for name, value in audited["pycocotools"].items()
        } == reference
        assert (
            audited["summary_difference"],
            audited["array_difference"],
            audited["identical"],
        ) == (0.0, 0.0, True)

    def test_plots(self, command, files, tmp_path):
        outcome = command(
            "eval", files.truth("voc"), files.found("voc"), "--plots", tmp_path / "plots"
        )
        assert outcome.code == 0
        assert outcome.err == f"plots: 10 files in {tmp_path / 'plots'}\n"
        drawn = sorted(path.name for path in (tmp_path / "plots").iterdir())
        others = ("all-classes", "class-ap", "f1", "iou-ap", "scores", "size-ap")
        assert drawn == sorted(
            f"{name}.png" for name in (*others, *(f"pr-{name}" for name in SHAPES))
        )
        assert all(
            path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "plots").iterdir()
        )

    def test_run_folders_are_complete(self, command, files, tmp_path):
        """They are scored again without the dataset, to the same numbers."""
        arguments = (
            "eval",
            files.truth("voc"),
            files.found("voc"),
            files.found("coco"),
            "--difficult",
            "count",
        )
        first = parsed(command(*arguments, "--json", "-"))
        assert command(*arguments, "-o", tmp_path / "runs").code == 0
        assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["comp4", "found"]
        for name, run in zip(("comp4", "found"), first["runs"], strict=True):
            folder = tmp_path / "runs" / name
            assert sorted(path.name for path in folder.iterdir()) == [
                "detections.parquet",
                "ground_truth.parquet",
                "record.json",
            ]
            record = json.loads((folder / "record.json").read_text())
            assert record["options"]["passed"]["difficult"] == "count"
            assert record["options"]["effective"]["protocol"]["difficult"] == "count"
            assert record["evaluations"] == [{"protocol": "voc2007", **run}]
            again = parsed(command("eval", folder, folder, "--difficult", "count", "--json", "-"))
            assert again["runs"][0] == run


@pytest.fixture(scope="module")
def voc2007(shared_data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("voc2007")
    with tarfile.open(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz") as tar:
        tar.extractall(folder, filter="data")
    return folder / "VOCdevkit" / "VOC2007"


class TestRealDetectors:
    NAMES = ("htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet")

    def test_three_detectors_on_voc_2007(self, command, shared_data, voc2007, tmp_path):
        """The main job in full: 4,952 images, three real detectors, one command."""
        results = [shared_data / "dets_voc" / name for name in self.NAMES]
        options = (
            "--split",
            "test",
            "--protocol",
            "voc2007",
            "--json",
            tmp_path / "out.json",
            "--plots",
            tmp_path / "out",
        )
        outcome = command("eval", voc2007, *results, *options)
        assert outcome.code == 0, outcome.err
        assert outcome.out.startswith(
            "VOC2007 test: 4,952 images, 12,032 objects, protocol voc2007\n"
        )
        warnings = [line for line in outcome.err.splitlines() if line.startswith("warning: ")]
        assert [line.rpartition("/")[2].partition(":")[0] for line in warnings] == [
            "robinyen_darknet",
            "hli2020_darknet",
        ]
        assert [
            count in line
            for count, line in zip(("1,970 of 111,247", "291 of 85,633"), warnings, strict=True)
        ] == [True, True]
        assert "suspicious" not in outcome.err
        document = json.loads((tmp_path / "out.json").read_text())
        assert [run["name"] for run in document["runs"]] == list(self.NAMES)
        for path, run, key in zip(
            results, document["runs"], ("published_ap07", "ap07", "ap07"), strict=True
        ):
            known = json.loads(path.with_suffix(".json").read_text())["classes"]
            assert set(run["classes"]) == set(known)
            assert f"{sum(values[key] for values in known.values()) / 20:.6f}" in outcome.out
            for name, values in run["classes"].items():
                assert values["AP"] == pytest.approx(
                    known[name][key], abs=1e-12 if key == "published_ap07" else 1e-9
                )
        assert document["runs"][0]["summary"]["mAP"] == pytest.approx(0.7218680971856, abs=1e-12)
        assert len(list((tmp_path / "out").glob("pr-*.png"))) == 20
        assert {"all-classes", "class-ap", "size-ap", "iou-ap", "scores", "f1"} <= {
            path.stem for path in (tmp_path / "out").iterdir()
        }

    def test_area_under_curve(self, command, shared_data, voc2007):
        results = [shared_data / "dets_voc" / name for name in self.NAMES]
        document = parsed(
            command("eval", voc2007, *results, "--protocol", "voc2012", "--json", "-")
        )
        for path, run in zip(results, document["runs"], strict=True):
            known = json.loads(path.with_suffix(".json").read_text())["classes"]
            for name, values in run["classes"].items():
                assert values["AP"] == pytest.approx(known[name]["ap_area"], abs=1e-9)

    @pytest.mark.parametrize(
        ("options", "golden", "digits"),
        [
            (["--difficult", "count"], 0.64651, 5e-6),
            (["--difficult", "drop"], 0.711506, 5e-7),
            (["--no-plus-one"], 0.71852, 5e-6),
        ],
    )
    def test_the_usual_slips_give_their_known_numbers(
        self, command, shared_data, options, golden, digits
    ):
        archive = shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz"
        document = parsed(
            command(
                "eval", archive, shared_data / "dets_voc" / self.NAMES[0], *options, "--json", "-"
            )
        )
        assert document["runs"][0]["summary"]["mAP"] == pytest.approx(golden, abs=digits)

    def test_the_official_fake_results_of_coco(self, command, shared_data):
        coco = shared_data / "coco"
        arguments = (
            "eval",
            coco / "instances_val2014_100.json",
            coco / "instances_val2014_fakebbox100_results.json",
            "--protocol",
            "coco",
        )
        outcome = command(*arguments, "--audit")
        assert outcome.code == 0
        assert "largest absolute difference of the 12 numbers: 0\n" in outcome.out
        assert "equal bit for bit" in outcome.out
        summary = parsed(command(*arguments, "--audit", "--json", "-"))["runs"][0]["summary"]
        published = {
            "AP": 0.5045806987, "AP50": 0.6969727247, "AP75": 0.5729816670, "APs": 0.5856257, "APm": 0.5193997, "APl": 0.5013979,
            "AR1": 0.3868128, "AR10": 0.5936796, "AR100": 0.5953530, "ARs": 0.6398110, "ARm": 0.5664206, "ARl": 0.5642906,
        }  # fmt: skip
        assert summary == pytest.approx(published, abs=5e-8)

    @pytest.mark.parametrize("average", ["11-point", "area"])
    def test_the_toolkit_of_padilla_et_al(self, shared_data, average):
        """Electronics 2021, 10(3):279: its seven images and their published APs, with boxes x y w h.

        That tool takes a box to end at x + w and then counts inclusive pixels: its width is w + 1. In continuous edges this is
        x .. x + w + 1, and the published numbers come out; with x .. x + w the 11-point AP at IoU 0.1 would be 0.3025.
        """
        published = {
            "11-point": (0.3333, 0.2684, 0.0303, 0),
            "area": (0.33720, 0.24569, 0.02222, 0),
        }[average]
        folder = shared_data / "coco" / "rafaelpadilla_review" / "test_case_1"
        ids = sorted(file.stem for file in (folder / "gts").glob("*.txt"))

        def rows(kind: str) -> list[tuple[int, list[float]]]:
            lines = [
                (n, line)
                for n, image in enumerate(ids)
                for line in (folder / kind / f"{image}.txt").read_text().splitlines()
            ]
            return [
                (n, [float(word) for word in line.split()[1:]]) for n, line in lines if line.strip()
            ]

        def edges(xywh: list[float]) -> list[float]:
            x, y, w, h = xywh
            return [x, y, x + w + 1, y + h + 1]

        objects, found = rows("gts"), rows("dets")
        truth = detbench.GroundTruth.from_rows(
            image_ids=ids,
            class_names=["object"],
            image_index=[image for image, _ in objects],
            class_index=[0] * len(objects),
            boxes=[edges(values) for _, values in objects],
        )
        detections = detbench.Detections.from_rows(
            truth,
            image_index=[image for image, _ in found],
            class_index=[0] * len(found),
            scores=[values[0] for _, values in found],
            boxes=[edges(values[1:]) for _, values in found],
        )
        rules = VOC2007 if average == "11-point" else VOC2012
        scored = [
            detbench.evaluate(truth, detections, rules.with_thresholds((iou,))).summary["mAP"]
            for iou in (0.1, 0.3, 0.5, 0.75)
        ]
        assert scored == pytest.approx(published, abs=5e-5 if average == "11-point" else 5e-6)


class TestTargets:
    def test_two_options_cannot_have_one_target(self, command, files, tmp_path):
        outcome = command(
            "eval",
            files.truth("voc"),
            files.found("voc"),
            "--plots",
            tmp_path / "out",
            "-o",
            tmp_path / "out",
        )
        assert outcome.code == 2
        assert "is the target of two options" in outcome.err
        assert list(tmp_path.iterdir()) == []

    def test_an_input_is_never_replaced(self, command, files, tmp_path):
        found = tmp_path / "found.json"
        found.write_bytes(files.found("coco").read_bytes())
        outcome = command("eval", files.truth("coco"), found, "--json", found)
        assert outcome.code == 2
        assert "is an input and would be replaced" in outcome.err
        assert found.read_bytes() == files.found("coco").read_bytes()

    @pytest.mark.parametrize("name", ["..", ".", "a/b"])
    def test_a_run_folder_stays_below_its_folder(self, command, files, tmp_path, name):
        outcome = command(
            "eval", files.truth("voc"), files.found("voc"), "--name", name, "-o", tmp_path / "runs"
        )
        assert outcome.code == 2
        assert "cannot be the name of a run folder" in outcome.err

    def test_files_are_written_though_nobody_reads_the_table(self, files, tmp_path):
        """The reader of the pipe is gone before the table comes."""
        reader, writer = os.pipe()
        os.close(reader)
        arguments = [
            "eval",
            files.truth("voc"),
            files.found("voc"),
            "--json",
            tmp_path / "out.json",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "detbench", *map(str, arguments)],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writer)
        assert "Traceback" not in done.stderr
        assert json.loads((tmp_path / "out.json").read_text())["schema_version"] == 1

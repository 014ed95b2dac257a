"""`detbench eval` on real detectors, against published numbers."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

import detbench
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from tests.cli.references import parsed


@pytest.fixture(scope="module")
def voc2007(shared_data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("voc2007")
    with tarfile.open(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz") as tar:
        tar.extractall(folder, filter="data")
    return folder / "VOCdevkit" / "VOC2007"


class TestRealDetectors:
    NAMES = ("htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet")

    @pytest.mark.slow
    def test_three_detectors_on_voc_2007(self, command, shared_data, voc2007, tmp_path):
        """A whole comparison: 4,952 images, three real detectors, one command."""
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
            published = json.loads(path.with_suffix(".json").read_text())["classes"]
            assert set(run["classes"]) == set(published)
            assert f"{sum(values[key] for values in published.values()) / 20:.6f}" in outcome.out
            for name, values in run["classes"].items():
                assert values["AP"] == pytest.approx(
                    published[name][key], abs=1e-12 if key == "published_ap07" else 1e-9
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
            published = json.loads(path.with_suffix(".json").read_text())["classes"]
            for name, values in run["classes"].items():
                assert values["AP"] == pytest.approx(published[name]["ap_area"], abs=1e-9)

    @pytest.mark.parametrize(
        ("options", "golden", "digits"),
        [
            (["--difficult", "count"], 0.64651, 5e-6),
            (["--difficult", "drop"], 0.711506, 5e-7),
            (["--no-plus-one"], 0.71852, 5e-6),
        ],
    )
    def test_common_mistakes_have_their_known_scores(
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
            "AP": 0.5045806987,
            "AP50": 0.6969727247,
            "AP75": 0.5729816670,
            "APs": 0.5856257,
            "APm": 0.5193997,
            "APl": 0.5013979,
            "AR1": 0.3868128,
            "AR10": 0.5936796,
            "AR100": 0.5953530,
            "ARs": 0.6398110,
            "ARm": 0.5664206,
            "ARl": 0.5642906,
        }
        assert summary == pytest.approx(published, abs=5e-8)

    @pytest.mark.parametrize("average", ["11-point", "area"])
    def test_the_toolkit_of_padilla_et_al(self, shared_data, average):
        """The seven images and published APs of Electronics 2021, 10(3):279, with boxes x y w h.

        That tool ends a box at x + w and then counts inclusive pixels, so that its width is w + 1.
        Boxes from x to x + w + 1 in continuous edges give the published numbers. With x to x + w,
        the 11-point AP at IoU 0.1 would be 0.3025.
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

        objects, results = rows("gts"), rows("dets")
        ground_truth = detbench.GroundTruth.from_rows(
            image_ids=ids,
            class_names=["object"],
            image_index=[image for image, _ in objects],
            class_index=[0] * len(objects),
            boxes=[edges(values) for _, values in objects],
        )
        detections = detbench.Detections.from_rows(
            ground_truth,
            image_index=[image for image, _ in results],
            class_index=[0] * len(results),
            scores=[values[0] for _, values in results],
            boxes=[edges(values[1:]) for _, values in results],
        )
        protocol = VOC2007 if average == "11-point" else VOC2012
        scores = [
            detbench.evaluate(ground_truth, detections, protocol.with_thresholds((iou,))).summary[
                "mAP"
            ]
            for iou in (0.1, 0.3, 0.5, 0.75)
        ]
        assert scores == pytest.approx(published, abs=5e-5 if average == "11-point" else 5e-6)

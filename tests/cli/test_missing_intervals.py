"""`eval`: no interval where few images have hits, in the terminal, JSON, run folder and frames."""

import json
import math

import pytest

from detbench.bench.runs import read_run
from detbench.data.load import save_detections, save_ground_truth
from detbench.metrics.uncertainty.intervals import WHY_NO_INTERVAL
from detbench.reports.frames import frames
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import detections
from tests.metrics.simulated import many_images


@pytest.fixture
def dataset(tmp_path):
    """200 images with two objects each, and a detector that found three of them."""
    ground_truth = many_images(200)
    rows = [(k, ground_truth.class_index[k], 0.9, ground_truth.boxes[k]) for k in (0, 2, 4)]
    rows = [(image // 2, int(label), score, box) for image, label, score, box in rows]
    save_ground_truth(ground_truth, tmp_path / "truth.json", "coco")
    for name, detector in (
        ("few", detections(ground_truth, rows)),
        ("many", simulated_detections(ground_truth, 0.7)),
    ):
        save_detections(detector, ground_truth, tmp_path / f"{name}.json", "coco")
    return tmp_path


def test_a_score_of_few_images_has_no_interval(command, dataset, tmp_path):
    arguments = ("eval", dataset / "truth.json", dataset / "few.json", "--protocol", "voc2007")
    outcome = command(*arguments, "--json", tmp_path / "out.json", "-o", tmp_path / "runs")
    assert outcome.code == 0
    assert outcome.out.count(WHY_NO_INTERVAL) == 1
    [run] = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert run["summary"]["mAP"] > 0
    assert run["intervals"]["summary"] == {"mAP": [None, None]}
    assert set(map(tuple, run["intervals"]["classes"].values())) == {(None, None)}
    [folder] = (tmp_path / "runs").iterdir()
    tables = frames([read_run(folder)])
    assert math.isnan(tables.summary["mAP_low"][0])
    assert tables.classes["AP_high"].isna().all()


def test_a_score_of_many_images_has_an_interval(command, dataset):
    outcome = command("eval", dataset / "truth.json", dataset / "many.json", "--json", "-")
    [run] = json.loads(outcome.out)["runs"]
    low, high = run["intervals"]["summary"]["AP"]
    assert low <= run["summary"]["AP"] <= high
    assert (
        WHY_NO_INTERVAL
        not in command(
            "eval", dataset / "truth.json", dataset / "many.json", "--protocol", "voc2012"
        ).out
    )

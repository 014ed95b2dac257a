"""LVIS annotations: refused with the reason by every command that scores, unless asked for COCO."""

from __future__ import annotations

import json

import numpy as np
import pytest

import detbench
from detbench.data.formats.coco.annotations import read_coco
from detbench.data.formats.coco.lenient_annotations import read_coco_leniently
from detbench.data.load import load_detections, load_ground_truth, save_ground_truth
from detbench.errors import DetbenchError, DetbenchWarning

LISTS = {"neg_category_ids": [], "not_exhaustive_category_ids": [1]}
REASON = r"LVIS annotations state .* --protocol coco"


def annotations(image_keys=None, frequencies=(None, None)):
    """Return two images, of which the second has no object, and two classes."""
    images = [{"id": number, "width": 100, "height": 100} | (image_keys or {}) for number in (1, 2)]
    categories = [{"id": number, "name": name} for number, name in ((1, "cup"), (2, "pin"))]
    for category, frequency in zip(categories, frequencies, strict=True):
        if frequency is not None:
            category["frequency"] = frequency
    objects = [
        {"id": k, "image_id": 1, "category_id": k, "bbox": [10 * k, 10, 30, 30], "area": 900}
        for k in (1, 2)
    ]
    return {"images": images, "categories": categories, "annotations": objects}


@pytest.fixture
def lvis(tmp_path):
    """Ground truth, and detections that find half of it."""
    ground_truth, detections = tmp_path / "lvis.json", tmp_path / "detections.json"
    ground_truth.write_text(json.dumps(annotations(LISTS, ("f", "r"))))
    detection = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30], "score": 0.5}
    detections.write_text(json.dumps([detection]))
    return ground_truth, detections


def evaluate(ground_truth_path, detections_path, protocol=None):
    ground_truth = load_ground_truth(ground_truth_path)
    return detbench.evaluate(ground_truth, load_detections(detections_path, ground_truth), protocol)


@pytest.mark.parametrize(
    ("content", "protocol"),
    [
        (annotations(LISTS), "lvis"),
        (annotations({"neg_category_ids": [2]}), "lvis"),
        (annotations({"not_exhaustive_category_ids": []}), "lvis"),
        (annotations(frequencies=("f", "c")), "lvis"),
        (annotations(frequencies=("f", None)), "coco"),
        (annotations(frequencies=(12, 5)), "coco"),
        (annotations(), "coco"),
    ],
)
def test_lvis_is_recognized_by_its_keys(content, protocol, tmp_path):
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content))
    assert read_coco(path).protocol == protocol
    assert read_coco_leniently(path, None)[0].protocol == protocol


def test_commands_that_score_refuse_it(command, lvis, tmp_path):
    for arguments in (
        ("eval", *lvis),
        ("compare", *lvis, lvis[1], "--name", "a", "--name", "b", "-o", tmp_path / "out"),
        ("doctor", *lvis),
        ("eval", *lvis, "--protocol", "lvis"),
    ):
        outcome = command(*arguments)
        assert outcome.code == 2
        assert "LVIS annotations state" in outcome.err
        assert "--protocol coco" in outcome.err
    with pytest.raises(DetbenchError, match=REASON):
        evaluate(*lvis)


def test_as_plain_coco_it_is_scored(command, lvis, tmp_path):
    outcome = command("eval", *lvis, "--protocol", "coco", "--json", "-")
    assert outcome.code == 0
    [run] = json.loads(outcome.out)["runs"]
    assert run["summary"]["AP"] == pytest.approx(0.5)
    assert evaluate(*lvis, "coco").summary["AP"] == pytest.approx(0.5)
    assert command("doctor", *lvis, "--protocol", "coco").code in (0, 1)


def test_a_copy_in_parquet_is_refused_too_and_others_warn(lvis, tmp_path):
    ground_truth = load_ground_truth(lvis[0])
    save_ground_truth(ground_truth, tmp_path / "copy.parquet")
    with pytest.raises(DetbenchError, match=REASON):
        evaluate(tmp_path / "copy.parquet", lvis[1])
    with pytest.warns(DetbenchWarning, match="LVIS's lists of checked classes are not written"):
        save_ground_truth(ground_truth, tmp_path / "copy.json")
    assert load_ground_truth(tmp_path / "copy.json").protocol == "coco"


def test_a_real_file(shared_data):
    path = shared_data / "lvis" / "lvis_val_100.json"
    ground_truth = load_ground_truth(path)
    document = json.loads(path.read_text())
    assert ground_truth.protocol == "lvis"
    assert len(ground_truth) == len(document["annotations"])
    assert len(ground_truth.class_names) == len(document["categories"])
    boxes = np.array([each["bbox"] for each in document["annotations"]])
    assert ground_truth.box_areas.sum() == pytest.approx((boxes[:, 2] * boxes[:, 3]).sum())

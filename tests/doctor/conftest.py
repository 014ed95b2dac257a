"""The made set that mistakes are planted in, as files of every format."""

from __future__ import annotations

import pytest

from detbench.data.load import load_ground_truth, save_detections, save_ground_truth
from detbench.data.shapes import make_shapes, shapes_detections


@pytest.fixture(scope="package")
def folder(tmp_path_factory):
    """Sixty pictures of the shapes dataset with simulated detections, as VOC, YOLO and COCO files; tests copy before they write."""
    place = tmp_path_factory.mktemp("doctor") / "set"
    year = make_shapes(place, train=0, val=0, test=60)
    truth = load_ground_truth(year, split="test")
    found = shapes_detections(truth, 0.8)
    save_ground_truth(truth, place / "truth.json")
    for name, form in (
        ("comp4", "voc"),
        ("labels", "yolo"),
        ("found.json", "coco"),
        ("found.parquet", "parquet"),
    ):
        save_detections(found, truth, place / name, form)
    return place

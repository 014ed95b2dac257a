"""The dataset that mistakes are planted in, as files of every format."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from detbench.data.load import load_ground_truth, save_detections, save_ground_truth
from detbench.data.shapes import make_shapes
from tests.data.simulated_detections import simulated_detections
from tests.doctor.planting import Planted, plant
from tests.experiments.coco_pair import Mistake


@pytest.fixture(scope="package")
def dataset(tmp_path_factory):
    """Sixty images of the shapes dataset with simulated detections, as VOC, YOLO and COCO files.

    Tests copy files before they change them.
    """
    folder = tmp_path_factory.mktemp("doctor") / "set"
    ground_truth = load_ground_truth(make_shapes(folder, train=0, val=0, test=60), split="test")
    detections = simulated_detections(ground_truth, 0.8)
    save_ground_truth(ground_truth, folder / "truth.json")
    for name, format_name in (
        ("comp4", "voc"),
        ("labels", "yolo"),
        ("found.json", "coco"),
        ("found.parquet", "parquet"),
    ):
        save_detections(detections, ground_truth, folder / name, format_name)
    return folder


@pytest.fixture(scope="package")
def planted(dataset, tmp_path_factory) -> Callable[[Mistake], Planted]:
    """Return a function that plants one mistake and examines the files.

    Each mistake is examined once for all tests. They may run the fixes, but not change the files.
    """
    cache: dict[Mistake, Planted] = {}

    def examined(mistake: Mistake) -> Planted:
        if mistake not in cache:
            cache[mistake] = plant(dataset, tmp_path_factory.mktemp("planted"), mistake)
        return cache[mistake]

    return examined

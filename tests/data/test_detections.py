"""Detections: selection, joining and what they show of themselves."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.errors import NotComparableError
from tests.data.ground_truths import make_ground_truth


def detections(ground_truth, rows=1, **columns) -> Detections:
    """Return `rows` equal detections on the first image."""
    columns = {"image_index": [0] * rows, "class_index": [0] * rows} | columns
    return Detections.from_rows(
        ground_truth, scores=[0.5] * rows, boxes=[(0, 0, 1, 1)] * rows, **columns
    )


def test_repr_is_one_short_line() -> None:
    many = detections(make_ground_truth(images=1000), rows=98_023, name="yolo")
    assert (
        repr(many) == str(many) == "<Detections 'yolo': 1,000 images, 98,023 detections, 3 classes>"
    )


def test_repr_without_a_name() -> None:
    assert repr(detections(make_ground_truth())) == "<Detections: 3 images, 1 detection, 3 classes>"


def test_selecting_images_keeps_rows_and_source_rows() -> None:
    ground_truth = make_ground_truth(images=3)
    all_images = detections(ground_truth, rows=3, image_index=[2, 0, 2], class_index=[0, 0, 1])
    assert all_images.source_rows is not None, "grouping by image changes the order of class 0"
    positions = np.array([2])
    selected = all_images.select_images(ground_truth.select_images(positions), positions)
    np.testing.assert_array_equal(selected.offsets, [0, 2])
    np.testing.assert_array_equal(selected.class_index, [0, 1])
    np.testing.assert_array_equal(selected.source_rows, [0, 2])


def test_other_classes_are_not_comparable() -> None:
    ground_truth = make_ground_truth(name="set")
    renamed = replace(ground_truth, class_names=("a", "b", "c"))
    message = "'yolo' were loaded for other classes than those of ground truth 'set'"
    with pytest.raises(NotComparableError, match=message):
        detections(ground_truth, name="yolo").check_same_images(renamed)

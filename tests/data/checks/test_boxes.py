"""Boxes without extent, and boxes that collapsed to less than a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.checks.boxes import check_collapsed, check_zero_area
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth

N = 100
BOX = np.array([10.0, 10, 50, 60])


def truth(boxes) -> GroundTruth:
    return GroundTruth.from_rows(
        image_ids=["a"],
        class_names=["cup"],
        image_index=np.zeros(len(boxes)),
        class_index=np.zeros(len(boxes)),
        boxes=boxes,
    )


def rows(boxes) -> DetectionRows:
    index = np.zeros(len(boxes), np.int64)
    return DetectionRows.from_source(
        index, index, np.asarray(boxes, float), np.full(len(boxes), 0.5)
    )


def some_changed(count, box):
    """Return N boxes, of which the first are `box`."""
    boxes = np.tile(BOX, (N, 1))
    boxes[:count] = box
    return boxes


SEVERITIES = [(1, "note"), (5, "note"), (6, "warning"), (50, "warning"), (51, "error")]


@pytest.mark.parametrize(("count", "severity"), SEVERITIES)
@pytest.mark.parametrize("box", [(10, 10, 10, 60), (10, 10, 50, 10), (7, 7, 7, 7)])
def test_boxes_without_width_or_height(count, severity, box):
    suspicion = check_zero_area(rows(some_changed(count, box)))
    assert (suspicion.id, suspicion.severity) == ("zero-area", severity)
    assert suspicion.evidence.startswith(f"{count} of 100 boxes have no width or no height")


@pytest.mark.parametrize("box", [BOX, (50, 10, 10, 60), (10, 10, 10.01, 60), (50, 10, 10, 10)])
def test_other_boxes_have_an_extent_or_are_inverted(box):
    assert check_zero_area(rows(some_changed(50, box))) is None
    assert check_zero_area(rows(np.empty((0, 4)))) is None


@pytest.mark.parametrize(("count", "severity"), [(5, None), *SEVERITIES[2:]])
@pytest.mark.parametrize("box", [(0.2, 0.2, 0.9, 0.8), (10, 10, 10.5, 60), (10, 10, 50, 10.9)])
def test_boxes_below_a_pixel(count, severity, box):
    ground_truth = truth(some_changed(0, BOX))
    suspicion = check_collapsed(ground_truth, rows(some_changed(count, box)))
    if severity is None:
        assert suspicion is None
        return
    assert (suspicion.id, suspicion.severity) == ("boxes-collapsed", severity)
    assert suspicion.evidence == (
        f"{count} of 100 boxes are less than a pixel wide or high; the shorter side of the objects "
        "has a median of 40 pixels"
    )


@pytest.mark.parametrize("box", [(10, 10, 11, 60), (50, 10, 10, 60), (10, 10, 10, 60)])
def test_boxes_of_a_pixel_inverted_ones_and_those_without_extent_did_not_collapse(box):
    assert check_collapsed(truth(some_changed(0, BOX)), rows(some_changed(N, box))) is None


def test_objects_in_the_same_unit_are_no_evidence():
    small = np.array([0.2, 0.2, 0.9, 0.8])
    boxes = some_changed(N, small)
    assert check_collapsed(truth(boxes), rows(boxes)) is None
    assert check_collapsed(truth(np.empty((0, 4))), rows(boxes)) is None, "nothing to compare with"
    assert check_collapsed(truth(some_changed(0, BOX)), rows(np.empty((0, 4)))) is None

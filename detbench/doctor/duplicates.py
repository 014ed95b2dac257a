"""Duplicates: detections and objects that occur twice in an image, exactly or nearly."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Flags, Floats, groups_from_offsets
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.overlap import paired_iou

MAX_DISTANCE = 1.0
"""Pixels by which each edge of nearly equal boxes may differ."""
MIN_IOU = 0.85
"""IoU of nearly equal boxes. Non-maximum suppression leaves .7 at most."""
N_NEIGHBORS = 5
"""Boxes with the nearest left edges that each box is compared with."""


def duplicate_rows(rows: DetectionRows) -> Flags:
    """Return which rows (N,) repeat the box of another row of the same image and class.

    Of equal boxes the one with the highest score is the original, of equal scores the first.
    """
    keys = np.column_stack([rows.image_index, rows.class_index, rows.boxes])
    return _repeated(keys, preference=rows.scores)


def duplicate_objects(ground_truth: GroundTruth) -> Flags:
    """Return which objects (G,) have the class and the box of an earlier one of their image."""
    images = groups_from_offsets(ground_truth.offsets)
    keys = np.column_stack([images, ground_truth.class_index, ground_truth.boxes])
    return _repeated(keys, preference=np.zeros(len(keys)))


def _repeated(keys: Floats, preference: Floats) -> Flags:
    """Return which rows (N,) of keys occur before: with a higher preference, or earlier."""
    n_rows = len(keys)
    # Equal keys become neighbors, the original before its copies.
    order = np.lexsort((np.arange(n_rows), -preference, *keys.T))
    equals_previous = (np.diff(keys[order], axis=0) == 0).all(axis=1)
    repeated = np.zeros(n_rows, np.bool_)
    repeated[order[1:]] = equals_previous
    return repeated


def near_duplicate_rows(rows: DetectionRows) -> Flags:
    """Return which rows (N,) are nearly equal to another row of the same image and class.

    Outputs that are joined without non-maximum suppression have them. Of a pair, the row with the
    lower score is the duplicate; of equal scores, the later one.
    """
    # Near boxes have near left edges. So each box is compared with the next few by left edge.
    order = np.lexsort((rows.boxes[:, 0], rows.class_index, rows.image_index))
    ordered = rows.select(order)
    cells = np.column_stack([ordered.image_index, ordered.class_index])
    duplicate = np.zeros(len(rows), np.bool_)
    for step in range(1, N_NEIGHBORS + 1):
        same_cell = (cells[step:] == cells[:-step]).all(axis=1)
        distances = np.abs(ordered.boxes[step:] - ordered.boxes[:-step])
        is_near = same_cell & (distances <= MAX_DISTANCE).all(axis=1)
        first = np.flatnonzero(is_near)
        iou = paired_iou(ordered.boxes, ordered.boxes, first, first + step)
        first = first[iou >= MIN_IOU]

        a, b = order[first], order[first + step]
        a_is_lower = rows.scores[a] < rows.scores[b]
        a_is_later = (rows.scores[a] == rows.scores[b]) & (a > b)
        duplicate[np.where(a_is_lower | a_is_later, a, b)] = True
    return duplicate

"""Near duplicates: detections with nearly the box of another one of their image and class.

Outputs that are joined without non-maximum suppression have them.
"""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Flags
from detbench.data.detection_rows import DetectionRows
from detbench.metrics.kernels.overlap import paired_iou

MAX_DISTANCE = 1.0
"""Pixels by which each edge may differ."""
MIN_IOU = 0.85
"""Non-maximum suppression leaves .7 at most."""
N_NEIGHBORS = 5
"""Boxes with the nearest left edges that each box is compared with."""


def near_duplicates(rows: DetectionRows) -> Flags:
    """Return which rows (N,) are nearly equal to another row of the same image and class.

    Of a pair, the row with the lower score is the duplicate; of equal scores, the later one.
    """
    order = np.lexsort((rows.boxes[:, 0], rows.class_index, rows.image_index))
    ordered = rows.select(order)
    cells = np.column_stack([ordered.image_index, ordered.class_index])
    duplicate = np.zeros(len(rows), np.bool_)
    for step in range(1, N_NEIGHBORS + 1):
        same_cell = (cells[step:] == cells[:-step]).all(axis=1)
        distances = np.abs(ordered.boxes[step:] - ordered.boxes[:-step])
        first = np.flatnonzero(same_cell & (distances <= MAX_DISTANCE).all(axis=1))
        iou = paired_iou(ordered.boxes, ordered.boxes, first, first + step)
        first = first[iou >= MIN_IOU]

        a, b = order[first], order[first + step]
        a_is_lower = rows.scores[a] < rows.scores[b]
        a_is_later = (rows.scores[a] == rows.scores[b]) & (a > b)
        duplicate[np.where(a_is_lower | a_is_later, a, b)] = True
    return duplicate

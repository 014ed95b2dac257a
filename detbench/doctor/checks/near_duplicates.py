"""Twins: detections whose box is nearly that of another one of their image and class, as outputs joined without suppression have them."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Flags
from detbench.doctor.evidence.fit import paired_iou
from detbench.doctor.reading.rows import Rows

LOOKED_AT = 5
"""Boxes of the nearest left edges that each is compared with."""


def twins(rows: Rows, distance: float, overlap: float) -> Flags:
    """Tell for each row whether one of its image and class, of a higher score or before it, has nearly its box.

    That is all four edges within `distance` pixels and an IoU of `overlap` or more.
    """
    order = np.lexsort((rows.boxes[:, 0], rows.classes, rows.image))
    ordered = rows.where(order)
    boxes, cells = ordered.boxes, np.column_stack([ordered.image, ordered.classes])
    found = np.zeros(len(rows), np.bool_)
    for step in range(1, LOOKED_AT + 1):
        first = np.flatnonzero(
            (cells[step:] == cells[:-step]).all(axis=1)
            & (np.abs(boxes[step:] - boxes[:-step]) <= distance).all(axis=1)
        )
        first = first[paired_iou(boxes[first], boxes[first + step]) >= overlap]
        a, b = order[first], order[first + step]
        lower = (rows.scores[a] < rows.scores[b]) | ((rows.scores[a] == rows.scores[b]) & (a > b))
        found[np.where(lower, a, b)] = True
    return found

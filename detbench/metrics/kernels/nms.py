"""Non-maximum suppression: of boxes that overlap too much, keep the one with the highest score.

Greedy, in float64, by falling score and on ties in the order given. A box goes when its IoU with a kept box is **greater** than the
threshold, as in torchvision's `nms`; OpenCV and TensorFlow do the same. Inverted boxes and boxes without area overlap nothing: they
neither suppress nor are suppressed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detbench.data.columns import frozen
from detbench.metrics.kernels.compile import inlined, kernel
from detbench.metrics.kernels.order import descending
from detbench.metrics.kernels.overlap import intersection

_BLOCK = 64
"""Kept boxes that are compared between two decisions."""
_ROUNDING = 1 - 1e-9
"""More than a product can be off from the quotient that decides."""


def nms(
    boxes: ArrayLike,
    scores: ArrayLike,
    classes: ArrayLike | None = None,
    *,
    iou: float,
    limit: int | None = None,
) -> NDArray[np.int64]:
    """Return the rows that are kept, by falling score.

    Args:
        boxes: (N, 4) x1, y1, x2, y2.
        scores: (N,) finite.
        classes: (N,) indices from 0: boxes suppress those of their own class only. None lets every box suppress every other.
        iou: threshold in 0..1; 1 keeps everything.
        limit: stop when this many are kept; None for no limit.

    Raises:
        ValueError: where the lengths differ, or classes are negative.
    """
    order = descending(frozen(scores, np.float64, (-1,))).astype(np.int64)
    corners = frozen(boxes, np.float64, (len(order), 4))[order]
    groups = (
        np.zeros(len(order), np.int64)
        if classes is None
        else frozen(classes, np.int64, (len(order),))[order]
    )
    if len(groups) and groups.min() < 0:
        raise ValueError("classes must not be negative")
    most = len(order) if limit is None else min(limit, len(order))
    return np.asarray(
        order[_suppress(corners, groups, int(groups.max(initial=0)) + 1, float(iou), most)]
    )


@kernel
def _suppress(
    boxes: NDArray[np.float64],
    classes: NDArray[np.int64],
    class_count: int,
    threshold: float,
    limit: int,
) -> NDArray[Any]:
    """Go through boxes by falling score and compare each with the kept ones of its class, which lie side by side, block by block."""
    starts = np.zeros(class_count + 1, np.int64)
    for row in range(len(boxes)):
        starts[classes[row] + 1] += 1
    for k in range(class_count):
        starts[k + 1] += starts[k]
    ends = starts[:-1].copy()
    kept_columns = np.empty((5, len(boxes)))
    kept, count = np.empty(limit, np.int64), 0
    box = np.empty(5)
    for row in range(len(boxes)):
        if count == limit:
            break
        box[:4] = boxes[row]
        box[4] = (box[2] - box[0]) * (box[3] - box[1])
        k = classes[row]
        suppressed = False
        for start in range(starts[k], ends[k], _BLOCK):
            block = kept_columns[:, start : min(start + _BLOCK, ends[k])]
            suppressed = _may_overlap(box, block, threshold) and _overlaps(box, block, threshold)
            if suppressed:
                break
        if not suppressed:
            kept[count] = row
            count += 1
            kept_columns[:, ends[k]] = box
            ends[k] += 1
    return kept[:count]


@inlined
def _may_overlap(box: NDArray[np.float64], block: NDArray[np.float64], threshold: float) -> bool:
    """Return False only where no box of the block has an IoU above the threshold; written so that several are compared at once."""
    x1, y1, x2, y2, area = box
    left, top, right, bottom, areas = block[0], block[1], block[2], block[3], block[4]
    lower = threshold * _ROUNDING
    found = 0
    for n in range(len(areas)):
        width = (x2 if x2 < right[n] else right[n]) - (x1 if x1 > left[n] else left[n])
        height = (y2 if y2 < bottom[n] else bottom[n]) - (y1 if y1 > top[n] else top[n])
        common = (width if width > 0.0 else 0.0) * (height if height > 0.0 else 0.0)
        found |= common > lower * (area + areas[n] - common)
    return found != 0


@inlined
def _overlaps(box: NDArray[np.float64], block: NDArray[np.float64], threshold: float) -> bool:
    """Return whether a box of the block (5, n: corners and area) has an IoU above the threshold."""
    for n in range(block.shape[1]):
        common = intersection(box, block[:, n], 0.0)
        if common > 0.0 and common / (box[4] + block[4, n] - common) > threshold:
            return True
    return False

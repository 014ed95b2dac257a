"""Non-maximum suppression: of boxes that overlap too much, keep the one with the highest score.

Greedy, in float64, by falling score; ties keep the order of the input. A box is suppressed if its
IoU with a kept box is **greater** than the threshold, as in torchvision's `nms`, OpenCV and
TensorFlow. Inverted boxes and boxes without area overlap nothing: they neither suppress nor are
suppressed.
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
"""Number of kept boxes that are compared between two decisions."""
_ROUNDING = 1 - 1e-9
"""Safety margin: a product differs by less than this from the quotient that decides."""


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
        classes: (N,) indices from 0: a box suppresses only boxes of its own class. None: any box
            suppresses any other.
        iou: threshold in 0..1; 1 keeps everything.
        limit: maximum number of rows; None for no maximum.

    Raises:
        ValueError: the lengths differ, or a class is negative.
    """
    order = descending(frozen(scores, np.float64, (-1,))).astype(np.int64)
    sorted_boxes = frozen(boxes, np.float64, (len(order), 4))[order]
    if classes is None:
        sorted_classes = np.zeros(len(order), np.int64)
    else:
        sorted_classes = frozen(classes, np.int64, (len(order),))[order]
    if len(sorted_classes) and sorted_classes.min() < 0:
        raise ValueError("classes must not be negative")
    n_classes = int(sorted_classes.max(initial=0)) + 1
    max_rows = len(order) if limit is None else min(limit, len(order))
    kept = _suppress(sorted_boxes, sorted_classes, n_classes, float(iou), max_rows)
    return np.asarray(order[kept])


@kernel
def _suppress(
    boxes: NDArray[np.float64],
    classes: NDArray[np.int64],
    n_classes: int,
    threshold: float,
    limit: int,
) -> NDArray[Any]:
    """Return the rows that are kept, of boxes in the order of falling scores."""
    # Each class has room for all its boxes in `kept_columns`, so that its kept boxes lie side by
    # side: entries starts[k]:ends[k] hold corners and areas, one row of the array for each.
    starts = np.zeros(n_classes + 1, np.int64)
    for row in range(len(boxes)):
        starts[classes[row] + 1] += 1
    for k in range(n_classes):
        starts[k + 1] += starts[k]
    ends = starts[:-1].copy()
    kept_columns = np.empty((5, len(boxes)))
    kept, n_kept = np.empty(limit, np.int64), 0
    box = np.empty(5)
    for row in range(len(boxes)):
        if n_kept == limit:
            break
        box[:4] = boxes[row]
        box[4] = (box[2] - box[0]) * (box[3] - box[1])
        k = classes[row]
        suppressed = False
        # Kept boxes are compared block by block: a fast test of the whole block first, the exact
        # test only if it fails.
        for start in range(starts[k], ends[k], _BLOCK):
            block = kept_columns[:, start : min(start + _BLOCK, ends[k])]
            suppressed = _may_overlap(box, block, threshold) and _overlaps(box, block, threshold)
            if suppressed:
                break
        if not suppressed:
            kept[n_kept] = row
            n_kept += 1
            kept_columns[:, ends[k]] = box
            ends[k] += 1
    return kept[:n_kept]


@inlined
def _may_overlap(box: NDArray[np.float64], block: NDArray[np.float64], threshold: float) -> bool:
    """Return False only if no box of the block has an IoU above the threshold.

    The loop has no branch and no division, so that the processor compares several boxes at once.
    """
    x1, y1, x2, y2, area = box
    left, top, right, bottom, areas = block[0], block[1], block[2], block[3], block[4]
    lower = threshold * _ROUNDING
    over = 0
    for n in range(len(areas)):
        width = (x2 if x2 < right[n] else right[n]) - (x1 if x1 > left[n] else left[n])
        height = (y2 if y2 < bottom[n] else bottom[n]) - (y1 if y1 > top[n] else top[n])
        common = (width if width > 0.0 else 0.0) * (height if height > 0.0 else 0.0)
        over |= common > lower * (area + areas[n] - common)
    return over != 0


@inlined
def _overlaps(box: NDArray[np.float64], block: NDArray[np.float64], threshold: float) -> bool:
    """Return whether a box of the block (5, n: corners and area) has an IoU above the threshold."""
    for n in range(block.shape[1]):
        common = intersection(box, block[:, n], 0.0)
        if common > 0.0 and common / (box[4] + block[4, n] - common) > threshold:
            return True
    return False

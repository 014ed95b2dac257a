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
from detbench.metrics.kernel import kernel
from detbench.metrics.order import descending
from detbench.metrics.overlap import intersection


def nms(
    boxes: ArrayLike, scores: ArrayLike, classes: ArrayLike | None = None, *, iou: float, limit: int | None = None
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
    groups = np.zeros(len(order), np.int64) if classes is None else frozen(classes, np.int64, (len(order),))[order]
    if len(groups) and groups.min() < 0:
        raise ValueError("classes must not be negative")
    most = len(order) if limit is None else min(limit, len(order))
    return np.asarray(order[_suppress(corners, groups, int(groups.max(initial=0)) + 1, float(iou), most)])


@kernel
def _suppress(boxes: NDArray[np.float64], classes: NDArray[np.int64], class_count: int, threshold: float, limit: int) -> NDArray[Any]:
    """Go through boxes by falling score; compare each with the kept ones of its class, which are chained from the latest to the first."""
    kept, kept_boxes, kept_areas = np.empty(limit, np.int64), np.empty((limit, 4)), np.empty(limit)
    latest, earlier = np.full(class_count, -1, np.int64), np.empty(limit, np.int64)
    count = 0
    for row in range(len(boxes)):
        if count == limit:
            break
        box, k = boxes[row], classes[row]
        area = (box[2] - box[0]) * (box[3] - box[1])
        other = latest[k]
        while other >= 0:
            common = intersection(box, kept_boxes[other], 0.0)
            if common > 0.0 and common / (area + kept_areas[other] - common) > threshold:
                break
            other = earlier[other]
        if other < 0:
            kept[count], kept_boxes[count], kept_areas[count] = row, box, area
            latest[k], earlier[count] = count, latest[k]
            count += 1
    return kept[:count]

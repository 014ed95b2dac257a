"""Overlap of boxes: intersection over union, in float64 and in the order of operations of pycocotools and the VOC devkit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import frozen
from detbench.metrics.kernels.compile import inlined, kernel


@inlined
def intersection(a: NDArray[Any], b: NDArray[Any], shrink: float) -> Any:
    """Return the common area of two xyxy boxes; `shrink` pixels are taken off both sides of it. Touching or inverted boxes give 0."""
    width = max(min(a[2], b[2]) - max(a[0], b[0]) - shrink, 0.0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]) - shrink, 0.0)
    return width * height


@kernel
def _iou_matrix(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    area_a: NDArray[np.float64],
    area_b: NDArray[np.float64],
    region: NDArray[np.bool_],
) -> NDArray[Any]:
    matrix = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            common = intersection(a[i], b[j], 0.0)
            if common > 0.0:
                matrix[i, j] = common / (area_a[i] if region[j] else area_a[i] + area_b[j] - common)
    return matrix


def iou(
    a: NDArray[Any], b: NDArray[Any], *, region: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Intersection over union of every pair of boxes.

    Args:
        a: (N, 4) boxes x1, y1, x2, y2.
        b: (M, 4) boxes x1, y1, x2, y2.
        region: (M,) true where a box of `b` is a crowd region: then intersection / area of `a` (pycocotools' `iscrowd`).

    Returns:
        (N, M) float64 in 0..1. Inverted boxes and boxes without area overlap nothing.
    """
    boxes_a, boxes_b = frozen(a, np.float64, (-1, 4)), frozen(b, np.float64, (-1, 4))
    flags = frozen(np.zeros(len(boxes_b)) if region is None else region, np.bool_, (len(boxes_b),))
    return _iou_matrix(boxes_a, boxes_b, box_areas(boxes_a), box_areas(boxes_b), flags)


def box_areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (x2 − x1) · (y2 − y1) of boxes (N, 4), negative for boxes inverted in one direction."""
    return frozen(
        (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float64, (len(boxes),)
    )

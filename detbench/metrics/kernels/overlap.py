"""Overlap of boxes: intersection over union, in float64 and in the order of operations of pycocotools and the VOC devkit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

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


@kernel
def _paired_iou(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    rows_a: NDArray[np.int64],
    rows_b: NDArray[np.int64],
) -> NDArray[Any]:
    values = np.zeros(len(rows_a))
    for pair in range(len(rows_a)):
        one, other = a[rows_a[pair]], b[rows_b[pair]]
        width, height = one[2] - one[0], one[3] - one[1]
        common = intersection(one, other, 0.0)
        # Comparisons with NaN are false, so that a box with a NaN overlaps nothing.
        if common > 0.0 and width > 0.0 and height > 0.0:
            area = (other[2] - other[0]) * (other[3] - other[1])
            value = common / (width * height + area - common)
            if np.isfinite(value):
                values[pair] = value
    return values


def paired_iou(
    a: NDArray[Any], b: NDArray[Any], rows_a: NDArray[Any], rows_b: NDArray[Any]
) -> NDArray[np.float64]:
    """Intersection over union of given pairs of boxes, without copying the boxes.

    Args:
        a: (N, 4) boxes x1, y1, x2, y2; they may be inverted, NaN or infinite.
        b: (M, 4) boxes x1, y1, x2, y2.
        rows_a: (P,) the box of `a` in each pair.
        rows_b: (P,) the box of `b` in each pair.

    Returns:
        (P,) float64 in 0..1. Boxes that are inverted, without area or not finite overlap nothing.
    """
    return _paired_iou(
        _read_only(a, np.float64),
        _read_only(b, np.float64),
        _read_only(rows_a, np.int64),
        _read_only(rows_b, np.int64),
    )


def _read_only(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return a read-only view, so that numba compiles the kernel for one type of array only."""
    view = np.ascontiguousarray(values, dtype).view()
    view.flags.writeable = False
    return view


def box_areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (x2 − x1) · (y2 − y1) of boxes (N, 4), negative for boxes inverted in one direction."""
    return frozen(
        (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float64, (len(boxes),)
    )

"""Overlap of boxes: intersection and IoU, in float64.

The order of operations is that of pycocotools (`bbIou` in `maskApi.c`) and of the VOC devkit, so
that results agree bit for bit. Boxes are x1, y1, x2, y2 with continuous edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from detbench.data.columns import frozen
from detbench.metrics.kernels.compile import inlined, kernel


@inlined
def intersection(a: NDArray[Any], b: NDArray[Any], shrink: float) -> Any:
    """Return the common area of two boxes; 0 if they only touch or one is inverted.

    `shrink` pixels are subtracted from both sides of the common area: 0, or 1 for protocols that
    measure VOC's inclusive boxes without their "+1".
    """
    width = max(min(a[2], b[2]) - max(a[0], b[0]) - shrink, 0.0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]) - shrink, 0.0)
    return width * height


def pairwise_iou(
    a: NDArray[Any], b: NDArray[Any], *, crowd: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return the IoU of every box of `a` with every box of `b`.

    Args:
        a: (N, 4) boxes.
        b: (M, 4) boxes.
        crowd: (M,) true if a box of `b` is a crowd region. Its overlap is intersection / area of
            `a`, as for pycocotools' `iscrowd`. None: no crowd regions.

    Returns:
        (N, M) float64 in 0..1. Inverted boxes and boxes without area overlap nothing.
    """
    boxes_a, boxes_b = frozen(a, np.float64, (-1, 4)), frozen(b, np.float64, (-1, 4))
    is_crowd = frozen(np.zeros(len(boxes_b)) if crowd is None else crowd, np.bool_, (len(boxes_b),))
    return _pairwise_iou(boxes_a, boxes_b, box_areas(boxes_a), box_areas(boxes_b), is_crowd)


@kernel
def _pairwise_iou(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    area_a: NDArray[np.float64],
    area_b: NDArray[np.float64],
    is_crowd: NDArray[np.bool_],
) -> NDArray[Any]:
    matrix = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            common = intersection(a[i], b[j], 0.0)
            if common > 0.0:
                union = area_a[i] + area_b[j] - common
                matrix[i, j] = common / (area_a[i] if is_crowd[j] else union)
    return matrix


def paired_iou(
    a: NDArray[Any], b: NDArray[Any], rows_a: NDArray[Any], rows_b: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the IoU of given pairs of boxes, without copying the boxes.

    Args:
        a: (N, 4) boxes; they may be inverted, NaN or infinite.
        b: (M, 4) boxes.
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


@kernel
def _paired_iou(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    rows_a: NDArray[np.int64],
    rows_b: NDArray[np.int64],
) -> NDArray[Any]:
    values = np.zeros(len(rows_a))
    for pair in range(len(rows_a)):
        first, second = a[rows_a[pair]], b[rows_b[pair]]
        width, height = first[2] - first[0], first[3] - first[1]
        common = intersection(first, second, 0.0)
        # Comparisons with NaN are false, so that a box with a NaN overlaps nothing.
        if common > 0.0 and width > 0.0 and height > 0.0:
            area = (second[2] - second[0]) * (second[3] - second[1])
            value = common / (width * height + area - common)
            if np.isfinite(value):
                values[pair] = value
    return values


def _read_only(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return a read-only view, so that numba compiles the kernel for one type of array only."""
    if values.dtype == dtype and values.flags.c_contiguous and not values.flags.writeable:
        return values
    view = np.ascontiguousarray(values, dtype).view()
    view.flags.writeable = False
    return view


def box_areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (x2 − x1) · (y2 − y1) of boxes (N, 4); negative if inverted in one direction."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return frozen(areas, np.float64, (len(boxes),))

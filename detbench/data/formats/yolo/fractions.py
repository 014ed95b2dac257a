"""Boxes as fractions of the image, from and to pixels."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Floats

FRACTION_TOLERANCE = 1e-6
"""How far a fraction may lie outside 0..1: the rounding of writers with six digits."""


def bounding_boxes(points: Floats) -> Floats:
    """Return cx, cy, w, h (N, 4) of shapes (N, 2 · P) with corners x1, y1, x2, y2, ..."""
    corners = points.reshape(len(points), -1, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    return np.hstack([(low + high) / 2, high - low])


def to_pixels(fractions: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Turn cx, cy, w, h in 0..1 into boxes in pixels and their areas width · height.

    Args:
        fractions: (N, 4)
        sizes: (N, 2) width and height of the image in pixels.

    Returns:
        Boxes (N, 4; x1, y1, x2, y2) and areas (N,).
    """
    center, extent = fractions[:, :2] * sizes, fractions[:, 2:] * sizes
    return np.hstack([center - extent / 2, center + extent / 2]), extent[:, 0] * extent[:, 1]


def to_fractions(boxes: Floats, sizes: Floats) -> Floats:
    """Turn boxes (N, 4; x1, y1, x2, y2) into cx, cy, w, h as fractions of `sizes` (N, 2).

    `to_pixels` inverts it up to rounding.
    """
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2 / sizes
    return np.hstack([centers, (boxes[:, 2:] - boxes[:, :2]) / sizes])


def count_outside(fractions: Floats) -> int:
    """Return how many boxes (N, 4; cx, cy, w, h) have a value outside 0..1."""
    outside = (fractions < -FRACTION_TOLERANCE) | (fractions > 1 + FRACTION_TOLERANCE)
    return int(outside.any(axis=1).sum())

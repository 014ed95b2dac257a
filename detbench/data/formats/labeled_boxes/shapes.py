"""Shapes of annotation tools as boxes: the bounding box of points, ellipses and rotated boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from detbench.data.formats.parsing.lenient_values import to_float

Corners = tuple[float, float, float, float]
"""x1, y1, x2, y2"""
NOT_A_SHAPE: tuple[object, ...] = (None,) * 4
"""The box of a shape whose numbers are malformed, which the reader of labeled boxes reports."""


def bounding_box(points: object) -> Sequence[object]:
    """Return the corners of the bounding box of points, given as [[x, y], …] or [x, y, x, y, …].

    Values that are not numbers, or fewer than two points, give `NOT_A_SHAPE`.
    """
    if not isinstance(points, Sequence) or isinstance(points, str):
        return NOT_A_SHAPE
    values: list[object] = []
    for point in points:
        is_pair = isinstance(point, Sequence) and not isinstance(point, str) and len(point) == 2
        values += point if is_pair else [point]
    numbers = numbers_of(values)
    if numbers is None or len(numbers) < 4 or len(numbers) % 2:
        return NOT_A_SHAPE
    xs, ys = numbers[::2], numbers[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def ellipse_box(center_x: float, center_y: float, radius_x: float, radius_y: float) -> Corners:
    """Return the corners of the bounding box of an ellipse with axes along the image."""
    return center_x - radius_x, center_y - radius_y, center_x + radius_x, center_y + radius_y


def rotated_box(
    x: float, y: float, width: float, height: float, degrees: float, *, about_center: bool
) -> Corners:
    """Return the corners of the bounding box of a rotated box.

    Args:
        x: Left edge before the rotation.
        y: Upper edge before the rotation.
        width: Width before the rotation.
        height: Height before the rotation.
        degrees: The angle, clockwise in an image whose y axis points down.
        about_center: Whether it is rotated about its center, and not about its upper left corner.
    """
    pivot_x, pivot_y = (x + width / 2, y + height / 2) if about_center else (x, y)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    xs = [pivot_x + (cx - pivot_x) * cosine - (cy - pivot_y) * sine for cx, cy in corners]
    ys = [pivot_y + (cx - pivot_x) * sine + (cy - pivot_y) * cosine for cx, cy in corners]
    return min(xs), min(ys), max(xs), max(ys)


def numbers_of(values: Sequence[object]) -> list[float] | None:
    """Return values as numbers; None if one of them is no finite number."""
    numbers = [
        to_float(value)
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return numbers if len(numbers) == len(values) and all(map(math.isfinite, numbers)) else None

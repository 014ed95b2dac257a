"""Lines of YOLO text files, and boxes as fractions of the image from and to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.parsing.plain_text import (
    is_number,
    is_plain_ascii,
    parse_number,
    read_text,
)
from detbench.errors import InputError

LABEL_SYNTAX = "`class cx cy w h` or `class x1 y1 x2 y2 x3 y3 …`"
"""What a line of a label file holds."""
FRACTION_TOLERANCE = 1e-6
"""How far a fraction may lie outside 0..1: the rounding of writers with six digits."""

_MAX_CLASS = 2**31 - 1


def read_lines(path: str) -> list[tuple[int, list[float]]]:
    """Return the line number and the numbers of every line that is not blank.

    A missing file has no lines.

    Raises:
        InputError: The file cannot be read, or a word is not a finite number.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return []
    # `float` alone is faster, and right for plain ASCII.
    convert = float if is_plain_ascii(text) else parse_number
    # str.splitlines would also split at form feeds and other characters.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    rows = []
    for number, words in enumerate(map(str.split, lines), 1):
        where = f"line {number}"
        try:
            values = [convert(word) for word in words]
        except ValueError:
            malformed = next(word for word in words if not is_number(word))
            raise InputError(path, f"{malformed!r} is not a number", where=where) from None
        if not np.isfinite(values).all():
            raise InputError(path, f"a value is not finite: {' '.join(words)}", where=where)
        if values:
            rows.append((number, values))
    return rows


def class_number(value: float, path: str | Path, line: int) -> int:
    """Return a class as an integer; raise InputError if it is none."""
    if value != int(value) or not 0 <= value <= _MAX_CLASS:
        raise InputError(
            path,
            f"class {value:g} is not the number of a class",
            where=f"line {line}",
            fix="number classes from 0",
        )
    return int(value)


def is_box_or_polygon(values: Sequence[object]) -> bool:
    """Return whether a label has, after its class, as many values as a box or a polygon."""
    return len(values) == 4 or (len(values) >= 6 and len(values) % 2 == 0)


def bounding_box(values: list[float]) -> list[float]:
    """Return cx, cy, w, h of a box, whose values these are, or of a polygon x1, y1, x2, y2, ..."""
    if len(values) == 4:
        return values
    x, y = values[::2], values[1::2]
    left, top, right, bottom = min(x), min(y), max(x), max(y)
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


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

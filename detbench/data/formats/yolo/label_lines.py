"""Lines of YOLO text files: numbers by line, boxes as fractions of the image, and pixels from and to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.parsing.plain_text import is_plain_ascii, read_text
from detbench.data.formats.parsing.plain_text import parse_number
from detbench.errors import InputError

BORDER = 1e-6
"""How far a fraction may lie outside 0..1: what writers with six digits round."""

_MOST_CLASSES = 2**31 - 1


def read_lines(path: str) -> list[tuple[int, list[float]]]:
    """Return line number and numbers of every line that is not blank; none for a file that does not exist.

    Raises InputError with file and line for anything that is not a finite number, and for a file that cannot be read.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return []
    convert = float if is_plain_ascii(text) else parse_number
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    rows = []
    for number, words in enumerate(map(str.split, lines), 1):
        try:
            values = [convert(word) for word in words]
        except ValueError as error:
            raise InputError(
                path, f"{error}", where=f"line {number}", fix="expected numbers only"
            ) from None
        if not np.isfinite(values).all():
            raise InputError(
                path, f"a value is not finite: {' '.join(words)}", where=f"line {number}"
            )
        if values:
            rows.append((number, values))
    return rows


def class_number(value: float, path: str | Path, line: int) -> int:
    """Return a class as an integer; InputError where it is none."""
    if value != int(value) or not 0 <= value <= _MOST_CLASSES:
        raise InputError(
            path,
            f"class {value:g} is not the number of a class",
            where=f"line {line}",
            fix="classes count from 0",
        )
    return int(value)


def to_pixels(fractions: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Turn cx, cy, w, h in 0..1 (N, 4) into xyxy boxes in pixels of images of `sizes` (N, 2), and their areas width · height."""
    centre, extent = fractions[:, :2] * sizes, fractions[:, 2:] * sizes
    return np.hstack([centre - extent / 2, centre + extent / 2]), extent[:, 0] * extent[:, 1]


def to_fractions(boxes: Floats, sizes: Floats) -> Floats:
    """Turn xyxy boxes (N, 4) into cx, cy, w, h as fractions of `sizes` (N, 2); `to_pixels` undoes it up to the last bits."""
    return np.hstack(
        [(boxes[:, :2] + boxes[:, 2:]) / 2 / sizes, (boxes[:, 2:] - boxes[:, :2]) / sizes]
    )

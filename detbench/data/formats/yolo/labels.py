"""Labels of a YOLO dataset: class and box of every line, and its faults."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.yolo.fractions import FRACTION_TOLERANCE, bounding_boxes
from detbench.data.formats.yolo.label_shapes import LabelReading
from detbench.data.formats.yolo.number_lines import NumberLines
from detbench.errors import InputError

MAX_CLASS = 2**31 - 1
"""The greatest number of a class."""


class Labels:
    """The labels of a split, faulty ones included.

    Args:
        lines: All L lines of the label files.
        reading: What their numbers are.
    """

    def __init__(self, lines: NumberLines, reading: LabelReading) -> None:
        self.lines, self.reading = lines, reading
        self.has_class: Flags = are_class_numbers(lines)
        """(L,) labels whose first word is the number of a class."""
        self.classes: Floats = np.where(self.has_class, lines.first_numbers, np.nan)
        """(L,) as written, so that a class may have no name; NaN if it is no number of a class."""
        self.has_shape: Flags = reading.accepts(lines.lengths - 1)
        """(L,) labels with as many values as they should have."""
        self.boxes: Floats = np.full((len(lines), 4), np.nan)
        """(L, 4) cx, cy, w, h; NaN for labels of another length."""
        self.outside: Floats = np.zeros(len(lines))
        """(L,) distance of the farthest finite value from the range 0..1; 0 if all are inside."""
        for rows, values in self._shapes():
            is_polygon = values.shape[1] > 4
            self.boxes[rows] = bounding_boxes(values) if is_polygon else values
            finite = np.where(np.isfinite(values), values, 0.5)
            self.outside[rows] = np.maximum(0, (np.abs(finite - 0.5) - 0.5).max(axis=1))

    def _shapes(self) -> list[tuple[Ints, Floats]]:
        """Return the labels of each length and their values without those of keypoints."""
        n_values = self.lines.lengths - 1
        if self.reading.n_keypoint_values:
            n_values = np.minimum(n_values, 4)
        rows = np.flatnonzero(self.has_shape)
        order = rows[np.argsort(n_values[rows], kind="stable")]
        groups = np.split(order, np.flatnonzero(np.diff(n_values[order])) + 1)
        return [
            (group, self.lines.values(group, int(n_values[group[0]])))
            for group in groups
            if len(group)
        ]

    def check(self, n_classes: int) -> None:
        """Raise InputError for the first label that is malformed, or whose class has no name."""
        finite = np.isfinite(self.boxes).all(axis=1) & np.isfinite(self.lines.first_numbers)
        faulty = self.lines.malformed | ~finite | ~(self.classes < n_classes)
        faulty |= ~self.has_shape | (self.outside > FRACTION_TOLERANCE)
        if faulty.any():
            self._refuse(int(faulty.argmax()), n_classes)

    def _refuse(self, row: int, n_classes: int) -> None:
        lines = self.lines
        path, where = lines.path(row), lines.place(row)
        lines.check_words(row)
        words, first = lines.words(row), lines.first_numbers[row]
        if not np.isfinite([float(word) for word in words]).all():
            raise InputError(path, f"a value is not finite: {' '.join(words)}", where=where)
        if not self.has_class[row]:
            raise not_a_class(first, path, where)
        if first >= n_classes:
            raise InputError(
                path,
                f"class {first:g}, but the dataset has {n_classes} classes, numbered from 0",
                where=where,
            )
        if not self.has_shape[row]:
            problem = f"{len(words)} values, expected {self.reading.syntax}"
            raise InputError(path, problem, where=where, fix=self._length_fix())
        values = map(float, words[1:])
        outside = next(v for v in values if abs(v - 0.5) > 0.5 + FRACTION_TOLERANCE)
        raise InputError(
            path, f"{outside:g} is outside 0..1", where=where, fix="write fractions of the image"
        )

    def _length_fix(self) -> str:
        if self.reading.n_keypoint_values:
            return "correct the line, or kpt_shape"
        return "for labels with keypoints, add kpt_shape to data.yaml"


def are_class_numbers(lines: NumberLines) -> Flags:
    """Return which lines (L,) start with a whole number that can be a class."""
    numbers = lines.first_numbers
    whole = (numbers >= 0) & (numbers <= MAX_CLASS) & (numbers == np.floor(numbers))
    return np.asarray(whole & ~lines.malformed_words[lines.starts])


def not_a_class(value: float, path: str, where: str) -> InputError:
    """Return the error for a line whose first number is not that of a class."""
    return InputError(
        path,
        f"class {value:g} is not the number of a class",
        where=where,
        fix="number classes from 0",
    )

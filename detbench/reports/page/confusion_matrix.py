"""Confusion matrices small enough for a page: the classes confused most, and all others as one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detbench.bench.analysis.analyze import Analysis
from detbench.bench.analysis.tables import finite
from detbench.metrics.errors.confusion_matrix import ConfusionMatrix

MAX_CLASSES = 20
SHADES = 10
"""Shades of a cell."""
_MAX_PAIRS = 10


@dataclass(frozen=True)
class Cell:
    """How often objects of one class are detected as another."""

    count: int
    share: float
    """Of the row, 0..1."""
    shade: int
    """0 (none) to `SHADES`: proportional to the share of correct or missed objects, and to the
    square root of the share of wrong classes, which are rare."""


@dataclass(frozen=True)
class MatrixRow:
    """One class of objects."""

    name: str
    """Empty for background: detections on no object."""
    boxes: int
    """Objects of the class, or detections on background."""
    cells: tuple[Cell, ...]
    """By class shown, then all other classes if there are any, then background."""


@dataclass(frozen=True)
class ConfusedPair:
    """A class that is detected as another."""

    object: str
    detected: str
    count: int
    share: float
    """Of the objects of the class."""


@dataclass(frozen=True)
class MatrixTable:
    """The confusion matrix of one detector."""

    series: int
    min_score: float | None
    """Detections are counted from this score; None if no detection is a hit."""
    names: tuple[str, ...]
    """The classes shown."""
    classes: int
    """Number of classes with objects or detections."""
    empty: int
    """Number of classes with neither, which are not shown."""
    rows: tuple[MatrixRow, ...]
    """One for each class shown, then background."""
    pairs: tuple[ConfusedPair, ...]
    """The most frequent confusions of two classes, of all classes."""


def matrix_table(analysis: Analysis, series: int) -> MatrixTable:
    """Return the matrix of a detector; of more than `MAX_CLASSES` classes those confused most."""
    names, confusion = analysis.evaluation.ground_truth.class_names, analysis.confusion_matrix
    counts = confusion.counts
    present = np.flatnonzero(confusion.objects + counts[:, :-1].sum(axis=0))
    shown = _shown(confusion, present.tolist())
    some_left_out = len(present) > len(shown)
    rows = [_row(confusion, names[k], k, shown, some_left_out) for k in shown]
    background = _row(confusion, "", len(names), shown, some_left_out)
    return MatrixTable(
        series=series,
        min_score=finite(analysis.score_threshold),
        names=tuple(names[k] for k in shown),
        classes=len(present),
        empty=len(names) - len(present),
        rows=(*rows, background),
        pairs=tuple(
            ConfusedPair(
                names[k],
                names[detected],
                int(counts[k, detected]),
                float(counts[k, detected] / confusion.objects[k]),
            )
            for k, detected in confusion.confused_classes(_MAX_PAIRS)
        ),
    )


def _shown(confusion: ConfusionMatrix, present: list[int]) -> list[int]:
    """Return the classes to show in their order: most confusions first, then most boxes."""
    counts = confusion.counts
    between = counts[:-1, :-1] - np.diag(np.diag(counts[:-1, :-1]))
    confused = between.sum(axis=0) + between.sum(axis=1)
    boxes = confusion.objects + counts[-1, :-1]
    return sorted(sorted(present, key=lambda k: (-confused[k], -boxes[k]))[:MAX_CLASSES])


def _row(
    confusion: ConfusionMatrix, name: str, row: int, shown: list[int], some_left_out: bool
) -> MatrixRow:
    of_row = confusion.counts[row]
    total, background = int(of_row.sum()), len(of_row) - 1
    columns = [(int(of_row[k]), k != row) for k in shown]
    if some_left_out:
        others = total - sum(count for count, _ in columns) - int(of_row[-1])
        columns.append((others, True))
    # In the last column, missed objects are not rare; in the last row nothing is counted there.
    columns.append((int(of_row[-1]), row == background))
    return MatrixRow(name, total, tuple(_cell(count, wrong, total) for count, wrong in columns))


def _cell(count: int, wrong_class: bool, total: int) -> Cell:
    share = count / total if total else 0.0
    shade = math.ceil((math.sqrt(share) if wrong_class else share) * SHADES)
    return Cell(count, share, shade)

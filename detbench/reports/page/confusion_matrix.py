"""Heat: confusion matrices small enough for a page, the classes that are confused most and all others together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.bench.analyze import Analysis
from detbench.data.columns import Ints

MOST_CLASSES = 20
LEVELS = 10
"""Shades of a cell."""
_MOST_PAIRS = 10


@dataclass(frozen=True)
class HeatCell:
    """How often a class is taken for another."""

    times: int
    share: float
    """Of the row, 0..1."""
    level: int
    """Of the shade, 0 (none) to `LEVELS`: as the share of what is right or not found, as its root of what is wrong, which is rare."""


@dataclass(frozen=True)
class HeatRow:
    """One class of objects."""

    name: str
    """Empty for background: what is found where nothing is."""
    boxes: int
    """Objects of the class, or detections of background."""
    cells: tuple[HeatCell, ...]
    """By class shown, then all other classes where there are any, then background."""


@dataclass(frozen=True)
class Mistaken:
    """A class that is taken for another."""

    true: str
    said: str
    times: int
    share: float
    """Of the objects of the true class."""


@dataclass(frozen=True)
class Heat:
    """The confusion matrix of one detector."""

    look: int
    score: float | None
    """From which detections are counted; None where nothing is found."""
    names: tuple[str, ...]
    """The classes shown."""
    classes: int
    """How many have objects or detections."""
    empty: int
    """How many have neither, and are not shown."""
    rows: tuple[HeatRow, ...]
    """One for each class shown, then background."""
    pairs: tuple[Mistaken, ...]
    """The most frequent confusions of two classes, of all classes."""


def heat(analysis: Analysis, look: int) -> Heat:
    """Return the matrix of a detector; with more than `MOST_CLASSES` classes, those that most often are taken or given for others."""
    names, counts = analysis.evaluation.ground_truth.class_names, analysis.confusion.counts
    there = np.flatnonzero(counts[:-1].sum(axis=1) + counts[:, :-1].sum(axis=0))
    shown, more = _shown(counts, there), len(there) > MOST_CLASSES
    rows = [HeatRow(names[k], int(counts[k].sum()), _cells(counts, k, shown, more)) for k in shown]
    return Heat(
        look=look,
        score=analysis.score if math.isfinite(analysis.score) else None,
        names=tuple(names[k] for k in shown),
        classes=len(there),
        empty=len(names) - len(there),
        rows=(*rows, HeatRow("", int(counts[-1].sum()), _cells(counts, len(names), shown, more))),
        pairs=_pairs(names, counts),
    )


def _shown(counts: Ints, there: NDArray[np.intp]) -> list[int]:
    """Return the classes that are there in their order; where they are too many those of the most confusions, then of the most boxes."""
    between = counts[:-1, :-1] - np.diag(np.diag(counts[:-1, :-1]))
    confused = between.sum(axis=0) + between.sum(axis=1)
    boxes = counts[:-1].sum(axis=1) + counts[-1, :-1]
    order = there[np.lexsort((-boxes[there], -confused[there]))]
    return sorted(order[:MOST_CLASSES].tolist())


def _cells(counts: Ints, row: int, shown: list[int], more: bool) -> tuple[HeatCell, ...]:
    total, classes = int(counts[row].sum()), len(counts) - 1
    taken = [int(counts[row, k]) for k in shown]
    others = [total - sum(taken) - int(counts[row, -1])] if more else []
    wrong = [k != row for k in shown] + [True] * len(others) + [row == classes]
    return tuple(
        _cell(*each, total)
        for each in zip((*taken, *others, int(counts[row, -1])), wrong, strict=True)
    )


def _cell(times: int, wrong: bool, total: int) -> HeatCell:
    share = times / total if total else 0.0
    return HeatCell(times, share, math.ceil((math.sqrt(share) if wrong else share) * LEVELS))


def _pairs(names: tuple[str, ...], counts: Ints) -> tuple[Mistaken, ...]:
    classes, objects = counts[:-1, :-1].copy(), counts[:-1].sum(axis=1)
    np.fill_diagonal(classes, 0)
    places = [
        divmod(int(place), len(names))
        for place in np.argsort(-classes, axis=None, kind="stable")[:_MOST_PAIRS]
    ]
    return tuple(
        Mistaken(
            names[true],
            names[said],
            int(classes[true, said]),
            float(classes[true, said] / objects[true]),
        )
        for true, said in places
        if classes[true, said]
    )

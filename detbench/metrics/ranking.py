"""Ranking: several detectors in order, with ties where the images cannot tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.errors import DetbenchError
from detbench.metrics.intervals import CONFIDENCE, Interval, intervals, p_values
from detbench.metrics.multiplicity import holm
from detbench.metrics.resampled import Resampled


@dataclass(frozen=True)
class Place:
    """Where a detector stands."""

    name: str
    interval: Interval
    best_rank: int
    """1 + the number of detectors that are surely better."""
    worst_rank: int
    """The number of detectors less those that are surely worse."""
    tied_with: tuple[str, ...]
    """The detectors that it cannot be told from. Being tied does not pass on: a and b may be, and b and c, while a is better than c."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """D detectors by falling value."""

    places: tuple[Place, ...]
    differences: Floats
    """(D, D) value of the row's detector less the column's, in the order of `places`."""
    p: Floats
    """(D, D) of these differences, corrected by Holm for the number of pairs; 1 on the diagonal, NaN where it cannot be told."""
    confidence: float


def ranking(detectors: Sequence[Resampled], *, confidence: float = CONFIDENCE) -> Ranking:
    """Rank detectors by the overall value of one measure; a detector is surely better where the corrected p is at most 1 − confidence.

    Args:
        detectors: two or more, resampled in one call.
        confidence: that no pair at all is called wrongly.

    Raises:
        DetbenchError: fewer than two detectors, or one without a value.
        NotComparableError: they were not resampled together.
    """
    if len(detectors) < 2:
        raise DetbenchError(f"a ranking needs two detectors or more, got {len(detectors)}")
    if any(np.isnan(each.values[0]) for each in detectors):
        raise DetbenchError(f"{detectors[0].measure.name}: nothing to find, so that there is nothing to rank")
    ordered = sorted(detectors, key=lambda each: -each.values[0])
    differences, p = _pairs(ordered)
    better = (p <= 1 - confidence) & (differences > 0)
    return Ranking(tuple(_place(ordered, better, row, confidence) for row in range(len(ordered))), differences, p, confidence)


def _pairs(ordered: Sequence[Resampled]) -> tuple[Floats, Floats]:
    """Return all differences (D, D) and their corrected p (D, D)."""
    count = len(ordered)
    differences, p = np.zeros((count, count)), np.ones((count, count))
    pairs = list(combinations(range(count), 2))
    changes = [ordered[a].minus(ordered[b]) for a, b in pairs]
    corrected = holm(np.array([p_values(change)[0] for change in changes]))
    for (a, b), change, value in zip(pairs, changes, corrected, strict=True):
        differences[a, b], differences[b, a] = change.values[0], -change.values[0]
        p[a, b] = p[b, a] = value
    return differences, p


def _place(ordered: Sequence[Resampled], better: Flags, row: int, confidence: float) -> Place:
    tied = ~better[row] & ~better[:, row]
    return Place(
        name=ordered[row].name,
        interval=intervals(ordered[row], confidence=confidence)[0],
        best_rank=1 + int(better[:, row].sum()),
        worst_rank=len(ordered) - int(better[row].sum()),
        tied_with=tuple(other.name for n, other in enumerate(ordered) if tied[n] and n != row),
    )

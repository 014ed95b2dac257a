"""Ranking: several detectors in order, with ties where the images cannot tell them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import unit_count
from detbench.metrics.uncertainty.intervals import (
    CONFIDENCE,
    DIFFERENCE_METHOD,
    FEWEST_UNITS,
    Interval,
    intervals,
    p_values,
)
from detbench.metrics.uncertainty.multiple_testing import step_down
from detbench.metrics.uncertainty.replicates import Resampled, resample


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


class Pair(NamedTuple):
    """Two detectors; NaN where it cannot be told."""

    measure: str
    better: str
    worse: str
    difference: float
    low: float
    high: float
    """The ends of the interval of the difference by itself."""
    p: float
    """Corrected for the number of pairs."""
    told_apart: bool
    """Whether the better one is surely better."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """D detectors by falling value."""

    places: tuple[Place, ...]
    measure: str
    """What they are ranked by."""
    differences: Floats
    """(D, D) value of the row's detector less the column's, in the order of `places`."""
    intervals: Floats
    """(D, D, 2) the ends of the interval of each difference by itself; 0 on the diagonal, NaN where it cannot be told."""
    p: Floats
    """(D, D) of these differences, corrected for the number of pairs (`step_down`); 1 on the diagonal, NaN where it cannot be told."""
    confidence: float

    def pairs(self) -> Iterator[Pair]:
        """Yield each pair of detectors, the better one first."""
        for a, b in combinations(range(len(self.places)), 2):
            low, high = self.intervals[a, b].tolist()
            names = (self.places[a].name, self.places[b].name)
            p = float(self.p[a, b])
            yield Pair(
                self.measure,
                *names,
                float(self.differences[a, b]),
                low,
                high,
                p,
                p <= 1 - self.confidence,
            )


def paired(evaluations: Sequence[Evaluation]) -> list[Resampled]:
    """Return the headline measure of detectors over the same draws, for a ranking; empty where there is nothing to rank.

    That is: fewer than two detectors or two images (or groups of them), or no object to find.

    Raises:
        NotComparableError: the evaluations are of other ground truth or protocols.
    """
    first = evaluations[0]
    measure = first.protocol.measures[0]
    if (
        len(evaluations) < 2
        or unit_count(first.ground_truth) < FEWEST_UNITS
        or first.value(measure) is None
    ):
        return []
    return [found for [found] in resample(evaluations, [measure])]


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
        raise DetbenchError(
            f"{detectors[0].measure.name}: nothing to find, so that there is nothing to rank"
        )
    ordered = sorted(detectors, key=lambda each: -each.values[0])
    differences, ends, p = _pairs(ordered, confidence)
    better = (p <= 1 - confidence) & (differences > 0)
    places = tuple(_place(ordered, better, row, confidence) for row in range(len(ordered)))
    return Ranking(places, ordered[0].measure.name, differences, ends, p, confidence)


def _pairs(ordered: Sequence[Resampled], confidence: float) -> tuple[Floats, Floats, Floats]:
    """Return all differences (D, D), the ends of their intervals (D, D, 2), and their corrected p (D, D)."""
    count = len(ordered)
    differences, ends, p = (
        np.zeros((count, count)),
        np.zeros((count, count, 2)),
        np.ones((count, count)),
    )
    pairs = list(combinations(range(count), 2))
    changes = [ordered[a].minus(ordered[b]).overall for a, b in pairs]
    alone = np.array([p_values(change)[0] for change in changes])
    corrected = step_down(
        alone,
        np.array([each.values[0] for each in changes]),
        np.column_stack([each.drawn[:, 0] for each in changes]),
    )
    for (a, b), change, value in zip(pairs, changes, corrected, strict=True):
        found = intervals(change, confidence=confidence, method=DIFFERENCE_METHOD)[0]
        differences[a, b], differences[b, a] = found.estimate, -found.estimate
        ends[a, b], ends[b, a] = (found.low, found.high), (-found.high, -found.low)
        p[a, b] = p[b, a] = value
    return differences, ends, p


def _place(ordered: Sequence[Resampled], better: Flags, row: int, confidence: float) -> Place:
    tied = ~better[row] & ~better[:, row]
    return Place(
        name=ordered[row].name,
        interval=intervals(ordered[row].overall, confidence=confidence)[0],
        best_rank=1 + int(better[:, row].sum()),
        worst_rank=len(ordered) - int(better[row].sum()),
        tied_with=tuple(other.name for n, other in enumerate(ordered) if tied[n] and n != row),
    )

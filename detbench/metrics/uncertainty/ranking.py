"""Ranking: several detectors in order, with the range of ranks consistent with the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import MIN_CLUSTERS, cluster_count
from detbench.metrics.uncertainty.intervals import (
    CONFIDENCE,
    DIFFERENCE_METHOD,
    Interval,
    intervals,
    p_values,
)
from detbench.metrics.uncertainty.multiple_testing import step_down
from detbench.metrics.uncertainty.replicates import Replicates, resample


@dataclass(frozen=True)
class RankedDetector:
    """A detector and its range of ranks."""

    name: str
    interval: Interval
    best_rank: int
    """1 + the number of significantly better detectors."""
    worst_rank: int
    """The number of detectors − the number of significantly worse ones."""
    tied_with: tuple[str, ...]
    """The detectors without a significant difference. Ties are not transitive: a and b may be tied,
    and b and c, while a is significantly better than c."""


class RankedPair(NamedTuple):
    """Two detectors; NaN if there is no interval."""

    measure: str
    better: str
    worse: str
    difference: float
    low: float
    high: float
    """The interval of this difference alone."""
    p: float
    """Corrected for the number of pairs."""
    significant: bool
    """Whether p is at most 1 − the confidence of the ranking."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """D detectors by falling value."""

    detectors: tuple[RankedDetector, ...]
    measure: str
    """The measure by which they are ranked."""
    differences: Floats
    """(D, D) value of the row's detector − the column's, in the order of `detectors`."""
    intervals: Floats
    """(D, D, 2) the interval of each difference alone; 0 on the diagonal, NaN without interval."""
    p: Floats
    """(D, D) of these differences, corrected for the number of pairs (`step_down`); 1 on the
    diagonal, NaN without interval."""
    confidence: float

    def pairs(self) -> Iterator[RankedPair]:
        """Yield each pair of detectors, the better one first."""
        for a, b in combinations(range(len(self.detectors)), 2):
            low, high = self.intervals[a, b].tolist()
            p = float(self.p[a, b])
            yield RankedPair(
                measure=self.measure,
                better=self.detectors[a].name,
                worse=self.detectors[b].name,
                difference=float(self.differences[a, b]),
                low=low,
                high=high,
                p=p,
                significant=p <= 1 - self.confidence,
            )


def resample_for_ranking(evaluations: Sequence[Evaluation]) -> list[Replicates]:
    """Return the paired replicates of the headline measure, one per detector.

    Empty if there is nothing to rank: fewer than two detectors, fewer than two images (or groups of
    images), or no object to find.

    Raises:
        NotComparableError: the evaluations have different ground truth or protocols.
    """
    first = evaluations[0]
    measure = first.protocol.measures[0]
    if (
        len(evaluations) < 2
        or cluster_count(first.ground_truth) < MIN_CLUSTERS
        or first.value(measure) is None
    ):
        return []
    return [replicates for [replicates] in resample(evaluations, [measure])]


def ranking(detectors: Sequence[Replicates], *, confidence: float = CONFIDENCE) -> Ranking:
    """Rank detectors by the overall value of one measure.

    A difference is significant if its corrected p is at most 1 − confidence.

    Args:
        detectors: two or more, resampled in one call.
        confidence: that no pair at all is called significant by chance.

    Raises:
        DetbenchError: there are fewer than two detectors, or one has no value.
        NotComparableError: they were not resampled together.
    """
    if len(detectors) < 2:
        raise DetbenchError(f"a ranking needs at least two detectors, got {len(detectors)}")
    if any(np.isnan(replicates.values[0]) for replicates in detectors):
        raise DetbenchError(
            f"{detectors[0].measure.name} cannot be ranked: the ground truth has no objects to find"
        )
    ordered = sorted(detectors, key=lambda replicates: -replicates.values[0])
    differences, ends, p = _all_pairs(ordered, confidence)
    better = (p <= 1 - confidence) & (differences > 0)
    ranked = tuple(_ranked(ordered, better, row, confidence) for row in range(len(ordered)))
    return Ranking(ranked, ordered[0].measure.name, differences, ends, p, confidence)


def _all_pairs(ordered: Sequence[Replicates], confidence: float) -> tuple[Floats, Floats, Floats]:
    """Return all differences (D, D), their intervals (D, D, 2) and their corrected p (D, D)."""
    count = len(ordered)
    differences, ends = np.zeros((count, count)), np.zeros((count, count, 2))
    p = np.ones((count, count))
    pairs = list(combinations(range(count), 2))
    # Intervals are those of each pair alone, p-values are corrected for the number of pairs.
    changes = [ordered[a].minus(ordered[b]).overall for a, b in pairs]
    corrected = step_down(
        np.array([p_values(change)[0] for change in changes]),
        np.array([change.values[0] for change in changes]),
        np.column_stack([change.bootstrap[:, 0] for change in changes]),
    )
    for (a, b), change, pair_p in zip(pairs, changes, corrected, strict=True):
        interval = intervals(change, confidence=confidence, method=DIFFERENCE_METHOD)[0]
        differences[a, b], differences[b, a] = interval.estimate, -interval.estimate
        ends[a, b], ends[b, a] = (interval.low, interval.high), (-interval.high, -interval.low)
        p[a, b] = p[b, a] = pair_p
    return differences, ends, p


def _ranked(
    ordered: Sequence[Replicates], better: Flags, row: int, confidence: float
) -> RankedDetector:
    """Return one detector's range of ranks; `better` (D, D): is the row's significantly better?"""
    tied = ~better[row] & ~better[:, row]
    return RankedDetector(
        name=ordered[row].name,
        interval=intervals(ordered[row].overall, confidence=confidence)[0],
        best_rank=1 + int(better[:, row].sum()),
        worst_rank=len(ordered) - int(better[row].sum()),
        tied_with=tuple(other.name for n, other in enumerate(ordered) if tied[n] and n != row),
    )

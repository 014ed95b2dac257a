"""Warm-up: after how many samples a series of latencies has settled, found from the series itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.long_run import degrees_of_freedom, long_run_variance
from detbench.bench.latency.percentiles import Samples

_FEWEST = 20
_LEAST_CHANGE = 0.02
"""Of the median: what is less is not worth a sample."""
_CRITICAL = 4.5
"""Standard deviations of the largest of all rank sums: beyond what a settled series reaches in 1 of 100 cases (docs/latency.md)."""
_TOO_LATE = 0.9
"""A change in the last tenth may be a burst that passes; more samples will tell."""


@dataclass(frozen=True)
class Warmup:
    """What precedes the settled part of a series."""

    count: int
    """Samples to leave out from the beginning; at most half of the series."""
    settled: bool
    """Whether the level stays the same from the middle of the series on, or earlier."""


def settled_after(samples_ns: Samples) -> Warmup:
    """Return how many samples (ns, in order of time) precede the last change of level; fewer than 20 are not settled.

    Changes are looked for one after another, each in what follows the one before, so that a slow decay is followed to where it is lost in
    the noise. First of all go the samples that are longer than any of the second half.
    """
    values = np.asarray(samples_ns, np.float64)
    half = len(values) // 2
    if len(values) < _FEWEST:
        return Warmup(0, False)
    longest = max(values[half:].max(), (1 + _LEAST_CHANGE) * np.median(values[half:]))
    count = int(np.argmax(values <= longest))
    while count <= half and (change := _change(values[count:])):
        count += change
    return Warmup(min(count, half), count <= half)


def _change(values: NDArray[np.float64]) -> int:
    """Return the place of the most significant change of level, 0 where there is none.

    The sum of ranks before each place is compared with what it would be in a settled series (Wilcoxon's test for a change point, Dehling,
    Fried and Wendler 2020), weighted so that early changes count, with the long-run variance of the ranks around both levels.
    """
    count = len(values)
    if count < _FEWEST:
        return 0
    ranks = _ranks(values)
    before = np.arange(1, int(count * _TOO_LATE) + 1)
    sums = np.cumsum(ranks - ranks.mean())[: len(before)] / np.sqrt(before * (1 - before / count))
    place = int(np.argmax(np.abs(sums))) + 1
    first, second = ranks[:place], ranks[place:]
    around = np.concatenate([first - first.mean(), second - second.mean()])
    spread = np.sqrt(long_run_variance(around, 2 * degrees_of_freedom(count)))
    level = np.median(values[place:])
    changed = (
        abs(sums[place - 1]) > _CRITICAL * spread
        and abs(np.median(values[:place]) - level) > _LEAST_CHANGE * level
    )
    return place if changed else 0


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks as shares (0..1); equal values, of which a coarse clock makes many, share the middle of theirs."""
    _, place, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(sizes) - sizes / 2)[place] / len(values))

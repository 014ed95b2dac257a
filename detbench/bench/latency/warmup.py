"""Warm-up: after how many samples a series of latencies has settled, found from the series itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.long_run import long_run_variance
from detbench.bench.latency.percentiles import Samples

_LEAST_CHANGE = 0.01
_CRITICAL = 4.5
_FEWEST = 20


@dataclass(frozen=True)
class Warmup:
    """What precedes the settled part of a series."""

    count: int
    """Samples to leave out from the beginning."""
    settled: bool
    """Whether the level stays the same after them, over at least half of the series."""


def settled_after(samples_ns: Samples) -> Warmup:
    """Return how many samples (ns, in order of time) lie before the last change of level."""
    count = 0
    while (change := _change(np.asarray(samples_ns[count:], np.float64))) > 0:
        count += change
    if count > len(samples_ns) // 2:
        return Warmup(len(samples_ns) // 2, False)
    return Warmup(count, len(samples_ns) - count >= _FEWEST)


def _change(values: NDArray[np.float64]) -> int:
    """Return the place of the most significant change of level, 0 where there is none."""
    count = len(values)
    if count < _FEWEST:
        return 0
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable") / count
    sums = np.cumsum(ranks - ranks.mean())[:-1]
    before = np.arange(1, count)
    place = int(np.argmax(np.abs(sums) / np.sqrt(before * (1 - before / count)))) + 1
    residual = ranks - np.where(np.arange(count) < place, ranks[:place].mean(), ranks[place:].mean())
    spread = np.sqrt(max(long_run_variance(residual), 1e-12) * place * (1 - place / count))
    level = np.median(values[place:])
    if abs(sums[place - 1]) < _CRITICAL * spread or abs(np.median(values[:place]) - level) < _LEAST_CHANGE * level:
        return 0
    return place

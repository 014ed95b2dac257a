"""Percentiles of latency samples, with intervals that stay honest when samples are autocorrelated."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.long_run import degrees_of_freedom, long_run_variance, student_quantile

Samples = NDArray[np.int64] | NDArray[np.float64]


def percentile(samples_ns: Samples, q: float) -> float:
    """Return the q-th percentile (0..100), linear between order statistics (Hyndman and Fan's type 7, numpy's default), in ns."""
    return float(np.percentile(samples_ns, q))


def samples_needed(q: float, confidence: float = 0.95) -> int:
    """Return how many independent samples an interval of the q-th percentile needs at least: with fewer, the extreme sample is no bound.

    368 for p99 at 95 %, 72 for p95, 36 for p90, 6 for p50.
    """
    share = max(q, 100 - q) / 100
    return math.ceil(math.log((1 - confidence) / 2) / math.log(share))


def interval(samples_ns: Samples, q: float, *, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of the q-th percentile (0 < q < 100) in ns.

    Args:
        samples_ns: in order of time, shape (n,).
        q: which percentile.
        confidence: how often the interval holds the true percentile, 0..1.

    Returns:
        The low and high end, or None where the samples tell too little (`samples_needed`, counted in independent samples).
    """
    count, share = len(samples_ns), q / 100
    needed = samples_needed(q, confidence)
    if count < needed:
        return None
    below = (samples_ns <= percentile(samples_ns, q)).astype(np.float64)
    inflation = max(long_run_variance(below) / (share * (1 - share)), 1.0)
    if count / inflation < needed:
        return None
    return _between(np.sort(np.asarray(samples_ns, np.float64)), share, inflation, confidence)


def _between(ordered: NDArray[np.float64], share: float, inflation: float, confidence: float) -> tuple[float, float]:
    """Return the order statistics between which the percentile lies, their ranks by the Cornish-Fisher expansion of the count below it."""
    count = len(ordered)
    t = student_quantile((1 + confidence) / 2, degrees_of_freedom(count))
    spread = t * math.sqrt(count * share * (1 - share) * inflation)
    centre = count * share - 0.5 + inflation * (1 - 2 * share) * (t * t - 1) / 6
    low, high = np.interp([centre - spread, centre + spread], np.arange(count), ordered)
    return float(low), float(high)

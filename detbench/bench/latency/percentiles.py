"""Percentiles of latency samples, with intervals that stay honest when samples are autocorrelated.

The interval lies between two order statistics. Their ranks come from the number of samples below the true percentile, whose variance is
that of n independent ones times an inflation, measured from the series of "this sample is not above the percentile". Unlike a block
bootstrap it needs no random numbers, costs one sort and one Fourier transform, and holds the true percentile as often as it says.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.long_run import degrees_of_freedom, long_run_variance
from detbench.metrics.uncertainty.student_t import student_quantile

Samples = NDArray[np.int64] | NDArray[np.float64]

_LEAST_INFLATION = 0.9
"""Series whose samples alternate are not trusted beyond this; without a bound, stopping picks the series whose spread is underestimated."""


def percentile(samples_ns: Samples, q: float) -> float:
    """Return the q-th percentile (0..100), linear between order statistics (Hyndman and Fan's type 7, numpy's default), in ns."""
    return float(np.percentile(samples_ns, q))


def samples_needed(q: float, confidence: float = 0.95) -> int:
    """Return how many independent samples an interval of the q-th percentile takes at least: of fewer, even the extreme is no bound.

    368 for p99 at 95 %, 72 for p95, 36 for p90, 6 for p50.
    """
    share = max(q, 100 - q) / 100
    return math.ceil(math.log((1 - confidence) / 2) / math.log(share))


def interval(
    samples_ns: Samples, q: float, *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of the q-th percentile (0 < q < 100) in ns.

    Args:
        samples_ns: in order of time, shape (n,).
        q: which percentile.
        confidence: how often the interval holds the true percentile, 0..1.

    Returns:
        The low and high end, or None where the samples tell too little (`samples_needed`, counted in independent samples).
    """
    count, share, needed = len(samples_ns), q / 100, samples_needed(q, confidence)
    if count < needed:
        return None
    inflation = _inflation(samples_ns, percentile(samples_ns, q))
    if count / inflation < needed:
        return None
    low, high = _ranks(count, share, inflation, confidence)
    ends = np.interp([low, high], np.arange(count), np.sort(samples_ns))
    return float(ends[0]), float(ends[1])


def _inflation(samples_ns: Samples, level: float) -> float:
    """Return the long-run variance of "not above the level" as a multiple of its variance; samples at the level count half."""
    below = ((samples_ns < level).astype(np.float64) + (samples_ns <= level)) / 2
    variance = float(below.var())
    return (
        max(long_run_variance(below, degrees_of_freedom(len(below))) / variance, _LEAST_INFLATION)
        if variance
        else 1.0
    )


def _ranks(count: int, share: float, inflation: float, confidence: float) -> tuple[float, float]:
    """Return the ranks (from 0, fractional) of the ends: the binomial's Cornish-Fisher quantiles, with Student's t for the normal.

    The inflation is known the less, the fewer clusters of samples lie beyond the percentile, and t has the fewer degrees of freedom
    (1.5 a cluster: the variance of a sum of squared sizes that are geometric).
    """
    clusters = count * min(share, 1 - share) / max(inflation, 1.0)
    freedom = 1 / (1 / degrees_of_freedom(count) + 1.5 * max(1 - 1 / inflation, 0.0) / clusters)
    t = student_quantile((1 + confidence) / 2, freedom)
    spread = t * math.sqrt(count * share * (1 - share) * inflation)
    centre = count * share - 0.5 + (1 - 2 * share) * (t * t - 1) / 6
    return centre - spread, centre + spread

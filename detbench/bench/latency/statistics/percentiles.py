"""Percentiles of latency samples, with confidence intervals that account for autocorrelation.

An interval lies between two order statistics. Their ranks follow from the number of samples below
the true percentile. For n independent samples that number is binomial. For autocorrelated samples
its variance is larger by a factor, the inflation, which is estimated from the series of indicators
"this sample is not above the percentile".

A block bootstrap would need random numbers and hundreds of resamples. This method needs one sort
and one Fourier transform, and its intervals hold the true percentile as often as they claim
(docs/latency-statistics.md).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.statistics.long_run_variance import (
    degrees_of_freedom,
    long_run_variance,
)
from detbench.metrics.uncertainty.student_t import student_t_quantile

Samples = NDArray[np.int64] | NDArray[np.float64]

_MIN_INFLATION = 0.9
"""Lower bound of the inflation, for series that alternate. Without it, the stopping rule would pick
series whose variance is underestimated."""
_FREEDOM_LOST_PER_CLUSTER = 1.5
"""The variance of a sum of squared cluster sizes, if the sizes are geometric."""


def percentile(samples_ns: Samples, q: float) -> float:
    """Return the q-th percentile (0..100) in ns, median-unbiased.

    This is type 8 of Hyndman and Fan, "Sample quantiles in statistical packages", 1996, which they
    recommend. numpy's default, type 7, is too low in the tail of a short series: p99 of 100 samples
    by 2% if samples vary by 10%. The mean over processes keeps that error, however many there are,
    so that an interval over processes would miss the true value (docs/latency-statistics.md).
    """
    return float(np.percentile(samples_ns, q, method="median_unbiased"))


def samples_needed(q: float, confidence: float = 0.95) -> int:
    """Return how many independent samples an interval of the q-th percentile needs at least.

    With fewer, even the most extreme sample is no bound at this confidence: 368 samples for p99 at
    95%, 72 for p95, 36 for p90 and 6 for p50.
    """
    share = max(q, 100 - q) / 100
    return math.ceil(math.log((1 - confidence) / 2) / math.log(share))


def percentile_interval(
    samples_ns: Samples, q: float, *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the confidence interval of the q-th percentile in ns.

    Args:
        samples_ns: (n,) in order of time.
        q: The percentile, 0 < q < 100.
        confidence: How often the interval holds the true percentile, 0..1.

    Returns:
        The low and the high end, or None if there are too few samples (see `samples_needed`, which
        counts independent samples).
    """
    count, share = len(samples_ns), q / 100
    min_count = samples_needed(q, confidence)
    if count < min_count:
        return None
    inflation = _inflation(samples_ns, float(np.percentile(samples_ns, q)))
    # n autocorrelated samples are worth n / inflation independent ones.
    if count / inflation < min_count:
        return None
    low_rank, high_rank = _ranks(count, share, inflation, confidence)
    ends = np.interp([low_rank, high_rank], np.arange(count), np.sort(samples_ns))
    return float(ends[0]), float(ends[1])


def _inflation(samples_ns: Samples, level: float) -> float:
    """Return the long-run variance of "not above the level" over its plain variance.

    Samples exactly at the level count half, so that a coarse clock does not distort the ratio.
    """
    below = ((samples_ns < level).astype(np.float64) + (samples_ns <= level)) / 2
    variance = float(below.var())
    if not variance:
        return 1.0
    long_run = long_run_variance(below, degrees_of_freedom(len(below)))
    return max(long_run / variance, _MIN_INFLATION)


def _ranks(count: int, share: float, inflation: float, confidence: float) -> tuple[float, float]:
    """Return the ranks (from 0, fractional) between which the interval lies.

    They are the Cornish-Fisher quantiles of the binomial distribution with an inflated variance.
    """
    # Student's t replaces the normal quantile because the inflation is estimated. It is estimated
    # less well if few clusters of samples lie beyond the percentile, which costs more degrees of
    # freedom.
    clusters = count * min(share, 1 - share) / max(inflation, 1.0)
    lost = _FREEDOM_LOST_PER_CLUSTER * max(1 - 1 / inflation, 0.0) / clusters
    freedom = 1 / (1 / degrees_of_freedom(count) + lost)
    t = student_t_quantile((1 + confidence) / 2, freedom)

    # Mean and standard deviation of the number of samples below the true percentile.
    spread = t * math.sqrt(count * share * (1 - share) * inflation)
    # First Cornish-Fisher term: the binomial distribution is skewed for percentiles in the tail.
    skew = (1 - 2 * share) * (t * t - 1) / 6
    center = count * share - 0.5 + skew
    return center - spread, center + spread

"""Long-run variance: the variance of the mean of an autocorrelated series, times its length.

Latency samples are autocorrelated: background load comes in bursts, clocks change, allocators clean
up. The mean of n such samples therefore varies more than the mean of n independent ones.

The estimator is the equal-weighted cosine (EWC) estimator of Lazarus, Lewis, Stock and Watson, "HAR
inference: recommendations for practice", Journal of Business & Economic Statistics 36, 2018. It
averages the first ν squared cosine coefficients of the series, so that Student's t with ν degrees
of freedom replaces the normal distribution in intervals.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.uncertainty.student_t import student_t_quantile

_MIN_FREQUENCIES = 8
_FREQUENCY_FACTOR = 0.15
"""The authors recommend 0.4 n^(2/3) frequencies. Latencies are correlated over longer times than
their macroeconomic series, so fewer and lower frequencies are used here."""


def degrees_of_freedom(count: int) -> int:
    """Return ν, the number of cosine frequencies to average, for a series of `count` samples."""
    frequencies = round(_FREQUENCY_FACTOR * math.pow(count, 2 / 3))
    return min(max(_MIN_FREQUENCIES, frequencies), max(count - 1, 1))


def long_run_variance(values: NDArray[np.float64], frequencies: int) -> float:
    """Return the variance of the mean of `values`, times their number.

    Args:
        values: (n,) in order of time, n >= 2.
        frequencies: The number of cosine coefficients to average, see `degrees_of_freedom`.
    """
    count = len(values)
    # Coefficient 0 is the mean itself and says nothing about how the mean varies.
    coefficients = _cosine_transform(values - values.mean())[1 : frequencies + 1]
    return float(2.0 / count * np.mean(coefficients**2))


def series_mean_interval(
    values: NDArray[np.int64] | NDArray[np.float64], *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of the mean of an autocorrelated series; None if it is too short.

    Args:
        values: (n,) in order of time.
        confidence: How often the interval holds the true mean, 0..1.
    """
    count = len(values)
    freedom = degrees_of_freedom(count)
    if count <= freedom:
        return None
    error = math.sqrt(long_run_variance(values.astype(np.float64), freedom) / count)
    margin = student_t_quantile((1 + confidence) / 2, freedom) * error
    center = float(values.mean())
    return center - margin, center + margin


def _cosine_transform(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Σ_t values[t] cos(π j (t + ½) / n) for j = 0..n-1, the unnormalized DCT-II.

    Computed by one FFT: even samples forwards, then odd samples backwards, then a phase shift
    (Makhoul, "A fast cosine transform in one and two dimensions", 1980).
    """
    count = len(values)
    reordered = np.concatenate([values[::2], values[1::2][::-1]])
    transformed = np.fft.fft(reordered)
    phase_shift = np.exp(-0.5j * np.pi * np.arange(count) / count)
    return np.asarray((transformed * phase_shift).real)

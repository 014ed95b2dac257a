"""Long-run variance: how much the mean of an autocorrelated series spreads.

Latency samples are autocorrelated (bursts of other load, clock changes, allocators), so that n of them tell less than n independent ones.
The estimator is the equal-weighted cosine one of Lazarus, Lewis, Stock and Watson (2018), "HAR inference: recommendations for practice",
Journal of Business & Economic Statistics 36: the mean of the first ν squared cosine coefficients, which leaves ν degrees of freedom.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_FEWEST_FREQUENCIES = 8


def degrees_of_freedom(count: int) -> int:
    """Return ν for a series of `count` samples: fewer than the authors' .4 n^(2/3), for latencies are correlated over longer times."""
    return min(max(_FEWEST_FREQUENCIES, round(0.15 * math.pow(count, 2 / 3))), max(count - 1, 1))


def long_run_variance(values: NDArray[np.float64], frequencies: int) -> float:
    """Return the variance of the mean of `values` (in order of time; at least 2) times their number, from so many frequencies."""
    count = len(values)
    coefficients = _cosine_transform(values - values.mean())[1 : frequencies + 1]
    return float(2.0 / count * np.mean(coefficients**2))


def _cosine_transform(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Σ values[t] cos(π j (t + ½) / n) for j = 0..n-1, by one FFT of half-reordered values (Makhoul 1980)."""
    count = len(values)
    transformed = np.fft.fft(np.concatenate([values[::2], values[1::2][::-1]]))
    return np.asarray((transformed * np.exp(-0.5j * np.pi * np.arange(count) / count)).real)

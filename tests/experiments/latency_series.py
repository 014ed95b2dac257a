"""Simulated latencies: distributions with known percentiles, and autocorrelated series of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NORMAL = NormalDist()
GRID = np.concatenate([np.linspace(-5, -2, 300, endpoint=False), np.linspace(-2, 5, 4001)])
LEVELS = np.array([NORMAL.cdf(z) for z in GRID])


def lognormal(probability: float) -> float:
    """Return a quantile of about 1 ms with a spread of 10%, in ns."""
    return 1e6 * math.exp(0.1 * NORMAL.inv_cdf(probability))


def gamma(probability: float) -> float:
    """Return a quantile of .5 ms + a gamma of shape 4 and mean .5 ms, in ns."""
    return 5e5 + 1.25e5 * _inverse(
        lambda x: 1 - math.exp(-x) * sum(x**k / math.factorial(k) for k in range(4)),
        probability,
        0,
        100,
    )


def bimodal(probability: float) -> float:
    """Return a quantile in ns of two modes, 1 and 1.25 ms (30%), with 2% of outliers."""
    fast, slow = NormalDist(1, 0.03), NormalDist(1.25, 0.04)

    def below(x: float) -> float:
        return 0.68 * fast.cdf(x) + 0.3 * slow.cdf(x) + 0.02 * (1 - math.exp(-max(x - 1, 0) / 1.0))

    return 1e6 * _inverse(below, probability, 0, 100)


def _inverse(rising: Callable[[float], float], value: float, low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2


def autoregressive(rng: np.random.Generator, correlation: float, series: int, count: int) -> Array:
    """Return standard normal values (series, count), each correlated with its predecessor."""
    shocks = rng.normal(size=(count, series))
    if correlation:
        fresh = math.sqrt(1 - correlation**2)
        for now in range(1, count):
            shocks[now] = correlation * shocks[now - 1] + fresh * shocks[now]
    return shocks.T


def switching(rng: np.random.Generator, stay: float, series: int, count: int) -> Array:
    """Return standard normal values (series, count) whose upper fifth comes in bursts.

    The mean length of a burst is 1 / (1 - stay) samples.
    """
    enter = (1 - stay) / 4
    uniform, inside = rng.random((count, series)), rng.random((count, series))
    high = np.empty((count, series), bool)
    high[0] = uniform[0] < 0.2
    for now in range(1, count):
        high[now] = uniform[now] < np.where(high[now - 1], stay, enter)
    return np.interp(np.where(high, 0.8 + 0.2 * inside, 0.8 * inside), LEVELS, GRID).T


DEPENDENCE: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "independent": lambda rng, series, count: autoregressive(rng, 0.0, series, count),
    "AR(1) .5": lambda rng, series, count: autoregressive(rng, 0.5, series, count),
    "AR(1) .9": lambda rng, series, count: autoregressive(rng, 0.9, series, count),
    "bursts of 20": lambda rng, series, count: switching(rng, 0.95, series, count),
}
"""Kinds of dependence, as functions of generator, number of series and number of samples."""

"""Long-run variance: against its definition and formulas of known processes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.bench.latency.statistics.long_run_variance import (
    degrees_of_freedom,
    long_run_variance,
)


def slow_variance(values: list[float], frequencies: int) -> float:
    """Return the mean of the squared cosine coefficients by loops over the definition."""
    count, mean = len(values), sum(values) / len(values)
    squares = []
    for j in range(1, frequencies + 1):
        coefficient = sum(
            (value - mean) * math.cos(math.pi * j * (t + 0.5) / count)
            for t, value in enumerate(values)
        )
        squares.append(2 / count * coefficient**2)
    return sum(squares) / frequencies


@pytest.mark.parametrize("count", [20, 101, 256])
def test_it_is_the_mean_of_squared_cosine_coefficients(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert long_run_variance(values, 12) == pytest.approx(
        slow_variance(values.tolist(), 12), rel=1e-10
    )


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, -0.5])
def test_it_is_known_for_autoregressive_series(correlation: float) -> None:
    shocks = np.random.default_rng(0).normal(size=200_000)
    values = shocks.tolist()
    for t in range(1, len(values)):
        values[t] += correlation * values[t - 1]
    assert long_run_variance(np.array(values), degrees_of_freedom(len(values))) == pytest.approx(
        1 / (1 - correlation) ** 2, rel=0.12
    )


def test_a_constant_series_has_variance_0() -> None:
    assert long_run_variance(np.full(50, 3.0), 8) == 0

"""Percentiles: against known quantiles, binomial sums and a plain block bootstrap."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from detbench.bench.latency.statistics.percentiles import (
    percentile,
    percentile_interval,
    samples_needed,
)

Array = NDArray[np.float64]


def series(rng: np.random.Generator, count: int, correlation: float = 0.0) -> Array:
    """Return (count,) latencies in ns of about 1 ms with a spread of 10%, autocorrelated."""
    normal = rng.normal(size=count).tolist()
    for t in range(1, count):
        shock = math.sqrt(1 - correlation**2) * normal[t]
        normal[t] = correlation * normal[t - 1] + shock
    return 1e6 * np.exp(0.1 * np.array(normal))


def true_percentile(q: float) -> float:
    return 1e6 * math.exp(0.1 * NormalDist().inv_cdf(q / 100))


def block_bootstrap(
    samples: Array, q: float, block: int, rng: np.random.Generator, repeats: int = 400
) -> tuple[float, float]:
    """Return the percentile interval of a circular block bootstrap, built block by block."""
    doubled, replicates = np.concatenate([samples, samples]), []
    for _ in range(repeats):
        starts = rng.integers(0, len(samples), len(samples) // block)
        resample = np.concatenate([doubled[start : start + block] for start in starts])
        replicates.append(np.percentile(resample, q))
    low, high = np.percentile(replicates, [2.5, 97.5])
    return float(low), float(high)


def test_percentiles_lie_between_the_samples_beside_them() -> None:
    samples = np.array([40, 10, 30, 20])
    assert [percentile(samples, q) for q in (0, 50, 100)] == [10, 25, 40]
    # Rank (n + 1/3) q + 1/3, from 1: here 4 1/3 · 0.7 + 1/3 = 3.3667.
    assert percentile(samples, 70) == pytest.approx(33.667, abs=1e-3)


@pytest.mark.parametrize("q", [50, 90, 99])
def test_percentiles_of_short_series_are_as_often_too_low_as_too_high(q: float) -> None:
    rng = np.random.default_rng(int(q))
    below = [percentile(series(rng, 100), q) < true_percentile(q) for _ in range(2000)]
    assert np.mean(below) == pytest.approx(0.5, abs=0.035)


@pytest.mark.parametrize(("q", "needed"), [(99, 368), (95, 72), (90, 36), (50, 6), (1, 368)])
def test_as_many_samples_are_needed_as_bring_one_beyond_the_percentile(
    q: float, needed: int
) -> None:
    assert samples_needed(q) == needed
    beyond = 1 - max(q, 100 - q) / 100
    assert 1 - (1 - beyond) ** needed >= 0.975 > 1 - (1 - beyond) ** (needed - 1)


def test_too_few_samples_have_no_interval() -> None:
    samples = series(np.random.default_rng(0), 367)
    assert percentile_interval(samples, 99) is None
    assert percentile_interval(samples, 90) is not None
    assert percentile_interval(samples[:0], 50) is None


def test_strongly_autocorrelated_samples_have_no_interval() -> None:
    slow = np.repeat(series(np.random.default_rng(0), 30), 50)
    assert len(slow) > samples_needed(99)
    assert percentile_interval(slow, 99) is None


@pytest.mark.parametrize("q", [50.0, 90.0, 99.0])
def test_of_independent_samples_the_ends_are_those_of_the_binomial(q: float) -> None:
    """Compares mean ranks of the ends over many series with exact ranks of the binomial."""
    count, share, rng = 2000, q / 100, np.random.default_rng(1)
    ranks = []
    for _ in range(200):
        samples = rng.random(count)
        interval = percentile_interval(samples, q)
        assert interval is not None
        ranks.append([np.mean(np.sort(samples) <= end) * count for end in interval])
    logs = [
        math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        for k in range(count + 1)
    ]
    probabilities = [
        math.exp(log + k * math.log(share) + (count - k) * math.log1p(-share))
        for k, log in enumerate(logs)
    ]
    exact = np.interp(
        [0.025, 0.975], np.cumsum(probabilities) - np.array(probabilities) / 2, np.arange(count + 1)
    )
    widths = [high - low for low, high in ranks]
    assert np.mean(widths) == pytest.approx(exact[1] - exact[0], rel=0.12)
    assert np.mean(ranks) == pytest.approx(
        exact.mean(), abs=0.2 * math.sqrt(count * share * (1 - share))
    )


@pytest.mark.parametrize(
    ("q", "correlation"), [(50, 0.0), (90, 0.0), (99, 0.0), (50, 0.8), (90, 0.8)]
)
def test_the_interval_covers_the_true_percentile_as_often_as_claimed(
    q: float, correlation: float
) -> None:
    rng, covered = np.random.default_rng([int(q), int(10 * abs(correlation))]), []
    for _ in range(400):
        interval = percentile_interval(series(rng, 1000, correlation), q)
        assert interval is not None
        covered.append(interval[0] <= true_percentile(q) <= interval[1])
    assert 0.915 <= np.mean(covered) <= 0.985


def test_it_is_as_wide_as_that_of_a_block_bootstrap() -> None:
    rng = np.random.default_rng(5)
    samples = series(rng, 8000, 0.8)
    interval, other = percentile_interval(samples, 90), block_bootstrap(samples, 90, 100, rng)
    assert interval is not None
    assert interval[1] - interval[0] == pytest.approx(other[1] - other[0], rel=0.25)
    assert interval[0] < np.mean(other) < interval[1]


def test_higher_confidence_is_wider_and_holds_the_lower() -> None:
    samples = series(np.random.default_rng(2), 1000)
    wide, narrow = (
        percentile_interval(samples, 90, confidence=0.99),
        percentile_interval(samples, 90, confidence=0.8),
    )
    assert wide is not None
    assert narrow is not None
    assert wide[0] < narrow[0] < percentile(samples, 90) < narrow[1] < wide[1]


def test_equal_samples_have_an_interval_without_width() -> None:
    assert percentile_interval(np.full(100, 7), 50) == (7.0, 7.0)


def test_samples_are_not_changed() -> None:
    samples = np.random.default_rng(3).integers(1, 1000, 500)
    before = samples.copy()
    percentile_interval(samples, 90)
    np.testing.assert_array_equal(samples, before)

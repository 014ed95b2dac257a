"""Statistics over processes: against printed quantiles, plain loops and simulated processes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from detbench.bench.latency.statistics.comparison import compare_processes
from detbench.bench.latency.statistics.processes import (
    geometric_interval,
    geometric_mean,
    mean_interval,
    modes,
    noise_reasons,
)

T_975 = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262}
"""Two-sided 95% quantiles of Student's t by degrees of freedom, as printed in every textbook."""


def processes(
    seed: int, count: int, spread: float = 0.01, slow: int = 0, change: float = 0.0
) -> NDArray[np.float64]:
    """Return (2000, count) figures of processes in ms, of which `slow` are in a slower mode."""
    figures = 1.36 * np.exp(spread * np.random.default_rng(seed).normal(size=(2000, count)))
    figures[:, :slow] *= 1 + change
    return figures


def share_with_modes(figures: NDArray[np.float64]) -> float:
    return float(np.mean([modes(row.tolist()) is not None for row in figures]))


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_the_interval_is_that_of_the_textbook(count: int) -> None:
    values = np.random.default_rng(count).normal(3, 0.1, count).tolist()
    mean = sum(values) / count
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    margin = T_975[count - 1] * math.sqrt(variance / count)
    assert mean_interval(values) == pytest.approx((mean - margin, mean + margin), abs=margin * 1e-3)


@pytest.mark.parametrize("values", [[], [1.0]])
def test_a_single_process_has_no_interval(values: list[float]) -> None:
    assert mean_interval(values) is None


def test_higher_confidence_is_wider() -> None:
    narrow, wide = (mean_interval([1, 2, 3], confidence=share) for share in (0.8, 0.99))
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < 2 < narrow[1] < wide[1]


def test_the_geometric_interval_is_that_of_the_logarithms() -> None:
    values = [2.0, 2.5, 2.2, 3.1, 2.4]
    center = math.prod(values) ** (1 / 5)
    variance = sum(math.log(value / center) ** 2 for value in values) / 4
    factor = math.exp(T_975[4] * math.sqrt(variance / 5))
    assert geometric_mean(values) == pytest.approx(center)
    assert geometric_interval(values) == pytest.approx((center / factor, center * factor), rel=1e-4)


@pytest.mark.parametrize(("spread", "drift"), [(0.003, 0.01), (0.01, 0.01), (0.01, 0.02)])
def test_intervals_hold_from_one_measurement_to_the_next(spread: float, drift: float) -> None:
    rng = np.random.default_rng(3)
    measurements = np.exp(drift * rng.normal(size=(2000, 1)) + spread * rng.normal(size=(2000, 5)))
    intervals = [geometric_interval(row.tolist(), drift=drift) for row in measurements]
    held = [low <= 1 <= high for low, high in filter(None, intervals)]
    assert len(held) == 2000
    assert 0.94 <= np.mean(held) <= 0.985
    without_drift = [geometric_interval(row.tolist()) for row in measurements]
    assert np.mean([low <= 1 <= high for low, high in filter(None, without_drift)]) < 0.9


def test_figures_and_comparisons_have_the_same_ratio() -> None:
    a, b = [1.0, 1.2, 1.1], [2.5, 2.0, 2.2]
    assert compare_processes(a, b).ratio == pytest.approx(geometric_mean(b) / geometric_mean(a))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 0.0]])
def test_without_two_figures_above_0_there_is_no_geometric_interval(values: list[float]) -> None:
    assert geometric_interval(values) is None


def test_the_figure_of_one_process_is_its_own() -> None:
    assert geometric_mean([0.1 + 0.2]) == 0.1 + 0.2
    assert geometric_mean([1.0, 0.0]) == 0


@pytest.mark.parametrize("count", [5, 10])
@pytest.mark.parametrize("spread", [0.003, 0.01, 0.02])
def test_a_single_cluster_has_no_modes(count: int, spread: float) -> None:
    assert share_with_modes(processes(count, count, spread)) <= 0.025


@pytest.mark.parametrize(("count", "slow"), [(5, 1), (5, 2), (5, 4), (8, 1), (10, 5), (10, 9)])
def test_modes_that_differ_by_a_tenth_are_named(count: int, slow: int) -> None:
    assert share_with_modes(processes(count, count, 0.01, slow, 0.1)) >= 0.93


@pytest.mark.parametrize("spread", [0.003, 0.02])
def test_modes_are_named_whatever_the_spread_within_them(spread: float) -> None:
    change = 0.05 if spread < 0.01 else 0.3
    assert share_with_modes(processes(0, 6, spread, 3, change)) >= 0.9


def test_modes_say_how_many_processes_they_hold_and_where() -> None:
    fast, slow = modes([2.50, 1.36, 1.35, 2.54, 1.37]) or pytest.fail("no modes")
    assert (fast.count, slow.count) == (3, 2)
    assert (fast.center, slow.center) == pytest.approx((1.36, 2.52))


def test_one_far_process_is_a_mode() -> None:
    fast, slow = modes([1.36, 1.35, 2.5, 1.37, 1.36]) or pytest.fail("no modes")
    assert (fast.count, slow.count, slow.center) == (4, 1, 2.5)


def test_modes_do_not_depend_on_the_unit() -> None:
    for row in processes(3, 5, 0.01, 2, 0.06)[:200]:
        ms, ns = modes(row.tolist()), modes((row * 1e6).tolist())
        assert (ms is None) == (ns is None)
        if ms and ns:
            assert [one.count for one in ms] == [one.count for one in ns]


@pytest.mark.parametrize(
    "values",
    [[], [1.0], [1.0, 2.0], [1.0] * 5, [1.0, 1.0, 1.0, 1.02, 1.02], [100, 100, 100, 102, 102]],
)
def test_few_processes_and_small_differences_have_no_modes(values: list[float]) -> None:
    assert modes(values) is None


def test_equal_figures_within_modes_are_no_problem() -> None:
    fast, slow = modes([5, 4, 4, 5, 5]) or pytest.fail("no modes")
    assert ((fast.count, fast.center), (slow.count, slow.center)) == ((2, 4), (3, 5))


def test_intervals_that_are_too_wide_are_reasons() -> None:
    noisy, calm = [1.0, 1.05, 0.95, 1.02, 0.98], [1.0, 1.001, 0.999, 1.002, 0.998]
    reasons = noise_reasons({50: noisy, 90: calm})
    low, high = geometric_interval(noisy) or pytest.fail("no interval")
    width = f"{(high - low) / geometric_mean(noisy):.1%} wide, more than 5.0%"
    assert reasons == [f"too noisy: the interval of p50 over 5 processes is {width}"]
    assert noise_reasons({50: calm, 90: calm}) == []


def test_tail_percentiles_may_be_twice_as_wide() -> None:
    values = [1.0, 1.03, 0.97, 1.01, 0.99]
    low, high = mean_interval(values) or pytest.fail("no interval")
    assert 0.05 < high - low < 0.10
    assert noise_reasons({90: values, 99: values}) == []
    assert len(noise_reasons({50: values, 90: [10 * v**2 for v in values]})) == 2


def test_a_single_process_is_not_judged() -> None:
    assert noise_reasons({50: [1.0], 90: []}) == []

"""Comparison: against textbook formulas, all sign patterns, printed tables and simulations."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from detbench.bench.latency.statistics.comparison import (
    Comparison,
    compare_processes,
    compare_rounds,
)
from detbench.errors import DetbenchError

Rounds = list[NDArray[np.float64]]


def single(logs: list[float]) -> Comparison:
    """Return the comparison of rounds of one sample each, with these logarithms of the ratio."""
    return compare_rounds(
        [np.array([1e6])] * len(logs), [np.array([1e6 * math.exp(log)]) for log in logs]
    )


def signed_rank_p(logs: list[float], shift: float) -> float:
    """Return the two-sided p of the signed-rank test by enumerating every pattern of signs."""
    shifted = [log - shift for log in logs]
    ranks = [1 + sum(abs(other) < abs(log) for other in shifted) for log in shifted]
    observed = sum(rank for rank, log in zip(ranks, shifted, strict=True) if log > 0)
    sums = [
        sum(rank for rank, up in zip(ranks, signs, strict=True) if up)
        for signs in itertools.product([0, 1], repeat=len(logs))
    ]
    return 2 * min(
        np.mean([total <= observed for total in sums]),
        np.mean([total >= observed for total in sums]),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_is_what_the_signed_rank_test_does_not_reject(seed: int) -> None:
    logs = np.random.default_rng(seed).normal(0.02, 0.05, 9).tolist()
    low, high = (math.log(end) for end in single(logs).interval)
    for end, outwards in ((low, -1e-9), (high, 1e-9)):
        assert signed_rank_p(logs, end + outwards) <= 0.05 < signed_rank_p(logs, end - outwards)


@pytest.mark.parametrize(("count", "critical"), [(6, 0), (10, 8), (20, 52), (30, 137), (50, 434)])
def test_critical_values_are_those_of_printed_tables(count: int, critical: int) -> None:
    """Number of ordered pair means beyond each end, two-sided .05 (Wilcoxon and Wilcox 1964)."""
    logs = np.sort(np.random.default_rng(count).normal(0, 0.1, count))
    means = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(logs, 2))
    low, high = (math.log(end) for end in single(logs.tolist()).interval)
    assert (low, high) == pytest.approx((means[critical], means[-1 - critical]))


def test_many_rounds_have_the_interval_of_student() -> None:
    logs = np.random.default_rng(0).normal(0.02, 0.05, 2500)
    comparison = single(logs.tolist())
    half = 1.96 * logs.std() / math.sqrt(len(logs))
    assert math.log(comparison.ratio) == pytest.approx(logs.mean(), abs=half / 2)
    assert math.log(comparison.interval[1] / comparison.interval[0]) == pytest.approx(
        2 * half, rel=0.3
    )


@pytest.mark.parametrize("count", range(6))
def test_few_rounds_are_inconclusive(count: int) -> None:
    comparison = single([0.5] * count)
    assert (comparison.interval, comparison.verdict) == ((0.0, math.inf), "inconclusive")


@pytest.mark.parametrize(
    ("logs", "verdict"),
    [
        ([0.0] * 10, "same"),
        ([0.004 + 0.0001 * k for k in range(10)], "same"),
        ([0.03 + 0.001 * k for k in range(10)], "slower"),
        ([-0.03 - 0.001 * k for k in range(10)], "faster"),
        ([0.002 * k - 0.005 for k in range(1, 11)], "inconclusive"),
        ([(-1) ** k * 0.05 for k in range(10)], "inconclusive"),
    ],
)
def test_verdicts(logs: list[float], verdict: str) -> None:
    assert single(logs).verdict == verdict


def test_a_small_effect_is_not_called_slower() -> None:
    comparison = single([0.006 + 0.0006 * k for k in range(10)])
    assert comparison.interval[0] > 1
    assert comparison.ratio < 1.01
    assert comparison.verdict == "inconclusive"


def test_swapping_a_and_b_inverts_the_ratio() -> None:
    rng = np.random.default_rng(1)
    a, b = ([rng.lognormal(0, 0.1, 5) for _ in range(20)] for _ in range(2))
    forwards, backwards = compare_rounds(a, b), compare_rounds(b, a)
    assert forwards.ratio == pytest.approx(1 / backwards.ratio)
    assert forwards.interval == pytest.approx(
        (1 / backwards.interval[1], 1 / backwards.interval[0])
    )


def timed(rng: np.random.Generator, slowdown: float) -> tuple[Rounds, Rounds]:
    """Return 40 rounds of 6 samples, in random order, on a machine with bursts, drift and outliers.

    Bursts last longer than rounds.
    """
    slots = 80 * 6
    level, burst = 1 + 0.1 * np.arange(slots) / slots, False
    for slot in range(slots):
        burst = rng.random() < (0.96 if burst else 0.02)
        level[slot] *= 1.4 if burst else 1.0
    level = level * np.exp(0.02 * rng.normal(size=slots)) * np.where(rng.random(slots) < 0.02, 5, 1)
    a: Rounds = []
    b: Rounds = []
    for first, second in level.reshape(40, 2, 6):
        a_first = rng.random() < 0.5
        a.append(first if a_first else second)
        b.append((second if a_first else first) * (1 + slowdown))
    return a, b


def test_false_alarms_are_as_many_as_stated_on_a_noisy_machine() -> None:
    rng = np.random.default_rng(2)
    comparisons = [compare_rounds(*timed(rng, 0.0)) for _ in range(600)]
    outside = np.mean([not one.interval[0] <= 1 <= one.interval[1] for one in comparisons])
    assert 0.02 <= outside <= 0.075
    assert np.mean([one.verdict in ("slower", "faster") for one in comparisons]) <= 0.06


def test_a_slowdown_is_found_on_a_noisy_machine() -> None:
    rng = np.random.default_rng(3)
    comparisons = [compare_rounds(*timed(rng, 0.03)) for _ in range(200)]
    assert np.mean([one.verdict == "slower" for one in comparisons]) >= 0.8
    assert np.median([one.ratio for one in comparisons]) == pytest.approx(1.03, abs=0.003)


def test_rounds_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(DetbenchError, match="cannot pair 2 rounds of A with 1 rounds of B"):
        compare_rounds([np.ones(3)] * 2, [np.ones(3)])


@pytest.mark.parametrize("broken", [np.zeros(3), np.zeros(0)])
def test_rounds_without_time_are_refused(broken: NDArray[np.float64]) -> None:
    with pytest.raises(DetbenchError, match="round 1 has no samples above 0 ns"):
        compare_rounds([np.ones(3), np.ones(3)], [np.ones(3), broken])


def paired(
    rng: np.random.Generator, pairs: int, slowdown: float, spread: float = 0.01
) -> Comparison:
    """Compare processes whose medians share what their group shares, a spread of 5%."""
    groups = 1e6 * np.exp(0.05 * rng.normal(size=pairs))
    a, b = (groups * np.exp(spread * rng.normal(size=pairs)) for _ in range(2))
    return compare_processes(a.tolist(), (b * (1 + slowdown)).tolist())


@pytest.mark.parametrize(("count", "t"), [(2, 12.706), (5, 2.776), (10, 2.262)])
def test_processes_have_the_interval_of_the_paired_t_test(count: int, t: float) -> None:
    rng = np.random.default_rng(count)
    a, b = rng.lognormal(0, 0.1, count).tolist(), rng.lognormal(0, 0.1, count).tolist()
    logs = [math.log(y / x) for x, y in zip(a, b, strict=True)]
    mean = sum(logs) / count
    half = t * math.sqrt(sum((log - mean) ** 2 for log in logs) / (count - 1) / count)
    comparison = compare_processes(a, b)
    assert comparison.ratio == pytest.approx(math.exp(mean))
    assert comparison.interval == pytest.approx(
        (math.exp(mean - half), math.exp(mean + half)), rel=1e-3 * half
    )


def test_a_single_pair_of_processes_is_inconclusive() -> None:
    comparison = compare_processes([2.0], [4.0])
    assert comparison.ratio == pytest.approx(2)
    assert (comparison.interval, comparison.verdict) == ((0.0, math.inf), "inconclusive")


@pytest.mark.parametrize("pairs", [5, 10])
@pytest.mark.parametrize("spread", [0.003, 0.01, 0.02])
def test_equal_processes_are_rarely_called_different(pairs: int, spread: float) -> None:
    rng = np.random.default_rng([pairs, round(1000 * spread)])
    comparisons = [paired(rng, pairs, 0.0, spread) for _ in range(1000)]
    outside = np.mean([not one.interval[0] <= 1 <= one.interval[1] for one in comparisons])
    assert 0.03 <= outside <= 0.07
    assert np.mean([one.verdict in ("slower", "faster") for one in comparisons]) <= 0.06


def test_slower_processes_are_found_in_groups_of_different_speed() -> None:
    rng = np.random.default_rng(5)
    comparisons = [paired(rng, 5, 0.03, 0.005) for _ in range(500)]
    assert np.mean([one.verdict == "slower" for one in comparisons]) >= 0.99
    assert np.median([one.ratio for one in comparisons]) == pytest.approx(1.03, abs=0.002)


def test_processes_in_the_other_order_have_the_inverse_ratio() -> None:
    a, b = [1.0, 1.1, 1.2], [1.4, 1.3, 1.5]
    forwards, backwards = compare_processes(a, b), compare_processes(b, a)
    assert (forwards.verdict, backwards.verdict) == ("slower", "faster")
    assert forwards.ratio == pytest.approx(1 / backwards.ratio)


def test_processes_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(DetbenchError, match="cannot pair 2 processes of A with 1 processes of B"):
        compare_processes([1, 2], [1])
    with pytest.raises(DetbenchError, match="cannot pair 0 processes"):
        compare_processes([], [])
    with pytest.raises(DetbenchError, match="the median of a process is 0 ns"):
        compare_processes([1, 0], [1, 1])

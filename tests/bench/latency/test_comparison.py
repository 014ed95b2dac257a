"""Comparison of interleaved rounds: its interval against all sign patterns, printed critical values, and made series."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from detbench.bench.latency.comparison import Comparison, compare
from detbench.errors import DetbenchError

Rounds = list[NDArray[np.float64]]


def single(logs: list[float]) -> Comparison:
    """Return the comparison of rounds of one sample each, with these logarithms of the ratio."""
    return compare(
        [np.array([1e6])] * len(logs), [np.array([1e6 * math.exp(each)]) for each in logs]
    )


def signed_rank_p(logs: list[float], shift: float) -> float:
    """Return the two-sided p of the signed-rank test by going through every pattern of signs."""
    moved = [each - shift for each in logs]
    ranks = [1 + sum(abs(other) < abs(each) for other in moved) for each in moved]
    seen = sum(rank for rank, each in zip(ranks, moved, strict=True) if each > 0)
    sums = [
        sum(rank for rank, up in zip(ranks, signs, strict=True) if up)
        for signs in itertools.product([0, 1], repeat=len(logs))
    ]
    return 2 * min(
        np.mean([each <= seen for each in sums]), np.mean([each >= seen for each in sums])
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_is_what_the_signed_rank_test_does_not_reject(seed: int) -> None:
    logs = np.random.default_rng(seed).normal(0.02, 0.05, 9).tolist()
    low, high = (math.log(end) for end in single(logs).interval)
    for end, outwards in ((low, -1e-9), (high, 1e-9)):
        assert signed_rank_p(logs, end + outwards) <= 0.05 < signed_rank_p(logs, end - outwards)


@pytest.mark.parametrize(("count", "critical"), [(6, 0), (10, 8), (20, 52), (30, 137), (50, 434)])
def test_critical_values_are_those_of_printed_tables(count: int, critical: int) -> None:
    """Two-sided .05 (Wilcoxon and Wilcox 1964): of the ordered means of pairs, as many are beyond each end."""
    logs = np.sort(np.random.default_rng(count).normal(0, 0.1, count))
    means = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(logs, 2))
    low, high = (math.log(end) for end in single(logs.tolist()).interval)
    assert (low, high) == pytest.approx((means[critical], means[-1 - critical]))


def test_many_rounds_have_the_interval_of_student() -> None:
    logs = np.random.default_rng(0).normal(0.02, 0.05, 2500)
    found = single(logs.tolist())
    half = 1.96 * logs.std() / math.sqrt(len(logs))
    assert math.log(found.ratio) == pytest.approx(logs.mean(), abs=half / 2)
    assert math.log(found.interval[1] / found.interval[0]) == pytest.approx(2 * half, rel=0.3)


@pytest.mark.parametrize("count", range(6))
def test_few_rounds_say_nothing(count: int) -> None:
    found = single([0.5] * count)
    assert (found.interval, found.verdict) == ((0.0, math.inf), "inconclusive")


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
    found = single([0.006 + 0.0006 * k for k in range(10)])
    assert found.interval[0] > 1
    assert found.ratio < 1.01
    assert found.verdict == "inconclusive"


def test_the_other_way_round_is_the_inverse() -> None:
    rng = np.random.default_rng(1)
    a, b = ([rng.lognormal(0, 0.1, 5) for _ in range(20)] for _ in range(2))
    there, back = compare(a, b), compare(b, a)
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.interval == pytest.approx((1 / back.interval[1], 1 / back.interval[0]))


def timed(rng: np.random.Generator, slowdown: float) -> tuple[Rounds, Rounds]:
    """Return 40 rounds of 6 samples on a machine with bursts that outlast rounds, a drift and outliers; the order is drawn."""
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


def test_false_alarms_are_as_many_as_stated_on_an_unruly_machine() -> None:
    rng = np.random.default_rng(2)
    found = [compare(*timed(rng, 0.0)) for _ in range(600)]
    outside = np.mean([not each.interval[0] <= 1 <= each.interval[1] for each in found])
    assert 0.02 <= outside <= 0.075
    assert np.mean([each.verdict in ("slower", "faster") for each in found]) <= 0.06


def test_a_slowdown_is_found_on_an_unruly_machine() -> None:
    rng = np.random.default_rng(3)
    found = [compare(*timed(rng, 0.03)) for _ in range(200)]
    assert np.mean([each.verdict == "slower" for each in found]) >= 0.8
    assert np.median([each.ratio for each in found]) == pytest.approx(1.03, abs=0.003)


def test_rounds_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(DetbenchError, match="2 rounds of A and 1 of B"):
        compare([np.ones(3)] * 2, [np.ones(3)])


@pytest.mark.parametrize("broken", [np.zeros(3), np.zeros(0)])
def test_rounds_without_time_are_refused(broken: NDArray[np.float64]) -> None:
    with pytest.raises(DetbenchError, match="round 1 has no samples longer than 0 ns"):
        compare([np.ones(3), np.ones(3)], [np.ones(3), broken])

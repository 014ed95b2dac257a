"""Disturbance: processes alone and in company, simulated with known changes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.bench.latency.statistics.disturbance import disturbance
from detbench.errors import DetbenchError


def share_disturbed(change: float, pairs: int, spread: float = 0.01, runs: int = 1000) -> float:
    rng = np.random.default_rng([pairs, round(1e4 * spread), round(1e4 * (1 + change))])
    alone = 1e6 * np.exp(0.02 * rng.normal(size=(runs, pairs)))
    company = alone * (1 + change) * np.exp(spread * rng.normal(size=(runs, pairs)))
    return float(
        np.mean([disturbance(*pair) is not None for pair in zip(alone, company, strict=True)])
    )


@pytest.mark.parametrize("pairs", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("spread", [0.003, 0.01, 0.02])
def test_equal_processes_are_not_disturbed(pairs: int, spread: float) -> None:
    assert share_disturbed(0.0, pairs, spread) <= 0.01


@pytest.mark.parametrize("pairs", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("change", [0.3, 1.0, -0.3])
def test_large_disturbances_are_named_with_any_number_of_processes(
    pairs: int, change: float
) -> None:
    assert share_disturbed(change, pairs) >= 0.99


def test_small_disturbances_are_named_with_enough_processes() -> None:
    assert share_disturbed(0.05, 5) >= 0.9
    assert share_disturbed(0.05, 10) >= 0.99


def test_what_is_certain_but_small_is_no_disturbance() -> None:
    assert disturbance([1e6] * 10, [1.015e6] * 10) is None
    assert disturbance([1e6] * 10, [1.03e6] * 10) is not None


def test_on_a_slow_machine_a_large_change_must_be_certain_too() -> None:
    alone, company = [1e6, 1.3e6, 1e6, 1.2e6, 1e6], [1.4e6, 1e6, 1.6e6, 1.1e6, 1.5e6]
    assert disturbance(alone, company) is not None
    assert disturbance(alone, company, machine_is_slow=True) is None
    assert disturbance([1e6] * 5, [1.2e6] * 5, machine_is_slow=True) is not None


def test_both_numbers_and_the_ratio_are_kept() -> None:
    named = disturbance([1.0, 1.2, 1.1], [2.0, 2.4, 2.3])
    assert named is not None
    assert named.alone_ns == pytest.approx(1.1)
    assert named.company_ns == pytest.approx(6.7 / 3)
    assert named.ratio == pytest.approx((2 * 2 * 2.3 / 1.1) ** (1 / 3))


def test_the_other_direction_is_the_inverse() -> None:
    slower, faster = disturbance([10, 11], [13, 14]), disturbance([13, 14], [10, 11])
    assert slower is not None
    assert faster is not None
    assert math.isclose(slower.ratio * faster.ratio, 1)


def test_without_processes_nothing_is_disturbed() -> None:
    assert disturbance([], []) is None


def test_processes_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(DetbenchError, match="cannot pair 2 processes alone with 1 in company"):
        disturbance([1, 2], [1])
    with pytest.raises(DetbenchError, match="a p50 is 0 ns"):
        disturbance([1, 0], [1, 1])

"""Warm-up: series and turns with known changes of level, and settled ones, which lose nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from detbench.bench.latency.statistics.warmup import find_warmup, wake_up_count

Array = NDArray[np.float64]
COUNT = 1000


def noise(seed: int, count: int = COUNT, spread: float = 0.05, correlation: float = 0.3) -> Array:
    normal = np.random.default_rng(seed).normal(size=count).tolist()
    for t in range(1, count):
        shock = math.sqrt(1 - correlation**2) * normal[t]
        normal[t] = correlation * normal[t - 1] + shock
    return 1e6 * np.exp(spread * np.array(normal))


def factor(first: float, steps: int, count: int = COUNT) -> Array:
    return np.where(np.arange(count) < steps, first, 1.0)


def test_settled_series_lose_nothing() -> None:
    warmups = [find_warmup(noise(seed)) for seed in range(300)]
    assert np.mean([warmup.count > 0 for warmup in warmups]) <= 0.03
    assert np.mean([not warmup.settled for warmup in warmups]) <= 0.02


@pytest.mark.parametrize(
    ("first", "steps"),
    [(1.2, 30), (1.2, 200), (0.8, 200), (1.1, 300), (5.0, 1), (5.0, 3), (3.0, 100)],
)
def test_a_step_is_found_where_it_is(first: float, steps: int) -> None:
    counts = [find_warmup(noise(seed) * factor(first, steps)).count for seed in range(20)]
    assert np.median(counts) == pytest.approx(steps, abs=3)
    assert find_warmup(noise(0) * factor(first, steps)).settled


def test_a_decay_is_followed_until_noise_hides_it() -> None:
    decay = 1 + 0.2 * np.exp(-np.arange(COUNT) / 50)
    for seed in range(20):
        warmup = find_warmup(noise(seed) * decay)
        assert warmup.settled
        assert 0.2 * math.exp(-warmup.count / 50) < 0.1
        assert warmup.count < 300


def test_spikes_and_steps_follow_each_other() -> None:
    warmup = find_warmup(noise(1) * factor(20.0, 2) * factor(1.3, 150))
    assert warmup.settled
    assert warmup.count == pytest.approx(150, abs=3)


@pytest.mark.parametrize(
    "level",
    [factor(1.1, 700), 1.15 - 0.15 * np.arange(COUNT) / COUNT, 1 / factor(1.15, 600)],
    ids=["step late", "drift throughout", "rise late"],
)
def test_a_level_that_still_changes_is_not_settled(level: Array) -> None:
    warmup = find_warmup(noise(2) * level)
    assert not warmup.settled
    assert warmup.count == COUNT // 2


def test_a_burst_at_the_very_end_is_no_change_of_level() -> None:
    samples = noise(3)
    samples[-40:] *= 1.5
    assert find_warmup(samples).settled


def test_irrelevant_changes_are_ignored() -> None:
    assert find_warmup(noise(4, spread=0.001) * factor(1.01, 300)).count == 0


def test_a_coarse_clock_makes_no_change_of_level() -> None:
    for seed in range(20):
        coarse = np.round(noise(seed) / 1e5).astype(np.int64) * 100_000
        assert len(np.unique(coarse)) < 10
        assert find_warmup(coarse).count == 0


@pytest.mark.parametrize("count", [0, 1, 19])
def test_few_samples_are_not_settled(count: int) -> None:
    warmup = find_warmup(noise(5)[:count])
    assert (warmup.count, warmup.settled) == (0, False)


def test_equal_samples_are_settled() -> None:
    warmup = find_warmup(np.full(100, 5))
    assert (warmup.count, warmup.settled) == (0, True)


AFTER_WAKING = [3.7, 3.9, 3.4, 3.2, 3.15, 3.0]
"""Times in ms of a model's first calls after its process woke, which settle at 2.7 ms."""


def turns(
    seed: int, count: int, length: int, first: list[float], spread: float = 0.01
) -> list[Array]:
    """Return turns whose levels differ by 3%, with these factors at their start."""
    level = np.ones(length)
    level[: len(first)] = first[:length]
    turn_levels = np.exp(0.03 * np.random.default_rng(seed).normal(size=count))
    return [
        turn_level * level * noise(1000 * seed + turn, length, spread)
        for turn, turn_level in enumerate(turn_levels)
    ]


@pytest.mark.parametrize("count", [3, 5, 20])
@pytest.mark.parametrize("length", [20, 30, 200])
@pytest.mark.parametrize("first", [[3.3], [value / 2.7 for value in AFTER_WAKING]])
def test_samples_right_after_waking_are_counted(
    count: int, length: int, first: list[float]
) -> None:
    counts = [wake_up_count(turns(seed, count, length, first)) for seed in range(20)]
    assert np.median(counts) == len(first)
    assert min(counts) == len(first)
    assert np.mean([value > len(first) + 1 for value in counts]) <= 0.05


@pytest.mark.parametrize("count", [3, 5, 20])
@pytest.mark.parametrize("length", [8, 20, 200])
@pytest.mark.parametrize("spread", [0.01, 0.05])
def test_settled_turns_lose_one_sample_at_most(count: int, length: int, spread: float) -> None:
    counts = [wake_up_count(turns(seed, count, length, [], spread)) for seed in range(200)]
    assert np.mean([value > 1 for value in counts]) <= 0.05


def test_a_slow_decay_is_followed_in_many_turns() -> None:
    decay = (1 + 0.2 * np.exp(-np.arange(60) / 10)).tolist()
    for seed in range(10):
        count = wake_up_count(turns(seed, 20, 60, decay, 0.02))
        assert decay[count] < 1.04
        assert count <= 30


def test_short_turns_are_enough_if_there_are_many() -> None:
    assert [wake_up_count(turns(seed, 20, 8, [1.5, 1.2])) for seed in range(10)] == [2] * 10


def test_bursts_and_outliers_in_the_second_half_hide_nothing() -> None:
    some = turns(1, 5, 100, [1.4, 1.4, 1.2])
    some[0][60:90] *= 1.5
    some[1][70] *= 20
    some[2][80] *= 20
    assert wake_up_count(some) == 3


def test_a_turn_that_was_cut_short_is_ignored() -> None:
    assert wake_up_count([*turns(2, 5, 40, [1.4] * 5), np.array([5e6, 4e6, 3e6])]) == 5


def test_turns_of_different_lengths_are_compared_from_their_starts() -> None:
    some = [turn[: 30 + 5 * index] for index, turn in enumerate(turns(3, 5, 60, [1.4] * 4))]
    assert wake_up_count(some) == 4


@pytest.mark.parametrize(
    "few", [[], turns(0, 2, 50, [2.0]), turns(0, 9, 3, [2.0]), [np.zeros(0)] * 5]
)
def test_too_few_turns_or_samples_lose_nothing(few: list[Array]) -> None:
    assert wake_up_count(few) == 0


def test_whole_nanoseconds_and_equal_samples_are_no_problem() -> None:
    assert wake_up_count([np.full(30, 7)] * 15) == 0
    assert wake_up_count([np.array([20, 9, *[7] * 30])] * 15) == 2

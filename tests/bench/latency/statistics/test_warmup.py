"""Warm-up: series with known changes of level, and settled series, which lose nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from detbench.bench.latency.statistics.warmup import find_warmup

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

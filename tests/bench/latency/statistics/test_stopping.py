"""Stopping rule: minimum, maximum, and intervals that stay narrow."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detbench.bench.latency.statistics.stopping import StoppingRule

RULE = StoppingRule(
    relative_width=0.05, percentiles=(50, 90), min_s=1.0, max_s=10.0, min_samples=100
)


def samples(count: int, spread: float = 0.01, seed: int = 0) -> NDArray[np.float64]:
    return 1e6 * np.exp(spread * np.random.default_rng(seed).normal(size=count))


def test_narrow_intervals_stop_it() -> None:
    decision = RULE.decide(samples(200), 1.0)
    assert (decision.stop, decision.precise) == (True, True)


@pytest.mark.parametrize(("count", "elapsed_s"), [(99, 5.0), (100_000, 0.99), (0, 9.0)])
def test_it_never_stops_before_both_minima(count: int, elapsed_s: float) -> None:
    assert not RULE.decide(samples(count), elapsed_s).stop


@pytest.mark.parametrize("count", [0, 1, 99, 5000])
def test_it_always_stops_at_the_maximum(count: int) -> None:
    decision = RULE.decide(samples(count, spread=2.0), 10.0)
    assert decision.stop
    assert not decision.precise
    assert decision.reason.startswith("after the maximum of 10 s, ")


def test_at_the_maximum_it_may_be_narrow() -> None:
    decision = RULE.decide(samples(190), 10.0)
    assert (decision.stop, decision.precise, decision.reason) == (
        True,
        True,
        "after the maximum of 10 s, every interval is narrow enough",
    )


def test_wide_intervals_do_not_stop_it_and_are_named() -> None:
    decision = RULE.decide(samples(100, spread=0.5), 5.0)
    assert not decision.stop
    assert decision.reason.startswith("the interval of p50 is ")


def test_the_tail_has_to_be_narrow_too() -> None:
    values = samples(400)
    values[::8] *= np.linspace(1, 3, 50)
    assert StoppingRule(percentiles=(50,), min_s=0).decide(values, 5.0).stop
    assert "p90" in StoppingRule(percentiles=(50, 90), min_s=0).decide(values, 5.0).reason


def test_a_high_percentile_takes_its_samples() -> None:
    rule = StoppingRule(percentiles=(50, 99), min_s=0, min_samples=10)
    assert rule.decide(samples(10), 5.0).next_check == 2 * 368
    assert not rule.decide(samples(735), 5.0).stop
    assert rule.decide(samples(367), 30.0).reason == (
        "after the maximum of 30 s, 367 samples are too few for an interval of p99"
    )
    assert rule.decide(samples(1472), 5.0).stop


def test_it_checks_at_sizes_that_double() -> None:
    checks, count = [], 0
    while count < 3000:
        count = RULE.decide(samples(count, spread=2.0), 5.0).next_check
        checks.append(count)
    assert checks == [100, 200, 400, 800, 1600, 3200]


def test_nothing_changes_between_checks() -> None:
    noisy = np.concatenate([samples(200, spread=0.5), samples(199, spread=0.5)])
    assert RULE.decide(noisy, 5.0) == RULE.decide(noisy[:200], 5.0)


def test_narrow_once_is_not_enough() -> None:
    wide_half, whole = samples(100, spread=0.3), samples(200, spread=0.3)
    rule = StoppingRule(relative_width=0.18, percentiles=(50,), min_s=0, min_samples=100)
    once = rule.decide(whole, 5.0)
    assert not rule.decide(wide_half, 5.0).stop
    assert not once.stop
    assert rule.decide(samples(400, spread=0.3), 5.0).stop

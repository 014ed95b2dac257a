"""Budgets: as many processes as fit in a minute, and a total that holds."""

import pytest

from detbench.bench.latency.budget import (
    MAX_PROCESSES,
    MAX_S,
    MIN_MAX_S,
    MIN_PROCESSES,
    TOTAL_S,
    budget,
)
from detbench.bench.latency.sweep import Progress
from tests.bench.latency.fake_device import MS
from tests.bench.latency.fake_sources import Room, measured


def test_a_model_that_loads_fast_has_the_most_processes_and_all_its_time():
    size = budget(1, 2, 0.5)
    assert (size.processes, size.max_s) == (MAX_PROCESSES, MAX_S)
    assert 20 < size.total_s < 40


@pytest.mark.parametrize("load_s", [0.1, 0.5, 1.0, 2.0, 2.5])
def test_two_models_at_the_defaults_end_within_a_minute(load_s):
    size = budget(2, 2, load_s)
    assert MIN_PROCESSES <= size.processes <= MAX_PROCESSES
    assert MIN_MAX_S <= size.max_s <= MAX_S
    assert size.total_s <= TOTAL_S + 1e-6


def test_models_that_load_slowly_have_the_fewest_processes_and_say_how_long_it_takes():
    size = budget(3, 2, 8.0)
    assert (size.processes, size.max_s) == (MIN_PROCESSES, MIN_MAX_S)
    assert size.total_s > 3 * 5 * 8.0
    assert size.sentence(3) == (
        f"timing in 5 processes of each model: about {size.total_s:.0f} s in total,"
        " including loading"
    )


def test_what_is_left_of_a_minute_serves_to_replace_processes():
    size = budget(1, 2, 0.5)
    assert size.total_s < size.limit_s == TOTAL_S
    assert size.sentence(1) == (
        f"timing in 10 processes: about {size.total_s:.0f} s in total, including loading;"
        f" up to {TOTAL_S:.0f} s if the machine is slow or busy"
    )
    requested = budget(1, 2, 0.5, processes=10)
    assert requested.limit_s == requested.total_s
    patient = budget(1, 2, 0.5, processes=10, patience_s=30.0)
    assert patient.limit_s == patient.total_s + 30.0


def test_what_is_requested_is_kept():
    size = budget(2, 2, 1.0, processes=3, max_s=30.0)
    assert (size.processes, size.max_s) == (3, 30.0)
    assert size.total_s > 2 * 2 * 30
    assert budget(1, 1, 0.0, processes=1).sentence(1).startswith("timing in 1 process: ")
    assert "of each model, 20 times: " in budget(2, 1, 0.1).sentence(2, 20)


@pytest.fixture
def room(monkeypatch):
    """A room whose clock is everybody's."""
    room = Room()
    monkeypatch.setattr(
        "detbench.bench.latency.sweep.time.perf_counter", lambda: room.time.ns / 1e9
    )
    return room


def noisy_sources(room, names, infer_ms):
    """Return models whose noise leaves no early end."""
    return [
        room.source(name, infer_ns=infer_ms * MS, noise=0.3, load_s=lambda _: 0.5) for name in names
    ]


@pytest.mark.parametrize("infer_ms", [0.3, 5.0])
@pytest.mark.parametrize("names", ["a", "ab", "abc"])
def test_a_measurement_ends_within_its_budget(room, infer_ms, names):
    budgets = []
    progress = Progress(on_budget=budgets.append)
    sources = noisy_sources(room, names, infer_ms)
    measured(sources, progress=progress, stages=("infer",), processes=5, max_s=4.0)
    assert room.time.ns / 1e9 <= 1.1 * budgets[0].total_s


def test_a_comparison_at_the_defaults_ends_in_about_a_minute(room):
    measured(noisy_sources(room, "ab", 5.0))
    assert room.time.ns / 1e9 <= 1.1 * TOTAL_S


@pytest.mark.parametrize("infer_ms", [60.0, 900.0])
def test_slow_models_take_a_turn_more_than_their_time_at_most(room, infer_ms):
    timed = measured(noisy_sources(room, "ab", infer_ms), stages=("infer",), processes=5, max_s=4.0)
    for result in timed.results:
        longest_s = result.samples_ns.max() / 1e9
        alone_and_company_s = 1.2 * 4.0 + 2 * 5 * (4.0 / 5 / 3 + longest_s)
        assert result.duration_s <= alone_and_company_s

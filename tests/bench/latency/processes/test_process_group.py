"""Groups of processes: turns, what runs alone and in company, and which differences are found."""

import numpy as np
import pytest

from detbench.bench.latency.budget import MIN_PROCESSES
from detbench.bench.latency.sweep import Progress
from detbench.errors import DetbenchError
from tests.bench.latency.fake_device import MS, FakeMonitor, state
from tests.bench.latency.fake_sources import Room, measured

PREPARING = 8
"""Calls that run the batches through the model once."""
FIVE = {"stages": ("infer",), "min_s": 0.1, "max_s": 2.5, "processes": 5}
QUICK = {**FIVE, "max_s": 20.0, "processes": 1}
ON_GPU = {"device": "gpu"}


def varied(spread, seed):
    """Return factors of processes, by their number."""
    factors = 1 + spread * np.random.default_rng(seed).standard_normal(20)
    return lambda number: factors[number]


def two_sources(slowdown=1.0, **options):
    """Return two models; processes differ by half a percent."""
    room = Room()
    return room, [
        room.source("a", factor=varied(0.005, 1)),
        room.source("b", factor=varied(0.005, 2), infer_ns=2 * MS * slowdown, **options),
    ]


def kinds(result):
    return [reason.split(":")[0] for reason in result.reasons]


@pytest.mark.parametrize("plan", [FIVE, QUICK])
@pytest.mark.parametrize(
    ("slowdown", "verdict"), [(1.0, "same"), (1.04, "slower"), (1 / 1.04, "faster")]
)
def test_the_ratio_is_that_of_the_devices(slowdown, verdict, plan):
    room = Room()
    sources = [room.source("a"), room.source("b", infer_ns=2 * MS * slowdown)]
    timed = measured(sources, **plan)
    [pair] = timed.pairs
    low, high = pair.comparison.interval
    assert (pair.a, pair.b, pair.comparison.verdict) == ("a", "b", verdict)
    assert pair.comparison.ratio == pytest.approx(slowdown, abs=0.003)
    assert low <= slowdown * 1.001
    assert slowdown * 0.999 <= high
    expected = "quick look" if plan is QUICK else "valid"
    assert [result.verdict for result in timed.results] == [expected, expected]
    assert pair.comparison.processes == plan["processes"]


def test_figures_of_several_processes_cover_how_much_they_differ():
    room = Room()
    timed = measured([room.source(factor=varied(0.01, 0))], **FIVE)
    [result] = timed.results
    truth = [2 * varied(0.01, 0)(number) for number in range(5)]
    assert result.process_percentiles_ms(50) == pytest.approx(truth, rel=0.005)
    low, high = result.interval_ms(50)
    assert 0.01 < (high - low) / 2 < 0.05
    assert result.verdict == "valid"
    assert room.loaded == []
    assert len(room.devices) == 5
    assert all(device.closed for device in room.devices)


def test_every_pair_of_several_models_is_compared():
    room = Room()
    sources = [room.source(name, infer_ns=ms * MS) for name, ms in (("a", 2), ("b", 4), ("c", 8))]
    timed = measured(sources, **FIVE)
    assert {(pair.a, pair.b): round(pair.comparison.ratio, 1) for pair in timed.pairs} == {
        ("a", "b"): 2,
        ("a", "c"): 4,
        ("b", "c"): 2,
    }


def test_turns_come_in_random_order_each_once_per_round():
    room, sources = two_sources()
    measured(sources, **QUICK)
    shared = [name for name, loaded in room.turns if len(loaded) == 2]
    rounds = list(zip(shared[::2], shared[1::2], strict=True))
    assert all({first, second} == {"a", "b"} for first, second in rounds)
    a_first = sum(first == "a" for first, _ in rounds)
    assert len(rounds) >= 3
    assert 0 < a_first < len(rounds)


def test_each_model_is_timed_alone_first_in_some_groups_and_last_in_others():
    room = Room()
    timed = measured([room.source(name) for name in "abc"], **FIVE)
    alone = [loaded[0] for _, loaded in room.turns if len(loaded) == 1]
    order = [name for place, name in enumerate(alone) if alone[place - 1 : place] != [name]]
    assert order == ["c", *"ba", *"cb", *"ac", *"ba"], (
        "the last of the first group; in the others the first one loaded, then the last one left"
    )
    for result in timed.results:
        assert sum(len(process.alone_ns) > 0 for process in result.processes) >= 3
        assert result.reasons == ()


def test_a_single_group_times_every_model_of_a_pair_alone():
    room, sources = two_sources()
    timed = measured(sources, **QUICK)
    assert {loaded[0] for _, loaded in room.turns if len(loaded) == 1} == {"a", "b"}
    assert [len(result.processes[0].alone_ns) > 0 for result in timed.results] == [True, True]


def test_a_slow_and_a_fast_model_get_the_same_time():
    room = Room()
    sources = [room.source(name, infer_ns=ms * MS) for name, ms in (("fast", 1), ("slow", 50))]
    fast, slow = measured(sources, **QUICK).results
    assert fast.duration_s == pytest.approx(slow.duration_s, rel=0.4)


def test_a_very_slow_model_ends_in_time():
    room = Room()
    timed = measured([room.source(infer_ns=700 * MS)], **{**FIVE, "max_s": 10.0})
    [result] = timed.results
    assert result.duration_s <= 10.0 + 5 * 0.8
    assert all(len(process.samples_ns) >= 2 for process in result.processes)


def test_untimed_work_counts_for_the_length_of_a_turn():
    room = Room()
    timed = measured([room.source(infer_ns=50 * MS)], **{**QUICK, "stages": ("device_to_host",)})
    [result] = timed.results
    assert result.duration_s < 22, "a sample of 0.2 ms needs 50 ms of inference"


def test_if_one_fails_the_other_goes_on():
    _, sources = two_sources(fails={60: RuntimeError("gone")})
    good, bad = (timed := measured(sources, **FIVE)).results
    assert (good.verdict, bad.reasons) == ("valid", ("failed: RuntimeError: gone",))
    assert len(bad.samples_ns) > 0
    assert timed.pairs == []


@pytest.mark.parametrize("call", [1, PREPARING + 30])
def test_ctrl_c_in_one_ends_all_at_once(call):
    room = Room()
    sources = [room.source("a", fails={call: KeyboardInterrupt()}), room.source("b")]
    timed = measured(sources, **FIVE)
    assert timed.interrupted
    assert timed.pairs == []
    assert {result.reasons for result in timed.results} == {("interrupted",)}
    assert room.devices[1].calls < PREPARING + 60, "it went on after Ctrl-C"
    assert room.loaded == []


def test_a_model_that_returns_early_is_compared_with_nothing():
    room = Room()
    sources = [room.source("honest"), room.source("early", returns_early=True, waits=False)]
    timed = measured(sources, **{**FIVE, "max_s": 0.2})
    assert "not synchronized" in kinds(timed.results[1])
    assert timed.pairs == []


@pytest.mark.parametrize("plan", [FIVE, QUICK])
def test_a_clock_that_stands_still_ends_in_company_too(plan):
    room = Room()
    room.time.tick = 0
    room.time.pass_ns = lambda _: None
    timed = measured([room.source(name, infer_ns=0) for name in "ab"], **plan)
    for result in timed.results:
        assert "the clock did not advance" in result.reasons[0]


def test_a_disturbed_model_makes_all_results_invalid_with_both_numbers():
    room = Room()
    sources = [
        room.source("victim", infer_ns=lambda _: 2 * MS * (1.1 if len(room.loaded) > 1 else 1)),
        room.source("other"),
    ]
    timed = measured(sources, **FIVE)
    for result in timed.results:
        assert (
            "disturbed by other: victim took 2.2 ms in company and 2 ms alone (p50)"
            in result.reasons
        )


def test_two_models_that_disturb_each_other_alike_are_found():
    room = Room()
    slower = {"infer_ns": lambda _: 2 * MS * (1.05 if len(room.loaded) > 1 else 1)}
    timed = measured([room.source(name, **slower) for name in "ab"], **FIVE)
    assert [pair.comparison.verdict for pair in timed.pairs] == ["same"]
    assert [kinds(result).count("disturbed by b") for result in timed.results] == [1, 1]
    assert [kinds(result).count("disturbed by a") for result in timed.results] == [1, 1]


def test_two_modes_are_named():
    room = Room()
    source = room.source(factor=lambda number: 1.4 if number in (1, 3) else 1 + number / 1000)
    [result] = measured([source], **FIVE).results
    assert result.reasons[0] == "two modes: 3 processes near 2 ms, 2 near 2.8 ms"
    assert result.verdict == "invalid"


def test_models_that_use_the_cpu_while_others_are_timed_are_not_at_rest():
    room = Room()
    restless = room.source("restless", cores_at_rest=0.5, turns="parked")
    timed = measured([room.source("a"), restless], **FIVE)
    a, own = timed.results
    assert a.reasons == ("not at rest: restless used 0.50 cores while a was timed",)
    assert (own.reasons, own.turns) == ((), "parked")
    assert a.processes[0].busy_cores_of_others == pytest.approx(0.5, rel=0.01)


def test_models_that_share_a_gpu_are_started_over_one_at_a_time():
    room = Room()
    timed = measured([room.source(name, settings=ON_GPU) for name in "ab"], **FIVE)
    assert {len(loaded) for _, loaded in room.turns} == {1}
    assert [result.turns for result in timed.results] == ["restarted", "restarted"]
    assert [len(result.process_percentiles_ms(50)) for result in timed.results] == [5, 5]
    assert [pair.comparison.processes for pair in timed.pairs] == [5]
    assert len(room.devices) == 2 + 10


def test_a_gpu_found_in_a_later_chunk_starts_the_group_over():
    room = Room()
    names = {"a": {}, "b": {}, "c": ON_GPU, "d": ON_GPU}
    sources = [room.source(name, settings=settings) for name, settings in names.items()]
    timed = measured(sources, loaded=2, **FIVE)
    assert [len(result.processes) for result in timed.results] == [5] * 4
    assert [len(result.process_percentiles_ms(50)) for result in timed.results] == [5] * 4


@pytest.mark.parametrize(
    ("plan", "most", "turns"),
    [({"turns": "restarted"}, 1, "restarted"), ({"loaded": 2}, 2, "stopped")],
)
def test_few_models_are_loaded_at_once_if_the_plan_says_so(plan, most, turns):
    room = Room()
    timed = measured([room.source(name) for name in "abc"], **plan, **FIVE)
    assert max(len(loaded) for _, loaded in room.turns) == most
    assert [result.turns for result in timed.results] == [turns] * 3
    assert [len(result.process_percentiles_ms(50)) for result in timed.results] == [5] * 3
    assert [pair.comparison.verdict for pair in timed.pairs] == ["same"] * 3


def test_models_of_one_process_are_one_group():
    room = Room()
    sources = [room.source(name, turns="in_process") for name in "ab"]
    timed = measured(sources, turns="in_process", **{**FIVE, "processes": None})
    assert [(result.turns, result.verdict) for result in timed.results] == [
        ("in_process", "quick look")
    ] * 2
    assert [pair.comparison.processes for pair in timed.pairs] == [1]


@pytest.mark.parametrize("plan", [{}, {"loaded": 1}])
def test_each_model_may_have_a_batch_size_of_its_own(plan):
    room = Room()
    sources = [room.source("one", batch_size=1), room.source("four", batch_size=4)]
    timed = measured(sources, own_batches=True, **plan, **FIVE)
    assert [(result.model, result.batch) for result in timed.results] == [("one", 1), ("four", 4)]
    assert [len(result.process_percentiles_ms(50)) for result in timed.results] == [5, 5]
    assert timed.pairs == []


def test_a_batch_size_that_one_of_several_refuses_is_an_error_before_anything_runs():
    room = Room()
    sources = [room.source("any"), room.source("four", batch_size=4)]
    with pytest.raises(DetbenchError, match="four accepts only batches of 4 images, got 1"):
        measured(sources, batches=(1,), **FIVE)
    assert [device.calls for device in room.devices] == [0, 0]
    assert room.loaded == []


def test_a_model_that_does_not_fit_at_a_batch_size_is_not_tried_at_it_again():
    room = Room()
    timed = measured([room.source(max_batch=1)], batches=(4, 8), **FIVE)
    first, second = timed.results
    assert first.reasons == ("out of memory at 4 images per batch",)
    assert second.reasons == ("not tried: out of memory at 4 images per batch",)


def test_states_of_all_groups_count_and_the_first_of_each_has_no_clock():
    monitor = FakeMonitor(state(0, mhz=800.0), state(1), state(2))
    [result] = measured([Room().source()], monitor=monitor, **FIVE).results
    assert result.reasons == ()
    assert len(result.machine) == 3 + 4 * 2
    slow = FakeMonitor(state(0, mhz=800.0), state(1), state(2, mhz=2000.0))
    [result] = measured([Room().source()], monitor=slow, **FIVE).results
    assert result.reasons == ("clock changed: CPU clock between 2,000 and 3,000 MHz",)


def test_all_processes_belong_to_the_measurement():
    _, sources = two_sources()
    monitor = FakeMonitor()
    measured(sources, monitor=monitor, **{**FIVE, "processes": 2})
    assert monitor.watched == [(1,), (1, 2), (2,), (3,), (3, 4), (4,)]


def test_progress_is_told():
    _, sources = two_sources()
    events = []
    progress = Progress(
        on_load=lambda name, number: events.append((name, number)),
        on_budget=lambda budget: events.append(budget.processes),
    )
    measured(sources, progress=progress, **{**FIVE, "processes": 2})
    assert events == [("a", 0), ("b", 0), 2, ("b", 1), ("a", 1)]


def test_slow_loads_do_not_go_on_forever(monkeypatch):
    room = Room()
    seconds = lambda: room.time.ns / 1e9  # noqa: E731
    monkeypatch.setattr("detbench.bench.latency.sweep.time.perf_counter", seconds)
    budgets = []
    progress = Progress(on_budget=budgets.append)
    source = room.source(load_s=lambda number: 1.0 if number == 0 else 12.0)
    timed = measured([source], progress=progress, stages=("infer",))
    [budget] = budgets
    assert budget.processes > MIN_PROCESSES
    assert len(timed.results[0].processes) == MIN_PROCESSES
    assert timed.results[0].verdict == "valid"

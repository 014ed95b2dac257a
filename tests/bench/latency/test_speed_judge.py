"""Turns on a slow machine are set aside by the machine's speed alone."""

import math
import subprocess
import sys
import time
from datetime import date

import numpy as np
import pytest

from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.speed_judge import SpeedJudge
from detbench.bench.latency.timed_model import SampleSlice, TimingTask
from detbench.bench.latency.turns import LoadWindow, Turn, TurnTaker
from detbench.bench.machine_speed.best_known import BestKnown, DatedTime
from detbench.bench.machine_speed.speed import MachineSpeed
from tests.bench.latency.fake_device import MS, FakeDevice, FakeMonitor, local_model
from tests.bench.latency.fake_sources import Room, measured

FAST, SLOW = MachineSpeed(10.0, 8.2), MachineSpeed(14.0, 8.2)
FAR_CORES = MachineSpeed(10.0, 22.0)
FIVE = {"stages": ("infer",), "min_s": 2.5, "max_s": 2.5, "processes": 5}
QUICK = {**FIVE, "min_s": 2.0, "max_s": 2.0, "processes": 1}


class FakeMeter:
    """A meter of a machine that is slow between known times, in seconds of a room's clock."""

    pids = (77,)

    def __init__(self, room, *slow_times, slow=SLOW):
        self._room, self._slow_times, self._slow = room, slow_times, slow

    def measure(self):
        now = self._room.time.ns / 1e9
        return self._slow if any(a <= now < b for a, b in self._slow_times) else FAST


@pytest.fixture(autouse=True)
def fresh_speeds(monkeypatch):
    """Fake time passes at once: a speed must not be taken for that of the next turn."""
    monkeypatch.setattr("detbench.bench.latency.turns._SAME_MOMENT_S", 0.0)


def test_turns_of_a_slow_machine_are_set_aside_and_slow_samples_are_not():
    room = Room()

    def infer_ns(_):
        return (3 if 1.0 < room.time.ns / 1e9 < 1.4 else 2) * MS

    meter = FakeMeter(room, (0.4, 0.8))
    [result] = measured([room.source(infer_ns=infer_ns)], judge=SpeedJudge(meter), **QUICK).results
    [process] = result.processes
    assert np.median(process.set_aside_ns) == pytest.approx(2 * MS, rel=0.01)
    assert 0.4 <= process.set_aside_ns.sum() / 1e9 <= 0.8, "turns of 0.15 s at either end count"
    assert process.set_aside_ns.max() < 2.5 * MS
    counted = np.concatenate([process.samples_ns, process.warmup_ns])
    assert np.sum(counted > 2.5 * MS) > 100
    assert result.set_aside_share == pytest.approx(0.3, abs=0.15)
    assert result.machine_speed == FAST


def test_too_few_processes_at_full_speed_is_a_reason():
    room = Room()

    class MeterOfProcesses(FakeMeter):
        def measure(self):
            return SLOW if len(self._room.devices) in (2, 3) else FAST

    timed = measured([room.source()], judge=SpeedJudge(MeterOfProcesses(room)), **FIVE)
    [result] = timed.results
    [reason] = result.reasons
    assert reason == "machine slow or busy: only 3 of 5 processes had turns at full speed"
    assert [len(process.samples_ns) > 0 for process in result.processes] == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_processes_that_met_only_a_slow_machine_are_replaced_with_patience():
    room = Room()

    class MeterOfProcesses(FakeMeter):
        def measure(self):
            return SLOW if len(room.devices) in (2, 4) else FAST

    judge = SpeedJudge(MeterOfProcesses(room))
    timed = measured([room.source()], judge=judge, patience_s=60.0, **FIVE)
    [result] = timed.results
    assert [len(process.samples_ns) > 0 for process in result.processes] == [
        *(True, False, True, False, True),
        *(True, True),
    ]
    assert not result.reasons


@pytest.mark.parametrize(("n_slow_groups", "n_counted"), [(2, 3), (3, 5)])
def test_slow_turns_count_if_hardly_any_others_are_left(n_slow_groups, n_counted):
    room = Room()

    class MeterOfGroups(FakeMeter):
        def measure(self):
            return SLOW if len(room.devices) > 10 - 2 * n_slow_groups else FAST

    def infer_ns(ms):
        return lambda _: ms * MS * (1.4 if len(room.devices) > 10 - 2 * n_slow_groups else 1)

    sources = [room.source("a", infer_ns=infer_ns(2)), room.source("b", infer_ns=infer_ns(3))]
    timed = measured(sources, judge=SpeedJudge(MeterOfGroups(room)), **FIVE)
    for result in timed.results:
        assert sum(len(process.samples_ns) > 0 for process in result.processes) == n_counted
        reason = result.reasons[0]
        assert reason.startswith("machine slow or busy: only")
        assert reason.endswith("so slow turns count too") == (n_counted == 5)
    [pair] = timed.pairs
    assert pair.comparison.processes == n_counted
    assert pair.comparison.ratio == pytest.approx(1.5, rel=0.01)


@pytest.mark.parametrize("processes", [1, 5])
def test_nothing_is_compared_beside_the_load_of_other_programs(monkeypatch, processes):
    room = Room()
    monkeypatch.setattr(
        "detbench.bench.latency.turns.Turn.background_cores", property(lambda turn: 1.0)
    )
    monkeypatch.setattr("detbench.bench.latency.speed_judge.usable_cores", lambda: 2)
    sources = [room.source("a"), room.source("b", infer_ns=lambda _: 9 * MS)]
    judge = SpeedJudge(FakeMeter(room))
    timed = measured(sources, judge=judge, **{**FIVE, "processes": processes})
    [pair] = timed.pairs
    assert pair.comparison.verdict == "inconclusive"
    assert math.isnan(pair.comparison.ratio)
    assert pair.comparison.interval == (0, math.inf)


def test_a_model_of_one_core_is_at_full_speed_while_one_of_two_cores_is_not():
    room = Room()
    judge = SpeedJudge(FakeMeter(room, (1.0, math.inf), slow=FAR_CORES))
    sources = [room.source("one", cores_at_rest=1.0), room.source("two", cores_at_rest=1.9)]
    one, two = measured(sources, judge=judge, **FIVE).results
    assert (one.with_slow_turns, two.with_slow_turns) == (False, True)
    assert not any("full speed" in reason for reason in one.reasons)
    assert any(reason.endswith("so slow turns count too") for reason in two.reasons)


def test_models_that_are_fast_at_different_times_and_take_no_turns_have_no_ratio():
    room = Room()

    class MeterOfModels(FakeMeter):
        def measure(self):
            group, is_b = divmod(len(room.devices) - 1, 2)
            return FAST if (group < 5) != bool(is_b) else SLOW

    sources = [room.source("a"), room.source("b")]
    plan = {**FIVE, "processes": 10, "turns": "restarted"}
    timed = measured(sources, judge=SpeedJudge(MeterOfModels(room)), **plan)
    [pair] = timed.pairs
    assert (pair.comparison.processes, pair.comparison.verdict) == (0, "inconclusive")
    assert math.isnan(pair.comparison.ratio)
    assert not timed.conclusive


def test_processes_at_full_speed_in_one_model_alone_are_not_paired():
    room = Room()

    class MeterOfGroups(FakeMeter):
        def measure(self):
            return SLOW if len(self._room.devices) in (3, 4) else FAST

    sources = [room.source("a"), room.source("b")]
    timed = measured(sources, judge=SpeedJudge(MeterOfGroups(room)), **FIVE)
    [pair] = timed.pairs
    assert pair.comparison.processes == 4
    assert pair.comparison.ratio == pytest.approx(1, abs=0.005)


def test_a_measurement_slower_than_the_best_known_is_invalid_and_keeps_its_samples():
    room = Room()
    best = BestKnown(compute=DatedTime(8.0, date(2026, 11, 28)))
    judge = SpeedJudge(FakeMeter(room), best)
    [result] = measured([room.source()], judge=judge, **FIVE).results
    [reason] = result.reasons
    assert reason == (
        "machine slower than at its best: arithmetic on all cores took 10.0 µs;"
        " its best was 8.0 µs, on 2026-11-28, so slow turns count too"
    )
    assert all(len(process.samples_ns) for process in result.processes)


@pytest.mark.parametrize(("cores", "is_set_aside"), [(1.0, False), (1.9, True)])
def test_the_exchange_between_cores_counts_for_models_that_use_several(cores, is_set_aside):
    room = Room()
    meter = FakeMeter(room, (0.4, 0.8), slow=FAR_CORES)
    source = room.source(cores_at_rest=cores)
    [result] = measured([source], judge=SpeedJudge(meter), **QUICK).results
    assert (len(result.processes[0].set_aside_ns) > 0) == is_set_aside


def test_the_meters_processes_belong_to_the_measurement():
    room = Room()
    monitor = FakeMonitor()
    measured([room.source()], monitor=monitor, judge=SpeedJudge(FakeMeter(room)), **QUICK)
    assert monitor.watched == [(1, 77)]


def test_without_a_meter_nothing_is_slow():
    judge = SpeedJudge()
    assert judge.measure() is None
    busy = Turn(np.ones(3, np.int64), 0.2, None, None, LoadWindow(0.2, 9.0))
    assert not judge.is_slow(busy, uses_several_cores=True)
    assert judge.reason(uses_several_cores=True) == ""


@pytest.mark.parametrize(("load_cores", "is_busy"), [(0.1, False), (1.0, True), (None, False)])
def test_turns_with_background_load_are_set_aside(monkeypatch, load_cores, is_busy):
    monkeypatch.setattr("detbench.bench.latency.speed_judge.usable_cores", lambda: 2)
    judge = SpeedJudge(FakeMeter(Room()))
    speeds = (judge.measure(), judge.measure())
    load = None if load_cores is None else LoadWindow(0.2, 0.2 * load_cores)
    turn = Turn(np.ones(3, np.int64), 0.06, None, None, load, speeds)
    assert judge.is_slow(turn, uses_several_cores=True) == is_busy


def test_a_turn_knows_the_load_of_other_programs():
    spin = "import time; end = time.monotonic() + 3\nwhile time.monotonic() < end: pass"

    class Idle:
        def cpu_s(self):
            return 0.0

        def resume(self):
            pass

        pause = resume

        def take_samples(self, *_):
            time.sleep(0.05)
            return SampleSlice(np.ones(3, np.int64), 50_000_000)

    with subprocess.Popen([sys.executable, "-c", spin]) as process:
        time.sleep(0.2)
        taker = TurnTaker(FakeMonitor())
        turns = [taker.take(Idle(), [], 3, 1) for _ in range(12)]
        process.kill()
    loads = [turn.background_cores for turn in turns]
    assert None not in loads[:8], "short turns share a window"
    assert min(loads[:8]) > 0.5


def test_a_speed_just_measured_holds_for_the_next_turn(monkeypatch):
    monkeypatch.setattr("detbench.bench.latency.turns._SAME_MOMENT_S", 0.1)
    seconds, measured_at = [0.0], []

    def measure():
        measured_at.append(seconds[0])
        return FAST

    model = local_model(FakeDevice(Room().time))
    model.prepare(TimingTask("infer", 1, SINGLE_STREAM))
    taker = TurnTaker(FakeMonitor(), measure, lambda: seconds[0])
    taker.take(model, (), 5, 10**9)
    seconds[0] = 0.05
    assert taker.take(model, (), 5, 10**9).speeds == (FAST, FAST)
    seconds[0] = 0.5
    taker.take(model, (), 5, 10**9)
    assert measured_at == [0.0, 0.0, 0.05, 0.5, 0.5]


def test_a_turn_pauses_the_model_even_if_it_is_interrupted():
    events = []

    class Interrupted:
        def cpu_s(self):
            return None

        def resume(self):
            events.append("resume")

        def pause(self):
            events.append("pause")

        def take_samples(self, *_):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TurnTaker(FakeMonitor()).take(Interrupted(), (), 5, 10**9)
    assert events == ["resume", "pause"]


def test_a_turn_knows_the_cpu_time_of_all_others():
    class Busy:
        def __init__(self, *times):
            self._times = iter(times)

        def cpu_s(self):
            return next(self._times)

        def resume(self):
            pass

        def pause(self):
            pass

        def take_samples(self, count, max_ns):
            return SampleSlice(np.full(count, MS, np.int64), count * MS)

    turn = TurnTaker(FakeMonitor()).take(Busy(1.0, 1.5), [Busy(0.0, 0.1), Busy(5.0, 5.2)], 5, 10**9)
    assert (turn.own_cpu_s, turn.others_cpu_s) == (0.5, pytest.approx(0.3))
    unknown = TurnTaker(FakeMonitor()).take(Busy(None, None), [Busy(None, None)], 5, 10**9)
    assert (unknown.own_cpu_s, unknown.others_cpu_s) == (None, None)

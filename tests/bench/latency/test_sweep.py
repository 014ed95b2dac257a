"""Sweeps: every batch size and stage, out of memory at one of them, and impossible plans."""

import math
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest

from detbench.bench.latency.scenario import scenario_named
from detbench.bench.latency.sweep import Progress
from detbench.bench.latency.timed_model import PROCESS_FAILED, SampleSlice
from detbench.bench.latency.timing_plan import TimingPlan
from detbench.errors import DetbenchError
from tests.bench.latency.fake_device import MS, FakeDevice, FakeTime
from tests.bench.latency.fake_sources import FakeModel, Room, measured

QUICK = {"min_s": 0.05, "max_s": 0.5, "processes": 1}


def sweep_device(device, progress=None, **plan):
    """Sweep over one device in one process."""
    room = Room()
    room.time = device.time
    return measured([room.source(device=device)], progress=progress, **plan)


def test_every_batch_size_and_stage_is_timed_and_infer_comes_with_end_to_end():
    tasks = []
    progress = Progress(on_task=tasks.append)
    timed = sweep_device(FakeDevice(FakeTime()), progress, batches=(1, 4), **QUICK)
    order = [(result.batch, result.stage) for result in timed.results]
    assert order == [(1, "infer"), (1, "end_to_end"), (4, "infer"), (4, "end_to_end")]
    assert [(task.batch, task.stage) for task in tasks] == order
    assert timed.valid


def test_out_of_memory_is_reported_and_smaller_batches_are_timed():
    device = FakeDevice(FakeTime(), max_batch=8)
    timed = sweep_device(device, stages=("infer",), batches=(16, 64, 1, 8), **QUICK)
    assert [(result.batch, result.verdict, result.reasons) for result in timed.results] == [
        (16, "invalid", ("out of memory at 16 images per batch",)),
        (64, "invalid", ("not tried: out of memory at 16 images per batch",)),
        (1, "quick look", ()),
        (8, "quick look", ()),
    ]
    assert not timed.valid
    assert [len(result.samples_ns) > 0 for result in timed.results] == [False, False, True, True]


def test_one_model_out_of_memory_does_not_stop_the_other():
    room = Room()
    sources = [room.source("small", max_batch=1), room.source("large")]
    timed = measured(sources, stages=("infer",), batches=(4,), **QUICK)
    assert {result.model: result.verdict for result in timed.results} == {
        "small": "invalid",
        "large": "quick look",
    }


def test_memory_that_runs_out_midway_counts_too():
    device = FakeDevice(FakeTime(), fails={50: MemoryError()})
    timed = sweep_device(device, stages=("infer",), batches=(4, 8), **QUICK)
    first, second = timed.results
    assert first.reasons == ("out of memory at 4 images per batch",)
    assert len(first.samples_ns) > 0
    assert second.reasons == ("not tried: out of memory at 4 images per batch",)


def test_an_impossible_batch_size_is_an_error_before_anything_runs():
    device = FakeDevice(FakeTime(), batch_size=4)
    message = "fake accepts only batches of 4 images, got 1; change --batch"
    with pytest.raises(DetbenchError, match=message):
        sweep_device(device, batches=(1,))
    assert device.calls == 0
    timed = sweep_device(device, stages=("infer",), **QUICK)
    assert timed.results[0].batch == 4


def test_ctrl_c_ends_the_sweep_and_keeps_the_samples():
    device = FakeDevice(FakeTime(), fails={60: KeyboardInterrupt()})
    timed = sweep_device(device, batches=(1, 4), **QUICK)
    assert timed.interrupted
    assert not timed.valid
    [result] = timed.results
    assert result.reasons == ("interrupted",)
    assert len(result.samples_ns) > 0


def test_ctrl_c_between_samples_keeps_the_samples_of_finished_tasks():
    room = Room()

    def interrupt(task):
        if task.stage == "end_to_end":
            raise KeyboardInterrupt

    timed = measured([room.source()], progress=Progress(on_task=interrupt), **QUICK)
    assert timed.interrupted
    [result] = timed.results
    assert (result.stage, result.reasons) == ("infer", ("interrupted",))
    assert len(result.samples_ns) >= 100
    assert [device.closed for device in room.devices] == [True]


def test_ctrl_c_in_a_later_group_keeps_the_samples_of_the_groups_before():
    room = Room()
    sources = [room.source("a"), room.source("b")]

    def interrupt(name, number):
        if (name, number) == ("a", 2):
            raise KeyboardInterrupt

    progress = Progress(on_load=interrupt)
    timed = measured(sources, progress=progress, stages=("infer",), max_s=1.0, processes=5)
    assert timed.interrupted
    assert not timed.valid
    assert [len(result.process_percentiles_ms(50)) for result in timed.results] == [2, 2]
    assert all(device.closed for device in room.devices)


def test_ctrl_c_in_a_later_group_ends_the_tasks_that_were_still_to_come_too():
    room = Room()

    def interrupt(task):
        if (task.stage, len(room.devices)) == ("infer", 7):
            raise KeyboardInterrupt

    timed = measured([room.source()], progress=Progress(on_task=interrupt), max_s=1.0, processes=10)
    assert [(result.stage, result.reasons[0]) for result in timed.results] == [
        ("infer", "interrupted"),
        ("end_to_end", "interrupted"),
    ]
    assert not any("machine" in reason for result in timed.results for reason in result.reasons)


@pytest.mark.parametrize("processes", [1, 5])
def test_models_that_do_not_take_turns_are_compared_by_their_processes(processes):
    room = Room()
    sources = [room.source("a", infer_ns=2 * MS), room.source("b", infer_ns=40 * MS)]
    timed = measured(sources, stages=("infer",), max_s=5.0, processes=processes, turns="restarted")
    [pair] = timed.pairs
    assert pair.comparison.processes == processes
    assert pair.comparison.ratio == pytest.approx(20, rel=0.01)
    assert math.isinf(pair.comparison.interval[1]) == (processes == 1)


def test_a_model_whose_process_failed_is_not_tried_again():
    room = Room()
    hung = f"{PROCESS_FAILED} did not answer for 120 s"
    turn_groups = []

    class Hanging(FakeModel):
        def take_samples(self, count, max_ns):
            if self.name != "hanging":
                return super().take_samples(count, max_ns)
            turn_groups.append(len(room.devices))
            return SampleSlice(np.zeros(0, np.int64), 0, hung)

    sources = [room.source("hanging"), room.source("sound")]
    with patch("tests.bench.latency.fake_sources.FakeModel", Hanging):
        timed = measured(sources, max_s=1.0, processes=5)
    assert len(turn_groups) == 1
    assert {(result.model, result.stage): result.reasons[:1] for result in timed.results} == {
        ("hanging", "infer"): (hung,),
        ("hanging", "end_to_end"): ("not tried: its process failed at 1 image per batch",),
        ("sound", "infer"): (),
        ("sound", "end_to_end"): (),
    }


def test_a_batch_size_that_a_query_cannot_be_divided_into_is_refused_before_timing():
    room = Room()
    plan = {"scenario": scenario_named("multi_stream"), "processes": 1}
    with pytest.raises(DetbenchError, match="3"):
        measured([room.source(batch_size=3)], **plan)
    assert room.turns == []


def test_more_models_than_there_are_need_no_memory(monkeypatch):
    monkeypatch.setattr("detbench.bench.latency.memory_check._resident_bytes", lambda _: 4 << 30)
    memory = SimpleNamespace(available=3 << 30)
    monkeypatch.setattr("detbench.bench.latency.memory_check.psutil.virtual_memory", lambda: memory)
    timed = measured([Room().source()], loaded=10, **QUICK)
    assert all(len(result.samples_ns) for result in timed.results)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"stages": ("train",)}, "unknown stage 'train'; choose one of preprocess"),
        ({"batches": (0,)}, "a batch has at least 1 image, got 0; change --batch"),
        (
            {"min_s": 2.0, "max_s": 1.0},
            "--min-seconds 2 and --max-seconds 1 do not fit; the minimum must be 0 or more",
        ),
    ],
)
def test_an_impossible_plan_is_refused(plan, message):
    with pytest.raises(DetbenchError, match=message):
        TimingPlan(**plan)


def test_too_little_memory_for_another_model_is_an_error_that_says_how_many_fit(monkeypatch):
    monkeypatch.setattr("detbench.bench.latency.memory_check._resident_bytes", lambda _: 4 << 30)
    memory = SimpleNamespace(available=3 << 30)
    monkeypatch.setattr("detbench.bench.latency.memory_check.psutil.virtual_memory", lambda: memory)
    room = Room()
    sources = [room.source(name) for name in "ab"]
    message = (
        "not enough memory for 2 models at once: after a was loaded, 3.2 GB are left;"
        " time them with `detbench latency --loaded 1`"
    )
    with pytest.raises(DetbenchError, match=message):
        measured(sources, **QUICK)
    assert room.loaded == []
    timed = measured([room.source(name) for name in "ab"], loaded=1, **QUICK)
    assert [result.verdict for result in timed.results] == ["quick look"] * 4


def test_a_model_that_cannot_be_loaded_again_keeps_what_was_measured_and_says_so():
    room = Room()

    def load_s(number):
        if number == 2:
            raise DetbenchError("m.onnx: its process ended while loading")
        return 0.0

    plan = {"stages": ("infer",), "min_s": 2.0, "max_s": 2.0, "processes": 4}
    timed = measured([room.source(load_s=load_s)], **plan)
    [result] = timed.results
    assert len(result.processes) == 2
    assert result.reasons[0] == "failed: m.onnx: its process ended while loading"
    assert result.percentile_ms(50) == pytest.approx(2.0, rel=0.01)
    with pytest.raises(DetbenchError, match="its process ended"):
        measured([Room().source(load_s=lambda _: load_s(2))], **plan)

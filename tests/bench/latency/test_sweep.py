"""Sweeps: every batch and stage, out of memory at one of them, and what no model can be asked."""

import pytest

from detbench.bench.latency.sweep import Plan, sweep
from detbench.errors import DetbenchError
from tests.bench.latency.fake_device import FakeDevice, FakeTime, contender

QUICK = {"min_s": 0.05, "max_s": 0.5}


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch):
    monkeypatch.setattr("detbench.bench.latency.series.machine_reasons", lambda *_: [])


def test_every_batch_and_stage_is_timed_infer_beside_end_to_end():
    tasks = []
    timed = sweep([contender(FakeDevice(FakeTime()))], Plan(batches=(1, 4), **QUICK), tasks.append)
    found = [(result.batch, result.stage) for result in timed.results]
    assert found == [(1, "infer"), (1, "end_to_end"), (4, "infer"), (4, "end_to_end")]
    assert [(task.batch, task.stage) for task in tasks] == found
    assert timed.valid


def test_out_of_memory_is_reported_and_the_sweep_goes_on_below():
    timed = sweep(
        [contender(FakeDevice(FakeTime(), most=8))], Plan(("infer",), (16, 64, 1, 8), **QUICK)
    )
    assert [(result.batch, result.verdict, result.reasons) for result in timed.results] == [
        (16, "invalid", ("out of memory at 16 pictures per batch",)),
        (64, "invalid", ("not tried: out of memory at 16 pictures per batch",)),
        (1, "valid", ()),
        (8, "valid", ()),
    ]
    assert not timed.valid
    assert [len(result.samples_ns) > 0 for result in timed.results] == [False, False, True, True]


def test_one_model_out_of_memory_does_not_stop_the_other():
    time = FakeTime()
    small, large = FakeDevice(time, name="small", most=1), FakeDevice(time, name="large")
    timed = sweep([contender(small), contender(large)], Plan(("infer",), (4,), **QUICK))
    assert {result.model: result.verdict for result in timed.results} == {
        "small": "invalid",
        "large": "valid",
    }


def test_memory_that_runs_out_midway_counts_too():
    device = FakeDevice(FakeTime(), fails={50: MemoryError()})
    timed = sweep([contender(device)], Plan(("infer",), (4, 8), **QUICK))
    first, second = timed.results
    assert first.reasons == ("out of memory at 4 pictures per batch",)
    assert len(first.samples_ns) > 0
    assert second.reasons == ("not tried: out of memory at 4 pictures per batch",)


def test_a_batch_the_model_cannot_take_is_an_error_before_anything_runs():
    device = FakeDevice(FakeTime(), batch_size=4)
    with pytest.raises(
        DetbenchError, match="fake takes 4 pictures at a time, not 1; change --batch"
    ):
        sweep([contender(device)], Plan(batches=(1,)))
    assert device.calls == 0
    assert sweep([contender(device)], Plan(("infer",), **QUICK)).results[0].batch == 4


def test_ctrl_c_ends_the_sweep_with_what_there_is():
    device = FakeDevice(FakeTime(), fails={60: KeyboardInterrupt()})
    timed = sweep([contender(device)], Plan(batches=(1, 4), **QUICK))
    assert timed.interrupted
    assert not timed.valid
    [result] = timed.results
    assert result.reasons == ("interrupted",)
    assert len(result.samples_ns) > 0


def test_ctrl_c_between_samples_keeps_what_is_done(monkeypatch):
    from detbench.bench.latency import interleave
    from detbench.bench.latency import sweep as room

    def measure(contenders, task, *rest, **options):
        if task.stage == "end_to_end":
            raise KeyboardInterrupt
        return interleave.measure(contenders, task, *rest, **options)

    monkeypatch.setattr(room, "measure", measure)
    timed = sweep([contender(FakeDevice(FakeTime()))], Plan(**QUICK))
    assert timed.interrupted
    assert [(result.stage, result.verdict) for result in timed.results] == [("infer", "valid")]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"stages": ("train",)}, "unknown stage 'train'; known are preprocess"),
        ({"batches": (0,)}, "at least one picture, not 0"),
        (
            {"min_s": 2.0, "max_s": 1.0},
            "at most the longest .--max-seconds., which is more than 0, not 2 and 1 s",
        ),
    ],
)
def test_a_plan_that_makes_no_sense(plan, message):
    with pytest.raises(DetbenchError, match=message):
        Plan(**plan)

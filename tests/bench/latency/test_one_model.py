"""Timing one fake device: what is timed, what is detected, and that every measurement ends."""

import re

import numpy as np
import pytest

from detbench.bench.gpu import GpuState
from detbench.bench.latency.result import WITHIN_ONE_PROCESS
from detbench.bench.latency.scenario import MIN_SAMPLES, MULTI_STREAM, OFFLINE, SINGLE_STREAM
from detbench.bench.latency.stages import STAGES
from detbench.bench.latency.timed_model import TimingTask
from detbench.errors import DetbenchError
from tests.bench.latency.fake_device import (
    MS,
    FakeDevice,
    FakeMonitor,
    FakeTime,
    local_model,
    state,
)
from tests.bench.latency.fake_sources import Room, measured

PREPARING = 8
"""Calls that run the batches through the model once."""
INFER = TimingTask("infer", 1, SINGLE_STREAM)
ON_GPU = {"device": "gpu"}


def time_device(device, task=INFER, *, monitor=None, requested_device=None, max_s=2.0):
    """Return the result of timing one device in one process."""
    timed = sweep_device(
        device, task, monitor=monitor, requested_device=requested_device, max_s=max_s
    )
    return timed.results[0]


def sweep_device(device, task=INFER, *, monitor=None, requested_device=None, max_s=2.0):
    room = Room()
    room.time = device.time
    return measured(
        [room.source(device=device)],
        monitor=monitor,
        stages=(task.stage,),
        batches=(task.batch,),
        scenario=task.scenario,
        min_s=0.1,
        max_s=max_s,
        device=requested_device,
        processes=1,
    )


def n_samples(result):
    return sum(len(one.samples_ns) + len(one.warmup_ns) for one in result.processes)


def test_a_steady_device_is_valid_and_has_its_own_time():
    result = time_device(FakeDevice(FakeTime()))
    assert (result.verdict, result.reasons) == ("quick look", ())
    assert result.percentile_ms(50) == pytest.approx(2.0, rel=0.005)
    low, high = result.interval_ms(50)
    assert low < result.percentile_ms(50) < high
    assert result.throughput_per_s == pytest.approx(500, rel=0.01)
    assert 0.1 <= result.duration_s < 2.0


@pytest.mark.parametrize(
    ("stage", "expected_ms"),
    [
        ("preprocess", 0.4),
        ("host_to_device", 0.1),
        ("infer", 2.0),
        ("device_to_host", 0.2),
        ("postprocess", 0.3),
        ("end_to_end", 3.0),
    ],
)
def test_each_stage_is_timed_separately(stage, expected_ms):
    result = time_device(FakeDevice(FakeTime()), TimingTask(stage, 1, SINGLE_STREAM))
    assert result.verdict == "quick look"
    assert result.percentile_ms(50) == pytest.approx(expected_ms, rel=0.01)
    assert stage in STAGES


def test_requests_rotate_over_the_images():
    device = FakeDevice(FakeTime())
    time_device(device)
    assert len(set(device.seen)) == 3


def test_the_first_call_is_reported_separately():
    device = FakeDevice(FakeTime(), infer_ns=lambda call: 900 * MS if call == 1 else 2 * MS)
    result = time_device(device)
    assert result.first_call_s == pytest.approx(0.9, rel=0.05)
    assert result.percentile_ms(99) < 3


def test_warm_up_is_found_and_stored_separately():
    device = FakeDevice(FakeTime(), infer_ns=lambda call: 6 * MS if call < 60 else 2 * MS)
    result = time_device(device)
    assert result.verdict == "quick look"
    [process] = result.processes
    assert 40 <= len(process.warmup_ns) <= 65
    assert result.percentile_ms(99) < 3
    assert process.warmup_ns.mean() > 5 * MS


def test_there_is_one_wait_per_request():
    device = FakeDevice(FakeTime(), returns_early=True)
    model = local_model(device)
    model.prepare(INFER)
    before = device.syncs
    model.take_samples(50, 10**9)
    assert device.syncs - before == 50


def test_an_asynchronous_device_that_is_waited_for_is_timed_in_full():
    result = time_device(FakeDevice(FakeTime(), returns_early=True, waits=True))
    assert result.verdict == "quick look"
    assert result.percentile_ms(50) == pytest.approx(2.0, rel=0.005)


def test_an_asynchronous_device_that_returns_early_is_detected():
    result = time_device(FakeDevice(FakeTime(), returns_early=True, waits=False))
    assert result.percentile_ms(50) < 0.1, "what the clock measured"
    assert result.verdict == "invalid"
    [reason] = result.reasons
    assert re.fullmatch(
        r"not synchronized: the model worked on for (1\.9|2\.0)\d ms"
        r" after the clock had stopped at 0\.00 ms",
        reason,
    )


def test_a_slow_transfer_to_the_host_is_no_early_return():
    device = FakeDevice(FakeTime())
    device.to_host = lambda outputs: (device.time.pass_ns(50 * MS), [outputs])[1]
    assert time_device(device).verdict == "quick look"


def gpu(*reasons, mhz=1700):
    return GpuState(mhz, 300.0, 60, 1 << 30, 0.9, reasons)


def test_a_throttled_gpu_is_invalid_and_ends():
    device = FakeDevice(FakeTime(), infer_ns=lambda call: 2 * MS * (1 + call / 50), settings=ON_GPU)
    monitor = FakeMonitor(
        state(0, gpu=gpu("idle", mhz=300)),
        state(1, gpu=gpu("too hot (hardware)")),
        state(2, gpu=gpu("power limit (software)")),
    )
    result = time_device(device, monitor=monitor)
    assert result.verdict == "invalid"
    assert "throttled: GPU too hot (hardware)" in result.reasons
    assert any(reason.startswith("not settled") for reason in result.reasons)
    assert n_samples(result) > 0
    assert 2.0 <= result.duration_s < 3.0


def test_a_power_limit_that_changes_no_clock_is_valid():
    monitor = FakeMonitor(
        state(0, gpu=gpu("idle", mhz=300)),
        state(1, gpu=gpu("power limit (software)")),
        state(2, gpu=gpu()),
    )
    result = time_device(FakeDevice(FakeTime(), settings=ON_GPU), monitor=monitor)
    assert result.reasons == ()


def test_a_gpu_clock_that_changes_counts_if_the_gpu_is_used():
    monitor = FakeMonitor(
        state(0, gpu=gpu(mhz=300)), state(1, gpu=gpu(mhz=1700)), state(2, gpu=gpu(mhz=1200))
    )
    on_gpu = time_device(FakeDevice(FakeTime(), settings=ON_GPU), monitor=monitor)
    assert on_gpu.reasons == ("clock changed: GPU SM clock between 1,200 and 1,700 MHz",)
    assert time_device(FakeDevice(FakeTime()), monitor=monitor).verdict == "quick look"
    postprocess = TimingTask("postprocess", 1, SINGLE_STREAM)
    device = FakeDevice(FakeTime(), settings=ON_GPU)
    assert time_device(device, postprocess, monitor=monitor).verdict == "quick look"


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (
            (state(0, throttle_events=3), state(1, throttle_events=8)),
            "throttled: the CPU counted 5 thermal events",
        ),
        (
            (state(0), state(1, mhz=3000), state(2, mhz=2000)),
            "clock changed: CPU clock between 2,000 and 3,000 MHz",
        ),
        (
            (state(0, load_cores=None), state(1, load_cores=900.0)),
            "background load: other processes used 900.0 of",
        ),
    ],
)
def test_what_the_machine_does_makes_a_time_invalid(states, reason):
    result = time_device(FakeDevice(FakeTime()), monitor=FakeMonitor(*states))
    assert result.verdict == "invalid"
    [message] = result.reasons
    assert message.startswith(reason)


def test_a_noisy_device_ends_in_time_and_is_invalid():
    result = time_device(FakeDevice(FakeTime(), noise=0.8), max_s=1.0)
    assert 1.0 <= result.duration_s < 1.2
    assert [reason.split(":")[0] for reason in result.reasons] == ["too noisy"]


def test_a_clock_that_stands_still_ends():
    time = FakeTime(tick=0)
    time.pass_ns = lambda _: None
    result = time_device(FakeDevice(time, infer_ns=0))
    assert result.verdict == "invalid"
    assert "the clock did not advance" in result.reasons[0]


def test_another_provider_or_device_than_requested_is_detected():
    settings = {"provider": "CPUExecutionProvider", "options": {"provider": "cuda"}}
    assert time_device(FakeDevice(FakeTime(), settings=settings)).reasons == (
        "wrong provider: it runs with CPUExecutionProvider, not with cuda",
    )
    assert time_device(FakeDevice(FakeTime()), requested_device="gpu").reasons == (
        "wrong device: it runs on cpu, not on gpu",
    )
    on_cuda = {"provider": "CUDAExecutionProvider", "options": {"provider": "cuda"}}
    device = FakeDevice(FakeTime(), settings=on_cuda)
    assert time_device(device, requested_device="gpu").reasons == ()


def test_a_crash_midway_keeps_the_samples():
    device = FakeDevice(FakeTime(), fails={40: RuntimeError("device lost\nlong story")})
    result = time_device(device)
    assert result.verdict == "invalid"
    assert result.reasons == ("failed: RuntimeError: device lost",)
    assert n_samples(result) == 40 - 1 - PREPARING


def test_a_crash_in_the_first_call_is_reported():
    error = DetbenchError("model.onnx: takes another size")
    result = time_device(FakeDevice(FakeTime(), fails={1: error}))
    assert (len(result.samples_ns), result.reasons) == (
        0,
        ("failed: model.onnx: takes another size",),
    )
    assert result.percentile_ms(50) is None
    assert result.throughput_per_s is None


@pytest.mark.parametrize("call", [1, 2, 40])
def test_ctrl_c_keeps_the_samples(call):
    timed = sweep_device(FakeDevice(FakeTime(), fails={call: KeyboardInterrupt()}))
    [result] = timed.results
    assert timed.interrupted
    assert result.reasons == ("interrupted",)
    assert n_samples(result) == max(call - 1 - PREPARING, 0)


def test_a_query_of_several_batches_has_one_wait():
    device = FakeDevice(FakeTime(), returns_early=True)
    result = time_device(device, TimingTask("infer", 2, MULTI_STREAM), max_s=20.0)
    assert result.images_per_sample == 8
    assert result.percentile_ms(50) == pytest.approx(8.0, rel=0.005)
    assert result.settings["requests_per_query"] == 4
    assert result.interval_ms(99) is not None
    offline = time_device(device, TimingTask("infer", 2, OFFLINE))
    assert offline.throughput_per_s == pytest.approx(2 / 2e-3, rel=0.01)


def test_queries_must_fill_whole_batches():
    with pytest.raises(DetbenchError, match="8 images per query, which do not fill whole batches"):
        MULTI_STREAM.requests(3)


def test_jitter_is_the_mean_step():
    result = time_device(FakeDevice(FakeTime()))
    assert result.jitter_ms == pytest.approx(np.abs(np.diff(result.samples_ns / 1e6)).mean())


def test_few_samples_are_taken_only_if_time_runs_out_and_have_a_remark():
    slow = time_device(FakeDevice(FakeTime(), infer_ns=30 * MS), max_s=6.0)
    assert slow.verdict == "quick look"
    assert len(slow.samples_ns) < MIN_SAMPLES
    assert slow.duration_s >= 6.0
    assert slow.remarks == (
        WITHIN_ONE_PROCESS,
        "fewer than 500 samples: intervals may be too narrow, especially those of tail percentiles",
    )
    assert slow.summary()["remarks"] == list(slow.remarks)
    quick = time_device(FakeDevice(FakeTime()), max_s=6.0)
    assert (quick.verdict, quick.remarks) == ("quick look", (WITHIN_ONE_PROCESS,))
    assert len(quick.samples_ns) >= MIN_SAMPLES
    assert quick.duration_s < 6.0

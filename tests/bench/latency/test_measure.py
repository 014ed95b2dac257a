"""Measuring on a fake device with a fake clock: what is timed, what is caught, and that every measurement ends."""

import re

import numpy as np
import pytest

from detbench.bench.gpu import GpuState
from detbench.bench.latency.contender import Task
from detbench.bench.latency.interleave import measure
from detbench.bench.latency.scenario import FEWEST_SAMPLES, MULTI_STREAM, OFFLINE, SINGLE_STREAM
from detbench.bench.latency.stages import STAGES
from detbench.errors import DetbenchError
from tests.bench.latency.fake_device import MS, FakeDevice, FakeTime, FakeWatch, contender, state

PREPARING = 8
"""Calls that take the batches through the model once."""
INFER = Task("infer", 1, SINGLE_STREAM)


def timed(device, task=INFER, *, watch=None, asked=None, max_s=2.0):
    measured = measure(
        [contender(device)],
        task,
        task.scenario.rule(0.1, max_s),
        watch or FakeWatch(),
        asked_device=asked,
    )
    return measured.results[0]


def test_a_steady_device_is_valid_and_has_its_own_time():
    result = timed(FakeDevice(FakeTime()))
    assert (result.verdict, result.reasons) == ("valid", ())
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
def test_each_stage_is_timed_apart(stage, expected_ms):
    result = timed(FakeDevice(FakeTime()), Task(stage, 1, SINGLE_STREAM))
    assert result.verdict == "valid"
    assert result.percentile_ms(50) == pytest.approx(expected_ms, rel=0.01)
    assert stage in STAGES


def test_requests_rotate_over_the_pictures():
    device = FakeDevice(FakeTime())
    timed(device)
    assert len(set(device.seen)) == 3


def test_the_first_call_is_told_apart():
    result = timed(FakeDevice(FakeTime(), infer_ns=lambda call: 900 * MS if call == 1 else 2 * MS))
    assert result.first_call_s == pytest.approx(0.9, rel=0.05)
    assert result.percentile_ms(99) < 3


def test_warm_up_is_found_and_kept_apart():
    result = timed(FakeDevice(FakeTime(), infer_ns=lambda call: 6 * MS if call < 60 else 2 * MS))
    assert result.verdict == "valid"
    assert 40 <= len(result.warmup_ns) <= 65
    assert result.percentile_ms(99) < 3
    assert result.warmup_ns.mean() > 5 * MS


def test_there_is_one_wait_per_request():
    device = FakeDevice(FakeTime(), returns_early=True)
    one = contender(device)
    one.prepare(INFER)
    before = device.syncs
    one.take(50, 0)
    assert device.syncs - before == 50


def test_an_asynchronous_device_that_is_waited_for_is_timed_in_full():
    result = timed(FakeDevice(FakeTime(), returns_early=True, waits=True))
    assert result.verdict == "valid"
    assert result.percentile_ms(50) == pytest.approx(2.0, rel=0.005)


def test_an_asynchronous_device_that_comes_back_early_is_caught():
    result = timed(FakeDevice(FakeTime(), returns_early=True, waits=False))
    assert result.percentile_ms(50) < 0.1, "what the clock was made to believe"
    assert result.verdict == "invalid"
    [reason] = result.reasons
    assert re.match(
        r"not synchronised: (1\.9|2\.0)\d ms of the model's work went on after the clock had stopped at 0\.00 ms",
        reason,
    )


def test_a_long_way_back_to_the_host_is_no_early_return():
    device = FakeDevice(FakeTime())
    device.to_host = lambda outputs: (device.time.pass_ns(50 * MS), [outputs])[1]
    assert timed(device).verdict == "valid"


def gpu(*reasons, mhz=1700):
    return GpuState(mhz, 300.0, 60, 1 << 30, 0.9, reasons)


ON_GPU = {"device": "gpu"}


def test_a_throttled_gpu_is_invalid_and_ends():
    device = FakeDevice(FakeTime(), infer_ns=lambda call: 2 * MS * (1 + call / 50), settings=ON_GPU)
    watch = FakeWatch(
        state(0, gpu=gpu("idle", mhz=300)),
        state(1, gpu=gpu("too hot (hardware)")),
        state(2, gpu=gpu("power limit (software)")),
    )
    result = timed(device, watch=watch)
    assert result.verdict == "invalid"
    assert "throttled: GPU too hot (hardware)" in result.reasons
    assert any(reason.startswith("not settled") for reason in result.reasons)
    assert len(result.samples_ns) + len(result.warmup_ns) > 0
    assert 2.0 <= result.duration_s < 3.0


def test_a_power_limit_that_moves_no_clock_is_valid():
    watch = FakeWatch(
        state(0, gpu=gpu("idle", mhz=300)),
        state(1, gpu=gpu("power limit (software)")),
        state(2, gpu=gpu()),
    )
    assert timed(FakeDevice(FakeTime(), settings=ON_GPU), watch=watch).reasons == ()


def test_a_gpu_clock_that_moves_counts_where_the_gpu_works():
    watch = FakeWatch(
        state(0, gpu=gpu(mhz=300)), state(1, gpu=gpu(mhz=1700)), state(2, gpu=gpu(mhz=1200))
    )
    assert timed(FakeDevice(FakeTime(), settings=ON_GPU), watch=watch).reasons == (
        "clock moved: GPU SM clock between 1,200 and 1,700 MHz",
    )
    assert timed(FakeDevice(FakeTime()), watch=watch).verdict == "valid"
    assert (
        timed(
            FakeDevice(FakeTime(), settings=ON_GPU),
            Task("postprocess", 1, SINGLE_STREAM),
            watch=watch,
        ).verdict
        == "valid"
    )


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (
            (state(0, throttled=3), state(1, throttled=8)),
            "throttled: the CPU counted 5 thermal events",
        ),
        (
            (state(0), state(1, mhz=3000), state(2, mhz=2000)),
            "clock moved: CPU clock between 2,000 and 3,000 MHz",
        ),
        (
            (state(0, outside=None), state(1, outside=900.0)),
            "load from outside: other processes kept 900.0 of",
        ),
    ],
)
def test_what_the_machine_does_makes_it_invalid(states, reason):
    result = timed(FakeDevice(FakeTime()), watch=FakeWatch(*states))
    assert result.verdict == "invalid"
    [found] = result.reasons
    assert found.startswith(reason)


def test_a_noisy_device_ends_in_time_and_is_invalid():
    result = timed(FakeDevice(FakeTime(), noise=0.8), max_s=1.0)
    assert 1.0 <= result.duration_s < 1.2
    assert [reason.split(":")[0] for reason in result.reasons] == ["too noisy"]


def test_a_clock_that_stands_still_ends():
    time = FakeTime(tick=0)
    time.pass_ns = lambda _: None
    device = FakeDevice(time, infer_ns=0)
    result = timed(device)
    assert result.verdict == "invalid"
    assert "the clock did not move" in result.reasons[0]


def test_a_provider_that_was_not_asked_for_is_seen():
    settings = {"provider": "CPUExecutionProvider", "options": {"provider": "cuda"}}
    assert timed(FakeDevice(FakeTime(), settings=settings)).reasons == (
        "provider cuda was asked for, and it runs by CPUExecutionProvider",
    )
    assert timed(FakeDevice(FakeTime()), asked="gpu").reasons == (
        "device gpu was asked for, and it runs on cpu",
    )
    right = {"provider": "CUDAExecutionProvider", "options": {"provider": "cuda"}}
    assert timed(FakeDevice(FakeTime(), settings=right), asked="gpu").reasons == ()


def test_a_crash_midway_keeps_the_samples():
    result = timed(FakeDevice(FakeTime(), fails={40: RuntimeError("device lost\nlong story")}))
    assert result.verdict == "invalid"
    assert result.reasons == ("failed: RuntimeError: device lost",)
    assert len(result.samples_ns) + len(result.warmup_ns) == 40 - 1 - PREPARING


def test_a_crash_at_once_is_told():
    result = timed(
        FakeDevice(FakeTime(), fails={1: DetbenchError("model.onnx: takes another size")})
    )
    assert (len(result.samples_ns), result.reasons) == (
        0,
        ("failed: model.onnx: takes another size",),
    )
    assert result.percentile_ms(50) is None
    assert result.throughput_per_s is None


@pytest.mark.parametrize("call", [1, 2, 40])
def test_ctrl_c_leaves_what_there_is(call):
    one = contender(FakeDevice(FakeTime(), fails={call: KeyboardInterrupt()}))
    measured = measure([one], INFER, SINGLE_STREAM.rule(0.1, 2.0), FakeWatch())
    [result] = measured.results
    assert measured.interrupted
    assert result.reasons == ("interrupted",)
    assert len(result.samples_ns) + len(result.warmup_ns) == max(call - 1 - PREPARING, 0)


def test_a_query_of_several_batches_is_waited_for_once():
    device = FakeDevice(FakeTime(), returns_early=True)
    result = timed(device, Task("infer", 2, MULTI_STREAM), max_s=20.0)
    assert result.pictures_per_sample == 8
    assert result.percentile_ms(50) == pytest.approx(8.0, rel=0.005)
    assert result.settings["requests_per_query"] == 4
    assert result.interval_ms(99) is not None
    offline = timed(device, Task("infer", 2, OFFLINE))
    assert offline.throughput_per_s == pytest.approx(2 / 2e-3, rel=0.01)


def test_queries_must_be_whole_batches():
    with pytest.raises(DetbenchError, match="no whole batches of 3"):
        MULTI_STREAM.requests(3)


def test_jitter_is_the_mean_step():
    result = timed(FakeDevice(FakeTime()))
    assert result.jitter_ms == pytest.approx(np.abs(np.diff(result.samples_ns / 1e6)).mean())


def test_few_samples_are_taken_only_for_want_of_time_and_are_remarked():
    slow = timed(FakeDevice(FakeTime(), infer_ns=30 * MS), max_s=6.0)
    assert (slow.verdict, len(slow.samples_ns) < FEWEST_SAMPLES, slow.duration_s >= 6.0) == (
        "valid",
        True,
        True,
    )
    assert slow.remarks == (
        "fewer than 500 samples: intervals may be too narrow, above all of tail percentiles",
    )
    assert slow.summary()["remarks"] == list(slow.remarks)
    quick = timed(FakeDevice(FakeTime()), max_s=6.0)
    assert (quick.verdict, len(quick.samples_ns) >= FEWEST_SAMPLES, quick.remarks) == (
        "valid",
        True,
        (),
    )
    assert quick.duration_s < 6.0

"""Interleaving: the order of turns, what is compared, and which differences are detected."""

import numpy as np
import pytest

from detbench.bench.latency.interleaving import ROUNDS_PER_COMPARISON, time_task
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.timed_model import TimingTask
from tests.bench.latency.fake_device import MS, FakeDevice, FakeMonitor, FakeTime, local_model

INFER = TimingTask("infer", 1, SINGLE_STREAM)
RULE = SINGLE_STREAM.stopping_rule(0.1, 20.0)
PREPARING = 8
"""Calls that run the batches through the model once."""


def two_models(slowdown=1.0, **options):
    """Return two models on one clock, as models in one process are."""
    time = FakeTime()
    a = FakeDevice(time, name="a")
    b = FakeDevice(time, name="b", infer_ns=2 * MS * slowdown, **options)
    b.rng = np.random.default_rng(1)
    return [local_model(a), local_model(b)]


def record_calls(model, calls):
    """Append the arguments of every call of `take_samples` to `calls`."""
    take_samples = model.take_samples

    def recorded(count, lead_in):
        calls.append((model.name, count, lead_in))
        return take_samples(count, lead_in)

    model.take_samples = recorded


@pytest.mark.parametrize(
    ("slowdown", "verdict"), [(1.0, "same"), (1.03, "slower"), (1 / 1.03, "faster")]
)
def test_the_ratio_is_that_of_the_devices(slowdown, verdict):
    timed = time_task(two_models(slowdown), INFER, RULE, FakeMonitor())
    [pair] = timed.pairs
    low, high = pair.comparison.interval
    assert (pair.a, pair.b, pair.comparison.verdict) == ("a", "b", verdict)
    assert pair.comparison.ratio == pytest.approx(slowdown, abs=0.003)
    assert low <= slowdown <= high
    assert [result.verdict for result in timed.results] == ["valid", "valid"]


def test_every_pair_of_several_models_is_compared():
    time = FakeTime()
    models = [
        local_model(FakeDevice(time, name=name, infer_ns=ms * MS))
        for name, ms in (("a", 2), ("b", 4), ("c", 8))
    ]
    timed = time_task(models, INFER, RULE, FakeMonitor())
    assert {(pair.a, pair.b): round(pair.comparison.ratio, 1) for pair in timed.pairs} == {
        ("a", "b"): 2,
        ("a", "c"): 4,
        ("b", "c"): 2,
    }


def test_turns_come_in_random_order_one_slice_each():
    models = two_models()
    calls = []
    for model in models:
        record_calls(model, calls)
    time_task(models, INFER, RULE, FakeMonitor())
    turns = [(name, lead_in) for name, _, lead_in in calls]
    rounds = list(zip(turns[::2], turns[1::2], strict=True))
    assert all({first, second} == {("a", 1), ("b", 1)} for first, second in rounds), (
        "each once per round, after a query that does not count"
    )
    a_first = sum(first == ("a", 1) for first, _ in rounds)
    assert len(rounds) >= ROUNDS_PER_COMPARISON
    assert 0.25 < a_first / len(rounds) < 0.75


def test_a_slow_and_a_fast_model_get_the_same_time():
    time = FakeTime()
    models = [
        local_model(FakeDevice(time, name=name, infer_ns=ms * MS))
        for name, ms in (("fast", 1), ("slow", 50))
    ]
    fast, slow = time_task(models, INFER, RULE, FakeMonitor()).results
    assert fast.duration_s == pytest.approx(slow.duration_s, rel=0.4)


def test_untimed_work_counts_for_the_length_of_a_round():
    model = local_model(FakeDevice(FakeTime(), infer_ns=50 * MS))
    calls = []
    record_calls(model, calls)
    time_task([model], TimingTask("device_to_host", 1, SINGLE_STREAM), RULE, FakeMonitor())
    assert max(count for _, count, _ in calls) == 1, "a sample of 0.2 ms needs 50 ms of inference"


def test_if_one_fails_the_other_goes_on():
    models = two_models(fails={60: RuntimeError("gone")})
    timed = time_task(models, INFER, RULE, FakeMonitor())
    good, bad = timed.results
    assert (good.verdict, bad.reasons) == ("valid", ("failed: RuntimeError: gone",))
    assert timed.pairs == []


def test_a_model_is_compared_with_itself_repeatedly():
    model = local_model(FakeDevice(FakeTime(), name="m"))
    timed = time_task(
        [model, model.with_own_batches("m, again")],
        INFER,
        SINGLE_STREAM.stopping_rule(0.1, 100.0),
        FakeMonitor(),
        repetitions=5,
    )
    assert len(timed.pairs) == 5
    assert {pair.comparison.verdict for pair in timed.pairs} <= {"same", "inconclusive"}
    assert {(pair.a, pair.b) for pair in timed.pairs} == {("m", "m, again")}


@pytest.mark.parametrize("call", [1, PREPARING + 30])
def test_ctrl_c_in_one_ends_all_at_once(call):
    models = two_models(fails={})
    models[0]._detector.fails = {call: KeyboardInterrupt()}
    timed = time_task(models, INFER, RULE, FakeMonitor())
    assert timed.interrupted
    assert timed.pairs == []
    assert {result.reasons for result in timed.results} == {("interrupted",)}
    assert models[1]._detector.calls < PREPARING + 60, "it went on after Ctrl-C"


def test_a_model_that_returns_early_is_compared_with_nothing():
    time = FakeTime()
    honest = FakeDevice(time, name="honest")
    early = FakeDevice(time, name="early", returns_early=True, waits=False)
    models = [local_model(honest), local_model(early)]
    timed = time_task(models, INFER, SINGLE_STREAM.stopping_rule(0.1, 1.0), FakeMonitor())
    kinds = [reason.split(":")[0] for reason in timed.results[1].reasons]
    assert "not synchronized" in kinds
    assert timed.pairs == []

"""Taking turns: the order, what is compared, and that a small difference is found while none is not."""

import numpy as np
import pytest

from detbench.bench.latency.contender import Task
from detbench.bench.latency.interleave import ROUNDS_OF_COMPARISON, measure
from detbench.bench.latency.scenario import SINGLE_STREAM
from tests.bench.latency.fake_device import MS, FakeDevice, FakeTime, FakeWatch, contender

INFER = Task("infer", 1, SINGLE_STREAM)
RULE = SINGLE_STREAM.rule(0.1, 20.0)
PREPARING = 8
"""Calls that take the batches through the model once."""


def pair(slower=1.0, **options):
    """Two devices on one clock, as models in one process are."""
    time = FakeTime()
    a, b = (
        FakeDevice(time, name="a"),
        FakeDevice(time, name="b", infer_ns=2 * MS * slower, **options),
    )
    b.rng = np.random.default_rng(1)
    return [contender(a), contender(b)]


@pytest.mark.parametrize(
    ("slower", "verdict"), [(1.0, "same"), (1.03, "slower"), (1 / 1.03, "faster")]
)
def test_the_ratio_is_that_of_the_devices(slower, verdict):
    measured = measure(pair(slower), INFER, RULE, FakeWatch())
    [found] = measured.pairs
    low, high = found.comparison.interval
    assert (found.a, found.b, found.comparison.verdict) == ("a", "b", verdict)
    assert found.comparison.ratio == pytest.approx(slower, abs=0.003)
    assert low <= slower <= high
    assert [result.verdict for result in measured.results] == ["valid", "valid"]


def test_every_pair_of_several_models_is_compared():
    time = FakeTime()
    devices = [
        FakeDevice(time, name=name, infer_ns=ms * MS) for name, ms in (("a", 2), ("b", 4), ("c", 8))
    ]
    measured = measure([contender(device) for device in devices], INFER, RULE, FakeWatch())
    assert {(pair.a, pair.b): round(pair.comparison.ratio, 1) for pair in measured.pairs} == {
        ("a", "b"): 2,
        ("a", "c"): 4,
        ("b", "c"): 2,
    }


def test_turns_come_in_random_order_one_slice_each():
    contenders = pair()
    turns = []
    for one in contenders:
        one.take = lambda count, lead_in, one=one, take=one.take: (
            turns.append((one.name, lead_in)),
            take(count, lead_in),
        )[1]
    measure(contenders, INFER, RULE, FakeWatch())
    rounds = list(zip(turns[::2], turns[1::2], strict=True))
    assert all({first, second} == {("a", 1), ("b", 1)} for first, second in rounds), (
        "each once a round, after a query that does not count"
    )
    a_first = sum(first == ("a", 1) for first, _ in rounds)
    assert len(rounds) >= ROUNDS_OF_COMPARISON
    assert 0.25 < a_first / len(rounds) < 0.75


def test_a_slow_and_a_fast_model_get_the_same_time():
    time = FakeTime()
    fast, slow = (
        FakeDevice(time, name=name, infer_ns=ms * MS) for name, ms in (("fast", 1), ("slow", 50))
    )
    measured = measure([contender(fast), contender(slow)], INFER, RULE, FakeWatch())
    quick, tardy = measured.results
    assert quick.duration_s == pytest.approx(tardy.duration_s, rel=0.4)


def test_what_is_not_timed_counts_for_how_long_a_round_may_be():
    device = FakeDevice(FakeTime(), infer_ns=50 * MS)
    one = contender(device)
    counts = []
    one.take = lambda count, lead_in, take=one.take: (counts.append(count), take(count, lead_in))[1]
    measure([one], Task("device_to_host", 1, SINGLE_STREAM), RULE, FakeWatch())
    assert max(counts) == 1, "each sample of 0.2 ms needs an inference of 50 ms"


def test_one_that_fails_leaves_the_other_to_go_on():
    contenders = pair(fails={60: RuntimeError("gone")})
    measured = measure(contenders, INFER, RULE, FakeWatch())
    good, bad = measured.results
    assert (good.verdict, bad.reasons) == ("valid", ("failed: RuntimeError: gone",))
    assert measured.pairs == []


def test_a_model_against_itself_again_and_again():
    time = FakeTime()
    one = contender(FakeDevice(time, name="m"))
    measured = measure(
        [one, one.again("m, again")],
        INFER,
        SINGLE_STREAM.rule(0.1, 100.0),
        FakeWatch(),
        repetitions=5,
    )
    assert len(measured.pairs) == 5
    assert {pair.comparison.verdict for pair in measured.pairs} <= {"same", "inconclusive"}
    assert {(pair.a, pair.b) for pair in measured.pairs} == {("m", "m, again")}


@pytest.mark.parametrize("call", [1, PREPARING + 30])
def test_ctrl_c_in_one_ends_all_at_once(call):
    contenders = pair(fails={})
    contenders[0]._detector.fails = {call: KeyboardInterrupt()}
    measured = measure(contenders, INFER, RULE, FakeWatch())
    assert measured.interrupted
    assert measured.pairs == []
    assert {result.reasons for result in measured.results} == {("interrupted",)}
    assert contenders[1]._detector.calls < PREPARING + 60, "it went on after Ctrl-C"


def test_what_returns_early_is_compared_with_nothing():
    time = FakeTime()
    honest, early = (
        FakeDevice(time, name="honest"),
        FakeDevice(time, name="early", returns_early=True, waits=False),
    )
    measured = measure(
        [contender(honest), contender(early)], INFER, SINGLE_STREAM.rule(0.1, 1.0), FakeWatch()
    )
    assert [
        reason.split(":")[0]
        for reason in measured.results[1].reasons
        if reason.startswith("not syn")
    ] == ["not synchronised"]
    assert measured.pairs == []

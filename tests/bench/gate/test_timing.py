"""Rules on time, memory and size: in turns or not, on one machine or two."""

import math

import numpy as np
import pytest

from detbench.bench.gate.gate import gate
from detbench.bench.latency.comparison import Comparison
from detbench.bench.latency.contender import Task
from detbench.bench.latency.interleave import Pair
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.machine import MachineState
from tests.bench.gate.made import CPU, images, run, timed
from tests.bench.gate.test_rules import one

TRUTH = images(4)
P50 = one('measure = "latency.p50_ms"\nstage = "infer"\nminimum_effect = "3%"\nconfidence = 0.999')
RATE = one('measure = "throughput_per_s"\nstage = "infer"\nminimum_effect = "3%"')
MEMORY = one('measure = "memory"\nstage = "infer"\nminimum_effect = "10%"')


def verdict(rule, first, second, **options):
    return gate(
        run(TRUTH, latency=[first] if first else []),
        run(TRUTH, latency=[second] if second else []),
        [rule],
        **options,
    )[0]


def looks(elapsed):
    return (MachineState(0.0, None, None, None), MachineState(elapsed, None, None, 0.1))


@pytest.mark.parametrize(
    ("scale", "outcome"), [(1.0, "passed"), (1.05, "failed"), (0.95, "passed"), (1.02, "passed")]
)
def test_times_taken_in_turns(scale, outcome):
    found = verdict(P50, timed(machine=looks(1.0)), timed(scale, seed=1, machine=looks(1.0)))
    assert found.outcome == outcome
    assert found.effect.difference == pytest.approx(found.effect.baseline * (scale - 1), abs=0.02)
    assert found.effect.low < found.effect.difference < found.effect.high


@pytest.mark.parametrize(
    ("scale", "outcome"), [(1.0, "passed"), (1.05, "inconclusive"), (1.3, "failed")]
)
def test_times_taken_apart_fail_only_beyond_the_drift_of_machines(scale, outcome):
    found = verdict(P50, timed(machine=looks(1.0)), timed(scale, seed=1, machine=looks(1.1)))
    assert found.outcome == outcome
    assert ("not timed in turns, and a machine drifts by up to 15 %" in found.sentence) == (
        outcome == "inconclusive"
    )


def test_times_without_a_look_at_the_machine_are_not_taken_for_times_in_turns():
    found = verdict(P50, timed(), timed(1.05, seed=1))
    assert (found.outcome, "not timed in turns, and a machine drifts" in found.sentence) == (
        "inconclusive",
        True,
    )


@pytest.mark.parametrize(("scale", "outcome"), [(1.0, "passed"), (1.05, "failed"), (0.9, "passed")])
def test_throughput_falls_as_times_rise(scale, outcome):
    found = verdict(RATE, timed(machine=looks(1.0)), timed(scale, seed=1, machine=looks(1.0)))
    assert found.outcome == outcome
    assert found.effect.candidate / found.effect.baseline == pytest.approx(1 / scale, rel=0.01)


def test_interleaved_rounds_decide_and_their_interval_is_stretched():
    pair = Pair(
        "baseline",
        "candidate",
        Task("infer", 1, SINGLE_STREAM),
        Comparison(1.05, (1.04, 1.06), "slower"),
    )
    found = verdict(
        P50,
        timed(reasons=("load from outside",)),
        timed(reasons=("load from outside",)),
        pairs=[pair],
    )
    assert found.outcome == "failed"
    assert (
        "timed in turns, which makes the ratio hold although the baseline's latency.p50_ms must not be quoted (load from"
        in found.sentence
    )
    assert verdict(P50, timed(), timed(), pairs=[pair]).sentence.endswith("; timed in turns")
    stretch = 3.0902 / 1.9600
    ratio = 1 + found.effect.high / found.effect.baseline
    assert math.log(ratio / 1.05) == pytest.approx(stretch * math.log(1.06 / 1.05), rel=1e-4)
    open_ended = Pair(
        "baseline", "candidate", pair.task, Comparison(1.5, (0.0, math.inf), "inconclusive")
    )
    assert verdict(P50, timed(), timed(), pairs=[open_ended]).outcome == "inconclusive"


@pytest.mark.parametrize(
    ("environment", "settings", "reason"),
    [
        (
            CPU | {"cpu": "another"},
            {},
            "the baseline was timed with CPU a CPU, the candidate with another",
        ),
        (
            CPU,
            {"device": "cpu", "provider": "Dnnl"},
            "with provider CPUExecutionProvider, the candidate with Dnnl",
        ),
        (
            CPU,
            {"device": "gpu:0"},
            "the baseline was timed with GPUs and drivers unknown, the candidate with none",
        ),
    ],
)
def test_another_machine_is_inconclusive(environment, settings, reason):
    second = timed(settings=settings) if settings else timed()
    (found,) = gate(
        run(TRUTH, latency=[timed()]), run(TRUTH, latency=[second], environment=environment), [P50]
    )
    assert found.outcome == "inconclusive"
    assert reason in found.sentence


def test_what_is_missing_or_must_not_be_quoted():
    assert verdict(P50, None, None).outcome == "skipped"
    assert "only the candidate has it" in verdict(P50, None, timed()).sentence
    assert verdict(P50, timed(), None).outcome == "inconclusive"
    assert (
        "must not be quoted (throttled)"
        in verdict(P50, timed(), timed(reasons=("throttled",))).sentence
    )
    few = {"samples_ns": np.array([1, 2, 3], np.int64)}
    assert verdict(P50, timed(**few), timed()).outcome == "skipped"
    assert verdict(RATE, timed(**few), timed()).outcome == "skipped"


def test_memory_and_model_size_are_compared_as_they_are():
    peaks = [{"peak_host_bytes": 100_000_000}, {"peak_host_bytes": 112_000_000}, {}]
    assert verdict(MEMORY, timed(**peaks[0]), timed(**peaks[1])).outcome == "failed"
    assert verdict(MEMORY, timed(**peaks[1]), timed(**peaks[0])).outcome == "passed"
    assert verdict(MEMORY, timed(**peaks[0]), timed(**peaks[2])).outcome == "inconclusive"
    assert verdict(MEMORY, timed(), timed()).outcome == "skipped"
    on_device = {"peak_host_bytes": 112_000_000, "peak_device_bytes": 800_000_000}
    mixed = verdict(MEMORY, timed(**peaks[0]), timed(**on_device))
    assert (
        mixed.outcome,
        mixed.sentence.endswith(
            "the baseline's is memory of the host, the candidate's of the device"
        ),
    ) == (
        "inconclusive",
        True,
    )
    assert verdict(MEMORY, timed(**on_device), timed(**on_device)).effect.candidate == 800_000_000
    size = one('measure = "model_size"\nminimum_effect = 1000000')
    assert verdict(size, None, None).outcome == "skipped"
    assert verdict(size, None, None, sizes=(5_000_000, None)).outcome == "inconclusive"
    grown = verdict(size, None, None, sizes=(5_000_000, 6_000_000))
    assert (grown.outcome, grown.sentence) == (
        "failed",
        "model_size: failed, 5 → 6 (+1 MB): worse by 1 MB or more",
    )

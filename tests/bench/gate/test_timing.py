"""Rules on time, memory and size: interleaved or not, on one machine or two."""

import math

import numpy as np
import pytest

from detbench.bench.gate.gate import gate
from detbench.bench.latency.interleaving import TimedPair
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.statistics.comparison import Comparison
from detbench.bench.latency.timed_model import TimingTask
from detbench.bench.machine import MachineState
from tests.bench.gate.simulated_runs import CPU, latency_of, random_images, rule_of, run_of

IMAGES = random_images(4)
P50 = rule_of(
    'measure = "latency.p50_ms"\nstage = "infer"\nminimum_effect = "3%"\nconfidence = 0.999'
)
THROUGHPUT = rule_of('measure = "throughput_per_s"\nstage = "infer"\nminimum_effect = "3%"')
MEMORY = rule_of('measure = "memory"\nstage = "infer"\nminimum_effect = "10%"')
SIZE = rule_of('measure = "model_size"\nminimum_effect = 1000000')
INFER = TimingTask("infer", 1, SINGLE_STREAM)


def verdict_of(rule, first, second, **options):
    """Return the verdict on two latency results; None for a run without times."""
    baseline = run_of(IMAGES, latency=[first] if first else [])
    candidate = run_of(IMAGES, latency=[second] if second else [])
    [verdict] = gate(baseline, candidate, [rule], **options)
    return verdict


def states(elapsed_s):
    """Return states of a machine; equal ones mean that both models were interleaved."""
    return (MachineState(0.0, None, None, None), MachineState(elapsed_s, None, None, 0.1))


def pair_with(ratio, interval):
    return TimedPair("baseline", "candidate", INFER, Comparison(ratio, interval, "inconclusive"))


@pytest.mark.parametrize(
    ("scale", "outcome"), [(1.0, "passed"), (1.05, "failed"), (0.95, "passed"), (1.02, "passed")]
)
def test_interleaved_times(scale, outcome):
    first, second = (
        latency_of(machine=states(1.0)),
        latency_of(scale, seed=1, machine=states(1.0)),
    )
    verdict = verdict_of(P50, first, second)
    effect = verdict.effect
    assert verdict.outcome == outcome
    assert effect.difference == pytest.approx(effect.baseline * (scale - 1), abs=0.02)
    assert effect.low < effect.difference < effect.high
    assert verdict.sentence.endswith("; interleaved")


@pytest.mark.parametrize(
    ("scale", "outcome"), [(1.0, "passed"), (1.05, "inconclusive"), (1.3, "failed")]
)
def test_times_that_are_not_interleaved_fail_only_beyond_the_drift(scale, outcome):
    first, second = (
        latency_of(machine=states(1.0)),
        latency_of(scale, seed=1, machine=states(1.1)),
    )
    verdict = verdict_of(P50, first, second)
    assert verdict.outcome == outcome
    is_explained = "not interleaved, and a machine drifts by up to 15%" in verdict.sentence
    assert is_explained == (outcome == "inconclusive")


def test_times_without_states_of_the_machine_are_not_interleaved():
    verdict = verdict_of(P50, latency_of(), latency_of(1.05, seed=1))
    assert verdict.outcome == "inconclusive"
    assert "not interleaved, and a machine drifts" in verdict.sentence


@pytest.mark.parametrize(("scale", "outcome"), [(1.0, "passed"), (1.05, "failed"), (0.9, "passed")])
def test_throughput_falls_as_times_rise(scale, outcome):
    first, second = (
        latency_of(machine=states(1.0)),
        latency_of(scale, seed=1, machine=states(1.0)),
    )
    verdict = verdict_of(THROUGHPUT, first, second)
    assert verdict.outcome == outcome
    ratio = verdict.effect.candidate / verdict.effect.baseline
    assert ratio == pytest.approx(1 / scale, rel=0.01)


def test_interleaved_rounds_decide_with_an_interval_at_the_confidence_of_the_rule():
    pair = pair_with(1.05, (1.04, 1.06))
    invalid = latency_of(reasons=("background load",))
    verdict = verdict_of(P50, invalid, invalid, pairs=[pair])
    assert verdict.outcome == "failed"
    assert (
        "interleaved, so the ratio holds although the baseline's latency.p50_ms is not valid"
        " (background load)" in verdict.sentence
    )
    valid = verdict_of(P50, latency_of(), latency_of(), pairs=[pair])
    assert valid.sentence.endswith("; interleaved")
    stretch = 3.0902 / 1.9600
    ratio = 1 + verdict.effect.high / verdict.effect.baseline
    assert math.log(ratio / 1.05) == pytest.approx(stretch * math.log(1.06 / 1.05), rel=1e-4)


def test_too_few_interleaved_rounds_are_inconclusive():
    pair = pair_with(1.5, (0.0, math.inf))
    assert verdict_of(P50, latency_of(), latency_of(), pairs=[pair]).outcome == "inconclusive"


@pytest.mark.parametrize(
    ("environment", "settings", "difference"),
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
def test_another_machine_is_inconclusive(environment, settings, difference):
    second = latency_of(settings=settings) if settings else latency_of()
    baseline = run_of(IMAGES, latency=[latency_of()])
    candidate = run_of(IMAGES, latency=[second], environment=environment)
    [verdict] = gate(baseline, candidate, [P50])
    assert verdict.outcome == "inconclusive"
    assert difference in verdict.sentence


def test_missing_invalid_and_few_times():
    assert verdict_of(P50, None, None).outcome == "skipped"
    assert "only the candidate has this measure" in verdict_of(P50, None, latency_of()).sentence
    assert verdict_of(P50, latency_of(), None).outcome == "inconclusive"
    invalid = latency_of(reasons=("throttled",))
    assert "is not valid (throttled)" in verdict_of(P50, latency_of(), invalid).sentence
    few = latency_of(samples_ns=np.array([1, 2, 3], np.int64))
    for rule in (P50, THROUGHPUT):
        assert verdict_of(rule, few, latency_of()).outcome == "skipped"


def test_memory_is_compared_without_an_interval():
    small, large = (latency_of(peak_host_bytes=size) for size in (100_000_000, 112_000_000))
    assert verdict_of(MEMORY, small, large).outcome == "failed"
    assert verdict_of(MEMORY, large, small).outcome == "passed"
    assert verdict_of(MEMORY, small, latency_of()).outcome == "inconclusive"
    assert verdict_of(MEMORY, latency_of(), latency_of()).outcome == "skipped"
    device = latency_of(peak_host_bytes=112_000_000, peak_device_bytes=800_000_000)
    mixed = verdict_of(MEMORY, small, device)
    assert mixed.outcome == "inconclusive"
    assert mixed.sentence.endswith(
        "the baseline has memory of the host, the candidate of the device"
    )
    assert verdict_of(MEMORY, device, device).effect.candidate == 800_000_000


def test_model_sizes_are_compared_without_an_interval():
    assert verdict_of(SIZE, None, None).outcome == "skipped"
    assert verdict_of(SIZE, None, None, sizes=(5_000_000, None)).outcome == "inconclusive"
    grown = verdict_of(SIZE, None, None, sizes=(5_000_000, 6_000_000))
    assert grown.outcome == "failed"
    assert grown.sentence == "model_size: failed, 5 → 6 (+1 MB): worse by at least 1 MB"

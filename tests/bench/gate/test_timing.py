"""Rules on time, memory and size: interleaved or not, on one machine or two."""

import math

import numpy as np
import pytest

from detbench.bench.gate.gate import gate
from detbench.bench.latency.assembly import TimedPair
from detbench.bench.latency.result import ProcessSamples
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.statistics.comparison import Comparison
from detbench.bench.latency.timed_model import TimingTask
from detbench.bench.machine import MachineState
from detbench.bench.machine_speed.speed import MachineSpeed
from tests.bench.gate.simulated_runs import CPU, latency_of, random_images, rule_of, run_of
from tests.bench.latency.process_samples import processes_of

IMAGES = random_images(4)
P50 = rule_of(
    'measure = "latency.p50_ms"\nstage = "infer"\nminimum_effect = "3%"\nconfidence = 0.999'
)
THROUGHPUT = rule_of('measure = "throughput_per_s"\nstage = "infer"\nminimum_effect = "3%"')
MEMORY = rule_of('measure = "memory"\nstage = "infer"\nminimum_effect = "10%"')
SIZE = rule_of('measure = "model_size"\nminimum_effect = 1000000')
DRIFT = "and times of equal models differ by up to 15% between single processes or moments"
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


def pair_with(ratio, interval, processes=5):
    comparison = Comparison(ratio, interval, "inconclusive", processes)
    return TimedPair("baseline", "candidate", INFER, comparison)


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
    assert verdict.sentence.endswith("; 5 processes of each, interleaved")


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
    assert (f"not interleaved, {DRIFT}" in verdict.sentence) == (outcome == "inconclusive")


def test_times_without_states_of_the_machine_are_not_interleaved():
    verdict = verdict_of(P50, latency_of(), latency_of(1.05, seed=1))
    assert verdict.outcome == "inconclusive"
    assert f"not interleaved, {DRIFT}" in verdict.sentence


@pytest.mark.parametrize(
    ("scale", "outcome"), [(1.0, "passed"), (1.05, "inconclusive"), (1.3, "failed")]
)
def test_times_of_one_process_fail_only_beyond_the_drift(scale, outcome):
    first, second = (
        latency_of(processes=1, machine=states(1.0)),
        latency_of(scale, seed=1, processes=1, machine=states(1.0)),
    )
    verdict = verdict_of(P50, first, second)
    assert verdict.outcome == outcome
    explained = f"one process of each, interleaved, {DRIFT}" in verdict.sentence
    assert explained == (outcome == "inconclusive")


@pytest.mark.parametrize(
    ("speeds", "outcome", "text"),
    [
        ((MachineSpeed(100.0, 8.2), MachineSpeed(101.0, 8.3)), "failed", "not interleaved"),
        ((MachineSpeed(100.0, 8.2), None), "inconclusive", f"not interleaved, {DRIFT}"),
        (
            (MachineSpeed(100.0, 8.2), MachineSpeed(101.0, 20.0)),
            "inconclusive",
            "the machine was faster during one of the runs",
        ),
    ],
)
def test_several_processes_at_the_same_machine_speed_need_no_drift(speeds, outcome, text):
    first, second = (
        latency_of(scale, seed=seed, machine_speed=speed)
        for scale, seed, speed in zip((1.0, 1.05), (0, 1), speeds, strict=True)
    )
    verdict = verdict_of(P50, first, second)
    assert verdict.outcome == outcome
    assert text in verdict.sentence


def test_what_both_processes_of_a_pair_share_cancels():
    shared = np.array([1.0, 1.3, 0.9, 1.1, 1.2])
    first, second = (
        latency_of(
            machine=states(1.0),
            processes=tuple(
                ProcessSamples(samples_ns=(one.samples_ns * scale).astype(np.int64))
                for one, scale in zip(latency_of(own, seed=seed).processes, shared, strict=True)
            ),
        )
        for own, seed in ((1.0, 0), (1.05, 1))
    )
    verdict = verdict_of(P50, first, second)
    assert verdict.outcome == "failed"
    low, high = (
        1 + end / verdict.effect.baseline for end in (verdict.effect.low, verdict.effect.high)
    )
    logs = [
        math.log(np.median(b.samples_ns) / np.median(a.samples_ns))
        for a, b in zip(first.processes, second.processes, strict=True)
    ]
    margin = 7.1732 * np.std(logs, ddof=1) / math.sqrt(5)  # Student's t: 99.9%, 4 degrees
    assert math.log(low) == pytest.approx(np.mean(logs) - margin, abs=1e-5)
    assert math.log(high) == pytest.approx(np.mean(logs) + margin, abs=1e-5)


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


@pytest.mark.parametrize(("processes", "stretch"), [(5, 7.1732 / 2.7764), (10, 4.2968 / 2.2622)])
def test_a_comparison_decides_with_an_interval_at_the_confidence_of_the_rule(processes, stretch):
    pair = pair_with(1.05, (1.04, 1.06), processes)
    invalid = latency_of(reasons=("background load",))
    verdict = verdict_of(P50, invalid, invalid, pairs=[pair])
    assert verdict.outcome == "failed"
    assert (
        "interleaved, so the ratio holds although the baseline's latency.p50_ms is not valid"
        " (background load)" in verdict.sentence
    )
    valid = verdict_of(P50, latency_of(), latency_of(), pairs=[pair])
    assert valid.sentence.endswith(f"; {processes} processes of each, interleaved")
    ratio = 1 + verdict.effect.high / verdict.effect.baseline
    assert math.log(ratio / 1.05) == pytest.approx(stretch * math.log(1.06 / 1.05), rel=1e-4)


def test_a_comparison_of_rounds_within_one_process_fails_only_beyond_the_drift():
    verdict = verdict_of(P50, latency_of(), latency_of(), pairs=[pair_with(1.05, (1.04, 1.06), 1)])
    assert verdict.outcome == "inconclusive"
    assert f"one process of each, interleaved, {DRIFT}" in verdict.sentence
    ratio = 1 + verdict.effect.high / verdict.effect.baseline
    stretch = 3.0902 / 1.9600
    assert math.log(ratio / 1.05) == pytest.approx(stretch * math.log(1.06 / 1.05), rel=1e-4)
    pair = pair_with(1.3, (1.29, 1.31), 1)
    assert verdict_of(P50, latency_of(), latency_of(), pairs=[pair]).outcome == "failed"


def test_the_ratio_of_models_that_disturb_each_other_does_not_hold():
    reason = "disturbed by rival: p50 2.70 ms in company, 1.33 ms alone"
    disturbed = latency_of(reasons=(reason,))
    pair = pair_with(1.05, (1.04, 1.06))
    verdict = verdict_of(P50, disturbed, disturbed, pairs=[pair])
    assert verdict.outcome == "inconclusive"
    assert f"is not valid ({reason})" in verdict.sentence


def test_too_few_interleaved_rounds_are_inconclusive():
    pair = pair_with(1.5, (0.0, math.inf), 1)
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
    few = latency_of(processes=processes_of([1, 2, 3]))
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

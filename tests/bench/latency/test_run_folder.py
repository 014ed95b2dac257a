"""Run folders with latencies: read back unchanged, refused when edited, carried by scored runs."""

import dataclasses
import json
import math

import numpy as np
import pytest

from detbench.bench.json_documents import json_bytes
from detbench.bench.latency.assembly import SweepResult, TimedPair
from detbench.bench.latency.result import WITHIN_ONE_PROCESS, LatencyResult, ProcessSamples
from detbench.bench.latency.run_folder import latency_document, read_latency, write_latency
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.statistics.comparison import Comparison, compare_processes
from detbench.bench.latency.timed_model import TimingTask
from detbench.bench.machine import MachineState
from detbench.bench.machine_speed.speed import MachineSpeed
from detbench.bench.runs import read_run, write_run
from detbench.errors import InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.latency.process_samples import processes_of
from tests.metrics.scored import random_pair

SUMMARY_KEYS = {
    "model",
    "stage",
    "batch",
    "scenario",
    "p50_ms",
    "p50_interval_ms",
    "p90_ms",
    "p99_ms",
    "throughput_per_s",
    "samples",
    "processes",
    "process_p50_ms",
    "verdict",
    "reasons",
    "remarks",
}


def process(rng, center_ms, **numbers):
    """Return a process with samples of every kind, of different lengths."""
    kinds = {"samples_ns": 600, "warmup_ns": 20, "set_aside_ns": 30, "alone_ns": 50}
    samples = {
        kind: (center_ms * 1e6 * (1 + rng.gamma(0.5, 0.05, count))).astype(np.int64)
        for kind, count in kinds.items()
    }
    return ProcessSamples(**samples, **numbers)


@pytest.fixture(scope="module")
def timed():
    """Two models in five processes, one of which has only turns that were set aside; one failed."""
    rng = np.random.default_rng(3)
    results = [
        LatencyResult(
            model,
            stage,
            1,
            "single_stream",
            1,
            processes=(
                *(
                    process(rng, center_ms, first_call_s=0.1 * k, busy_cores_of_others=0.01)
                    for k in range(1, 5)
                ),
                ProcessSamples(set_aside_ns=np.array([9, 8, 7], np.int64)),
            ),
            turns="stopped",
            duration_s=12.5,
            settings={"device": "cpu"},
            machine=(MachineState(0.0, 2600.0, None, 0.1),),
            peak_host_bytes=10_000_000,
            machine_speed=MachineSpeed(100.5, 8.2),
        )
        for model, center_ms in (("a", 2.0), ("b", 2.5))
        for stage in ("infer", "end_to_end")
    ]
    failed = LatencyResult("b", "infer", 2, "single_stream", 2, reasons=("out of memory",))
    comparison = compare_processes(*(results[place].process_percentiles_ms(50) for place in (0, 2)))
    pair = TimedPair("a", "b", TimingTask("infer", 1, SINGLE_STREAM), comparison)
    return SweepResult([*results, failed], [pair])


@pytest.fixture
def evaluation():
    return evaluate(*random_pair(0), "voc2007")


def assert_equal(result, expected):
    assert result.as_record() == expected.as_record()
    assert len(result.processes) == len(expected.processes)
    for one, other in zip(result.processes, expected.processes, strict=True):
        for name in ("samples_ns", "warmup_ns", "set_aside_ns", "alone_ns"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
        assert one.first_call_s == other.first_call_s
        assert one.busy_cores_of_others == other.busy_cores_of_others
    assert (result.turns, result.machine_speed) == (expected.turns, expected.machine_speed)
    assert result.machine == expected.machine


def test_latencies_are_read_back_unchanged(timed, tmp_path):
    folder = write_latency(tmp_path / "timed", timed, options={"batch": "1,2"})
    results = read_latency(folder)
    assert len(results) == len(timed.results) == 5
    for result, expected in zip(results, timed.results, strict=True):
        assert_equal(result, expected)
    record = json.loads((folder / "record.json").read_text())
    assert record["options"] == {"passed": {"batch": "1,2"}}
    verdicts = {pair["verdict"] for pair in record["comparisons"]}
    assert verdicts <= {"faster", "slower", "same", "inconclusive"}
    assert record["environment"]["libraries"]["numpy"] == np.__version__


def test_equal_results_give_equal_files(timed, tmp_path):
    first, second = (
        write_latency(tmp_path / name, timed, options={}) / "latency.parquet"
        for name in ("first", "second")
    )
    assert first.read_bytes() == second.read_bytes()


def test_a_scored_run_carries_latencies(timed, evaluation, tmp_path):
    folder = write_run(tmp_path / "run", evaluation, options={}, latency=timed.results)
    run = read_run(folder)
    assert [result.stage for result in run.latency] == [result.stage for result in timed.results]
    assert_equal(run.latency[0], timed.results[0])
    assert [entry["p50_ms"] for entry in run.record["latency"]] == [
        result.percentile_ms(50) for result in timed.results
    ]
    for result, expected in zip(read_latency(folder), timed.results, strict=True):
        assert_equal(result, expected)


def test_a_scored_run_without_latencies_has_none(evaluation, tmp_path):
    folder = write_run(tmp_path / "run", evaluation, options={})
    assert read_run(folder).latency == ()
    assert not (folder / "latency.parquet").exists()
    with pytest.raises(InputError, match=r"has no latencies; `detbench latency -o` writes some"):
        read_latency(folder)


def edit(folder, **changes):
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps(record | changes))


def edit_entries(folder, change):
    record = json.loads((folder / "record.json").read_text())
    edit(folder, latency=change(record["latency"]))


def exchanged(entries):
    first, second, *others = entries
    return [second, first, *others]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "latency.parquet").unlink(), "latency.parquet: cannot be read"),
        (
            lambda folder: (folder / "latency.parquet").write_bytes(b"PAR1"),
            "is not the file that this run was recorded with",
        ),
        (lambda folder: (folder / "record.json").unlink(), "record.json: cannot be read"),
        (lambda folder: (folder / "record.json").write_text("{}"), "has no schema version"),
        (lambda folder: (folder / "record.json").write_text("[]"), "is not a JSON object"),
        (lambda folder: edit(folder, schema_version=99), "has schema version 99, but this"),
        (lambda folder: edit(folder, latency=[{}]), "has malformed latency entries"),
        (
            lambda folder: edit_entries(folder, lambda entries: entries[:2]),
            "has malformed latency entries",
        ),
        (
            lambda folder: edit_entries(folder, lambda entries: entries * 2),
            "malformed latency entries",
        ),
        (
            lambda folder: edit_entries(folder, lambda entries: entries[::-1]),
            "malformed latency entries",
        ),
        (lambda folder: edit_entries(folder, exchanged), "samples of another result"),
        (lambda folder: edit(folder, latency=3), "is not a record of a run"),
    ],
)
def test_a_damaged_folder_is_named(timed, tmp_path, change, message):
    folder = write_latency(tmp_path / "timed", timed, options={})
    change(folder)
    with pytest.raises(InputError, match=message):
        read_latency(folder)


def test_the_document_has_the_documented_keys(timed):
    document = latency_document(timed)
    assert set(document) == {"schema_version", "results", "comparisons"}
    assert set(document["results"][0]) == SUMMARY_KEYS
    [comparison] = document["comparisons"]
    assert {"a", "b", "stage", "ratio", "interval", "verdict"} <= set(comparison)
    assert comparison["processes"] == 4
    failed = next(result for result in document["results"] if result["samples"] == 0)
    assert failed["p50_ms"] is failed["p50_interval_ms"] is None
    assert failed["verdict"] == "invalid"


def test_a_comparison_without_an_interval_has_null():
    comparison = Comparison(1.5, (0.0, math.inf), "inconclusive")
    pair = TimedPair("a", "b", TimingTask("infer", 1, SINGLE_STREAM), comparison)
    [record] = json.loads(json_bytes(latency_document(SweepResult(pairs=[pair]))))["comparisons"]
    assert (record["ratio"], record["interval"], record["verdict"]) == (1.5, None, "inconclusive")


def test_a_record_describes_the_processes(timed):
    record = json.loads(json_bytes(timed.results[0].as_record()))
    assert (record["verdict"], record["processes"], record["turns"]) == ("valid", 4, "stopped")
    assert record["machine_speed"] == {"compute_us": 100.5, "exchange_us": 8.2}
    assert [one["samples"] for one in record["by_process"]] == [600, 600, 600, 600, 0]
    assert [one["set_aside"] for one in record["by_process"]] == [30, 30, 30, 30, 3]
    assert record["set_aside_share"] == 123 / 2523
    medians = [one["p50_ms"] for one in record["by_process"]]
    assert medians == [*record["process_p50_ms"], None]
    assert record["p50_ms"] == pytest.approx(np.prod(medians[:4]) ** 0.25)
    # Student's t of the logarithms (97.5%, 3 degrees of freedom) and a drift of 1%, in quadrature.
    margin = np.hypot(3.1824 * np.std(np.log(medians[:4]), ddof=1) / 2, 1.95996 * 0.01)
    factor = np.exp(margin)
    assert record["p50_interval_ms"] == pytest.approx(
        [record["p50_ms"] / factor, record["p50_ms"] * factor], rel=1e-5
    )
    low, high = record["mean_interval_ms"]
    assert record["throughput_interval_per_s"] == pytest.approx([1000 / high, 1000 / low])


def test_a_single_process_is_a_quick_look_and_says_so():
    result = LatencyResult(
        "m", "infer", 1, "single_stream", 1, processes=processes_of(np.arange(1, 1001))
    )
    assert result.verdict == "quick look"
    assert result.remarks == (WITHIN_ONE_PROCESS,)
    several = dataclasses.replace(result, processes=processes_of(np.arange(1, 1001), 2))
    assert (several.verdict, several.remarks) == ("valid", ())
    failed = dataclasses.replace(result, reasons=("x",))
    assert failed.verdict == "invalid"


def test_statistics_are_those_of_the_samples():
    samples = np.arange(1, 101, dtype=np.int64) * 1_000_000
    result = LatencyResult("m", "infer", 4, "single_stream", 4, processes=processes_of(samples))
    assert [result.percentile_ms(q) for q in (50, 90, 99)] == pytest.approx(
        [50.5, 0.9 * (100 + 1 / 3) + 1 / 3, 0.99 * (100 + 1 / 3) + 1 / 3]
    )
    assert (result.mean_ms, result.jitter_ms) == (50.5, 1.0)
    assert result.throughput_per_s == pytest.approx(400 / 5.05)
    assert LatencyResult("m", "infer", 1, "single_stream", 1).as_record()["p99_ms"] is None

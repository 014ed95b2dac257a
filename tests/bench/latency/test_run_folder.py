"""Run folders with latencies: read back unchanged, refused when edited, carried by scored runs."""

import json
import math

import numpy as np
import pytest

from detbench.bench.json_documents import json_bytes
from detbench.bench.latency.interleaving import TimedPair
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.run_folder import latency_document, read_latency, write_latency
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.statistics.comparison import Comparison
from detbench.bench.latency.sweep import SweepResult, TimingPlan, sweep
from detbench.bench.latency.timed_model import TimingTask
from detbench.bench.runs import read_run, write_run
from detbench.errors import InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.latency.fake_device import FakeDevice, FakeTime, local_model
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
    "verdict",
    "reasons",
    "remarks",
}


@pytest.fixture(scope="module")
def timed():
    """Two models at two batch sizes, one of which runs out of memory at the larger one."""
    time = FakeTime()
    devices = [
        FakeDevice(time, name="a", infer_ns=lambda call: 5e6 if call < 40 else 2e6),
        FakeDevice(time, name="b", max_batch=1),
    ]
    plan = TimingPlan(batches=(1, 2), min_s=0.05, max_s=0.5)
    return sweep([local_model(device) for device in devices], plan)


@pytest.fixture
def evaluation():
    return evaluate(*random_pair(0), "voc2007")


def assert_equal(result, expected):
    assert result.as_record() == expected.as_record()
    assert np.array_equal(result.samples_ns, expected.samples_ns)
    assert np.array_equal(result.warmup_ns, expected.warmup_ns)


def test_latencies_are_read_back_unchanged(timed, tmp_path):
    folder = write_latency(tmp_path / "timed", timed, options={"batch": "1,2"})
    results = read_latency(folder)
    assert len(results) == len(timed.results) == 8
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
    assert {"a", "b", "stage", "ratio", "interval", "verdict"} <= set(document["comparisons"][0])
    failed = next(result for result in document["results"] if result["samples"] == 0)
    assert failed["p50_ms"] is failed["p50_interval_ms"] is None
    assert failed["verdict"] == "invalid"


def test_a_comparison_without_an_interval_has_null():
    comparison = Comparison(1.5, (0.0, math.inf), "inconclusive")
    pair = TimedPair("a", "b", TimingTask("infer", 1, SINGLE_STREAM), comparison)
    [record] = json.loads(json_bytes(latency_document(SweepResult(pairs=[pair]))))["comparisons"]
    assert (record["ratio"], record["interval"], record["verdict"]) == (1.5, None, "inconclusive")


def test_statistics_are_those_of_the_samples():
    samples = np.arange(1, 101, dtype=np.int64) * 1_000_000
    result = LatencyResult("m", "infer", 4, "single_stream", 4, samples_ns=samples)
    assert [result.percentile_ms(q) for q in (50, 90, 99)] == pytest.approx([50.5, 90.1, 99.01])
    assert (result.mean_ms, result.jitter_ms) == (50.5, 1.0)
    assert result.throughput_per_s == pytest.approx(400 / 5.05)
    assert LatencyResult("m", "infer", 1, "single_stream", 1).as_record()["p99_ms"] is None

"""Raw samples in run folders: read back to the bit, refused when changed, and carried by a scored run."""

import json
import math

import numpy as np
import pytest

from detbench.bench.latency.comparison import Comparison
from detbench.bench.latency.contender import Task
from detbench.bench.latency.folder import latency_document, read_latency, write_latency
from detbench.bench.latency.interleave import Pair
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.sweep import Plan, Timed, sweep
from detbench.bench.runs import json_bytes, read_run, write_run
from detbench.errors import InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.latency.fake_device import FakeDevice, FakeTime, contender
from tests.metrics.scored import random_pair


@pytest.fixture(scope="module")
def timed():
    time = FakeTime()
    devices = [
        FakeDevice(time, name="a", infer_ns=lambda call: 5e6 if call < 40 else 2e6),
        FakeDevice(time, name="b", most=1),
    ]
    return sweep(
        [contender(device) for device in devices], Plan(batches=(1, 2), min_s=0.05, max_s=0.5)
    )


def same(found, expected):
    assert found.as_record() == expected.as_record()
    assert np.array_equal(found.samples_ns, expected.samples_ns)
    assert np.array_equal(found.warmup_ns, expected.warmup_ns)


def test_what_is_written_is_read_back(timed, tmp_path):
    folder = write_latency(tmp_path / "timed", timed, options={"batch": "1,2"})
    found = read_latency(folder)
    assert len(found) == len(timed.results) == 8
    for one, expected in zip(found, timed.results, strict=True):
        same(one, expected)
    record = json.loads((folder / "record.json").read_text())
    assert record["options"] == {"passed": {"batch": "1,2"}}
    assert {pair["verdict"] for pair in record["comparisons"]} <= {
        "faster",
        "slower",
        "same",
        "inconclusive",
    }
    assert record["environment"]["libraries"]["numpy"] == np.__version__


def test_the_same_results_give_the_same_file(timed, tmp_path):
    one, two = (write_latency(tmp_path / name, timed, options={}) for name in ("one", "two"))
    assert (one / "latency.parquet").read_bytes() == (two / "latency.parquet").read_bytes()


def test_a_scored_run_carries_latencies(timed, tmp_path):
    truth, found = random_pair(0)
    folder = write_run(
        tmp_path / "run", evaluate(truth, found, "voc2007"), options={}, latency=timed.results
    )
    run = read_run(folder)
    assert [result.stage for result in run.latency] == [result.stage for result in timed.results]
    same(run.latency[0], timed.results[0])
    assert [entry["p50_ms"] for entry in run.record["latency"]] == [
        result.percentile_ms(50) for result in timed.results
    ]
    for one, expected in zip(read_latency(folder), timed.results, strict=True):
        same(one, expected)


def test_a_scored_run_without_latencies_has_none(tmp_path):
    truth, found = random_pair(0)
    folder = write_run(tmp_path / "run", evaluate(truth, found, "voc2007"), options={})
    assert read_run(folder).latency == ()
    assert not (folder / "latency.parquet").exists()
    with pytest.raises(InputError, match=r"has no latencies; `detbench latency -o` writes some"):
        read_latency(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "latency.parquet").unlink(), "latency.parquet: cannot be read"),
        (
            lambda folder: (folder / "latency.parquet").write_bytes(b"PAR1"),
            "is not the file this run was recorded with",
        ),
        (lambda folder: (folder / "record.json").unlink(), "record.json: cannot be read"),
        (lambda folder: (folder / "record.json").write_text("{}"), "is not a record"),
        (
            lambda folder: edit(folder, schema_version=99),
            "has schema version 99, of a newer detbench",
        ),
        (
            lambda folder: edit(folder, latency=[{}]),
            "the latencies of its record are not what detbench writes",
        ),
    ],
)
def test_what_was_damaged_is_named(timed, tmp_path, change, message):
    folder = write_latency(tmp_path / "timed", timed, options={})
    change(folder)
    with pytest.raises(InputError, match=message):
        read_latency(folder)


def edit(folder, **changes):
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps(record | changes))


def test_the_document_has_the_documented_shape(timed):
    document = latency_document(timed)
    assert set(document) == {"schema_version", "results", "comparisons"}
    assert set(document["results"][0]) == {
        "model", "stage", "batch", "scenario", "p50_ms", "p50_interval_ms", "p90_ms", "p99_ms", "throughput_per_s", "samples", "verdict",
        "reasons", "remarks",
    }  # fmt: skip
    assert {"a", "b", "stage", "ratio", "interval", "verdict"} <= set(document["comparisons"][0])
    failed = next(result for result in document["results"] if result["samples"] == 0)
    assert (failed["p50_ms"], failed["p50_interval_ms"], failed["verdict"]) == (
        None,
        None,
        "invalid",
    )


def test_a_comparison_without_an_interval_says_so():
    found = Comparison(1.5, (0.0, math.inf), "inconclusive")
    timed = Timed(pairs=[Pair("a", "b", Task("infer", 1, SINGLE_STREAM), found)])
    [pair] = json.loads(json_bytes(latency_document(timed)))["comparisons"]
    assert (pair["ratio"], pair["interval"], pair["verdict"]) == (1.5, None, "inconclusive")


def test_statistics_are_those_of_the_samples():
    samples = np.arange(1, 101, dtype=np.int64) * 1_000_000
    result = LatencyResult("m", "infer", 4, "single_stream", 4, samples_ns=samples)
    assert [result.percentile_ms(q) for q in (50, 90, 99)] == pytest.approx([50.5, 90.1, 99.01])
    assert (result.mean_ms, result.jitter_ms) == (50.5, 1.0)
    assert result.throughput_per_s == pytest.approx(400 / 5.05)
    assert LatencyResult("m", "infer", 1, "single_stream", 1).as_record()["p99_ms"] is None

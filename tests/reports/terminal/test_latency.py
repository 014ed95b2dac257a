"""Latency tables: numbers in their columns, dashes for absent ones, reasons by kind."""

import numpy as np
import pytest

from detbench.bench.latency.assembly import TimedPair
from detbench.bench.latency.result import LatencyResult, ProcessSamples
from detbench.bench.latency.scenario import SINGLE_STREAM
from detbench.bench.latency.statistics.comparison import compare_processes
from detbench.bench.latency.timed_model import TimingTask
from detbench.reports.terminal.latency import (
    comparison_table,
    latency_table,
    reason_lines,
    remark_lines,
    settings_lines,
    three_digits,
)
from tests.bench.latency.process_samples import processes_of
from tests.reports.terminal.console import rendered

MS = 1_000_000


def result_of(model, stage, samples=(), count=1, **fields):
    processes = processes_of(samples, count) if len(samples) else ()
    return LatencyResult(model, stage, 4, "single_stream", 4, **{"processes": processes, **fields})


def rows_of(table):
    lines = rendered(table, 200).splitlines()
    return [line.split() for line in lines if line.strip()]


def test_numbers_are_in_their_columns_and_results_of_a_model_together():
    series = np.array([2 * MS] * 50 + [4 * MS] * 50, np.int64)
    process = ProcessSamples(series, set_aside_ns=series[:25], first_call_s=0.25)
    results = [
        result_of("a", "infer", processes=(process,)),
        result_of("b", "infer"),
        result_of("a", "end_to_end", reasons=("failed: x",)),
    ]
    _, _, first, second, third = rows_of(latency_table(results))
    numbers = "3.00 2.00 to 4.00 1 – 4.00 4.00 4.00 3.00 0.0202 1,333 0.250 100 20%"
    assert first == f"a 4 infer {numbers} quick look".split()
    assert second == ["end_to_end", *["–"] * 2, "0", *["–"] * 8, "0", "–", "invalid"]
    assert third[:3] == ["b", "4", "infer"]


def test_several_processes_have_the_spread_of_their_medians():
    series = [*[2 * MS] * 100, *[3 * MS] * 100, *[2.5 * MS] * 100]
    _, _, row = rows_of(latency_table([result_of("a", "infer", series, count=3)]))
    # Logarithms of 2.0, 2.5 and 3.0: mean 0.9027, margin 4.303 · 0.2031 / √3 = 0.5045; with a
    # drift of 1%, √(0.5045² + 0.0196²) = 0.5049.
    assert row[:11] == ["a", "4", "infer", "2.47", "1.49", "to", "4.09", "3", "2.00", "to", "3.00"]
    assert row[-1] == "valid"


def test_comparisons_say_how_many_pairs_of_processes_they_are_about():
    task = TimingTask("infer", 1, SINGLE_STREAM)
    pair = TimedPair("a", "b", task, compare_processes([2e6, 2.1e6, 1.9e6], [4e6, 4.2e6, 3.8e6]))
    _, _, row = rows_of(comparison_table([pair]))
    assert row == ["b", "a", "1", "infer", "2.000", "2.000", "to", "2.000", "3", "slower"]


def test_settings_say_what_the_other_models_did():
    settings = {"device": "cpu", "threads": 2, "clock": "host", "requests_per_query": 1}
    results = [
        result_of(model, "infer", [2 * MS] * 100, settings=settings, turns="stopped")
        for model in "ab"
    ]
    assert all(line.endswith("other models stopped meanwhile") for line in settings_lines(results))
    assert "other models" not in settings_lines(results[:1])[0]


def test_a_narrow_terminal_has_fewer_columns_and_names_the_omitted_ones():
    results = [
        result_of("a", "infer", [2 * MS] * 100, count=5),
        result_of("a", "end_to_end", [3 * MS] * 100, count=5),
    ]
    lines = rendered(latency_table(results), 80).splitlines()
    headings = next(line for line in lines if "p50 ms" in line)
    assert "p90" in headings, "the scenario is reported by it"
    assert "verdict" in headings
    assert "jitter" not in headings
    assert any("end_to_end" in line and "valid" in line for line in lines), "words are not broken"
    omitted = "columns omitted in this narrow terminal: jitter, mean, first call s, p95"
    assert omitted in " ".join(lines)


def test_remarks_are_counted():
    results = [
        result_of("a", "infer", [2 * MS] * 100),
        result_of("a", "end_to_end", [2 * MS] * 900, count=5),
    ]
    first, second = remark_lines(results)
    assert first.startswith("note: 1 of 2 results: times made within one process")
    assert second.startswith("note: 1 of 2 results: fewer than 500 samples")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.9, "0.900"),
        (0.00213, "0.00213"),
        (12.34, "12.3"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (1e-9, "0.000000"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert three_digits(value) == text


def test_reasons_are_grouped_by_kind():
    noisy = [
        result_of("m", stage, reasons=(f"too noisy: {stage}",))
        for stage in ("infer", "end_to_end", "preprocess")
    ]
    interrupted = result_of("m", "postprocess", reasons=("interrupted",))
    first, second = reason_lines([*noisy, interrupted])
    examples = "m infer, batch 4: infer; m end_to_end, batch 4: end_to_end; and 1 more"
    assert first == f"invalid: too noisy, 3 of 4: {examples}"
    assert second == "invalid: interrupted, 1 of 4: m postprocess, batch 4"


def test_a_reason_of_several_results_is_written_once():
    shared = "disturbed by b: a took 2.7 ms in company and 1.3 ms alone (p50)"
    noisy = ("too noisy: p50 is wide", "too noisy: p90 is wide")
    results = [
        result_of("a", "infer", reasons=(shared, *noisy)),
        result_of("b", "infer", reasons=(shared,)),
        result_of("c", "infer", reasons=(shared,)),
    ]
    first, second = reason_lines(results)
    detail = "a took 2.7 ms in company and 1.3 ms alone (p50)"
    assert first == f"invalid: disturbed by b, 3 of 3: a infer, batch 4 and 2 more: {detail}"
    examples = "a infer, batch 4: p50 is wide; a infer, batch 4: p90 is wide"
    assert second == f"invalid: too noisy, 1 of 3: {examples}"

"""Latency tables: numbers in their columns, dashes for absent ones, reasons by kind."""

import numpy as np
import pytest

from detbench.bench.latency.result import LatencyResult
from detbench.reports.terminal.latency import (
    latency_table,
    reason_lines,
    remark_lines,
    three_digits,
)
from tests.reports.terminal.console import rendered

MS = 1_000_000


def result_of(model, stage, samples=(), **fields):
    samples_ns = np.array(samples, np.int64)
    return LatencyResult(model, stage, 4, "single_stream", 4, samples_ns=samples_ns, **fields)


def rows_of(table):
    lines = rendered(table, 200).splitlines()
    return [line.split() for line in lines if line.strip()]


def test_numbers_are_in_their_columns_and_results_of_a_model_together():
    results = [
        result_of("a", "infer", [2 * MS] * 50 + [4 * MS] * 50, first_call_s=0.25),
        result_of("b", "infer"),
        result_of("a", "end_to_end", reasons=("failed: x",)),
    ]
    _, _, first, second, third = rows_of(latency_table(results))
    percentiles = "3.00 2.00 to 4.00 4.00 4.00 4.00"
    others = "3.00 0.0202 1,333 0.250 100"
    assert first == f"a 4 infer {percentiles} {others} valid".split()
    assert second == ["end_to_end", *["–"] * 9, "0", "invalid"]
    assert third[:3] == ["b", "4", "infer"]


def test_a_narrow_terminal_has_fewer_columns_and_names_the_omitted_ones():
    results = [
        result_of("a", "infer", [2 * MS] * 100),
        result_of("a", "end_to_end", [3 * MS] * 100),
    ]
    lines = rendered(latency_table(results), 80).splitlines()
    headings = next(line for line in lines if "p50 ms" in line)
    assert "p90" in headings, "the scenario is reported by it"
    assert "verdict" in headings
    assert "jitter" not in headings
    assert any("end_to_end" in line and "valid" in line for line in lines), "words are not broken"
    omitted = "columns omitted in this narrow terminal: jitter, mean, p95, first call s"
    assert omitted in " ".join(lines)


def test_remarks_are_counted():
    results = [
        result_of("a", "infer", [2 * MS] * 100),
        result_of("a", "end_to_end", [2 * MS] * 900),
    ]
    [line] = remark_lines(results)
    assert line.startswith("note: 1 of 2 results have fewer than 500 samples")


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

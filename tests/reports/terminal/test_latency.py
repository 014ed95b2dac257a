"""Latency tables: every number in its column, absent ones as dashes, and reasons by kind."""

import io

import numpy as np
import pytest
from rich.console import Console

from detbench.bench.latency.result import LatencyResult
from detbench.reports.terminal.latency import _number, latency_table, reason_lines, remark_lines


def shown(table):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(table)
    console.file.close()
    return [line.split() for line in console.export_text().splitlines() if line.strip()]


def result(model, stage, samples=(), **more):
    return LatencyResult(
        model, stage, 4, "single_stream", 4, samples_ns=np.array(samples, np.int64), **more
    )


def test_numbers_stand_in_their_columns_and_models_together():
    samples = [2_000_000] * 50 + [4_000_000] * 50
    results = [
        result("a", "infer", samples, first_call_s=0.25),
        result("b", "infer"),
        result("a", "end_to_end", reasons=("failed: x",)),
    ]
    _, _, first, second, third = shown(latency_table(results))
    assert first == [
        "a",
        "4",
        "infer",
        "3.00",
        "2.00",
        "to",
        "4.00",
        "4.00",
        "4.00",
        "4.00",
        "3.00",
        "0.0202",
        "1,333",
        "0.250",
        "100",
        "valid",
    ]
    assert second == ["end_to_end", *["–"] * 9, "0", "invalid"]
    assert third[:3] == ["b", "4", "infer"]


def test_a_narrow_terminal_has_fewer_columns_and_is_told_so():
    table = latency_table(
        [result("a", "infer", [2_000_000] * 100), result("a", "end_to_end", [3_000_000] * 100)]
    )
    console = Console(width=80, file=io.StringIO())
    console.print(table)
    lines = console.file.getvalue().splitlines()
    headings = next(line for line in lines if "p50 ms" in line)
    assert "p90" in headings
    assert "verdict" in headings
    assert "jitter" not in headings
    assert any("end_to_end" in line and "valid" in line for line in lines), "words are not broken"
    assert "not shown for want of width: jitter, mean, p95, first call s" in " ".join(lines)


def test_remarks_are_counted():
    results = [
        result("a", "infer", [2_000_000] * 100),
        result("a", "end_to_end", [2_000_000] * 900),
    ]
    [line] = remark_lines(results)
    assert line.startswith("note: 1 of 2 have fewer than 500 samples")


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
    assert _number(value) == text


def test_reasons_are_told_by_kind():
    noisy = [
        result("m", stage, reasons=(f"too noisy: {stage}",))
        for stage in ("infer", "end_to_end", "preprocess")
    ]
    assert reason_lines([*noisy, result("m", "postprocess", reasons=("interrupted",))]) == [
        "invalid: too noisy, 3 of 4: m infer, batch 4: infer; m end_to_end, batch 4: end_to_end; and 1 more",
        "invalid: interrupted, 1 of 4: m postprocess, batch 4",
    ]

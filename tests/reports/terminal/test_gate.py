"""Gate tables: compared rules as rows, skipped ones in a line per reason."""

import re

import pytest

from detbench.bench.gate.gate import gate
from detbench.bench.gate.rules import default_rules
from detbench.reports.terminal.gate import gate_lines, gate_table
from tests.reports.gate_cases import two_runs, verdicts_on
from tests.reports.terminal.console import rendered


@pytest.fixture(scope="module")
def runs():
    return two_runs()


@pytest.fixture(scope="module")
def verdicts(runs):
    return verdicts_on(runs)


def test_the_table_has_the_compared_rules(verdicts):
    text = rendered(gate_table(verdicts), 200)
    points = r"-\d+\.\d\d"
    row = rf"mAP +\d+\.\d\d +\d+\.\d\d +{points} points +{points} to {points} +0.5 points +failed"
    assert re.search(row, text)
    assert "skipped" not in text


def test_the_lines_name_the_outcome_and_the_skipped_rules(runs, verdicts):
    lines = "\n".join(gate_lines(*runs, verdicts))
    assert lines.startswith("failed: simulated-0.3 against simulated-0.95: ")
    assert (
        "skipped, neither run has this measure: latency.p50_ms infer, batch 1, single_stream;"
        " latency.p50_ms end_to_end"
    ) in lines
    assert "skipped, neither run has this measure (protocol voc2007): AP; APs[cat]" in lines
    assert "model_size: inconclusive, only the baseline has this measure" in lines


def test_classes_that_passed_share_a_row(runs):
    text = rendered(gate_table(gate(runs[0], runs[0], default_rules(), resamples=20)), 200)
    assert re.search(r"AP\[\*\]: 3 classes +– +– +– +– +5 points +passed", text)


def test_names_are_on_one_line(runs, verdicts):
    named = [verdict for verdict in verdicts if "team" in verdict.name]
    assert named
    assert not [line for line in gate_lines(*runs, verdicts) if "\n" in line or "\x07" in line]
    assert "\n@team" not in rendered(gate_table(named), 200)

"""The grid of conventions: every number whole and under its switches."""

from __future__ import annotations

import re

import pytest

from detbench.metrics.scoring.conventions import coco_numbers, convention_table
from detbench.reports.terminal.conventions import convention_grid, convention_lines
from tests.metrics.scored import detections, random_pair, truth
from tests.reports.terminal.console import rendered


@pytest.mark.parametrize("width", [80, 120])
def test_conventions(width):
    ground_truth, finder = random_pair(0)
    rows = convention_table(ground_truth, finder)
    text = rendered(convention_grid(rows), width)
    assert "…" not in text
    numbers = re.findall(r"\d\.\d+", text.split("─")[-1])
    assert sorted(numbers) == sorted(f"{row.value:.5f}" for row in rows)
    assert text.count("none marked") == 3
    above, below = convention_lines("finder", coco_numbers(ground_truth, finder) | {"AP75": None})
    assert above == "finder: mAP at IoU 0.5 under every convention"
    assert below.startswith("COCO protocol on the same boxes: AP 0.")
    assert below.endswith("AP75 –")


def test_a_cell_stands_under_its_switches():
    """Found at an overlap of exactly one half: only >= with "+1" takes it."""
    ground_truth = truth([(0, 0, (0, 0, 20, 10))], ["cat"])
    half = detections(ground_truth, [(0, 0, 0.8, (0, 0, 10, 10))])
    text = rendered(convention_grid(convention_table(ground_truth, half)), 100)
    heading = next(line for line in text.splitlines() if "AP method" in line)
    assert re.split(r"\s{2,}", heading.strip())[2:] == [
        "+1, ≥ 0.5",
        "+1, > 0.5",
        "no +1, ≥ 0.5",
        "no +1, > 0.5",
    ]
    row = next(line for line in text.splitlines() if "area" in line)
    assert row.split()[-4:] == ["1.00000", "0.00000", "0.00000", "0.00000"]

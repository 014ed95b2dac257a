"""Classes with the names of the ground truth, or nearly so: never called unknown, and fixed."""

from __future__ import annotations

import json

import pytest

from tests.doctor.planting import (
    Planted,
    average_precision,
    ids,
    read_json,
    read_pair,
    run_only_fix,
    write_pair,
)


@pytest.fixture(scope="module")
def true_precision(dataset):
    return average_precision(dataset / "truth.json", dataset / "found.json")


def with_categories(dataset, folder, spelling, n_rows=None) -> Planted:
    """Write detections with categories of their own, whose names are spelled by a function."""
    ground_truth, rows = read_pair(dataset)
    categories = [
        {"id": category["id"] + 500, "name": spelling(category["name"])}
        for category in ground_truth["categories"]
    ]
    rows = [{**row, "category_id": row["category_id"] + 500} for row in rows[:n_rows]]
    files = write_pair(folder, ground_truth, [])
    files.detections.write_text(json.dumps({"annotations": rows, "categories": categories}))
    return files


@pytest.mark.parametrize("spelling", [str.upper, lambda name: f" {name}_"], ids=["case", "blanks"])
def test_another_spelling_is_named_and_fixed(dataset, tmp_path, command, true_precision, spelling):
    files = with_categories(dataset, tmp_path, spelling)
    assert ids(files.faults) == ["classes-permuted"]
    assert "state their class in another spelling" in files.faults[0].evidence
    assert "does not have" not in files.faults[0].evidence
    target, _ = run_only_fix(command, files.faults)
    assert len(read_json(target)) == len(read_pair(dataset)[1])
    assert average_precision(files.ground_truth, target) == pytest.approx(true_precision, abs=1e-9)


def test_a_handful_of_detections_is_enough(dataset, tmp_path):
    files = with_categories(dataset, tmp_path, str.upper, n_rows=3)
    assert "classes-permuted" in ids(files.faults)
    assert not any("does not have" in finding.evidence for finding in files.faults)


def test_equal_names_of_other_numbers_are_no_fault(dataset, tmp_path, true_precision):
    files = with_categories(dataset, tmp_path, str)
    assert files.faults == []
    scored = average_precision(files.ground_truth, files.detections)
    assert scored == pytest.approx(true_precision, abs=1e-9)


def test_other_names_are_named_as_written(dataset, tmp_path):
    files = with_categories(dataset, tmp_path, lambda name: f"un{name}")
    [finding] = [fault for fault in files.faults if "does not have" in fault.evidence]
    assert "uncircle" in finding.evidence

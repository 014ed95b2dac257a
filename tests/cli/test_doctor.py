"""`detbench doctor`: its report, its JSON document, its exit codes, and what it refuses."""

from __future__ import annotations

import json

import pytest

from detbench.data.load import load_ground_truth, save_detections
from tests.data.simulated_detections import simulated_detections


@pytest.fixture
def paths(files):
    """Ground truth and detections without mistakes."""
    return files.ground_truth("coco"), files.detections("coco")


@pytest.fixture
def empty(tmp_path):
    """A file without detections."""
    path = tmp_path / "empty.json"
    path.write_text("[]")
    return path


def test_a_clean_set(command, files, tmp_path):
    ground_truth = load_ground_truth(files.ground_truth("coco"))
    save_detections(simulated_detections(ground_truth, 1.0), ground_truth, tmp_path / "found.json")
    outcome = command("doctor", files.ground_truth("coco"), tmp_path / "found.json")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("nothing found")


def test_json_has_the_documented_keys(command, paths, empty, tmp_path):
    outcome = command("doctor", paths[0], empty, "--json", "-")
    assert outcome.code == 1
    document = json.loads(outcome.out)
    assert document["schema_version"] == 2
    assert [sorted(finding) for finding in document["findings"]] == [
        ["evidence", "fix", "id", "severity"]
    ]
    assert document["findings"][0]["id"] == "detections-empty"
    command("doctor", paths[0], empty, "--json", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == document


def test_the_report_names_finding_evidence_and_advice(command, paths, empty):
    outcome = command("doctor", paths[0], empty)
    assert outcome.out.splitlines() == [
        "1 error",
        "",
        "error: detections-empty",
        "  there are no detections",
        "  advice: check that this is the file of a finished run",
    ]


def test_a_cut_off_file_is_an_input_error(command, paths, tmp_path):
    (tmp_path / "cut.json").write_bytes(paths[1].read_bytes()[:500])
    outcome = command("doctor", paths[0], tmp_path / "cut.json")
    assert outcome.code == 2
    assert "ends in the middle" in outcome.err


def test_fix_needs_an_output(command, paths):
    outcome = command("doctor", *paths, "--fix", "box-scale")
    assert outcome.code == 2
    assert "--fix and --output need each other" in outcome.err


def test_findings_and_fixed_detections_are_written_one_after_the_other(command, paths, tmp_path):
    output = tmp_path / "fixed.json"
    outcome = command("doctor", *paths, "--fix", "box-scale", "-o", output, "--json", "-")
    assert outcome.code == 2
    assert "run `detbench doctor` once for each" in outcome.err


def test_fixed_detections_do_not_replace_an_input(command, paths, tmp_path):
    before = paths[1].read_bytes()
    outcome = command("doctor", *paths, "--fix", "box-scale", "-o", paths[1])
    assert outcome.code == 2
    assert "is an input and would be replaced" in outcome.err
    assert paths[1].read_bytes() == before


def test_a_fix_is_written_and_reported(command, paths, tmp_path):
    rows = json.loads(paths[1].read_text())
    for row in rows:
        row["score"] *= 100
    (tmp_path / "found.json").write_text(json.dumps(rows))
    arguments = ("doctor", paths[0], tmp_path / "found.json")
    output = tmp_path / "fixed.json"
    outcome = command(*arguments, "--fix", "score-range", "-o", output)
    assert (outcome.code, outcome.out) == (0, "")
    assert f"written: {output}, {len(rows)} detections without score-range" in outcome.err
    fixed = json.loads(output.read_text())
    assert sorted(row["score"] for row in fixed) == pytest.approx(
        sorted(row["score"] / 100 for row in rows)
    )
    again = command(*arguments, "--fix", "score-range", "--fix", "score-range", "-o", output)
    assert "detections without score-range\n" in again.err, "a repeated ID is named once"


def test_fixed_detections_of_a_file_need_the_suffix_of_a_file(command, paths, tmp_path):
    rows = json.loads(paths[1].read_text())
    for row in rows:
        row["score"] *= 100
    (tmp_path / "percent.json").write_text(json.dumps(rows))
    output = tmp_path / "fixed.txt"
    outcome = command(
        *("doctor", paths[0], tmp_path / "percent.json", "--fix", "score-range", "-o", output)
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert "fixed.txt: has no suffix of detections; name a .json or .parquet file" in outcome.err
    assert not output.exists()


def test_a_bug_is_no_verdict(command, paths, monkeypatch):
    """Exit code 1 would say that there are errors."""

    def broken(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr("detbench.doctor.doctor.examine", broken)
    outcome = command("doctor", *paths)
    assert outcome.code == 2
    assert "RuntimeError: broken" in outcome.err

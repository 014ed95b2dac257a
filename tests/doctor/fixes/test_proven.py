"""No fix is offered or written unless its output, read again, is what it promises."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from detbench.doctor.fixes import repair
from tests.doctor.planting import (
    average_precision,
    copy_lines,
    faults,
    plant,
    read_pair,
    run_fix,
    write_pair,
)
from tests.experiments.mistakes import MISTAKES


def mistake(how):
    return next(mistake for mistake in MISTAKES if mistake.how == how)


def proven_score(finding) -> float:
    """Return the score of the fixed files that the evidence names."""
    pattern = r"was carried out and its output read again: AP is (\.\d+|1\.000)"
    return float(re.search(pattern, finding.evidence)[1])


@pytest.mark.parametrize("how", ["x1 y1 x2 y2", "two swapped", "NaN score", "percent"])
def test_the_evidence_has_the_score_of_what_the_command_writes(dataset, tmp_path, command, how):
    files = plant(dataset, tmp_path, mistake(how))
    [finding] = files.faults
    fixed, message = run_fix(command, finding)
    score = average_precision(files.ground_truth, fixed)
    assert proven_score(finding) == pytest.approx(score, abs=5e-4)
    assert message.rstrip().endswith(f"read again: AP is {score:.3f}".replace("0.", "."))


def test_fixed_ground_truth_is_read_again_and_scored(dataset, tmp_path, command):
    files = plant(dataset, tmp_path, mistake("missing"))
    [finding] = files.faults
    assert finding.id == "area-missing"
    fixed, _ = run_fix(command, finding)
    score = average_precision(fixed, files.detections)
    assert proven_score(finding) == pytest.approx(score, abs=5e-4)


def shift_boxes(detections):
    return replace(detections, boxes=detections.boxes + 3)


def drop_first(detections):
    image = int((detections.offsets > 0).argmax()) - 1
    offsets = detections.offsets.copy()
    offsets[image + 1 :] -= 1
    columns = ("class_index", "scores", "boxes", "box_areas", "source_rows")
    shorter = {name: getattr(detections, name)[1:] for name in columns if name != "source_rows"}
    return replace(detections, offsets=offsets, source_rows=None, **shorter)


@pytest.fixture(params=[shift_boxes, drop_first], ids=["other boxes", "fewer detections"])
def unfaithful_writer(request, monkeypatch):
    """Make fixes write something else than what they promise."""
    save = repair.save_detections

    def save_something_else(detections, *arguments):
        save(request.param(detections), *arguments)

    monkeypatch.setattr(repair, "save_detections", save_something_else)


@pytest.mark.usefixtures("unfaithful_writer")
def test_a_fix_that_writes_something_else_is_not_offered(dataset, tmp_path):
    files = plant(dataset, tmp_path, mistake("x1 y1 x2 y2"))
    [finding] = files.faults
    assert not finding.is_command
    assert finding.fix.startswith("write the file again: a fix was tried and is not offered, since")
    assert "carried out" not in finding.evidence


@pytest.mark.usefixtures("unfaithful_writer")
def test_what_is_not_as_promised_is_not_written(dataset, tmp_path, command):
    files = plant(dataset, tmp_path, mistake("x1 y1 x2 y2"))
    arguments = files.ground_truth, files.detections, "--fix", "box-format-xyxy"
    outcome = command("doctor", *arguments, "-o", tmp_path / "out.json")
    assert outcome.code == 2
    assert "out.json was not written: " in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.json", "truth.json"]


@pytest.mark.parametrize("change", [lambda w: [*w, "1"], lambda w: w[:-1]], ids=["more", "fewer"])
@pytest.mark.parametrize("part", ["comp4", "labels"])
def test_lines_of_another_length_are_never_cut(dataset, tmp_path, part, change):
    """It is unknown which of their values is which."""

    def line(words):
        return change(words) if float(words[-1]) > 0.3 else words

    spoiled = copy_lines(dataset / part, tmp_path / "spoiled", line)
    findings = faults(dataset / "truth.json", spoiled)
    assert findings[0].id == "not-a-number"
    assert findings[0].fix.startswith("write the file again")
    assert not any(finding.is_command for finding in findings)


def test_boxes_of_five_numbers_are_never_cut(dataset, tmp_path):
    ground_truth, rows = read_pair(dataset)
    for row in rows[::3]:
        row["bbox"].append(1)
    findings = write_pair(tmp_path, ground_truth, rows).faults
    assert findings[0].id == "not-a-number"
    assert not any(finding.is_command for finding in findings)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda n: n - 200_001, "away from the true ones|positions"),
        (lambda n: n + 5000, "5,?000 away"),
    ],
    ids=["positions", "an offset"],
)
def test_correct_detections_of_unknown_images_are_not_left_out(
    dataset, tmp_path, command, change, rule
):
    """Another reading of their image IDs puts them onto objects."""
    ground_truth, rows = read_pair(dataset)
    for row in rows:
        if row["image_id"] % 3 == 0:
            row["image_id"] = change(row["image_id"])
    findings = write_pair(tmp_path, ground_truth, rows).faults
    [finding] = [finding for finding in findings if finding.id.startswith("image-ids-")]
    assert re.search(rule, finding.evidence + finding.fix)
    if finding.is_command:
        _, message = run_fix(command, finding)
        assert "were left out" not in message


def test_detections_of_other_images_are_left_out(dataset, tmp_path, command):
    ground_truth, rows = read_pair(dataset)
    n_other = 0
    for row in rows:
        if row["image_id"] % 3 == 0:
            row["image_id"], n_other = 17 * row["image_id"], n_other + 1
    findings = write_pair(tmp_path, ground_truth, rows).faults
    [finding] = [finding for finding in findings if finding.id == "image-ids-unknown"]
    _, message = run_fix(command, finding)
    assert f"{n_other:,} of {len(rows):,} were left out" in message

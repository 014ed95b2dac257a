"""Every printed fix can be pasted into a shell."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from detbench.doctor.doctor import examine
from tests.doctor.planting import faults, plant, read_json, run_fix, write_pair
from tests.experiments.mistakes import MISTAKES

XYXY = next(mistake for mistake in MISTAKES if mistake.id == "box-format-xyxy")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.id}, {mistake.how}")
def test_every_fix_can_be_pasted(planted, mistake):
    """A shell parses it; what is no command is a comment."""
    findings = planted(mistake).findings
    fixes = [finding.record()["fix"] for finding in findings]
    for finding, fix in zip(findings, fixes, strict=True):
        assert fix.startswith(("detbench doctor ", "# "))
        assert finding.is_command == (not fix.startswith("#"))
    script = "\n".join(fixes)
    assert subprocess.run(["bash", "-n", "-c", script], capture_output=True).stderr == b""


def test_the_protocol_is_part_of_the_command(dataset, tmp_path, command):
    files = plant(dataset, tmp_path, XYXY)
    [finding] = faults(files.ground_truth, files.detections, protocol="voc2012")
    assert "--protocol voc2012" in finding.fix
    assert run_fix(command, finding)[0].exists()


def test_ids_of_both_sides_name_their_side(dataset, tmp_path):
    """The same mistake in ground truth and detections has two findings of one ID."""
    files = plant(dataset, tmp_path, XYXY)
    ground_truth = read_json(files.ground_truth)
    for row in ground_truth["annotations"]:
        x, y, w, h = row["bbox"]
        row["bbox"] = [x, y, x + w, y + h]
    both = write_pair(tmp_path, ground_truth, read_json(files.detections))
    commands = {tuple(shlex.split(finding.fix)[4:6]) for finding in both.faults}
    assert commands == {
        ("--fix", "ground-truth:box-format-xyxy"),
        ("--fix", "detections:box-format-xyxy"),
    }


def test_a_folder_with_its_only_coco_file_is_fixed_in_that_file(dataset, tmp_path, command):
    files = plant(dataset, tmp_path)
    ground_truth = read_json(files.ground_truth)
    ground_truth["annotations"][0]["id"] = 0
    folder = tmp_path / "valid"
    folder.mkdir()
    (folder / "_annotations.coco.json").write_text(json.dumps(ground_truth))
    findings = examine(folder, files.detections)
    [finding] = [finding for finding in findings if finding.id == "annotation-id-zero"]
    assert run_fix(command, finding)[0].exists()

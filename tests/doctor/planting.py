"""Planting mistakes in copies of files, and running the fixes that the doctor prints."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.doctor import examine
from detbench.doctor.findings import Finding
from detbench.metrics.scoring.evaluate import evaluate
from tests.experiments.coco_pair import CocoPair, Mistake


@dataclass(frozen=True)
class Planted:
    """COCO files with planted mistakes."""

    ground_truth: Path
    detections: Path

    @cached_property
    def findings(self) -> list[Finding]:
        return examine(self.ground_truth, self.detections)

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity != "note"]

    @property
    def fixed_detections(self) -> Path:
        """The file that the printed command writes."""
        return self.detections.with_name("found-fixed.json")

    @property
    def fixed_ground_truth(self) -> Path:
        """The file that the printed command writes."""
        return self.ground_truth.with_name("truth-fixed.json")


def plant(dataset: Path, folder: Path, *mistakes: Mistake) -> Planted:
    """Write the COCO files of a dataset, with mistakes, into a folder."""
    pair = CocoPair(*read_pair(dataset))
    for mistake in mistakes:
        mistake.plant(pair)
    return write_pair(folder, pair.ground_truth, pair.detections)


def read_pair(dataset: Path) -> tuple[dict, list]:
    """Return the decoded COCO files of a dataset."""
    return read_json(dataset / "truth.json"), read_json(dataset / "found.json")


def write_pair(folder: Path, ground_truth: dict, detections: list) -> Planted:
    """Write COCO files into a folder."""
    planted = Planted(folder / "truth.json", folder / "found.json")
    planted.ground_truth.write_text(json.dumps(ground_truth))
    planted.detections.write_text(json.dumps(detections))
    return planted


def read_json(path: Path):
    return json.loads(path.read_text())


def faults(ground_truth: Path, detections: Path, **options) -> list[Finding]:
    """Return the errors and warnings."""
    findings = examine(ground_truth, detections, **options)
    return [finding for finding in findings if finding.severity != "note"]


def ids(findings: list[Finding]) -> list[str]:
    return [finding.id for finding in findings]


def average_precision(ground_truth: Path, detections: Path) -> float:
    truth = load_ground_truth(ground_truth)
    return evaluate(truth, load_detections(detections, truth)).average_precision


def run_fix(command, finding: Finding) -> tuple[Path, str]:
    """Run the command of a finding as a shell would take it apart.

    Returns:
        What it wrote, and what it said.
    """
    program, *words = shlex.split(finding.fix)
    assert program == "detbench"
    outcome = command(*words)
    assert outcome.code == 0, outcome.err
    return Path(words[-1]), outcome.err


def run_only_fix(command, findings: list[Finding]) -> tuple[Path, str]:
    """Run the one command that all findings with a command have; see `run_fix`."""
    commands = [finding for finding in findings if finding.is_command]
    assert len({finding.fix for finding in commands}) == 1
    return run_fix(command, commands[0])


def fix_only_error(command, ground_truth, detections, finding_id, text) -> Path:
    """Check that there is one fault, that it is this error, and that its command fixes it.

    Returns:
        What the command wrote.
    """
    [finding] = faults(ground_truth, detections)
    assert (finding.id, finding.severity) == (finding_id, "error")
    assert text in finding.evidence
    fixed, _ = run_fix(command, finding)
    assert faults(fixed, detections) == []
    return fixed


def change_files(files: list[Path], change) -> None:
    """Replace the text of each file by `change(text, number of the file)`."""
    for number, file in enumerate(sorted(files)):
        file.write_text(change(file.read_text(), number))


def copy_lines(source: Path, target: Path, change) -> Path:
    """Copy a folder of text files, the words of each line changed by a function."""
    target.mkdir()
    for file in source.glob("*.txt"):
        lines = [change(line.split()) for line in file.read_text().splitlines()]
        text = "".join(" ".join(map(str, words)) + "\n" for words in lines)
        (target / file.name).write_text(text)
    return target

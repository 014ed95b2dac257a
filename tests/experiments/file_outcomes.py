"""Outcomes: what becomes of a file mistake, in the doctor, in its fix and in `detbench eval`."""

from __future__ import annotations

import contextlib
import shlex
import sys
import warnings
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from detbench.cli import main
from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.doctor import examine
from detbench.doctor.findings import Finding
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.doctor.written_pairs import WrittenPair, write_pair
from tests.experiments.file_mistakes import FileMistake

SAME = 0.01
"""Difference in AP within which a score is the right one: formats round differently."""


@dataclass(frozen=True)
class Outcome:
    """What is said of files with a mistake, and what they score."""

    findings: list[Finding]
    mistake: FileMistake
    right: float
    """AP of the files without the mistake."""
    score: float | None
    """AP by `detbench eval`; None if it refuses."""
    fixed_score: float | None
    """AP of the files that the printed command wrote; None without a command."""
    fixed_faults: tuple[str, ...] = ()
    """Errors and warnings about the fixed files."""
    refusal: str = ""
    """Why neither reads the files."""

    @property
    def faults(self) -> list[str]:
        return [finding.id for finding in self.findings if finding.severity != "note"]

    @property
    def is_read_right(self) -> bool:
        """Whether `detbench eval` reads the files right, and nothing is said against them."""
        return not self.faults and self.score is not None and abs(self.score - self.right) < SAME

    @property
    def is_named(self) -> bool:
        return any(finding.id in self.mistake.ids for finding in self.findings)

    @property
    def is_fixed(self) -> bool:
        return self.fixed_score is not None and abs(self.fixed_score - self.right) < SAME

    @property
    def others(self) -> list[str]:
        """Errors and warnings that do not name the mistake."""
        return sorted({fault for fault in self.faults if fault not in self.mistake.ids})

    @property
    def kind(self) -> str:
        """The outcome in short."""
        if self.refusal:
            return "refused by name"
        if not self.is_named:
            return "read right" if self.is_read_right else "missed"
        return "named and fixed" if self.is_fixed else "named"

    def __str__(self) -> str:
        text = self.kind
        if self.kind == "missed":
            text = "**missed**"
        if self.kind == "named" and self.fixed_score is not None:
            text = f"named, fixed to {self.fixed_score:.3f} of {self.right:.3f}"
        others = [*self.others, *(f"then {fault}" for fault in self.fixed_faults)]
        return text + (f" (also {', '.join(others)})" if others else "")


def score_of(ground_truth: Path, detections: Path) -> float | None:
    """Return AP, or mAP, as `detbench eval` computes it; None if it refuses the files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        try:
            truth = load_ground_truth(ground_truth)
            return evaluate(truth, load_detections(detections, truth)).average_precision
        except DetbenchError:
            return None


def outcome_of(mistake: FileMistake, clean: WrittenPair, folder: Path) -> Outcome:
    """Plant a mistake in a pair, which is spoiled, and examine what is written to a folder."""
    right = score_of(*write_pair(clean, folder / "clean"))
    assert right is not None
    mistake.plant(clean)
    truth, detections = write_pair(clean, folder / "spoiled")
    if mistake.files is not None:
        mistake.files(clean, truth, detections)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        try:
            findings = examine(truth, detections)
        except InputError as error:
            return Outcome([], mistake, right, None, None, refusal=str(error))
        score = score_of(truth, detections)
        named = [f for f in findings if f.id in mistake.ids and f.is_command]
        if not (named and mistake.fixable):
            return Outcome(findings, mistake, right, score, None)
        fixed = run_command(named[0].fix)
        is_truth = fixed.name.startswith(truth.stem)
        pair = (fixed, detections) if is_truth else (truth, fixed)
        faults = [f.id for f in examine(*pair) if f.severity != "note"]
        return Outcome(findings, mistake, right, score, score_of(*pair), tuple(faults))


def run_command(text: str) -> Path:
    """Run a printed command in this process and return the path that it writes."""
    program, *words = shlex.split(text)
    assert program == "detbench"
    arguments, sys.argv = sys.argv, [program, *words]
    try:
        with contextlib.redirect_stdout(StringIO()), contextlib.redirect_stderr(StringIO()) as said:
            main()
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(said.getvalue()) from ended
    finally:
        sys.argv = arguments
    return Path(words[-1])

"""Fixes: the commands that mend what the doctor finds, quoted for a shell."""

from __future__ import annotations

import shlex
from pathlib import Path

from detbench.bench.doctor.case import Case


def mending(case: Case, finding: str) -> str:
    """Return the command that writes the detections as they should be, by what the doctor found out."""
    if case.source is None:
        return f"`detbench doctor` on these files says more and mends {finding}"
    target = _beside(case.source.path, "fixed" + ("" if case.source.path.is_dir() else case.source.path.suffix))
    words = ["detbench", "doctor", str(case.truth_path), str(case.source.path), *case.truth_options, "--mend", finding, "-o", str(target)]
    return shlex.join(words)


def rewriting(case: Case, statement: str) -> str:
    """Return the command that updates every annotation `a` (number `n`, from 1) of the COCO file by keyword arguments."""
    source, target = case.truth_path, _beside(case.truth_path, f"fixed{case.truth_path.suffix}")
    program = (
        f"import json; d = json.load(open({str(source)!r})); "
        f"[a.update({statement}) for n, a in enumerate(d['annotations'], 1)]; json.dump(d, open({str(target)!r}, 'w'))"
    )
    return shlex.join(["python", "-c", program])


def keeping(case: Case, condition: str) -> str:
    """Return the command that keeps only the annotations `a` of the COCO file for which a Python condition holds."""
    source, target = case.truth_path, _beside(case.truth_path, f"fixed{case.truth_path.suffix}")
    program = (
        f"import json; d = json.load(open({str(source)!r})); "
        f"d['annotations'] = [a for a in d['annotations'] if {condition}]; json.dump(d, open({str(target)!r}, 'w'))"
    )
    return shlex.join(["python", "-c", program])


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.stem}-{ending}")

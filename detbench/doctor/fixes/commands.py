"""Fixes: the commands that mend what the doctor finds, quoted for a shell.

One command mends everything of a file, since mends of a copy each would have to be joined: every finding that detections can be mended of
has the same command, and so has every finding that annotations can be mended of. What is only noted is mended in a copy of its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

from detbench.data.formats.voc.devkit import TAR_SUFFIXES
from detbench.doctor.case import Case
from detbench.doctor.findings import Finding

WRITTEN_ANEW = "pass"
"""The edit of what only ground truth that is written anew can be mended of."""


def with_commands(case: Case, findings: list[Finding]) -> list[Finding]:
    """Return findings, in the order in which they were found, each with the command that mends it where there is one."""
    faults = [finding for finding in findings if finding.severity != "note"]
    ids = tuple(dict.fromkeys(finding.id for finding in faults if finding.mend))
    edits = tuple(
        dict.fromkeys(finding.edit for finding in sorted(faults, key=_of_areas) if finding.edit)
    )
    return [replace(finding, fix=_command(case, finding, ids, edits)) for finding in findings]


def _of_areas(finding: Finding) -> bool:
    """Tell whether a finding's edit computes areas from boxes, so that whatever mends boxes must come before it."""
    return finding.id.startswith("area-")


def _command(case: Case, finding: Finding, ids: tuple[str, ...], edits: tuple[str, ...]) -> str:
    if finding.edit and case.annotations is not None:
        return _editing(case, edits) if case.annotations.form == "coco" else _rewriting_truth(case)
    if not finding.mend or case.source is None:
        return finding.fix
    noted = finding.id not in ids
    return _mending(
        case, (*ids, finding.id) if noted else ids, f"fixed-{finding.id}" if noted else "fixed"
    )


def mending(case: Case, finding: str) -> str:
    """Return what to do about detections that were loaded already; the command for files follows when all findings are known."""
    return (
        f"`detbench doctor` on these files says more and mends {finding}"
        if case.source is None
        else ""
    )


def _mending(case: Case, findings: Iterable[str], ending: str) -> str:
    """Return the command that writes the detections as they should be, by what the doctor found out."""
    assert case.source is not None  # noqa: S101  the check asks for it
    target = _beside(case.source.path, ending)
    mends = [word for finding in findings for word in ("--mend", finding)]
    return shlex.join(
        [
            "detbench",
            "doctor",
            str(case.truth_path),
            str(case.source.path),
            *case.options,
            *mends,
            "-o",
            str(target),
        ]
    )


def _editing(case: Case, edits: Iterable[str]) -> str:
    """Return the command that writes the COCO annotations with all edits done."""
    source, target = str(case.truth_path), str(_beside(case.truth_path, "fixed"))
    steps = [
        "import json",
        f"d = json.load(open({source!r}))",
        *edits,
        f"json.dump(d, open({target!r}, 'w'))",
    ]
    return shlex.join(["python", "-c", "; ".join(steps)])


def _rewriting_truth(case: Case) -> str:
    """Return the command that writes the ground truth of VOC or YOLO as it should be, into a new folder."""
    assert case.source is not None  # noqa: S101  the check asks for it
    words = ["detbench", "doctor", str(case.truth_path), str(case.source.path), *case.options]
    return shlex.join([*words, "--mended-truth", str(_new_dataset(case.truth_path))])


def _new_dataset(path: Path) -> Path:
    """Return a folder beside a dataset that is not there yet; that of a year of a devkit lies in a devkit of its own."""
    if path.name in ("", ".."):
        path = path.resolve()
    if path.is_file() and not path.name.lower().endswith(TAR_SUFFIXES):
        path = path.resolve().parent
    name = next(
        (
            path.name[: -len(suffix)]
            for suffix in TAR_SUFFIXES
            if path.name.lower().endswith(suffix)
        ),
        path.name,
    )
    place, year = path.with_name(name), ""
    if path.is_dir() and path.resolve().parent.name == "VOCdevkit":
        place, year = path.resolve().parent, name
    free = (place.with_name(f"{place.name}-fixed{'' if n == 1 else f'-{n}'}") for n in count(1))
    return next(folder for folder in free if not folder.exists()) / year


def rewriting(values: str, where: str = "") -> str:
    """Return the edit that updates every annotation `a` (number `n`, from 1), or those where a condition holds, by keyword arguments."""
    return (
        f"[a.update({values}) for n, a in enumerate(d['annotations'], 1){where and f' if {where}'}]"
    )


def keeping(condition: str) -> str:
    """Return the edit that keeps only the annotations `a` for which a Python condition holds."""
    return f"d['annotations'] = [a for a in d['annotations'] if {condition}]"


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(
        f"{path.name}-{ending}" if path.is_dir() else f"{path.stem}-{ending}{path.suffix}"
    )

"""Fix commands: what to type to fix findings, quoted for a shell.

One command fixes everything in a file: copies with one fault fixed each would have to be joined. So
all findings that can be fixed in the detections have the same command, and so have all that can be
fixed in the ground truth. What is only a note is fixed in a copy of its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Literal

from detbench.data.formats.table import DETECTIONS_FORMATS, GROUND_TRUTH_FORMATS
from detbench.data.formats.voc.devkit import TAR_SUFFIXES
from detbench.doctor.case import Case
from detbench.doctor.findings import Finding

Side = Literal["ground-truth", "detections"]


def fixable_ids(findings: Iterable[Finding], side: Side) -> tuple[str, ...]:
    """Return the IDs of the findings that can be fixed on one side, in the order of findings."""
    return tuple(
        dict.fromkeys(
            finding.id
            for finding in findings
            if (finding.fix_rows if side == "detections" else finding.fix_document)
        )
    )


def with_commands(case: Case, findings: list[Finding]) -> list[Finding]:
    """Return findings, in the order of the checks, with the command that fixes each of them."""
    return [
        replace(finding, fix=_command(case, finding, findings))
        if finding.fix_rows or finding.fix_document
        else finding
        for finding in findings
    ]


def _command(case: Case, finding: Finding, findings: list[Finding]) -> str:
    faults = [other for other in findings if other.severity != "note"]
    if finding.fix_document:
        ids = fixable_ids(faults, "ground-truth")
        return _fix_command(case, findings, ids, "ground-truth")
    ids = fixable_ids(faults, "detections")
    if finding.id in ids:
        return _fix_command(case, findings, ids, "detections")
    ids = (*ids, finding.id)
    return _fix_command(case, findings, ids, "detections", f"fixed-{finding.id}")


def _fix_command(
    case: Case, findings: list[Finding], ids: Iterable[str], side: Side, ending: str = "fixed"
) -> str:
    target = new_path(case, side, ending)
    other_side: Side = "detections" if side == "ground-truth" else "ground-truth"
    ambiguous = fixable_ids(findings, other_side)
    options = [
        word
        for finding_id in ids
        for word in ("--fix", f"{side}:{finding_id}" if finding_id in ambiguous else finding_id)
    ]
    inputs = str(case.ground_truth_path), str(case.file.path)
    return shlex.join(["detbench", "doctor", *inputs, *case.options, *options, "-o", str(target)])


def new_path(case: Case, side: Side, ending: str = "fixed") -> Path:
    """Return the path that a command writes on a side, with an ending after the name."""
    return _new_ground_truth(case) if side == "ground-truth" else _new_detections(case, ending)


def _new_detections(case: Case, ending: str) -> Path:
    """Return the path for fixed detections: a COCO file if their format is not written."""
    if case.file.format_name not in DETECTIONS_FORMATS:
        return _coco_file_beside(case.file.path, ending)
    target, dataset = _beside(case.file.path, ending), case.ground_truth_path.resolve()
    # A new folder inside the dataset would add images to it.
    if case.file.path.is_dir() and target.resolve().is_relative_to(dataset):
        return dataset.with_name(target.name)
    return target


def _new_ground_truth(case: Case) -> Path:
    """Return the path for fixed ground truth: a new folder for VOC and YOLO, else a COCO file."""
    format_name = "" if case.annotations is None else case.annotations.format_name
    if format_name == "coco":
        return _beside(case.ground_truth_path, "fixed")
    if format_name not in GROUND_TRUTH_FORMATS:
        return _coco_file_beside(case.ground_truth_path, "fixed")
    return _new_dataset(case.ground_truth_path)


def _coco_file_beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name if path.is_dir() else path.stem}-{ending}.json")


def _beside(path: Path, ending: str) -> Path:
    if path.is_dir():
        return path.with_name(f"{path.name}-{ending}")
    return path.with_name(f"{path.stem}-{ending}{path.suffix}")


def _new_dataset(path: Path) -> Path:
    """Return a folder beside a dataset that does not exist yet.

    The folder for a year of a VOC devkit is in a devkit of its own.
    """
    if path.name in ("", ".."):
        path = path.resolve()
    if path.is_file() and not path.name.lower().endswith(TAR_SUFFIXES):
        path = path.resolve().parent  # a data.yaml stands for its folder
    name = _without_tar_suffix(path.name)
    parent, year = path.with_name(name), ""
    if path.is_dir() and path.resolve().parent.name == "VOCdevkit":
        parent, year = path.resolve().parent, name
    endings = (f"-fixed{'' if number == 1 else f'-{number}'}" for number in count(1))
    candidates = (parent.with_name(f"{parent.name}{ending}") for ending in endings)
    return next(folder for folder in candidates if not folder.exists()) / year


def _without_tar_suffix(name: str) -> str:
    for suffix in TAR_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name

"""Mends: detections, and ground truth of VOC and YOLO, written again without the faults that the doctor found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from detbench.data.ground_truth import GroundTruth
from detbench.data.load import save_detections, save_ground_truth
from detbench.doctor.case import Case
from detbench.doctor.checks.ground_truth_formats import mended_truth
from detbench.doctor.checks.ground_truth_numbers import with_extent
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.ground_truths import copies, image_sizes, where
from detbench.doctor.reading.rows import Rows, detections_of
from detbench.errors import DetbenchError

MOST_DROPPED = 0.5
"""Share of detections with a fault up to which it is mended by leaving them out; more show that the file was written wrongly."""
AGAIN = "write the file again"
MOST_OBJECTS_DROPPED = 0.15
"""The same of annotated objects, of which each that is lost makes a hit a false positive."""
_OF_CLASSES = ("classes-permuted", "class-ids-80-91")
NOT_FOR_EVALUATION = (
    "image-ids-unknown",
    "class-ids-80-91",
    "classes-permuted",
    "detections-doubled",
)
"""Findings whose detections are left out because they are too many, of other images or other classes: any share of them can be right."""


def offered(case: Case, finding: Finding) -> Finding:
    """Return a finding, without its mend where that would leave out next to all of the detections."""
    if finding.mend is None:
        return finding
    total = len(case.rows)
    dropped = total - len(finding.mend(case.rows))
    if dropped < total and (dropped <= MOST_DROPPED * total or finding.id in NOT_FOR_EVALUATION):
        return finding
    advice = f"{AGAIN}: {dropped:,} of {total:,} detections are of this kind, and without them next to nothing is left"
    return replace(finding, mend=None, fix=advice)


def none_beside(findings: list[Finding]) -> list[Finding]:
    """Return findings without the mends of any, where one of them says that the file must be written again, or is of other images."""
    for finding in findings:
        other_images = finding.id == "wrong-split" and finding.severity == "error"
        if other_images or finding.fix.startswith(AGAIN):
            why = (
                "these are detections of other images"
                if other_images
                else "the file must be written again"
            )
            advice = f"see to {finding.id} first: {why}"
            return [
                replace(each, mend=None, fix=advice) if each.mend else each for each in findings
            ]
    return findings


def mended(case: Case, findings: Sequence[Finding], ids: Sequence[str]) -> Rows:
    """Return the rows of a case without the faults of these ids, mended in the order in which they were found.

    Raises DetbenchError where a fault is not there or only a new run of the detector mends it, and where detections would be lost since
    they still cannot be scored.
    """
    known = list(dict.fromkeys(finding.id for finding in findings if finding.mend))
    path = case.source.path if case.source else ""
    for each in ids:
        if each not in known:
            others = f"what can be is {', '.join(known)}" if known else "nothing can be"
            raise DetbenchError(
                f"{path}: there is no {each} that can be mended here, {others}; run `detbench doctor` without --mend"
            )
    rows = case.rows
    for finding in findings:
        if finding.mend and finding.id in ids:
            rows = finding.mend(rows)
    lost = int((~rows.usable).sum())
    if lost or not len(rows):
        left = [each for each in known if each not in ids]
        help_ = (
            f"mend as well: {' '.join(f'--mend {each}' for each in left)}"
            if left
            else "see what `detbench doctor` says of them"
        )
        raise DetbenchError(
            f"{path}: {lost:,} of {len(rows):,} detections still could not be scored and would be lost; {help_}"
        )
    return rows


def write_mended(
    case: Case, findings: Sequence[Finding], ids: Sequence[str], target: Path
) -> tuple[int, int]:
    """Write the detections without the faults of these ids, in the format of the target's name or of the source.

    Returns how many were written and how many were read.
    """
    assert case.source is not None  # noqa: S101  the check asks for it
    repaired = detections_of(mended(case, findings, ids), case.truth)
    save_detections(
        repaired,
        case.truth,
        target,
        None if target.suffix in (".json", ".parquet") else case.source.form,
    )
    return len(repaired), len(case.rows)


def truth_offered(case: Case, findings: list[Finding]) -> list[Finding]:
    """Return findings of VOC or YOLO ground truth with advice in the place of a mend that would ruin it.

    Where labels are of classes without a name it cannot be known which class any number means, so that no class is mended either.
    """
    file = case.annotations
    if file is None or file.form == "coco":
        return findings
    if file.unknown_classes:
        advice = "see to class-ids-80-91 of the ground truth first"
        return [
            replace(each, edit="", mend=None, fix=advice)
            if each.edit or (each.mend and each.id in _OF_CLASSES)
            else each
            for each in findings
        ]
    if not any(finding.edit for finding in findings if finding.severity != "note"):
        return findings
    left, total = len(_with_all_that_is_left(case, findings)), len(file.ids)
    if left >= (1 - MOST_OBJECTS_DROPPED) * total:
        return findings
    advice = (
        f"write the ground truth again: {total - left:,} of {total:,} annotations would be left out"
    )
    return [replace(each, edit="", fix=advice) if each.edit else each for each in findings]


def _with_all_that_is_left(case: Case, findings: Sequence[Finding]) -> GroundTruth:
    """Return the ground truth without the faults found in it, copies still among the rest."""
    mended_case = mended_truth(case)[0]
    truth = mended_case.truth
    if any(finding.id in ("negative-size", "zero-area") and finding.edit for finding in findings):
        truth = with_extent(mended_case)[0]
    if case.annotations is not None and case.annotations.form == "yolo":
        limits = np.tile(image_sizes(truth), 2)
        cut = np.clip(truth.boxes, 0, limits)
        truth = where(truth, np.asarray((cut[:, 2:] > cut[:, :2]).all(axis=1)))
    return truth


def write_mended_truth(case: Case, findings: Sequence[Finding], target: Path) -> tuple[int, int]:
    """Write the split of VOC or YOLO ground truth that was read, without the faults found in it, to a new folder.

    Returns how many objects were written and how many were read. Raises DetbenchError where there is nothing to mend, and for ground truth
    in one file, whose findings have a command that keeps everything else in it.
    """
    file = case.annotations
    if file is None or file.form == "coco":
        fix = "run `detbench doctor` without --mended-truth for the command that does"
        raise DetbenchError(
            f"{case.truth_path}: --mended-truth mends VOC and YOLO ground truth; {fix}"
        )
    faults = [finding for finding in findings if finding.edit and finding.severity != "note"]
    if not faults:
        raise DetbenchError(
            f"{case.truth_path}: there is nothing in the ground truth that can be mended here"
        )
    truth = _with_all_that_is_left(case, faults)
    if any(finding.id == "annotations-doubled" for finding in faults):
        truth = where(truth, ~copies(truth))
    save_ground_truth(truth, target, file.form, split=file.split)
    return len(truth), len(file.ids)

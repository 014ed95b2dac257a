"""Mends: detections, and ground truth of VOC and YOLO, written again without the faults that the doctor found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from detbench.bench.doctor.case import Case
from detbench.bench.doctor.findings import Finding
from detbench.bench.doctor.rows import Rows, detections_of
from detbench.bench.doctor.truth_boxes import mended_truth
from detbench.bench.doctor.truths import copies, where
from detbench.data.load import save_detections, save_ground_truth
from detbench.errors import DetbenchError

MOST_DROPPED = 0.5
"""Share of detections with a fault up to which it is mended by leaving them out; more show that the file was written wrongly."""
AGAIN = "write the file again"
NOT_FOR_EVALUATION = ("image-ids-unknown", "class-ids-80-91", "classes-permuted", "detections-doubled")
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
            why = "these are detections of other images" if other_images else "the file must be written again"
            advice = f"see to {finding.id} first: {why}"
            return [replace(each, mend=None, fix=advice) if each.mend else each for each in findings]
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
            raise DetbenchError(f"{path}: there is no {each} that can be mended here, {others}; run `detbench doctor` without --mend")
    rows = case.rows
    for finding in findings:
        if finding.mend and finding.id in ids:
            rows = finding.mend(rows)
    lost = int((~rows.usable).sum())
    if lost or not len(rows):
        left = [each for each in known if each not in ids]
        help_ = f"mend as well: {' '.join(f'--mend {each}' for each in left)}" if left else "see what `detbench doctor` says of them"
        raise DetbenchError(f"{path}: {lost:,} of {len(rows):,} detections still could not be scored and would be lost; {help_}")
    return rows


def write_mended(case: Case, findings: Sequence[Finding], ids: Sequence[str], target: Path) -> tuple[int, int]:
    """Write the detections without the faults of these ids, in the format of the target's name or of the source.

    Returns how many were written and how many were read.
    """
    assert case.source is not None  # noqa: S101  detections from a file have one
    repaired = detections_of(mended(case, findings, ids), case.truth)
    save_detections(repaired, case.truth, target, None if target.suffix in (".json", ".parquet") else case.source.form)
    return len(repaired), len(case.rows)


def write_mended_truth(case: Case, findings: Sequence[Finding], target: Path) -> tuple[int, int]:
    """Write ground truth of VOC or YOLO without the faults found in it, in the format of the target's name or its own.

    Returns how many objects were written and how many were read. Raises DetbenchError where there is nothing to mend, and for ground truth
    in one file, whose findings have a command that keeps everything else in it.
    """
    file = case.annotations
    faults = {finding.id for finding in findings if finding.edit and finding.severity != "note"}
    if file is None or file.form == "coco":
        fix = "run `detbench doctor` without --mended-truth for the command that does"
        raise DetbenchError(f"{case.truth_path}: --mended-truth mends VOC and YOLO ground truth; {fix}")
    if not faults:
        raise DetbenchError(f"{case.truth_path}: there is nothing in the ground truth that can be mended here")
    truth = mended_truth(case)[0].truth
    if faults & {"negative-size", "zero-area"}:
        truth = where(truth, np.asarray((truth.boxes[:, 2:] > truth.boxes[:, :2]).all(axis=1)))
    if "annotations-doubled" in faults:
        truth = where(truth, ~copies(truth))
    if not len(truth):
        raise DetbenchError(f"{case.truth_path}: nothing would be left of the ground truth; write it again")
    save_ground_truth(truth, target, None if target.suffix in (".json", ".parquet") else file.form, split=file.split)
    return len(truth), len(file.ids)

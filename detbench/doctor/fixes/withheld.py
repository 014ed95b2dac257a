"""Withheld fixes: fixes that would lose too much or mislead, replaced by advice."""

from __future__ import annotations

from dataclasses import replace

from detbench.doctor.case import Case
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.rewritten_ground_truth import rewritten_with_copies

MAX_DROPPED = 0.5
"""Share of detections that a fix may leave out. More show that the file was written wrongly."""
MAX_OBJECTS_DROPPED = 0.15
"""The same for annotated objects: each one that is lost turns a hit into a false positive."""
WRITE_AGAIN = "write the file again"
SELECTING = (
    "image-ids-unknown",
    "class-ids-80-91",
    "classes-permuted",
    "detections-doubled",
)
"""Findings whose fix leaves out detections that are right in themselves, however many these are."""
_CLASS_IDS = ("classes-permuted", "class-ids-80-91")


def withhold_lossy_fix(case: Case, finding: Finding) -> Finding:
    """Return a finding without its fix if that would leave out most of the detections."""
    if finding.fix_rows is None:
        return finding
    total = len(case.rows)
    n_dropped = total - len(finding.fix_rows(case.rows))
    is_acceptable = n_dropped <= MAX_DROPPED * total or finding.id in SELECTING
    if n_dropped < total and is_acceptable:
        return finding
    advice = (
        f"{WRITE_AGAIN}: {n_dropped:,} of {total:,} detections have this fault, and almost nothing "
        "is left without them"
    )
    return replace(finding, fix_rows=None, fix=advice)


def withhold_useless_fixes(findings: list[Finding]) -> list[Finding]:
    """Return findings without fixes if a file must be written again or is of other images."""
    for finding in findings:
        is_of_other_images = finding.id == "wrong-split" and finding.severity == "error"
        if is_of_other_images:
            reason = "these are detections of other images"
        elif finding.fix.startswith(WRITE_AGAIN):
            reason = "the file must be written again"
        else:
            continue
        advice = f"fix {finding.id} first: {reason}"
        return [
            replace(other, fix_rows=None, fix=advice) if other.fix_rows else other
            for other in findings
        ]
    return findings


def withhold_lossy_rewriting(case: Case, findings: list[Finding]) -> list[Finding]:
    """Return findings without fixes of VOC or YOLO ground truth that would ruin it.

    If labels have classes without a name, it is unknown which class any number means, so that
    classes of detections are not fixed, either.
    """
    file = case.annotations
    if file is None or file.format_name == "coco":
        return findings
    if file.n_unknown_classes:
        advice = "fix class-ids-80-91 of the ground truth first"
        return [
            replace(finding, fix_document=None, fix_rows=None, fix=advice)
            if finding.fix_document or (finding.fix_rows and finding.id in _CLASS_IDS)
            else finding
            for finding in findings
        ]
    if not any(finding.fix_document for finding in findings if finding.severity != "note"):
        return findings
    n_left, total = len(rewritten_with_copies(case, findings)), len(file.ids)
    if n_left >= (1 - MAX_OBJECTS_DROPPED) * total:
        return findings
    advice = (
        f"write the ground truth again: {total - n_left:,} of {total:,} annotations would be left "
        "out"
    )
    return [
        replace(finding, fix_document=None, fix=advice) if finding.fix_document else finding
        for finding in findings
    ]

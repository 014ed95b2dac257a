"""Withheld fixes: fixes that would lose too much or mislead, replaced by advice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.findings import WRITE_AGAIN, Finding
from detbench.doctor.fixes.rewritten_ground_truth import rewritten_with_copies
from detbench.doctor.readings.id_rules import id_rules
from detbench.doctor.readings.image_ids import id_readings
from detbench.metrics.scoring.placement import best_iou

MAX_DROPPED = 0.5
"""Share of detections that a fix may leave out. More show that the file was written wrongly."""
MAX_OBJECTS_DROPPED = 0.15
"""The same for annotated objects: each one that is lost turns a hit into a false positive."""
SELECTING = (
    "image-ids-unknown",
    "class-ids-80-91",
    "classes-permuted",
    "detections-doubled",
)
"""Findings whose fix leaves out detections that are right in themselves, however many these are."""
ON_OBJECT = 0.5
"""IoU from which on a detection lies on an object."""
MIN_CORRECT, MIN_CORRECT_SHARE = 5, 0.5
"""Detections that would be left out though they lie on objects, in number and in comparison with
the other detections, that show that they are correct."""
ABOVE_CHANCE = 2.0
"""How many times more of them must do so than if their images are exchanged."""
_KEEPING_ONE = ("detections-doubled",)
"""Findings whose fix leaves out copies only."""
_CLASS_IDS = ("classes-permuted", "class-ids-80-91")


def withhold_lossy_fix(case: Case, finding: Finding) -> Finding:
    """Return a finding without its fix if that would leave out most, or correct, detections."""
    if finding.fix_rows is None:
        return finding
    total, kept = len(case.rows), finding.fix_rows(case.rows)
    n_dropped = total - len(kept)
    if n_dropped and finding.id not in _KEEPING_ONE:
        is_kept = np.isin(case.rows.source_rows, kept.source_rows)
        reason = _why_correct(case, case.rows.select(~is_kept), case.rows.select(is_kept))
        if reason:
            return replace(finding, fix_rows=None, fix=reason)
    is_acceptable = n_dropped <= MAX_DROPPED * total or finding.id in SELECTING
    if n_dropped < total and is_acceptable:
        return finding
    advice = (
        f"{WRITE_AGAIN}: {n_dropped:,} of {total:,} detections have this fault, and almost nothing "
        "is left without them"
    )
    return replace(finding, fix_rows=None, fix=advice)


def _why_correct(case: Case, dropped: DetectionRows, kept: DetectionRows) -> str:
    """Return advice in place of leaving out detections that are correct; empty if none are.

    They are if some of them lie on objects of their class, or if those of unknown images do so
    about as often as the others under another reading of their image IDs.
    """
    share_of_others = _share_on_objects(case, kept)
    if _share_on_objects(case, dropped) * len(dropped) >= MIN_CORRECT:
        return f"{WRITE_AGAIN}: many of the detections that a fix would leave out lie on objects"
    of_unknown_images = dropped.select((dropped.image_index < 0) & dropped.finite)
    if len(of_unknown_images) < MIN_CORRECT:
        return ""
    n_images = len(case.ground_truth.image_ids)
    rules = id_rules(case.with_rows(of_unknown_images))
    for reading in (*rules, *id_readings(case)):
        rows = reading.read(case, of_unknown_images)
        # Images that others name as they should be are not renamed.
        if np.isin(rows.image_index[rows.image_index >= 0], kept.image_index).any():
            continue
        share = _share_on_objects(case, rows)
        # The last image is followed by the first one; −1 stays.
        following = np.append((np.arange(n_images) + 1) % n_images, -1)
        exchanged = replace(rows, image_index=following[rows.image_index])
        by_chance = _share_on_objects(case, exchanged)
        is_correct = share >= max(MIN_CORRECT_SHARE * share_of_others, ABOVE_CHANCE * by_chance)
        if is_correct and share * len(rows) >= MIN_CORRECT:
            return (
                f"write the image IDs as in the ground truth: those of {len(rows):,} detections "
                f"are {reading.name}, and these detections lie on objects"
            )
    return ""


def _share_on_objects(case: Case, rows: DetectionRows) -> float:
    """Return the share of rows that lie on an object of their class; 0 without rows."""
    if not len(rows):
        return 0.0
    scorable = rows.select(rows.scorable)
    hits = best_iou(case.ground_truth, scorable) >= ON_OBJECT
    return float(hits.sum()) / len(rows)


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

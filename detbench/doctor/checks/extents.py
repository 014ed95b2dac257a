"""Checks of extents: malformed numbers, boxes without extent, and boxes outside their image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from detbench.data.checks.boxes import check_collapsed, check_outside_image
from detbench.data.checks.suspicion import Severity
from detbench.data.columns import Flags, Floats
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.lenient_files import DetectionsFile
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows, score_of_rest
from detbench.doctor.findings import WRITE_AGAIN, Finding
from detbench.doctor.readings.box_formats import (
    Offset,
    corner_offset,
    ordered_corners,
    positive_sizes,
)
from detbench.metrics.scoring.placement import best_iou

MANY = 0.05
"""Share of inverted or empty boxes above which they are no slips. Public files have up to 1.8%."""
ON_OBJECT = 0.5
"""IoU from which on a box lies on an object."""
MIN_RESTORED = 0.5
"""How often boxes of negative size must lie on objects once they are restored, as a part of how
often the other boxes do. Boxes that collapsed by accident hardly ever do."""
MOST = 0.5
"""Share above which the file is written wrongly; `detbench eval` refuses as many inverted boxes."""


def check_numbers(case: Case) -> list[Finding]:
    """Check for texts in place of numbers, text image IDs, and numbers that are not finite."""
    return [*_check_malformed(case), *_check_text_ids(case), *_check_not_finite(case)]


def _check_malformed(case: Case) -> list[Finding]:
    malformed = case.file.malformed[case.rows.source_rows]
    if not malformed.any():
        return []
    if case.file.wrong_length is not None and case.file.wrong_length.any():
        return [_wrong_length_finding(case, case.file.wrong_length, malformed)]
    fix_rows = partial(_well_formed, case.file)
    rest = score_of_rest(case, fix_rows(case.rows), "with numbers in quotes read as numbers")
    evidence = (
        f"{malformed.sum():,} of {len(malformed):,} detections have a text, or nothing, in place "
        f"of a number (the first: {case.file.first_malformed}): {rest}"
    )
    return [Finding("not-a-number", "error", evidence, fix_rows=fix_rows)]


def _wrong_length_finding(case: Case, wrong_length: Flags, malformed: Flags) -> Finding:
    """Return the finding of rows that cannot be read: it is unknown which value is which."""
    n_wrong = int(wrong_length[case.rows.source_rows].sum())
    evidence = (
        f"{malformed.sum():,} of {len(malformed):,} detections are malformed, {n_wrong:,} of them "
        f"with more or fewer values than the format has (the first: {case.file.first_malformed})"
    )
    fix = (
        f"{WRITE_AGAIN}, with as many values in each row as the format has: it is unknown which "
        "value of these rows is which"
    )
    return Finding("not-a-number", "error", evidence, fix)


def _check_text_ids(case: Case) -> list[Finding]:
    """Check for image IDs that are texts while those of the ground truth are numbers."""
    file, annotations = case.file, case.annotations
    if not file.n_text_ids or annotations is None or not annotations.numeric_image_ids:
        return []
    evidence = (
        f"{file.n_text_ids:,} of {len(file.malformed):,} detections have a text as image_id (the "
        f"first: {file.first_text_id}), while the IDs of the ground truth are numbers: they are "
        "matched by value here, but pycocotools does not find them"
    )
    return [Finding("not-a-number", "warning", evidence, fix_rows=partial(_well_formed, file))]


def _well_formed(file: DetectionsFile, rows: DetectionRows) -> DetectionRows:
    """Return the rows that name an image and a class, and whose texts spell numbers."""
    readable = rows.finite | ~file.malformed[rows.source_rows]
    return rows.select(readable & ~file.unnamed[rows.source_rows])


def _check_not_finite(case: Case) -> list[Finding]:
    """Check for NaN and infinite numbers."""
    rows = case.rows
    wrong = ~rows.finite & ~case.file.malformed[rows.source_rows]
    if not wrong.any():
        return []
    first = int(wrong.argmax())
    numbers = [*rows.boxes[first].tolist(), rows.scores[first].item()]
    evidence = (
        f"{wrong.sum():,} of {len(wrong):,} detections have NaN or infinite numbers (the first, at "
        f"position {rows.source_rows[first]} counted from 0: box and score {numbers}): "
        f"{score_of_rest(case, _finite(rows), 'without them')}"
    )
    return [Finding("not-finite", "error", evidence, fix_rows=_finite)]


def _finite(rows: DetectionRows) -> DetectionRows:
    return rows.select(rows.finite)


def check_sizes(case: Case) -> list[Finding]:
    """Check for boxes of negative or of no width or height."""
    boxes = case.rows.select(case.rows.finite).boxes
    sizes = boxes[:, 2:] - boxes[:, :2]
    negative = case.rows.select(case.rows.finite).is_inverted
    empty = (sizes == 0).any(axis=1) & ~negative
    kinds: tuple[tuple[Flags, str, str], ...] = (
        (negative, "negative-size", "have a negative width or height"),
        (np.asarray(empty), "zero-area", "have no width or no height"),
    )
    return [
        _size_finding(case, wrong, finding, problem)
        for wrong, finding, problem in kinds
        if wrong.any()
    ]


def _size_finding(case: Case, wrong: Flags, finding: str, problem: str) -> Finding:
    share = wrong.mean()
    severity: Severity = "error" if share > MOST else "warning" if share > MANY else "note"
    evidence = (
        f"{wrong.sum():,} of {len(wrong):,} boxes {problem}; they match nothing and count as false "
        "positives"
    )
    restored = _restored(case) if finding == "negative-size" else None
    fix_rows, how = restored or (_with_extent, "without them")
    if restored or (severity != "note" and not wrong.all()):
        evidence += f": {change_with_rows(case, fix_rows(case.rows), how)}"
    return Finding(finding, severity, evidence, fix_rows=fix_rows)


def _restored(case: Case) -> tuple[Callable[[DetectionRows], DetectionRows], str] | None:
    """Return how boxes of negative size become those of objects, if they do.

    They do if they lie on objects about as often as the other boxes, and the score is higher than
    without them.

    Returns:
        What restores them, and how, as an adverbial phrase; None if nothing does.
    """
    is_negative = case.scored.is_inverted
    if not is_negative.any():
        return None
    others = case.scored.select(~is_negative)
    share_of_others = float((best_iou(case.ground_truth, others) >= ON_OBJECT).mean())
    best, best_score = None, case.quick_score.score(_with_extent(case.rows))
    for change, how in (
        (ordered_corners, "with their corners in order"),
        (positive_sizes, "with their sizes without the sign"),
    ):
        fix_rows = partial(_with_changed_boxes, corner_offset(case.file), change)
        boxes = fix_rows(case.scored.select(is_negative))
        share = float((best_iou(case.ground_truth, boxes) >= ON_OBJECT).mean())
        score = case.quick_score.score(fix_rows(case.rows))
        if share >= MIN_RESTORED * share_of_others and share > 0 and score > best_score:
            best, best_score = (fix_rows, how), score
    return best


def _with_changed_boxes(
    file_offset: Offset, change: Callable[[Floats], Floats], rows: DetectionRows
) -> DetectionRows:
    """Return rows whose boxes of negative size are changed; corners as the file has them."""
    offset = np.array(file_offset, np.float64)
    changed = change(rows.boxes + offset) - offset
    return rows.with_boxes(np.where(rows.is_inverted[:, None], changed, rows.boxes))


def _with_extent(rows: DetectionRows) -> DetectionRows:
    return rows.select(rows.with_extent)


def check_smaller_than_pixel(case: Case) -> Finding | None:
    """Check for boxes that are smaller than a pixel while the objects are not."""
    first, last = case.file.corner_offsets
    suspicion = check_collapsed(case.ground_truth, case.scored, counts_last_pixel=first - last == 1)
    return None if suspicion is None else Finding.from_suspicion(suspicion)


def check_outside(case: Case) -> Finding | None:
    """Check for boxes past the edge of their image."""
    suspicion = check_outside_image(case.ground_truth, case.scored)
    return None if suspicion is None else Finding.from_suspicion(suspicion)

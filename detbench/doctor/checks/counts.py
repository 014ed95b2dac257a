"""Checks of counts: no detections, repeated detections, and too many of an image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detbench.data.checks.counts import check_detection_limit, check_empty
from detbench.data.checks.suspicion import Severity
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.duplicates import duplicate_rows, near_duplicate_rows
from detbench.doctor.evidence.counterfactual import change_with_rows, change_without_limit
from detbench.doctor.findings import Finding
from detbench.wording import plural

MAX_DUPLICATES = 0.01
"""Share of repeated boxes above which it is an error. Non-maximum suppression leaves no two equal
boxes of a class."""
MAX_NEAR_DUPLICATES = 0.05
"""The same of nearly repeated boxes. Of 300,000 boxes of five public detectors there was none."""
MIN_GAIN = 1.01
"""Factor by which the score must grow without the copies for an error. Detectors without
non-maximum suppression repeat boxes of low scores, which cost nothing; so do boxes clipped to a
small image."""
COMMON_LIMIT = 100
"""Detections per image that many tools keep; the COCO protocol keeps as many of each class."""


def check_presence(case: Case) -> Finding | None:
    """Check whether there are detections at all, and a file for every class that needs one."""
    suspicion = check_empty(case.rows)
    if suspicion is not None:
        return Finding.from_suspicion(suspicion)
    missing = case.file.classes_without_file
    if not missing:
        return None
    evidence = (
        f"there is no file for {len(missing)} of {len(case.ground_truth.class_names)} classes "
        f"({', '.join(missing[:5])}), and each needs one"
    )
    fix = "create an empty file for each class without detections"
    return Finding("detections-empty", "error", evidence, fix)


def check_duplicates(case: Case) -> Finding | None:
    """Check for boxes that occur several times, exactly or nearly, in one class and image."""
    count, total = int(case.duplicates.sum()), len(case.duplicates)
    is_many = bool(case.duplicates.mean() > MAX_DUPLICATES)
    if not is_many and (near := _check_near_duplicates(case)):
        return near
    if not count:
        return None
    share = f" ({count / total:.0%})" if is_many else ""
    evidence = (
        f"{count:,} of {total:,} detections{share} have the same box as another of their image "
        "and class"
    )
    if not is_many:
        return Finding("detections-doubled", "note", evidence, fix_rows=_without_duplicates)
    return _repeated(case, f"{evidence}: ", "without the copies", _without_duplicates)


def _without_duplicates(rows: DetectionRows) -> DetectionRows:
    return rows.select(~duplicate_rows(rows))


def _check_near_duplicates(case: Case) -> Finding | None:
    if not len(case.scored):
        return None
    repeated = near_duplicate_rows(case.scored)
    if repeated.mean() <= MAX_NEAR_DUPLICATES:
        return None
    evidence = (
        f"{repeated.sum():,} of {len(repeated):,} detections ({repeated.mean():.0%}) lie within a "
        "pixel of a higher-scoring one of their image and class, which non-maximum suppression "
        "does not leave: "
    )
    return _repeated(case, evidence, "without them", _without_near_duplicates)


def _without_near_duplicates(rows: DetectionRows) -> DetectionRows:
    return rows.select(~near_duplicate_rows(rows))


def _repeated(
    case: Case, evidence: str, how: str, fix_rows: Callable[[DetectionRows], DetectionRows]
) -> Finding:
    """Return the finding of many copies: an error only if they lower the score."""
    rows = fix_rows(case.rows)
    evidence += change_with_rows(case, rows, how)
    is_costly = case.quick_score.score(rows) > MIN_GAIN * case.quick_score.score(case.rows)
    severity: Severity = "error" if is_costly else "note"
    return Finding("detections-doubled", severity, evidence, fix_rows=fix_rows)


def check_limit(case: Case) -> Finding | None:
    """Check for detections that are not scored, or that tools with a common limit would drop."""
    limits, n_classes = case.protocol.max_detections, len(case.ground_truth.class_names)
    limit = limits[-1] if limits else None
    suspicion = check_detection_limit(case.scored, n_classes, limit)
    if suspicion is not None:
        evidence = f"{suspicion.evidence}: {change_without_limit(case)}"
        fix = f"{suspicion.fix}; detbench eval --max-detections N scores N of them"
        return Finding(suspicion.id, suspicion.severity, evidence, fix)
    counts = np.bincount(case.scored.image_index, minlength=1)
    many = counts > COMMON_LIMIT
    if not many.any():
        return None
    n_dropped = int((counts[many] - COMMON_LIMIT).sum())
    evidence = (
        f"{plural(int(many.sum()), 'image')} with more than {COMMON_LIMIT} detections (up to "
        f"{counts.max():,}); {case.protocol.name} scores them all, tools that keep {COMMON_LIMIT} "
        f"of an image would drop {n_dropped:,}"
    )
    fix = f"keep the {COMMON_LIMIT} highest-scoring ones of an image to compare with such tools"
    return Finding("too-many-detections", "note", evidence, fix)

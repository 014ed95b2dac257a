"""Suspicions: the doctor's checks that cost next to nothing, as `detbench eval` and `compare` run them on what they have scored."""

from __future__ import annotations

from collections.abc import Callable

from detbench.doctor.case import Case, case_of
from detbench.doctor.checks.boxes import check_fractions
from detbench.doctor.checks.classes import check_classes
from detbench.doctor.checks.counts import check_cut, check_empty
from detbench.doctor.checks.extents import check_outside
from detbench.doctor.checks.images import check_missing
from detbench.doctor.checks.scores import check_class_as_score, check_constant, check_range
from detbench.doctor.findings import Finding
from detbench.metrics.scoring.evaluation import Evaluation

_CHECKS: tuple[Callable[[Case], Finding | None], ...] = (
    check_fractions,
    check_outside,
    check_classes,
    check_missing,
    check_class_as_score,
    check_constant,
    check_range,
    check_cut,
)


def suspicions(evaluation: Evaluation) -> list[Finding]:
    """Return everything suspicious about an evaluation's input, most ruinous first. No detections at all is one finding.

    Notes are left out but for detections that the protocol cut off: they are part of what was scored.
    """
    case = case_of(evaluation)
    empty = check_empty(case)
    if empty:
        return [empty]
    found = (check(case) for check in _CHECKS)
    return [
        finding
        for finding in found
        if finding and (finding.severity != "note" or finding.id == "too-many-detections")
    ]

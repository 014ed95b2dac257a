"""Checks of scores: their range, ties, and a threshold that was applied before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from detbench.data.checks.scores import (
    MAX_TIE_RANGE,
    NOTED_TIES,
    ScoreUnit,
    check_class_as_score,
    check_constant_score,
    check_quantized,
    check_score_range,
    check_threshold,
    is_ordered_by_score,
    score_unit,
    tie_range_text,
    tied_scores,
)
from detbench.data.checks.suspicion import Severity
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows
from detbench.doctor.findings import Finding
from detbench.metrics.scoring.placement import hits_at


def check_range(case: Case) -> Finding | None:
    """Check for scores outside 0..1; percentages and logits can be fixed."""
    suspicion = check_score_range(case.scored)
    if suspicion is None:
        return None
    fix_rows = _FIXES.get(score_unit(case.scored.scores))
    if fix_rows is None:
        return Finding.from_suspicion(suspicion)
    change = change_with_rows(case, fix_rows(case.rows), "as probabilities")
    evidence = f"{suspicion.evidence}; {change}, but thresholds and calibration need probabilities"
    return Finding(suspicion.id, suspicion.severity, evidence, fix_rows=fix_rows)


def _from_percentages(rows: DetectionRows) -> DetectionRows:
    return replace(rows, scores=rows.scores / 100)


def _from_logits(rows: DetectionRows) -> DetectionRows:
    with np.errstate(over="ignore"):
        return replace(rows, scores=1 / (1 + np.exp(-rows.scores)))


_FIXES: dict[ScoreUnit, Callable[[DetectionRows], DetectionRows]] = {
    "percentage": _from_percentages,
    "logit": _from_logits,
}


def check_class_scores(case: Case) -> Finding | None:
    """Check for the class, its number or its ID in place of the score."""
    suspicion = check_class_as_score(case.scored)
    return None if suspicion is None else Finding.from_suspicion(suspicion)


def check_constant(case: Case) -> Finding | None:
    """Check for one score for all detections."""
    measure = f"{case.quick_score.measure}{case.quick_score.scope}"
    tie_range = partial(case.quick_score.tie_range, case.scored)
    suspicion = check_constant_score(case.scored, measure, tie_range)
    return None if suspicion is None else Finding.from_suspicion(suspicion)


def check_ties(case: Case) -> Finding | None:
    """Check for equal scores within a class, and how far their order changes AP."""
    rows = case.scored
    if not is_ordered_by_score(rows):
        return None
    measure = f"{case.quick_score.measure}{case.quick_score.scope}"
    tie_range = partial(case.quick_score.tie_range, rows)
    if (quantized := check_quantized(rows, measure, tie_range)) is not None:
        return Finding.from_suspicion(quantized)
    tied = tied_scores(rows)
    if tied.mean() <= NOTED_TIES:
        return None
    worst, best = tie_range()
    severity: Severity = "warning" if best - worst > MAX_TIE_RANGE else "note"
    evidence = (
        f"{tied.sum():,} of {len(tied):,} detections ({tied.mean():.0%}) share their score with "
        f"another of their class; {tie_range_text(measure, worst, best)}"
    )
    return Finding("score-ties", severity, evidence, "write scores with more digits (6 or more)")


def check_low_scores(case: Case) -> Finding | None:
    """Check for a lowest score above .1 below which hits would have followed."""
    rows = case.scored
    suspicion = check_threshold(rows, partial(hits_at, case.ground_truth, rows))
    return None if suspicion is None else Finding.from_suspicion(suspicion)

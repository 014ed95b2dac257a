"""Checks of scores: their range, ties, and a threshold that was applied before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from detbench.data.checks.scores import (
    MAX_TIE_RANGE,
    ScoreUnit,
    check_class_as_score,
    check_constant_score,
    check_score_range,
    is_ordered_by_score,
    score_unit,
    tie_range_text,
)
from detbench.data.checks.suspicion import Severity
from detbench.data.columns import Flags
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows
from detbench.doctor.findings import Finding
from detbench.metrics.scoring.placement import best_iou

MIN_THRESHOLD = 0.1
"""Lowest score from which on a threshold is suspected. Detections for AP are usually kept from
.001–.05 on."""
LOWEST_SHARE, MIN_LOWEST = 0.1, 20
"""Share, and minimum number, of the detections with the lowest scores that are considered."""
MIN_HIT_SHARE = 0.03
"""Share of hits among them that shows that more would follow below."""
FLAT = 0.8
"""Ratio of the share of hits among the lowest to that among the highest from which on a threshold
removed nothing. Thresholds of .15–.5 on public detectors leave .1–.6; detectors without false
positives have .9 and more, whatever their lowest score."""
MIN_DETECTIONS = 50
"""Detections from which on the distribution of scores is considered."""
NOTED_TIES = 0.2
"""Share of detections with the score of another one of their class that is worth a note."""


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
    tied = _tied(rows)
    if tied.mean() <= NOTED_TIES:
        return None
    worst, best = case.quick_score.tie_range(rows)
    severity: Severity = "warning" if best - worst > MAX_TIE_RANGE else "note"
    evidence = (
        f"{tied.sum():,} of {len(tied):,} detections ({tied.mean():.0%}) share their score with "
        "another of their class; "
        f"{tie_range_text(case.quick_score.measure, worst, best)}{case.quick_score.scope}"
    )
    return Finding("score-ties", severity, evidence, "write scores with more digits (6 or more)")


def _tied(rows: DetectionRows) -> Flags:
    order = np.lexsort((rows.scores, rows.class_index))
    same_score = np.diff(rows.scores[order]) == 0
    same = same_score & (np.diff(rows.class_index[order]) == 0)
    tied = np.zeros(len(rows), np.bool_)
    tied[order[1:][same]] = tied[order[:-1][same]] = True
    return tied


def check_threshold(case: Case) -> Finding | None:
    """Check for a lowest score above .1 below which hits would have followed."""
    rows = case.scored
    if len(rows) < MIN_DETECTIONS or not is_ordered_by_score(rows):
        return None
    lowest, highest = float(rows.scores.min()), float(rows.scores.max())
    full_score = 100.0 if highest > 1 else 1.0
    if lowest < MIN_THRESHOLD * full_score or highest > 100:
        return None
    # If the lowest scores hold no hits, the threshold removed none. If they hold as many hits as
    # the highest, the detector has no false positives, and there was no threshold.
    order = np.argsort(rows.scores, kind="stable")
    hits = best_iou(case.ground_truth, rows)[order] >= 0.5
    n_lowest = max(int(LOWEST_SHARE * len(rows)), MIN_LOWEST)
    share = float(hits[:n_lowest].mean())
    highest_share = float(hits[-n_lowest:].mean())
    if share < MIN_HIT_SHARE or share > FLAT * highest_share:
        return None
    evidence = (
        f"no score is below {lowest:g}, and {share:.0%} of the {n_lowest:,} lowest-scoring "
        "detections lie on objects: detections below, hits among them, were dropped, so that "
        "recall and AP are too low"
    )
    fix = "run the detector again with a score threshold of .01 or less"
    return Finding("scores-thresholded", "warning", evidence, fix)

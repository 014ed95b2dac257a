"""Checks of scores: their range, a class in their place, and one score for everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from detbench.data.checks.suspicion import Severity, Suspicion, score_text
from detbench.data.columns import Floats
from detbench.data.detection_rows import DetectionRows

MAX_TIE_RANGE = 0.01
"""Difference in AP between the best and the worst order of ties that is worth a warning."""
SAME = 0.0005
"""Difference in AP that three decimals do not show."""

TieRange = tuple[float, float]
"""AP with equal scores in the least and in the most favorable order."""
ScoreUnit = Literal["probability", "percentage", "logit", "unknown"]


def score_unit(scores: Floats) -> ScoreUnit:
    """Return the unit that scores (N,) seem to be in, by their range."""
    if not len(scores):
        return "probability"
    low, high = float(scores.min()), float(scores.max())
    if low < 0:
        return "logit"
    if high <= 1:
        return "probability"
    return "percentage" if high <= 100 else "unknown"


def is_class_as_score(rows: DetectionRows) -> bool:
    """Tell whether all detections of a class have one score, and different classes different ones.

    A single class, or one detection per class, shows nothing.
    """
    if len(rows) < 2:
        return False
    order = np.lexsort((rows.scores, rows.class_index))
    classes, scores = rows.class_index[order], rows.scores[order]
    # Sorted by score, a class has one score if its first and its last are equal.
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    ends = np.append(starts[1:], len(order)) - 1
    repeated = ends > starts
    return bool(
        repeated.sum() >= 2
        and (scores[starts] == scores[ends]).all()
        and len(np.unique(scores[starts])) > 1
    )


def is_ordered_by_score(rows: DetectionRows) -> bool:
    """Tell whether scores order the detections: they are not all equal, nor one per class."""
    if not len(rows) or rows.scores.min() == rows.scores.max():
        return False
    return not is_class_as_score(rows)


def check_score_range(rows: DetectionRows) -> Suspicion | None:
    """Check for scores outside 0..1."""
    unit = score_unit(rows.scores)
    if unit == "probability" or is_class_as_score(rows):
        return None
    guess = {
        "percentage": "they seem to be percentages",
        "logit": "they seem to be logits",
        "unknown": "they are neither probabilities nor percentages",
    }[unit]
    low, high = float(rows.scores.min()), float(rows.scores.max())
    evidence = f"scores range from {low:g} to {high:g}, outside 0–1: {guess}"
    fix = (
        "check that this column holds the score: AP needs only the order of scores, but thresholds "
        "and calibration need probabilities"
    )
    return Suspicion("score-range", "warning", evidence, fix)


def check_class_as_score(rows: DetectionRows) -> Suspicion | None:
    """Check for the class, its number or its ID in place of the score."""
    if not is_class_as_score(rows):
        return None
    scores = np.unique(rows.scores)
    n_classes = len(np.unique(rows.class_index))
    evidence = (
        "all detections of a class have the same score "
        f"(from {scores[0]:g} to {scores[-1]:g} over {n_classes} classes): "
        "the score column seems to hold the class"
    )
    fix = "write the detector's confidence as score"
    return Suspicion("score-is-class", "error", evidence, fix)


def check_constant_score(
    rows: DetectionRows, measure: str, tie_range: Callable[[], TieRange]
) -> Suspicion | None:
    """Check for one score for all detections.

    It is an error if AP depends on their order, and a note if every order gives the same AP.

    Args:
        rows: The detections.
        measure: Name of the score that `tie_range` returns.
        tie_range: Called only if all scores are equal.
    """
    if len(rows) < 2 or rows.scores.min() != rows.scores.max():
        return None
    worst, best = tie_range()
    evidence = (
        f"all {len(rows):,} detections have the score {rows.scores[0]:g}; "
        f"{tie_range_text(measure, worst, best)}"
    )
    severity: Severity = "error" if best - worst > MAX_TIE_RANGE else "note"
    fix = "write the detector's confidence: without it the order in the file decides"
    return Suspicion("score-ties", severity, evidence, fix)


def tie_range_text(measure: str, worst: float, best: float) -> str:
    """Return a clause that says how much the order of equal scores changes AP."""
    if best - worst < SAME:
        return f"{measure} is {score_text(best)} in any order"
    ends = f"between {score_text(worst)} and {score_text(best)}"
    return f"depending on their order, {measure} is {ends}"

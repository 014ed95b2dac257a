"""Checks of scores: their range, a class in their place, few different ones, and a threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from detbench.data.checks.suspicion import Severity, Suspicion, score_text
from detbench.data.columns import Flags, Floats, Ints
from detbench.data.detection_rows import DetectionRows

MAX_TIE_RANGE = 0.01
"""Difference in AP between the best and the worst order of ties that is worth a warning."""
SAME = 0.0005
"""Difference in AP that three decimals do not show."""

MAX_LEVELS = 1001
"""Different scores up to which they are quantized; three decimals have as many. Five public
detectors with 6,000 to 111,000 detections have 4,000 to 55,000."""
MIN_PER_LEVEL = 4
"""Detections for each different score from which on these are few."""
NOTED_TIES = 0.2
"""Share of detections with the score of another one of their class that is worth a note."""
_GRIDS = (
    (1, "whole numbers"),
    (10, "one decimal"),
    (100, "two decimals"),
    (255, "multiples of 1/255"),
    (256, "multiples of 1/256"),
    (1000, "three decimals"),
)
"""Steps per unit that quantized scores often have, from coarse to fine."""
_GRID_SLACK = 1e-3
"""Largest distance from a grid, as a share of its step: scores may be rounded to float32."""

MIN_DETECTIONS = 50
"""Detections from which on the distribution of scores is considered."""
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
    scores_of_first_class = rows.scores[rows.class_index == rows.class_index[0]]
    if scores_of_first_class.min() != scores_of_first_class.max():
        return False  # so do nearly all files, and sorting takes time
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


def tied_scores(rows: DetectionRows) -> Flags:
    """Return which detections (N,) share their score with another one of their class."""
    order = np.lexsort((rows.scores, rows.class_index))
    same_score = np.diff(rows.scores[order]) == 0
    same = same_score & (np.diff(rows.class_index[order]) == 0)
    tied = np.zeros(len(rows), np.bool_)
    tied[order[1:][same]] = tied[order[:-1][same]] = True
    return tied


def check_quantized(
    rows: DetectionRows, measure: str, tie_range: Callable[[], TieRange]
) -> Suspicion | None:
    """Check for few different scores, as after rounding or from a model of 8-bit integers.

    It is a warning if AP depends on the order of equal scores.

    Args:
        rows: The detections.
        measure: Name of the score that `tie_range` returns.
        tie_range: Called only if scores are quantized.
    """
    if len(rows) < MIN_DETECTIONS or not is_ordered_by_score(rows):
        return None
    levels = np.unique(rows.scores)
    if len(levels) > MAX_LEVELS or len(rows) < MIN_PER_LEVEL * len(levels):
        return None
    if tied_scores(rows).mean() <= NOTED_TIES:
        return None
    worst, best = tie_range()
    grid = _grid_of(levels)
    evidence = (
        f"{len(rows):,} detections have only {len(levels):,} different scores"
        f"{f' ({grid})' if grid else ''}; {tie_range_text(measure, worst, best)}"
    )
    severity: Severity = "warning" if best - worst > MAX_TIE_RANGE else "note"
    fix = "write scores with 6 digits or more, or run a model without quantized scores"
    return Suspicion("score-ties", severity, evidence, fix, is_reported=True)


def _grid_of(levels: Floats) -> str:
    """Return the name of the coarsest grid that all scores lie on; empty if there is none."""
    for steps, name in _GRIDS:
        positions = levels * steps
        if np.abs(positions - np.round(positions)).max() <= _GRID_SLACK:
            return name
    return ""


def check_threshold(rows: DetectionRows, hits: Callable[[Ints], Flags]) -> Suspicion | None:
    """Check for a lowest score above .1 below which hits would have followed.

    Args:
        rows: The detections.
        hits: Returns which of the rows at some positions (M,) lie on an object of their class.
            Called only if no score is low.
    """
    if len(rows) < MIN_DETECTIONS:
        return None
    lowest, highest = float(rows.scores.min()), float(rows.scores.max())
    full_score = 100.0 if highest > 1 else 1.0
    if lowest < MIN_THRESHOLD * full_score or highest > 100 or not is_ordered_by_score(rows):
        return None
    # If the lowest scores hold no hits, the threshold removed none. If they hold as many hits as
    # the highest, the detector has no false positives, and there was no threshold.
    order = np.argsort(rows.scores, kind="stable")
    n_lowest = max(int(LOWEST_SHARE * len(rows)), MIN_LOWEST)
    share = float(hits(order[:n_lowest]).mean())
    if share < MIN_HIT_SHARE or share > FLAT * float(hits(order[-n_lowest:]).mean()):
        return None
    evidence = (
        f"no score is below {lowest:.3g}, yet {share:.0%} of the {n_lowest:,} lowest-scoring "
        "detections lie on objects: lower ones were dropped, so that recall and AP are too low"
    )
    fix = "run the detector again with a score threshold of .01 or less"
    return Suspicion("scores-thresholded", "warning", evidence, fix)

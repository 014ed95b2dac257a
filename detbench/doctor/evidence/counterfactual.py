"""Counterfactuals: the score that the same detections have if they are read in another way."""

from __future__ import annotations

from dataclasses import replace

from detbench.data.checks.suspicion import score_text
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Case
from detbench.metrics.scoring.quick_score import QuickScore


def change_with_rows(case: Case, rows: DetectionRows, how: str) -> str:
    """Return a clause on how the score changes if the detections are read as `rows`.

    Args:
        case: The case as it is fixed so far.
        rows: Another reading of its detections.
        how: What is different, as an adverbial phrase.
    """
    return _change(case, case.quick_score.score(rows), how)


def change_with_ground_truth(
    case: Case, ground_truth: GroundTruth, how: str, rows: DetectionRows | None = None
) -> str:
    """Return a clause on how the score changes with another ground truth.

    Args:
        case: The case as it is fixed so far.
        ground_truth: Another reading of its ground truth.
        how: What is different, as an adverbial phrase.
        rows: The detections; None for those of the case.
    """
    other = case.with_ground_truth(ground_truth)
    return _change(case, other.quick_score.score(case.rows if rows is None else rows), how)


def change_without_limit(case: Case) -> str:
    """Return a clause on how the score changes if all detections of an image are scored."""
    protocol = case.protocol
    measure = replace(protocol.measures[0], max_detections=None)
    without_limit = replace(protocol, max_detections=(), measures=(measure,))
    quick_score = QuickScore(case.ground_truth, without_limit, case.quick_score.n_detections)
    return _change(case, quick_score.score(case.rows), "with all of them scored")


def score_of_rest(case: Case, rows: DetectionRows, how: str) -> str:
    """Return a clause on the score of the rows that `detbench eval` accepts."""
    score = score_text(case.quick_score.score(rows))
    return f"{how}, {case.quick_score.measure} is {score}{case.quick_score.scope}"


def _change(case: Case, score: float, how: str) -> str:
    before = score_text(case.quick_score.score(case.rows))
    after = score_text(score)
    fixed = list(case.fixed)
    if case.is_ground_truth_fixed:
        fixed.insert(0, "the ground truth")
    condition = f"after fixing {joined(fixed)}, and {how}" if fixed else how
    change = f"stays {before}" if before == after else f"goes from {before} to {after}"
    return f"{condition}, {case.quick_score.measure} {change}{case.quick_score.scope}"


def joined(words: list[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last

"""Scores: their range, ties, a threshold applied before, and the class standing in for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.data.columns import Flags, Floats, rows_of_groups
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import average_precision, short, told
from detbench.doctor.evidence.fit import paired_iou
from detbench.doctor.findings import Finding, Severity
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

HIGH_START = 0.1
"""Least score from which a threshold is suspected; detections for AP are usually kept from .001–.05 on."""
LOWEST_PART = 0.1
"""The part of the detections with the lowest scores that is looked at."""
STILL_HITS = 0.03
"""Share of hits among them that shows that more would follow below."""
FLAT = 0.8
"""Share of hits among them, of that among the highest, from which on a threshold took nothing away: .15–.5 on public detectors leave .1–.6,
detectors without false positives have .9 and more, whatever their least score."""
FEWEST = 50
"""Detections from which on a distribution of scores says something."""
TIED_GAP = 0.01
"""Difference in AP between the luckiest and the unluckiest order of ties that is worth a warning."""
SAME = 0.0005
"""Difference in AP that three digits do not show."""
NOTED_TIES = 0.2
"""Share of detections that have their score in common with another one of their class that is worth a note."""


def check_range(case: Case) -> Finding | None:
    """Scores outside 0..1."""
    scores = case.scored.scores
    if not len(scores) or (scores.min() >= 0 and scores.max() <= 1) or score_is_class(case.scored):
        return None
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 100:
        kind, mend = "percentages, probably", _from_percent
    elif low < 0:
        kind, mend = "logits, probably", _from_logits
    else:
        kind, mend = "neither probabilities nor percentages", None
    evidence = f"scores run from {low:g} to {high:g}, outside 0–1: {kind}"
    if mend and case.source is not None:
        evidence += f"; {told(case, mend(case.rows), 'as probabilities')}, but thresholds and calibration need them"
    fix = "AP needs only their order, thresholds and calibration need probabilities: check that this column holds the score"
    return Finding(
        "score-range",
        "warning",
        evidence,
        mending(case, "score-range") if mend and case.source else fix,
        mend,
    )


def _from_percent(rows: Rows) -> Rows:
    return replace(rows, scores=rows.scores / 100)


def _from_logits(rows: Rows) -> Rows:
    with np.errstate(over="ignore"):
        return replace(rows, scores=1 / (1 + np.exp(-rows.scores)))


def score_is_class(rows: Rows) -> bool:
    """Tell whether all detections of a class have one score, and classes different ones."""
    if len(rows) < 2:
        return False
    order = np.lexsort((rows.scores, rows.classes))
    classes, scores = rows.classes[order], rows.scores[order]
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    ends = np.append(starts[1:], len(order)) - 1
    several = ends > starts
    return bool(
        several.sum() >= 2
        and (scores[starts] == scores[ends]).all()
        and len(np.unique(scores[starts])) > 1
    )


def check_class_as_score(case: Case) -> Finding | None:
    """The class, its number or its id in the place of the score."""
    if not score_is_class(case.scored):
        return None
    first, last = sorted(set(case.scored.scores.tolist()))[
        :: len(set(case.scored.scores.tolist())) - 1
    ]
    kinds = len(np.unique(case.scored.classes))
    where = f"from {first:g} to {last:g} over {kinds} classes"
    evidence = f"all detections of a class have the same score, {where}: the class stands where the score belongs"
    return Finding(
        "score-is-class",
        "error",
        evidence,
        "write the detector's confidence as score; the class is written already",
    )


def check_constant(case: Case) -> Finding | None:
    """One and the same score for everything: an error where AP depends on the order, as it does not where all lie on objects."""
    rows = case.scored
    if len(rows) < 2 or rows.scores.min() != rows.scores.max():
        return None
    unlucky, lucky = _by_luck(case, rows)
    evidence = f"all {len(rows):,} detections have the score {rows.scores[0]:g}; {_range(case, unlucky, lucky)}"
    severity: Severity = "error" if lucky - unlucky > TIED_GAP else "note"
    return Finding(
        "score-ties",
        severity,
        evidence,
        "write the detector's confidence: without it the order in the file decides",
    )


def check_ties(case: Case) -> Finding | None:
    """Equal scores within a class, and how far their order moves AP."""
    rows = case.scored
    if not len(rows) or rows.scores.min() == rows.scores.max() or score_is_class(rows):
        return None
    tied = _tied(rows)
    if tied.mean() <= NOTED_TIES:
        return None
    unlucky, lucky = _by_luck(case, rows)
    severity: Severity = "warning" if lucky - unlucky > TIED_GAP else "note"
    evidence = (
        f"{tied.sum():,} of {len(tied):,} detections ({tied.mean():.0%}) share their score with another one of their class; "
        f"{_range(case, unlucky, lucky)}"
    )
    return Finding("score-ties", severity, evidence, "write scores with more digits (6 or more)")


def _by_luck(case: Case, rows: Rows) -> tuple[float, float]:
    """Return AP with equal scores in the unluckiest order, worst boxes first, and in the luckiest."""
    overlaps = _overlaps(case, rows)
    return average_precision(case, _nudged(rows, -overlaps)), average_precision(
        case, _nudged(rows, overlaps)
    )


def _range(case: Case, unlucky: float, lucky: float) -> str:
    name = case.protocol.measures[0].name
    if lucky - unlucky < SAME:
        return f"{name} is {short(lucky)} in whatever order"
    return f"by their order {name} lies between {short(unlucky)} and {short(lucky)}"


def _tied(rows: Rows) -> Flags:
    order = np.lexsort((rows.scores, rows.classes))
    same = (np.diff(rows.scores[order]) == 0) & (np.diff(rows.classes[order]) == 0)
    tied = np.zeros(len(rows), np.bool_)
    tied[order[1:][same]] = tied[order[:-1][same]] = True
    return tied


def _nudged(rows: Rows, first: Floats) -> Rows:
    """Return the rows with ranks for scores; of equal scores, those of higher `first` (N,) are ahead."""
    order = np.lexsort((first, rows.scores))
    ranks: Floats = np.empty(len(rows))
    ranks[order] = np.arange(len(rows)) / max(len(rows), 1)
    return replace(rows, scores=ranks)


def _overlaps(case: Case, rows: Rows) -> Floats:
    """Return for each row its best overlap (N,) with a regular object of its class."""
    counts = np.diff(case.truth.offsets)[rows.image]
    d, o = np.repeat(np.arange(len(rows)), counts), rows_of_groups(case.truth.offsets, rows.image)
    same = (rows.classes[d] == case.truth.class_index[o]) & case.regular[o]
    best = np.zeros(len(rows))
    np.maximum.at(best, d[same], paired_iou(rows.boxes[d[same]], case.truth.boxes[o[same]]))
    return best


def check_threshold(case: Case) -> Finding | None:
    """A least score above .1 below which hits would have followed."""
    rows = case.scored
    if len(rows) < FEWEST or score_is_class(rows) or rows.scores.min() == rows.scores.max():
        return None
    least, unit = float(rows.scores.min()), 100.0 if rows.scores.max() > 1 else 1.0
    if least < HIGH_START * unit or rows.scores.max() > 100:
        return None
    order = np.argsort(rows.scores, kind="stable")
    lowest = max(int(LOWEST_PART * len(rows)), 20)
    hits = _overlaps(case, rows)[order] >= 0.5
    share, best = float(hits[:lowest].mean()), float(hits[-lowest:].mean())
    if share < STILL_HITS or share > FLAT * best:
        return None
    evidence = (
        f"no score is below {least:g}, and {share:.0%} of the {lowest:,} detections of the lowest scores lie on objects: lower ones, "
        "hits among them, were dropped, and recall and AP end too early"
    )
    return Finding(
        "scores-thresholded",
        "warning",
        evidence,
        "run the detector again with a score threshold of .01 or less",
    )

"""Scores: their range, ties, a threshold applied before, and the class standing in for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.bench.doctor.case import Case
from detbench.bench.doctor.counterfactual import average_precision, short
from detbench.bench.doctor.findings import Finding, Severity
from detbench.bench.doctor.fit import paired_iou
from detbench.bench.doctor.fixes import mending
from detbench.bench.doctor.rows import Rows
from detbench.data.columns import Flags, Floats, rows_of_groups

HIGH_START = 0.1
"""Least score from which a threshold is suspected; detections for AP are usually kept from .001–.05 on."""
LOWEST_PART = 0.1
"""The part of the detections with the lowest scores that is looked at."""
STILL_HITS = 0.03
"""Share of hits among them that shows that more would follow below."""
FLAT = 0.95
"""Share of hits among them, of that among the highest, from which on scores say nothing, and a threshold took nothing away."""
FEWEST = 50
"""Detections from which on a distribution of scores says something."""
TIED_GAP = 0.01
"""Difference in AP between the luckiest and the unluckiest order of ties that is worth a warning."""
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
    fix = "AP needs only their order, thresholds and calibration need probabilities: check that this column holds the score"
    return Finding("score-range", "warning", evidence, f"{mending(case, 'score-range')} ({fix})" if mend and case.source else fix, mend)


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
    return bool(several.sum() >= 2 and (scores[starts] == scores[ends]).all() and len(np.unique(scores[starts])) > 1)


def check_class_as_score(case: Case) -> Finding | None:
    """The class, its number or its id in the place of the score."""
    if not score_is_class(case.scored):
        return None
    first, last = sorted(set(case.scored.scores.tolist()))[:: len(set(case.scored.scores.tolist())) - 1]
    kinds = len(np.unique(case.scored.classes))
    where = f"from {first:g} to {last:g} over {kinds} classes"
    evidence = f"all detections of a class have the same score, {where}: the class stands where the score belongs"
    return Finding("score-is-class", "error", evidence, "write the detector's confidence as score; the class is written already")


def check_constant(case: Case) -> Finding | None:
    """One and the same score for everything."""
    scores = case.scored.scores
    if len(scores) < 2 or scores.min() != scores.max():
        return None
    evidence = f"all {len(scores):,} detections have the score {scores[0]:g}"
    return Finding("score-ties", "error", evidence, "AP then depends on the order in the file: write the detector's confidence")


def check_ties(case: Case) -> Finding | None:
    """Equal scores within a class, and how far their order moves AP."""
    rows = case.scored
    if not len(rows) or rows.scores.min() == rows.scores.max() or score_is_class(rows):
        return None
    tied = _tied(rows)
    if tied.mean() <= NOTED_TIES:
        return None
    hits = _on_objects(case, rows)
    lucky, unlucky = (average_precision(case, rows_in_order) for rows_in_order in (_nudged(rows, hits), _nudged(rows, ~hits)))
    severity: Severity = "warning" if lucky - unlucky > TIED_GAP else "note"
    evidence = (
        f"{tied.sum():,} of {len(tied):,} detections ({tied.mean():.0%}) share their score with another one of their class; by their order "
        f"{case.protocol.measures[0].name} lies between {short(unlucky)} and {short(lucky)}"
    )
    return Finding("score-ties", severity, evidence, "write scores with more digits (6 or more)")


def _tied(rows: Rows) -> Flags:
    order = np.lexsort((rows.scores, rows.classes))
    same = (np.diff(rows.scores[order]) == 0) & (np.diff(rows.classes[order]) == 0)
    tied = np.zeros(len(rows), np.bool_)
    tied[order[1:][same]] = tied[order[:-1][same]] = True
    return tied


def _nudged(rows: Rows, first: Flags) -> Rows:
    """Return the rows with ranks for scores, the marked ones ahead of others of equal score."""
    order = np.lexsort((first, rows.scores))
    ranks: Floats = np.empty(len(rows))
    ranks[order] = np.arange(len(rows)) / max(len(rows), 1)
    return replace(rows, scores=ranks)


def _on_objects(case: Case, rows: Rows) -> Flags:
    """Tell for each row whether it overlaps a regular object of its class by half."""
    counts = np.diff(case.truth.offsets)[rows.image]
    d, o = np.repeat(np.arange(len(rows)), counts), rows_of_groups(case.truth.offsets, rows.image)
    same = (rows.classes[d] == case.truth.class_index[o]) & case.regular[o]
    hit = paired_iou(rows.boxes[d[same]], case.truth.boxes[o[same]]) >= 0.5
    on_objects = np.zeros(len(rows), np.bool_)
    on_objects[d[same][hit]] = True
    return on_objects


def check_threshold(case: Case) -> Finding | None:
    """A least score above .1 below which hits would have followed."""
    rows = case.scored
    if len(rows) < FEWEST or score_is_class(rows) or rows.scores.min() == rows.scores.max():
        return None
    least, unit = float(rows.scores.min()), 100.0 if rows.scores.max() > 1 else 1.0
    if least < HIGH_START * unit or rows.scores.max() > 100:
        return None
    lowest = np.argsort(rows.scores, kind="stable")[: max(int(LOWEST_PART * len(rows)), 20)]
    hits = _on_objects(case, rows)
    share, best = float(hits[lowest].mean()), float(hits[np.argsort(-rows.scores, kind="stable")[: len(lowest)]].mean())
    if share < STILL_HITS or share > FLAT * best:
        return None
    evidence = (
        f"no score is below {least:g}, and {share:.0%} of the {len(lowest):,} detections of the lowest scores lie on objects: lower ones, "
        "hits among them, were dropped, and recall and AP end too early"
    )
    return Finding("scores-thresholded", "warning", evidence, "run the detector again with a score threshold of .01 or less")

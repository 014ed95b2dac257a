"""Curves as arrays: the interpolated one, points thinned for drawing, and precision, recall and F1 over the score."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.metrics.scoring.evaluation import Evaluation


def plotted_iou(evaluation: Evaluation) -> float:
    """Return the IoU threshold that curves and operating points refer to: 0.5 where the protocol has it, else its lowest."""
    thresholds = evaluation.protocol.iou_thresholds
    return next(
        (threshold for threshold in thresholds if math.isclose(threshold, 0.5)), thresholds[0]
    )


def envelope(precision: Floats) -> Floats:
    """Return the best precision from each point (C,) of a curve on."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def interpolated_at(recall: Floats, precision: Floats) -> Floats:
    """Return the interpolated precision at each point (C,): the best at its recall or a higher one, also of points before it."""
    return envelope(precision)[np.searchsorted(recall, recall, side="left")]


def interpolated(recall: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Return the interpolated curve (recall, precision): at each recall the best precision at this recall or a higher one.

    Starts at recall 0 and ends where the detector ends; the steps' corners are points of it.
    """
    if not len(recall):
        return np.zeros(0), np.zeros(0)
    best = envelope(precision)
    rises = np.flatnonzero(np.diff(recall, prepend=0.0) > 0)
    if not len(rises):
        return np.zeros(1), best[:1]
    levels = best[rises]
    return np.concatenate([[0.0], np.repeat(recall[rises], 2)[:-1]]), np.repeat(levels, 2)


def thinned(recall: Floats, precision: Floats, points: int) -> Ints:
    """Return which points of a measured curve (C,) to keep, at most `points` (4 or more) of them, so that it looks the same.

    Kept are the first and the last point and every corner of the interpolated curve, which is thereby exact: a corner is the first point
    of its recall, and the interpolated precision falls next. What is left of the points goes to the lowest and the highest measured
    precision in columns of equal width in recall (as in Jugel et al., M4, VLDB 2014). Where there are more corners than points, those are
    kept that leave the least area between the two curves: they stand at equal shares of the sum of sqrt(run · fall) along the curve,
    which is the best spacing of the steps of any step function in the limit of many.
    """
    if len(recall) <= points:
        return np.arange(len(recall))
    best = envelope(precision)
    rises = np.diff(recall, prepend=0.0) > 0
    corners = np.flatnonzero(rises[:-1] & (best[:-1] > best[1:]))
    ends = np.array([0, len(recall) - 1])
    if len(corners) > points - 2:
        return np.union1d(ends, corners[_spread(recall[corners], precision[corners], points - 2)])
    kept = np.union1d(ends, corners)
    columns = (points - len(kept)) // 2
    return kept if columns < 1 else np.union1d(kept, _extremes(recall, precision, columns))


def _spread(recall: Floats, precision: Floats, points: int) -> Ints:
    """Return at most `points` places of corners with rising recall and falling precision, the first and the last among them."""
    runs, falls = np.diff(recall, prepend=0.0), -np.diff(precision, append=0.0)
    along = np.cumsum(np.sqrt(runs * falls))
    return np.unique(np.searchsorted(along, np.linspace(along[0], along[-1], points)))


def _extremes(recall: Floats, precision: Floats, columns: int) -> Ints:
    """Return the places of the lowest and the highest precision in each of the columns of recall."""
    column = np.minimum(recall / max(recall[-1], 1e-12) * columns, columns - 1).astype(np.int64)
    ends = []
    for order in (np.lexsort((precision, column)), np.lexsort((-precision, column))):
        ends.append(order[np.flatnonzero(np.diff(column[order], prepend=-1))])
    return np.unique(np.concatenate(ends))


@dataclass(frozen=True, eq=False)
class ThresholdCurve:
    """What a detector does when only detections of at least a score are taken: S distinct scores, falling."""

    score: Floats
    """(S,)"""
    precision: Floats
    """(S,) true positives / detections taken that count."""
    recall: Floats
    """(S,) true positives / ground truths."""
    f1: Floats
    """(S,) 2 · true positives / (detections taken + ground truths), the harmonic mean of precision and recall."""

    def best(self) -> int | None:
        """Return the place of the best F1, the highest score among equals; None without detections."""
        return int(np.argmax(self.f1)) if len(self.f1) else None

    def thinned(self, points: int) -> ThresholdCurve:
        """Return at most `points` (4 or more) of the scores: spread evenly over their range, with first, last and best."""
        if len(self.score) <= points:
            return self
        wanted = np.linspace(self.score[0], self.score[-1], points - 2)
        places = np.searchsorted(-self.score, -wanted, side="right") - 1
        kept = np.unique(
            np.concatenate([places, [0, len(self.score) - 1, int(np.argmax(self.f1))]])
        )
        return ThresholdCurve(
            self.score[kept], self.precision[kept], self.recall[kept], self.f1[kept]
        )


def threshold_curve(evaluation: Evaluation, classes: Ints, iou: float) -> ThresholdCurve:
    """Return precision, recall and F1 over the score, of the given classes together (each box counts the same), at one IoU threshold.

    Equal scores are taken together, since no threshold parts them. Classes without ground truth are left out; empty when none is left.
    """
    t = int(np.argmin(np.abs(np.asarray(evaluation.protocol.iou_thresholds) - iou)))
    matches, counts = evaluation.matches, evaluation.counts[:, 0, t, 3]
    present = classes[counts[classes] > 0]
    parts = [np.arange(matches.offsets[k], matches.offsets[k + 1]) for k in present]
    places = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    places = places[(matches.ignored[0, places] >> t) & 1 == 0]
    scores = evaluation.detections.scores[matches.rows[places]]
    if len(present) > 1:
        order = np.argsort(-scores, kind="stable")
        places, scores = places[order], scores[order]
    last = np.flatnonzero(np.diff(scores, append=-np.inf))
    hits = np.cumsum((matches.hits[0, places] >> t) & 1, dtype=np.int64)[last]
    taken, positives = last + 1, int(counts[present].sum())
    return ThresholdCurve(
        scores[last], hits / taken, hits / max(positives, 1), 2 * hits / (taken + positives)
    )

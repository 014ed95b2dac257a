"""Curves: precision over recall and over the score threshold, for plots and tables."""

from __future__ import annotations

import math

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.metrics.errors.thresholds import ThresholdCurve
from detbench.metrics.scoring.evaluation import Evaluation


def plotted_iou(evaluation: Evaluation) -> float:
    """Return the IoU threshold of curves and best F1: 0.5, else the protocol's lowest."""
    thresholds = evaluation.protocol.iou_thresholds
    return next(
        (threshold for threshold in thresholds if math.isclose(threshold, 0.5)), thresholds[0]
    )


def envelope(precision: Floats) -> Floats:
    """Return the highest precision from each point (C,) of a curve to its end."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def interpolated_at(recall: Floats, precision: Floats) -> Floats:
    """Return the interpolated precision at each point (C,): the highest at its recall or above.

    Of points with equal recall, those that come first count as well.
    """
    return envelope(precision)[np.searchsorted(recall, recall, side="left")]


def interpolated(recall: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Return the interpolated curve (recall, precision) of a measured one (C,).

    At each recall, its precision is the highest at this recall or above. It starts at recall 0 and
    ends at the last point of the measured curve; the corners of its steps are among its points.
    """
    if not len(recall):
        return np.zeros(0), np.zeros(0)
    best = envelope(precision)
    rises = np.flatnonzero(np.diff(recall, prepend=0.0) > 0)
    if not len(rises):
        return np.zeros(1), best[:1]
    # Each rise of recall is one step: a horizontal line from the recall before it.
    ends = np.repeat(recall[rises], 2)
    corners = np.concatenate([[0.0], ends[:-1]])
    return corners, np.repeat(best[rises], 2)


def thinned(recall: Floats, precision: Floats, max_points: int) -> Ints:
    """Return which points of a measured curve (C,) to keep so that a plot of it looks the same.

    Kept are the first and the last point and every corner of the interpolated curve, which stays
    exact: a corner is the first point of its recall, after which the interpolated precision falls.
    The remaining points go to the lowest and highest measured precision in columns of equal width
    in recall, as in Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation",
    VLDB 2014.

    With more corners than points, those are kept that leave the smallest area between the two
    curves: they lie at equal shares of the sum of sqrt(run · fall) along the curve. That is the
    best spacing of the steps of a step function in the limit of many steps.

    Args:
        recall: (C,) rising.
        precision: (C,)
        max_points: 4 or more.
    """
    if len(recall) <= max_points:
        return np.arange(len(recall))
    best = envelope(precision)
    rises = np.diff(recall, prepend=0.0) > 0
    falls_next = best[:-1] > best[1:]
    corners = np.flatnonzero(rises[:-1] & falls_next)
    ends = np.array([0, len(recall) - 1])
    if len(corners) > max_points - 2:
        spread = _evenly_spread(recall[corners], precision[corners], max_points - 2)
        return np.union1d(ends, corners[spread])
    kept = np.union1d(ends, corners)
    n_columns = (max_points - len(kept)) // 2
    if n_columns < 1:
        return kept
    return np.union1d(kept, _extremes(recall, precision, n_columns))


def _evenly_spread(recall: Floats, precision: Floats, max_corners: int) -> Ints:
    """Return the indices of at most `max_corners` corners, the first and the last among them.

    Recall rises and precision falls from corner to corner.
    """
    runs = np.diff(recall, prepend=0.0)
    falls = -np.diff(precision, append=0.0)
    along = np.cumsum(np.sqrt(runs * falls))
    levels = np.linspace(along[0], along[-1], max_corners)
    return np.unique(np.searchsorted(along, levels))


def _extremes(recall: Floats, precision: Floats, n_columns: int) -> Ints:
    """Return the indices of the lowest and highest precision in each column of recall."""
    share = recall / max(recall[-1], 1e-12)
    column = np.minimum(share * n_columns, n_columns - 1).astype(np.int64)
    extremes = []
    for signed in (precision, -precision):
        # The first of each column is its lowest, then, with the sign changed, its highest.
        order = np.lexsort((signed, column))
        first = np.flatnonzero(np.diff(column[order], prepend=-1))
        extremes.append(order[first])
    return np.unique(np.concatenate(extremes))


def threshold_curve(evaluation: Evaluation, classes: Ints, iou: float) -> ThresholdCurve:
    """Return precision, recall and F1 by score threshold, over some classes together.

    Each box counts the same, whatever its class. Classes without ground truth are left out; the
    curve is empty if no class is left.

    Args:
        evaluation: the curve has its matches over all areas.
        classes: indices of classes.
        iou: the nearest IoU threshold of the protocol is used.
    """
    thresholds = np.asarray(evaluation.protocol.iou_thresholds)
    t = int(np.argmin(np.abs(thresholds - iou)))
    matches = evaluation.matches
    positives = evaluation.counts[:, 0, t, 3]
    present = classes[positives[classes] > 0]
    ranges = [np.arange(matches.offsets[k], matches.offsets[k + 1]) for k in present]
    ranks = np.concatenate(ranges) if ranges else np.zeros(0, np.int64)
    # Ignored detections are neither true nor false positives: they are no points of the curve.
    is_ignored = (matches.ignored[0, ranks] >> t) & 1 == 1
    ranks = ranks[~is_ignored]
    scores = evaluation.detections.scores[matches.rows[ranks]]
    if len(present) > 1:
        # Matches are sorted by class, then by falling score.
        order = np.argsort(-scores, kind="stable")
        ranks = ranks[order]
        scores = scores[order]
    hits = (matches.hits[0, ranks] >> t) & 1 == 1
    counted = np.ones(len(ranks), np.bool_)
    n_positives = int(positives[present].sum())
    return ThresholdCurve.from_detections(scores, hits, counted, n_positives)

"""Curve columns: a detector's precision-recall and threshold curves as columns of tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.metrics.errors.thresholds import ThresholdCurve
from detbench.metrics.uncertainty.curve_bands import curve_bands
from detbench.reports.curves import interpolated_at, plotted_iou, thinned
from detbench.reports.detector_columns import Columns
from detbench.reports.scored_detector import ScoredDetector

MAX_THRESHOLDS = 60
"""Maximum number of score thresholds of one class; four times as many for all classes together."""


def threshold_columns(scored: ScoredDetector) -> Columns:
    """Return precision, recall and F1 of every class by score threshold, thinned."""
    curves = [curve.thinned(MAX_THRESHOLDS) for curve in scored.threshold_curves]
    counts = [len(curve.score) for curve in curves]
    return {"class": _repeated(scored.classes, counts), **_joined(curves)}


def overall_columns(scored: ScoredDetector) -> Columns:
    """Return precision, recall and F1 over all classes by score threshold, thinned."""
    return _joined([scored.overall_curve.thinned(4 * MAX_THRESHOLDS)])


def curve_columns(scored: ScoredDetector, ious: Sequence[float], max_points: int) -> Columns:
    """Return the precision-recall curves of all classes, each thinned to `max_points` points.

    Args:
        scored: its `by_iou` evaluation has the IoU thresholds.
        ious: IoU thresholds of the curves.
        max_points: of each curve, 4 or more.
    """
    curves: list[tuple[str, float, int]] = []
    columns: list[tuple[Floats, Floats, Floats, Floats]] = [(np.zeros(0),) * 4]
    for name in scored.classes:
        for iou in ious:
            precision, recall, score = scored.by_iou.curve(name, iou)
            kept = thinned(recall, precision, max_points)
            best = interpolated_at(recall, precision)
            columns.append((score[kept], recall[kept], precision[kept], best[kept]))
            curves.append((name, iou, len(kept)))
    names = [name for name, _, _ in curves]
    levels = np.array([iou for _, iou, _ in curves], np.float64)
    counts = [count for _, _, count in curves]
    score, recall, precision, best = map(np.concatenate, zip(*columns, strict=True))
    return {
        "class": _repeated(names, counts),
        "iou": np.repeat(levels, counts),
        "score": score,
        "recall": recall,
        "precision": precision,
        "interpolated": best,
    }


def band_columns(scored: ScoredDetector) -> Columns:
    """Return the intervals of every class's interpolated precision at the plotted IoU.

    Without intervals of the detector there are no rows.
    """
    iou = plotted_iou(scored.evaluation)
    bands = curve_bands(scored.evaluation, iou) if scored.intervals else []
    names = [band.class_name for band in bands]
    counts = [len(band.recall) for band in bands]
    columns: Columns = {"class": _repeated(names, counts)}
    for column in ("recall", "low", "high"):
        arrays = [getattr(band, column) for band in bands]
        columns[column] = np.concatenate([np.zeros(0), *arrays])
    return columns


def _joined(curves: Sequence[ThresholdCurve]) -> Columns:
    columns: Columns = {}
    for column in ("score", "precision", "recall", "f1"):
        arrays = [getattr(curve, column) for curve in curves]
        columns[column] = np.concatenate([np.zeros(0), *arrays])
    return columns


def _repeated(names: Sequence[str], counts: Sequence[int]) -> NDArray[np.object_]:
    return np.repeat(np.array(names, object), np.asarray(counts, np.int64))

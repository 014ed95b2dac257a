"""LRP: localisation, false positives and misses in one error per class, and the score threshold at which it is least.

Oksuz et al., "Localization Recall Precision (LRP): A New Performance Metric for Object Detection", ECCV 2018, in the normalisation of
"One Metric to Measure Them All", TPAMI 2021, equation 5. With TP hits, FP other detections, FN objects not found and threshold τ:

    LRP = (Σ over hits of (1 − IoU) / (1 − τ) + FP + FN) / (TP + FP + FN)

and its parts: localisation, the mean of 1 − IoU over hits; false positives, FP / (TP + FP); false negatives, FN / (TP + FN). Optimal LRP is
the least LRP over all score thresholds. `docs/analysis.md` says what differs from the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.metrics.ranked import Ranked


@dataclass(frozen=True, eq=False)
class Lrp:
    """Optimal LRP of K classes; NaN in all columns for a class without objects."""

    iou: float
    error: Floats
    """(K,) optimal LRP, 0 (perfect) … 1."""
    localisation: Floats
    """(K,) mean of 1 − IoU over hits at the threshold; NaN without hits."""
    false_positives: Floats
    """(K,) share of false positives among the detections taken; NaN where none is taken."""
    false_negatives: Floats
    """(K,) share of objects not found."""
    threshold: Floats
    """(K,) take detections of at least this score; the highest of equally good ones; infinite where to take none is as good as any."""

    @property
    def means(self) -> dict[str, float]:
        """The mean of each part over the classes that have it, by name; NaN where none does."""
        parts = {name: getattr(self, name) for name in ("error", "localisation", "false_positives", "false_negatives")}
        return {name: _mean(values) for name, values in parts.items()}


def lrp(ranked: Ranked) -> Lrp:
    """Return optimal LRP and its parts for each class."""
    classes = len(ranked.offsets) - 1
    columns = np.full((5, classes), np.nan)
    for k in range(classes):
        columns[:, k] = _optimum(ranked, k)
    return Lrp(ranked.iou, *columns)


def lrp_replicates(ranked: Ranked, weights: NDArray[np.uint16]) -> Floats:
    """Return (B,) the mean optimal LRP over classes when image i counts `weights[b, i]` times; weights is (B, I)."""
    classes = len(ranked.offsets) - 1
    values = np.full((len(weights), classes), np.nan)
    positives = weights.astype(np.float64) @ ranked.positives
    for k in range(classes):
        there = positives[:, k] > 0
        values[there, k] = 1.0
        errors = _errors(ranked, k, weights[there].astype(np.float64), positives[there, k])[0]
        if errors.size:
            values[there, k] = np.minimum(errors.min(axis=1), 1.0)
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    return np.asarray(np.divide(np.where(known, values, 0.0).sum(axis=1), count, out=np.full(len(values), np.nan), where=count > 0))


def _errors(ranked: Ranked, k: int, weights: Floats, positives: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return LRP, hits, detections taken and Σ(1 − IoU) over hits (B, S) at each of the S scores of a class, falling."""
    span = ranked.span(k)
    last = ranked.last_of_score(span)
    weight = weights[:, ranked.images[span]]
    hits = np.cumsum(weight * ranked.hits[span], axis=1)[:, last]
    taken = np.cumsum(weight, axis=1)[:, last]
    apart = np.cumsum(weight * np.where(ranked.hits[span], 1 - ranked.overlaps[span], 0.0), axis=1)[:, last]
    total = taken + positives[:, None] - hits
    return (apart / (1 - ranked.iou) + total - hits) / total, hits, taken, apart


def _optimum(ranked: Ranked, k: int) -> tuple[float, float, float, float, float]:
    positives = float(ranked.positives[:, k].sum())
    if positives == 0:
        return (np.nan,) * 5
    ones = np.ones((1, len(ranked.positives)))
    errors, hits, taken, apart = (each[0] for each in _errors(ranked, k, ones, np.array([positives])))
    if not len(errors) or errors.min() >= 1:
        return 1.0, np.nan, np.nan, 1.0, np.inf
    at = int(errors.argmin())
    score = float(ranked.scores[ranked.span(k)][ranked.last_of_score(ranked.span(k))[at]])
    localisation = apart[at] / hits[at] if hits[at] else np.nan
    return float(errors[at]), float(localisation), float(1 - hits[at] / taken[at]), float(1 - hits[at] / positives), score


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan

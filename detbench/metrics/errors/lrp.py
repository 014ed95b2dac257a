"""LRP: localization, false positives and misses in one error per class, at its best threshold.

Oksuz et al., "Localization Recall Precision (LRP): A New Performance Metric for Object Detection",
ECCV 2018, in the normalization of "One Metric to Measure Them All", TPAMI 2021, equation 5. With TP
hits, FP other detections, FN objects not found and IoU threshold τ:

    LRP = (Σ over hits of (1 − IoU) / (1 − τ) + FP + FN) / (TP + FP + FN)

Its components: localization, the mean of 1 − IoU over hits; false positives, FP / (TP + FP); false
negatives, FN / (TP + FN). Optimal LRP is the least LRP over all score thresholds.
`docs/analysis.md` lists the differences from the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Ints
from detbench.metrics.errors.counted_detections import CountedDetections
from detbench.metrics.kernels.lrp import LrpDetections, search_optimal_lrp

COMPONENTS = ("error", "localization", "false_positives", "false_negatives")
"""Optimal LRP itself and its components, in the order of the columns."""


@dataclass(frozen=True, eq=False)
class Lrp:
    """Optimal LRP of K classes; NaN in all columns for a class without objects."""

    iou: float
    error: Floats
    """(K,) optimal LRP, 0 (perfect) … 1."""
    localization: Floats
    """(K,) mean of 1 − IoU over hits at the threshold; NaN without hits."""
    false_positives: Floats
    """(K,) share of false positives among the detections kept; NaN where none is kept."""
    false_negatives: Floats
    """(K,) share of objects not found."""
    threshold: Floats
    """(K,) keep detections of at least this score; the highest of equally good thresholds;
    infinite where no threshold is better than to keep no detection."""

    @property
    def means(self) -> dict[str, float]:
        """The mean of each component over the classes that have it; NaN where none does."""
        return {name: _mean(getattr(self, name)) for name in COMPONENTS}


def lrp(counted: CountedDetections) -> Lrp:
    """Return optimal LRP and its components for each class."""
    n_images = counted.positives.n_images
    components, optima = _optima(counted, np.ones((1, n_images), np.uint16))
    error, localization, false_positives, false_negatives = components[:, 0]
    # Classes without objects have no threshold; the others keep no detection unless that is better.
    threshold = np.where(np.isnan(error), np.nan, np.inf)
    keeps_some = optima[0] >= 0
    last_kept = optima[0][keeps_some]
    threshold[keeps_some] = counted.scores[last_kept]
    return Lrp(
        counted.iou,
        error,
        localization,
        false_positives,
        false_negatives,
        threshold,
    )


def lrp_replicates(counted: CountedDetections, weights: NDArray[np.uint16]) -> Floats:
    """Return (4, B, K) the `COMPONENTS` when image i counts `weights[b, i]` times.

    Each replicate has the thresholds that are best for it. weights is (B, I).
    """
    return _optima(counted, weights)[0]


def _optima(counted: CountedDetections, weights: NDArray[np.uint16]) -> tuple[Floats, Ints]:
    """Return the components (4, B, K), and the last detection (B, K) kept; −1 for none."""
    shape = len(weights), len(counted.offsets) - 1
    components = np.full((len(COMPONENTS), *shape), np.nan)
    optima = np.full(shape, -1, np.int64)
    positives = counted.positives.weighted(weights).astype(np.float64)
    # The last detection of a class is the last of its score, even if the next class begins with it.
    last_of_score = np.diff(counted.scores, append=-np.inf) != 0
    has_detections = np.diff(counted.offsets) > 0
    last_of_class = counted.offsets[1:][has_detections] - 1
    last_of_score[last_of_class] = True
    detections = LrpDetections(
        counted.offsets, counted.images, last_of_score, counted.hits, counted.overlaps
    )
    search_optimal_lrp(detections, counted.iou, weights, positives, components, optima)
    return components, optima


def _mean(values: Floats) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else np.nan

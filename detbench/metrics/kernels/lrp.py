"""Optimal LRP: the search for the score threshold of the least error, class by class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.compile import kernel


class LrpDetections(NamedTuple):
    """N counted detections of K classes, by class and falling score."""

    offsets: NDArray[np.int64]
    """(K + 1,) first detection of each class."""
    images: NDArray[np.int32]
    """(N,)"""
    last_of_score: NDArray[np.bool_]
    """(N,) whether the next detection has a lower score or is of another class."""
    hits: NDArray[np.bool_]
    """(N,)"""
    overlaps: NDArray[np.float64]
    """(N,) IoU of a hit with its object."""


@kernel
def search_optimal_lrp(
    detections: LrpDetections,
    min_iou: float,
    weights: NDArray[np.uint16],
    positives: NDArray[np.float64],
    components: NDArray[np.float64],
    optima: NDArray[np.int64],
) -> None:
    """Find the least LRP of each class under each set of weights.

    Args:
        detections: the counted detections.
        min_iou: τ, by which a hit overlaps its object at least.
        weights: (B, I) how often each image counts.
        positives: (B, K) objects to find under these weights.
        components: (4, B, K) of NaN; receives the error, localization, false positives and false
            negatives at the optimum. Stays NaN without objects.
        optima: (B, K) of −1; receives the last detection that is kept at the optimum.
    """
    for b in range(len(weights)):
        for k in range(len(detections.offsets) - 1):
            total = positives[b, k]
            if total == 0:
                continue
            # To keep no detection is the first candidate: every object is missed, LRP is 1.
            least, localization, false_positives, false_negatives = 1.0, np.nan, np.nan, 1.0
            hits, kept, distance = 0.0, 0.0, 0.0
            for n in range(detections.offsets[k], detections.offsets[k + 1]):
                weight = float(weights[b, detections.images[n]])
                kept += weight
                if detections.hits[n]:
                    hits += weight
                    distance += weight * (1 - detections.overlaps[n])
                # No threshold separates equal scores.
                if not detections.last_of_score[n]:
                    continue
                # LRP = (Σ (1 − IoU) / (1 − τ) + FP + FN) / (TP + FP + FN); with TP = hits and
                # TP + FP + FN = kept + total − hits (TPAMI 2021, equation 5).
                everything = kept + total - hits
                error = (distance / (1 - min_iou) + everything - hits) / everything
                if error < least:
                    least, optima[b, k] = error, n
                    localization = distance / hits
                    false_positives = 1 - hits / kept
                    false_negatives = 1 - hits / total
                # False positives only grow. Once they alone, with all objects found, are worse
                # than the least error, no lower score can be better.
                if kept - hits > least * (kept - hits + total):
                    break
            components[0, b, k] = least
            components[1, b, k] = localization
            components[2, b, k] = false_positives
            components[3, b, k] = false_negatives

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

from detbench.data.columns import Floats, Ints
from detbench.metrics.errors.counted_detections import Ranked
from detbench.metrics.kernels.compile import kernel

PARTS = ("error", "localisation", "false_positives", "false_negatives")
"""Optimal LRP itself, and what it is made of."""


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
        return {name: _mean(getattr(self, name)) for name in PARTS}


def lrp(ranked: Ranked) -> Lrp:
    """Return optimal LRP and its parts for each class."""
    columns, places = _optima(ranked, np.ones((1, len(ranked.positives)), np.uint16))
    taken = places[0] >= 0
    threshold = np.where(np.isnan(columns[0, 0]), np.nan, np.inf)
    threshold[taken] = ranked.scores[places[0][taken]]
    error, localisation, false_positives, false_negatives = columns[:, 0]
    return Lrp(ranked.iou, error, localisation, false_positives, false_negatives, threshold)


def lrp_replicates(ranked: Ranked, weights: NDArray[np.uint16]) -> Floats:
    """Return (4, B, K) the columns of `Lrp` up to the threshold when image i counts `weights[b, i]` times; weights is (B, I).

    Each replicate has the thresholds that are best for it.
    """
    return _optima(ranked, weights)[0]


def _optima(ranked: Ranked, weights: NDArray[np.uint16]) -> tuple[Floats, Ints]:
    """Return the least LRP and its parts (4, B, K), NaN without objects, and the place (B, K) it is reached at, −1 for taking nothing."""
    shape = len(weights), len(ranked.offsets) - 1
    columns, places = np.full((4, *shape), np.nan), np.full(shape, -1, np.int64)
    positives = weights.astype(np.float64) @ ranked.positives
    last = np.diff(ranked.scores, append=-np.inf) != 0
    last[ranked.offsets[1:][np.diff(ranked.offsets) > 0] - 1] = True
    _search(
        ranked.offsets,
        ranked.images,
        last,
        ranked.hits,
        ranked.overlaps,
        ranked.iou,
        weights,
        positives,
        columns,
        places,
    )
    return columns, places


@kernel
def _search(
    offsets: NDArray[np.int64], images: NDArray[np.int32], last: NDArray[np.bool_], hit: NDArray[np.bool_], overlaps: Floats, iou: float,
    weights: NDArray[np.uint16], positives: Floats, columns: Floats, places: NDArray[np.int64],
) -> None:  # fmt: skip
    """Fill the last two arrays: try every score, falling, until false positives alone are worse than the best so far."""
    for b in range(len(weights)):
        for k in range(len(offsets) - 1):
            total = positives[b, k]
            if total == 0:
                continue
            least, localisation, false_share, missed = 1.0, np.nan, np.nan, 1.0
            hits, taken, apart = 0.0, 0.0, 0.0
            for n in range(offsets[k], offsets[k + 1]):
                weight = float(weights[b, images[n]])
                taken += weight
                if hit[n]:
                    hits += weight
                    apart += weight * (1 - overlaps[n])
                if not last[n]:
                    continue
                everything = taken + total - hits
                error = (apart / (1 - iou) + everything - hits) / everything
                if error < least:
                    least, places[b, k] = error, n
                    localisation, false_share, missed = (
                        apart / hits,
                        1 - hits / taken,
                        1 - hits / total,
                    )
                if taken - hits > least * (taken - hits + total):
                    break
            columns[0, b, k], columns[1, b, k], columns[2, b, k], columns[3, b, k] = (
                least,
                localisation,
                false_share,
                missed,
            )


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan

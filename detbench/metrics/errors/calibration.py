"""Calibration: whether a score of 0.8 is right in 80% of all cases, and says how exact a box is.

D-ECE: Küppers et al., "Multivariate Confidence Calibration for Object Detection", CVPR workshops
2020, over the score alone. LaECE: Oksuz et al., "Towards Building Self-Aware Object Detectors via
Reliable Uncertainty Quantification and Calibration", CVPR 2023.

Both cut the scores into J equal bins, [j / J, (j + 1) / J), the last with its upper end, and sum
over the bins: share of the detections · |what the score should be − mean score|. For D-ECE the
score should be the precision of the bin, for LaECE its precision times the mean IoU of its hits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints
from detbench.metrics.errors.counted_detections import CountedDetections
from detbench.metrics.errors.means import mean_over_classes, share

BINS = 25
"""The number of bins in the paper on LaECE."""
LAECE_IOU = 0.1
"""IoU threshold of a hit in LaECE, which accounts for localization by itself."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """J bins of scores: the points of a reliability diagram."""

    edges: Floats
    """(J + 1,) 0 … 1."""
    counts: Ints
    """(J,) detections."""
    score: Floats
    """(J,) their mean score; NaN without detections, here and below."""
    precision: Floats
    """(J,) share of hits: what the score should be for D-ECE."""
    localized_precision: Floats
    """(J,) precision times the mean IoU of the hits: what the score should be for LaECE."""

    @property
    def expected_error(self) -> float:
        """D-ECE of these detections; NaN without detections."""
        return self._expected_distance(self.precision)

    @property
    def localization_aware_error(self) -> float:
        """LaECE of these detections, of one class; NaN without detections."""
        return self._expected_distance(self.localized_precision)

    def _expected_distance(self, ideal: Floats) -> float:
        used = self.counts > 0
        if not used.any():
            return np.nan
        shares = self.counts[used] / self.counts.sum()
        distances = np.abs(ideal[used] - self.score[used])
        return float((shares * distances).sum())


def has_unit_scores(counted: CountedDetections) -> bool:
    """Return whether all scores lie in 0..1, without which calibration has no meaning."""
    scores = counted.scores
    return bool(((scores >= 0) & (scores <= 1)).all())


def reliability(
    counted: CountedDetections, chosen: Flags | slice | None = None, *, bins: int = BINS
) -> Reliability:
    """Return the bins of the chosen counted detections, all classes together; None for all."""
    chosen = slice(None) if chosen is None else chosen
    scores = counted.scores[chosen]
    bin_index = _bin_index(scores, bins)
    counts = np.bincount(bin_index, minlength=bins)

    def mean(values: Floats) -> Floats:
        total = np.bincount(bin_index, values, minlength=bins)
        return share(total, counts)

    hits = counted.hits[chosen].astype(np.float64)
    # The overlap of what is no hit is 0, so that the mean overlap is precision · mean IoU of hits.
    overlaps = counted.overlaps[chosen]
    return Reliability(
        edges=np.linspace(0, 1, bins + 1),
        counts=counts,
        score=mean(scores),
        precision=mean(hits),
        localized_precision=mean(overlaps),
    )


def d_ece(counted: CountedDetections, *, min_score: float = 0.0, bins: int = BINS) -> float:
    """Return D-ECE of the detections of at least a score, all classes together."""
    kept = counted.scores >= min_score
    return reliability(counted, kept, bins=bins).expected_error


def la_ece(counted: CountedDetections, thresholds: Floats, *, bins: int = BINS) -> Floats:
    """Return (K,) LaECE of each class over its detections of at least `thresholds[k]`.

    NaN for a class without such detections.
    """
    values = np.full(len(thresholds), np.nan)
    for k, threshold in enumerate(thresholds):
        kept = _above_threshold(counted, k, threshold)
        values[k] = reliability(counted, kept, bins=bins).localization_aware_error
    return values


def d_ece_replicates(
    counted: CountedDetections,
    weights: NDArray[np.uint16],
    *,
    min_score: float = 0.0,
    bins: int = BINS,
) -> Floats:
    """Return (B,) D-ECE when image i counts `weights[b, i]` times; weights is (B, I)."""
    kept = counted.scores >= min_score
    scores = counted.scores[kept]
    # Σ over bins of share · |precision − mean score| is Σ over bins of |Σ (hit − score)|, divided
    # by the number of detections. Both sums are over images, so that a weight multiplies them.
    distance_by_image = np.zeros((weights.shape[1], bins))
    count_by_image = np.zeros((weights.shape[1], bins))
    cells = counted.images[kept], _bin_index(scores, bins)
    np.add.at(distance_by_image, cells, counted.hits[kept] - scores)
    np.add.at(count_by_image, cells, 1.0)
    times = weights.astype(np.float64)
    distances = times @ distance_by_image
    counts = times @ count_by_image
    return share(np.abs(distances).sum(axis=1), counts.sum(axis=1))


def la_ece_replicates(
    counted: CountedDetections,
    thresholds: Floats,
    weights: NDArray[np.uint16],
    *,
    bins: int = BINS,
) -> Floats:
    """Return (B,) the mean LaECE over classes when image i counts `weights[b, i]` times.

    weights is (B, I). The thresholds (K,) are the same in all replicates.
    """
    values = np.full((len(weights), len(thresholds)), np.nan)
    for k, threshold in enumerate(thresholds):
        kept = _above_threshold(counted, k, threshold)
        scores = counted.scores[kept]
        if len(scores) == 0:
            continue
        # As for D-ECE, with the overlap in place of the hit. Scores fall, so that the detections
        # of a bin are neighbors.
        starts = np.flatnonzero(np.diff(_bin_index(scores, bins), prepend=-1))
        times = weights[:, counted.images[kept]].astype(np.float64)
        distances = times * (counted.overlaps[kept] - scores)
        of_bins = np.add.reduceat(distances, starts, axis=1)
        values[:, k] = share(np.abs(of_bins).sum(axis=1), times.sum(axis=1))
    return mean_over_classes(values)


def _above_threshold(counted: CountedDetections, k: int, threshold: float) -> slice:
    """Return where the detections of class k of at least a score are."""
    of_class = counted.of_class(k)
    scores = counted.scores[of_class]
    n_kept = int((scores >= threshold).sum())
    return slice(of_class.start, of_class.start + n_kept)


def _bin_index(scores: Floats, bins: int) -> Ints:
    index = (scores * bins).astype(np.int64)
    return np.minimum(index, bins - 1)

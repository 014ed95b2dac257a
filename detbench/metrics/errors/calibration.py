"""Calibration: whether a score of .8 is right in 80 % of all cases, and whether it says how well a box is placed.

D-ECE: Küppers et al., "Multivariate Confidence Calibration for Object Detection", CVPR workshops 2020, over the score alone. LaECE: Oksuz
et al., "Towards Building Self-Aware Object Detectors via Reliable Uncertainty Quantification and Calibration", CVPR 2023. Both cut the
scores into equal bins, [j / J, (j + 1) / J), the last with its upper end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints
from detbench.metrics.errors.counted_detections import Ranked

BINS = 25
"""As the authors of LaECE have it."""
LAECE_IOU = 0.1
"""Of a hit in LaECE, which punishes bad placement by itself."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """J bins of scores: the points of a reliability diagram."""

    edges: Floats
    """(J + 1,) 0 … 1."""
    counts: Ints
    """(J,) detections."""
    score: Floats
    """(J,) their mean score; NaN where there are none, here and below."""
    precision: Floats
    """(J,) the share of hits."""
    placement: Floats
    """(J,) the mean IoU of hits times the precision: what the score should be for LaECE."""

    @property
    def expected_error(self) -> float:
        """Σ over bins of their share times |precision − mean score|: D-ECE; NaN without detections."""
        return self._expected(self.precision)

    @property
    def localisation_aware_error(self) -> float:
        """Σ over bins of their share times |precision · mean IoU of hits − mean score|: LaECE of one class; NaN without detections."""
        return self._expected(self.placement)

    def _expected(self, aim: Floats) -> float:
        used = self.counts > 0
        if not used.any():
            return np.nan
        return float(
            (self.counts[used] / self.counts.sum() * np.abs(aim[used] - self.score[used])).sum()
        )


def calibrated_scale(ranked: Ranked) -> bool:
    """Return whether all scores lie in 0..1, without which calibration has no meaning."""
    return bool(len(ranked.scores) == 0 or (ranked.scores.min() >= 0 and ranked.scores.max() <= 1))


def reliability(
    ranked: Ranked, places: Flags | slice | None = None, *, bins: int = BINS
) -> Reliability:
    """Return the bins of all detections that count, of all classes together, or of those at `places`."""
    chosen = slice(None) if places is None else places
    scores = ranked.scores[chosen]
    bin_of = _bins(scores, bins)
    counts = np.bincount(bin_of, minlength=bins)

    def mean(values: Floats) -> Floats:
        total = np.bincount(bin_of, values, minlength=bins)
        return np.asarray(np.divide(total, counts, out=np.full(bins, np.nan), where=counts > 0))

    hits = ranked.hits[chosen].astype(np.float64)
    return Reliability(
        np.linspace(0, 1, bins + 1), counts, mean(scores), mean(hits), mean(ranked.overlaps[chosen])
    )


def d_ece(ranked: Ranked, *, least_score: float = 0.0, bins: int = BINS) -> float:
    """Return D-ECE of the detections of at least a score, of all classes together."""
    return reliability(ranked, ranked.scores >= least_score, bins=bins).expected_error


def la_ece(ranked: Ranked, thresholds: Floats, *, bins: int = BINS) -> Floats:
    """Return (K,) LaECE of each class over its detections of at least `thresholds[k]`; NaN for a class without such detections."""
    values = np.full(len(thresholds), np.nan)
    for k, threshold in enumerate(thresholds):
        span = ranked.span(k)
        taken = int((ranked.scores[span] >= threshold).sum())
        values[k] = reliability(
            ranked, slice(span.start, span.start + taken), bins=bins
        ).localisation_aware_error
    return values


def d_ece_replicates(
    ranked: Ranked, weights: NDArray[np.uint16], *, least_score: float = 0.0, bins: int = BINS
) -> Floats:
    """Return (B,) D-ECE when image i counts `weights[b, i]` times; weights is (B, I)."""
    taken = ranked.scores >= least_score
    bin_of, images = _bins(ranked.scores[taken], bins), ranked.images[taken]
    gap = ranked.hits[taken] - ranked.scores[taken]
    by_image = np.zeros((2, weights.shape[1], bins))
    np.add.at(by_image[0], (images, bin_of), gap)
    np.add.at(by_image[1], (images, bin_of), 1.0)
    gaps, counts = (weights.astype(np.float64) @ table for table in by_image)
    total = counts.sum(axis=1)
    return np.asarray(
        np.divide(
            np.abs(gaps).sum(axis=1), total, out=np.full(len(weights), np.nan), where=total > 0
        )
    )


def la_ece_replicates(
    ranked: Ranked, thresholds: Floats, weights: NDArray[np.uint16], *, bins: int = BINS
) -> Floats:
    """Return (B,) the mean LaECE over classes when image i counts `weights[b, i]` times; weights is (B, I). Thresholds stay."""
    values = np.full((len(weights), len(thresholds)), np.nan)
    for k, threshold in enumerate(thresholds):
        span = ranked.span(k)
        taken = slice(span.start, span.start + int((ranked.scores[span] >= threshold).sum()))
        bin_of = _bins(ranked.scores[taken], bins)
        if len(bin_of):
            starts = np.flatnonzero(np.diff(bin_of, prepend=-1))
            weight = weights[:, ranked.images[taken]].astype(np.float64)
            gaps = np.add.reduceat(
                weight * (ranked.overlaps[taken] - ranked.scores[taken]), starts, axis=1
            )
            total = weight.sum(axis=1)
            np.divide(np.abs(gaps).sum(axis=1), total, out=values[:, k], where=total > 0)
    return mean_over_classes(values)


def mean_over_classes(values: Floats) -> Floats:
    """Return the mean of (..., K) over the classes that are known; NaN where none is."""
    known = ~np.isnan(values)
    count, total = known.sum(axis=-1), np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _bins(scores: Floats, bins: int) -> Ints:
    return np.minimum((scores * bins).astype(np.int64), bins - 1)

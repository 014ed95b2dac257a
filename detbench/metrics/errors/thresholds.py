"""Thresholds: the score threshold of the best F-beta, chosen on half of the images.

A threshold that is chosen and reported on the same images looks better than it is. So the images
are split at random: a threshold is chosen on one half and reported on the other, the held-out half.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.errors.counted_detections import CountedDetections
from detbench.metrics.uncertainty.clusters import cluster_count

MIN_BETA, MAX_BETA = 0.01, 100.0
_CHOOSING_STREAM = 4
"""Separates this random stream from the others of a seed: see `clusters`, `replicates`, `seeds`."""


@dataclass(frozen=True, eq=False)
class ThresholdCurve:
    """What a detector does if only detections of at least a score are kept: S scores, falling."""

    score: Floats
    """(S,) distinct scores."""
    hits: Ints
    """(S,) hits among the detections kept."""
    kept: Ints
    """(S,) detections kept that count."""
    positives: int
    """Objects to find."""

    @classmethod
    def from_detections(
        cls, scores: Floats, hits: Flags, counted: Flags, positives: int
    ) -> ThresholdCurve:
        """Return the curve of N detections: falling scores, hits, and which of them count."""
        # Equal scores are kept together: no threshold separates them.
        last = np.flatnonzero(np.diff(scores, append=-np.inf))
        n_hits = np.cumsum(hits, dtype=np.int64)[last]
        n_kept = np.cumsum(counted, dtype=np.int64)[last]
        return cls(scores[last], n_hits, n_kept, positives)

    @property
    def precision(self) -> Floats:
        """(S,) hits / detections kept; NaN if none is kept."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.hits / self.kept)

    @property
    def recall(self) -> Floats:
        """(S,) hits / objects."""
        return np.asarray(self.hits / max(self.positives, 1))

    @property
    def f1(self) -> Floats:
        """(S,) the harmonic mean of precision and recall."""
        return self.f_beta(1.0)

    def f_beta(self, beta: float) -> Floats:
        """Return (S,) the harmonic mean in which recall weighs beta times as much as precision."""
        return f_measure(self.hits, self.kept, self.positives, beta)

    def best(self, beta: float = 1.0) -> int | None:
        """Return the index of the best F-beta, of equal ones the highest score; None if empty."""
        return int(np.argmax(self.f_beta(beta))) if len(self.score) else None

    def thinned(self, max_points: int) -> ThresholdCurve:
        """Return at most `max_points` (4 or more) points, spread evenly over the scores.

        The first, the last and the point of the best F1 are kept.
        """
        best = self.best()
        if best is None or len(self.score) <= max_points:
            return self
        levels = np.linspace(self.score[0], self.score[-1], max_points - 2)
        spread = np.searchsorted(-self.score, -levels, side="right") - 1
        chosen = np.unique([*spread, 0, len(self.score) - 1, best])
        return ThresholdCurve(
            score=self.score[chosen],
            hits=self.hits[chosen],
            kept=self.kept[chosen],
            positives=self.positives,
        )


@dataclass(frozen=True, eq=False)
class ThresholdChoice:
    """Thresholds of K classes and their results; NaN for a class without objects in a half."""

    beta: float
    threshold: Floats
    """(K,) keep detections of at least this score; the highest of equally good thresholds;
    infinite where no detection is a hit."""
    f_chosen: Floats
    """(K,) F-beta on the half that the threshold was chosen on: optimistic."""
    f_held_out: Floats
    """(K,) F-beta on the held-out half."""
    precision: Floats
    """(K,) on the held-out half; NaN where no detection is kept."""
    recall: Floats
    """(K,) on the held-out half."""


def f_measure(
    hits: Floats | Ints | int,
    kept: Floats | Ints | int,
    positives: Floats | int,
    beta: float = 1.0,
) -> Floats:
    """Return F-beta = (1 + β²) · TP / ((1 + β²) · TP + β² · FN + FP); NaN if all are 0.

    The denominator is β² · objects + detections kept.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray((1 + beta**2) * hits / (beta**2 * positives + kept))


def check_beta(beta: float) -> None:
    """Raise DetbenchError for a beta that is not a number from MIN_BETA to MAX_BETA."""
    if not MIN_BETA <= beta <= MAX_BETA:
        raise DetbenchError(
            f"beta must be a number from {MIN_BETA:g} to {MAX_BETA:g}, got {beta:g}"
        )


def best_threshold(counted: CountedDetections) -> float:
    """Return the score of the best F1 on all images, one for all classes; infinite without hits."""
    pooled = counted.pooled()
    everywhere = np.ones(pooled.positives.n_images, np.bool_)
    n_objects = len(pooled.positives.images)
    threshold, _ = _choose(pooled, 0, everywhere, n_objects, beta=1.0)
    return np.inf if np.isnan(threshold) else threshold


def choosing_half(ground_truth: GroundTruth, seed: int = 0) -> Flags:
    """Return (I,) the images that thresholds are chosen on: half of the images, or of the groups.

    A group of images is never split.
    """
    random = np.random.default_rng([seed, 0, _CHOOSING_STREAM])
    position = random.permutation(cluster_count(ground_truth))[ground_truth.clusters]
    return np.asarray(position % 2 == 0)


def choose_thresholds(
    counted: CountedDetections, chosen_on: Flags, *, beta: float = 1.0
) -> ThresholdChoice:
    """Choose a threshold for each class on the images `chosen_on` (I,), report it on the others."""
    classes = len(counted.offsets) - 1
    columns = np.full((5, classes), np.nan)
    n_chosen_on, n_held_out = (
        counted.positives.inside(images).of_classes.tolist() for images in (chosen_on, ~chosen_on)
    )
    for k in range(classes):
        threshold, f_chosen = _choose(counted, k, chosen_on, n_chosen_on[k], beta)
        held_out = _report(counted, k, ~chosen_on, n_held_out[k], threshold, beta)
        columns[:, k] = threshold, f_chosen, *held_out
    return ThresholdChoice(beta, *columns)


def held_out_replicates(
    counted: CountedDetections,
    choice: ThresholdChoice,
    held_out: Flags,
    weights: NDArray[np.uint16],
) -> Floats:
    """Return (B, K) F-beta of the chosen thresholds on the held-out images under weights (B, I).

    The thresholds are the same in all replicates.
    """
    classes = groups_from_offsets(counted.offsets)
    kept = held_out[counted.images] & (counted.scores >= choice.threshold[classes])
    n_hits, n_kept = (
        replace(counted.positives, images=counted.images[chosen], classes=classes[chosen]).weighted(
            weights
        )
        for chosen in (kept & counted.hits, kept)
    )
    positives = counted.positives.inside(held_out).weighted(weights).astype(np.float64)
    values = f_measure(n_hits, n_kept, positives, choice.beta)
    # Without objects in a replicate, or in one of the halves, there is no F-beta.
    values[(positives == 0) | np.isnan(choice.f_held_out)] = np.nan
    return values


def _choose(
    counted: CountedDetections, k: int, images: Flags, positives: int, beta: float
) -> tuple[float, float]:
    """Return the threshold of the best F-beta of class k on some images, and this F-beta.

    Args:
        counted: The detections.
        k: The class.
        images: (I,) the images.
        positives: Number of objects of the class in them.
        beta: Of F.
    """
    if positives == 0:
        return np.nan, np.nan
    of_class = counted.of_class(k)
    scores = counted.scores[of_class]
    inside = images[counted.images[of_class]]
    hits = inside & counted.hits[of_class]
    curve = ThresholdCurve.from_detections(scores, hits, inside, positives)
    best = curve.best(beta)
    if best is None or curve.hits[best] == 0:
        return np.inf, 0.0
    return float(curve.score[best]), float(curve.f_beta(beta)[best])


def _report(
    counted: CountedDetections,
    k: int,
    images: Flags,
    positives: int,
    threshold: float,
    beta: float,
) -> tuple[float, float, float]:
    """Return F-beta, precision and recall of class k on some images at a threshold.

    The other arguments are those of `_choose`.
    """
    if positives == 0 or np.isnan(threshold):
        return np.nan, np.nan, np.nan
    of_class = counted.of_class(k)
    inside = images[counted.images[of_class]]
    kept = inside & (counted.scores[of_class] >= threshold)
    n_kept = int(kept.sum())
    n_hits = int((kept & counted.hits[of_class]).sum())
    f_beta = float(f_measure(n_hits, n_kept, positives, beta))
    precision = n_hits / n_kept if n_kept else np.nan
    return f_beta, precision, n_hits / positives

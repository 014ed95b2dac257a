"""Operating: the score threshold of the best F-beta, chosen on one half of the images and reported on the other.

A threshold chosen and reported on the same images flatters itself. Images are parted by chance, named by a seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Indices, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.errors.counted_detections import Ranked
from detbench.metrics.uncertainty.clusters import unit_count

LEAST_BETA, MOST_BETA = 0.01, 100.0
_STREAM = 3
"""Tells the random stream from others of one seed."""


@dataclass(frozen=True, eq=False)
class Operating:
    """Thresholds of K classes and what they give; NaN where a half has none of a class to find."""

    beta: float
    threshold: Floats
    """(K,) take detections of at least this score; the highest of equally good ones; infinite where none finds anything."""
    chosen: Floats
    """(K,) F-beta on the half that the threshold was chosen on: flattered."""
    value: Floats
    """(K,) F-beta on the other half."""
    precision: Floats
    """(K,) on the other half; NaN where nothing is taken."""
    recall: Floats
    """(K,) on the other half."""


def halves(ground_truth: GroundTruth, seed: int = 0) -> Flags:
    """Return (I,) which images a threshold is chosen on: a random half of them, or of their groups."""
    places = np.random.default_rng([seed, _STREAM]).permutation(unit_count(ground_truth))[
        ground_truth.units
    ]
    return np.asarray(places % 2 == 0)


def operating(ranked: Ranked, chosen_on: Flags, *, beta: float = 1.0) -> Operating:
    """Choose a threshold for each class on the images `chosen_on` (I,) and report it on the others."""
    classes = len(ranked.offsets) - 1
    columns = np.full((5, classes), np.nan)
    for k in range(classes):
        columns[:2, k] = _best(ranked, k, chosen_on, beta)
        columns[2:, k] = _reached(ranked, k, ~chosen_on, columns[0, k], beta)
    return Operating(beta, *columns)


def operating_replicates(
    ranked: Ranked, found: Operating, reported_on: Flags, weights: NDArray[np.uint16]
) -> Floats:
    """Return (B, K) the F-beta of the thresholds of `found` on the images `reported_on` (I,) under weights (B, I); thresholds stay."""
    drawn = (weights * reported_on).astype(np.float64)
    classes = groups_from_offsets(ranked.offsets)
    taken = ranked.scores >= found.threshold[classes]
    hits, all_taken = (
        _by_image(ranked, chosen, classes) for chosen in (taken & ranked.hits, taken)
    )
    positives = drawn @ ranked.positives
    values = np.full(positives.shape, np.nan)
    known = (positives > 0) & ~np.isnan(found.value)
    values[known] = _f(drawn @ hits, drawn @ all_taken, positives, found.beta)[known]
    return values


def check_beta(beta: float) -> None:
    """Raise DetbenchError for a beta of no use: it weighs recall beta times as much as precision."""
    if not LEAST_BETA <= beta <= MOST_BETA:
        raise DetbenchError(
            f"beta must be a number from {LEAST_BETA:g} to {MOST_BETA:g}, got {beta:g}"
        )


def best_threshold(ranked: Ranked, *, beta: float = 1.0) -> float:
    """Return the score of the best F-beta on all images, one for all classes; infinite where nothing finds anything."""
    threshold, _ = _best(ranked.pooled(), 0, np.ones(len(ranked.positives), np.bool_), beta)
    return np.inf if np.isnan(threshold) else threshold


def _best(ranked: Ranked, k: int, images: Flags, beta: float) -> tuple[float, float]:
    positives = int(ranked.positives[images, k].sum())
    if positives == 0:
        return np.nan, np.nan
    span, last = ranked.span(k), ranked.last_of_score(ranked.span(k))
    counted = images[ranked.images[span]]
    hits, taken = (
        np.cumsum(chosen, dtype=np.int64)[last] for chosen in (counted & ranked.hits[span], counted)
    )
    values = _f(hits, taken, positives, beta)
    if not len(values) or values.max() <= 0:
        return np.inf, 0.0
    at = int(values.argmax())
    return float(ranked.scores[span][last[at]]), float(values[at])


def _reached(
    ranked: Ranked, k: int, images: Flags, threshold: float, beta: float
) -> tuple[float, float, float]:
    positives, span = int(ranked.positives[images, k].sum()), ranked.span(k)
    if positives == 0 or np.isnan(threshold):
        return np.nan, np.nan, np.nan
    counted = images[ranked.images[span]] & (ranked.scores[span] >= threshold)
    hits, taken = int((counted & ranked.hits[span]).sum()), int(counted.sum())
    return (
        float(_f(hits, taken, positives, beta)),
        hits / taken if taken else np.nan,
        hits / positives,
    )


def _by_image(ranked: Ranked, chosen: Flags, classes: Indices) -> Floats:
    """Return (I, K) how many of the chosen detections each image has of each class."""
    images, count = ranked.positives.shape
    place = ranked.images[chosen].astype(np.int64) * count + classes[chosen]
    return np.bincount(place, minlength=images * count).reshape(images, count).astype(np.float64)


def _f(
    hits: Floats | Ints | int, taken: Floats | Ints | int, positives: Floats | int, beta: float
) -> Floats:
    """Return (1 + β²) · TP / ((1 + β²) · TP + β² · FN + FP)."""
    with np.errstate(invalid="ignore"):
        return np.asarray((1 + beta**2) * hits / (beta**2 * positives + taken))

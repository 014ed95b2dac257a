"""Subset scores: the headline measure on some of the images, under weights of these images."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Flags, Floats, Indices, Ints, groups_from_offsets
from detbench.metrics.kernels.weighted import WeightedDetections, fill_ap_and_recall
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights
from detbench.metrics.uncertainty.weighted_detections import (
    averaging,
    positives_by_image,
    weighted_detections,
)
from detbench.threads import ThreadPool

_CHUNK = 50
"""Sets of weights that a thread takes at once."""


class SubsetScores:
    """The headline measure of an evaluation on subsets of its images."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._measure = evaluation.protocol.measures[0]
        self._detections = weighted_detections(evaluation, self._measure)
        self._averaging = averaging(evaluation)
        self.positives = positives_by_image(evaluation, self._measure)
        """(I, K) objects to find."""

    def class_values(self, images: Flags, weights: Weights) -> Floats:
        """Return (B, K) the measure as if only some images existed; NaN without objects.

        Args:
            images: (I,) true for the images of the subset.
            weights: (B, I) how often each image counts.
        """
        detections = restrict(self._detections, images)
        subset_weights = weights[:, images].astype(np.float64)
        positives = np.asarray(subset_weights @ self.positives[images]).astype(np.int64)
        classes = positives.shape[1]
        levels = (len(detections.hit_offsets) - 1) // classes if classes else 0
        ap, recall = np.empty((2, len(weights), classes, levels))

        def work(start: int) -> None:
            span = slice(start, start + _CHUNK)
            fill_ap_and_recall(
                detections,
                self._averaging,
                weights[span],
                positives[span],
                ap[span],
                recall[span],
            )

        with ThreadPool() as pool:
            list(pool.map(work, range(0, len(weights), _CHUNK)))
        return np.asarray((ap if self._measure.kind == "AP" else recall).mean(axis=2))


def restrict(detections: WeightedDetections, images: Flags) -> WeightedDetections:
    """Return the detections in some images (I,) alone."""
    # Without the other detections, those that are kept move to earlier positions.
    kept = images[detections.weight_index]
    kept_before = np.concatenate([[0], np.cumsum(kept)])
    offsets = detections.offsets
    hits = _kept_positions(detections.hit_offsets, detections.hits, offsets, kept, kept_before)
    ignored = _kept_positions(
        detections.ignored_offsets, detections.ignored, offsets, kept, kept_before
    )
    return WeightedDetections(kept_before[offsets], detections.weight_index[kept], *hits, *ignored)


def _kept_positions(
    list_offsets: Ints, positions: Indices, offsets: Ints, kept: Flags, kept_before: Ints
) -> tuple[Ints, Indices]:
    """Return offsets and positions of those listed detections that are kept.

    Args:
        list_offsets: (K · T + 1,) offsets into `positions`, by class and threshold.
        positions: positions inside the classes.
        offsets: (K + 1,) first detection of each class.
        kept: (N,) which detections are kept.
        kept_before: (N + 1,) number of kept detections before each.
    """
    classes = len(offsets) - 1
    levels = (len(list_offsets) - 1) // max(classes, 1)
    class_of_entry = groups_from_offsets(list_offsets) // max(levels, 1)
    first = offsets[class_of_entry]
    rows = first + positions
    chosen = kept[rows]
    new_positions = kept_before[rows[chosen]] - kept_before[first[chosen]]
    chosen_before = np.concatenate([[0], np.cumsum(chosen)])
    return chosen_before[list_offsets], new_positions.astype(np.int32)

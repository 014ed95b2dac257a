"""Subset scores: the headline measure on some of the images, under weights of these images."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Flags, Floats, Indices, Ints, groups_from_offsets
from detbench.metrics.kernels.weighted import (
    WeightedDetections,
    fill_ap_and_recall,
    fill_positives,
)
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights
from detbench.metrics.uncertainty.weighted_detections import (
    averaging,
    objects_to_find,
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
        self._objects = objects_to_find(evaluation, self._measure)
        n_images = len(evaluation.ground_truth.image_ids)
        self._n_classes = len(evaluation.ground_truth.class_names)
        self.objects: Ints = np.bincount(self._objects[0], minlength=n_images)
        """(I,) number of objects to find."""

    def class_values(self, images: Flags, weights: Weights) -> Floats:
        """Return (B, K) the measure as if only some images existed; NaN without objects.

        Args:
            images: (I,) true for the images of the subset.
            weights: (B, I) how often each image counts.
        """
        detections = restrict(self._detections, images)
        classes = self._n_classes
        images_of, classes_of = self._objects
        inside = images[images_of]
        positives = np.zeros((len(weights), classes), np.int64)
        fill_positives(images_of[inside], classes_of[inside], weights, positives)
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

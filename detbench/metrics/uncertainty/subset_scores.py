"""Part: the detections that count on some images alone, and what they score under draws of these images."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Flags, Floats, Indices, Ints, groups_from_offsets
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights
from detbench.metrics.uncertainty.weighted_scores import (
    Occurrences,
    averaging,
    occurrences,
    positives_by_image,
    weigh,
)
from detbench.threads import ThreadPool

_CHUNK = 50
"""Draws that a thread takes at once."""


class Parts:
    """The headline measure of an evaluation on parts of its images."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._measure = evaluation.protocol.measures[0]
        self._found = occurrences(evaluation, self._measure)
        self._rule = averaging(evaluation)
        self.positives = positives_by_image(evaluation, self._measure)
        """(I, K) objects to find."""

    def class_values(self, images: Flags, weights: Weights) -> Floats:
        """Return (B, K) the measure where only the images (I,) exist and each counts `weights[b, i]` times; NaN without objects."""
        found = restricted(self._found, images)
        positives = np.asarray(
            weights[:, images].astype(np.float64) @ self.positives[images]
        ).astype(np.int64)
        classes = positives.shape[1]
        levels = (len(found.hit_offsets) - 1) // classes if classes else 0
        ap, recall = np.empty((2, len(weights), classes, levels))

        def work(start: int) -> None:
            span = slice(start, start + _CHUNK)
            weigh(found, self._rule, weights[span], positives[span], ap[span], recall[span])

        with ThreadPool() as pool:
            list(pool.map(work, range(0, len(weights), _CHUNK)))
        return np.asarray((ap if self._measure.kind == "AP" else recall).mean(axis=2))


def restricted(found: Occurrences, images: Flags) -> Occurrences:
    """Return the detections on some images (I,) alone."""
    kept = images[found.units]
    before = np.concatenate([[0], np.cumsum(kept)])
    offsets = before[found.offsets]
    hits = _places(found.hit_offsets, found.hits, found.offsets, kept, before)
    return Occurrences(
        offsets,
        found.units[kept],
        *hits,
        *_places(found.ignored_offsets, found.ignored, found.offsets, kept, before),
    )


def _places(
    of: Ints, places: Indices, offsets: Ints, kept: Flags, before: Ints
) -> tuple[Ints, Indices]:
    """Return offsets and places, inside their classes, of those detections at `places` that are kept; `of` has K · T + 1 offsets."""
    levels = (len(of) - 1) // max(len(offsets) - 1, 1)
    first = offsets[groups_from_offsets(of) // max(levels, 1)]
    chosen = kept[first + places]
    moved = before[(first + places)[chosen]] - before[first[chosen]]
    return np.concatenate([[0], np.cumsum(chosen)])[of], moved.astype(np.int32)

"""Ranked: the detections that count at one IoU threshold, by class and falling score, with how well those that hit are placed.

What the analyses other than AP are made from. The matching is that of `diagnosis`: best score first, each detection takes the
best-overlapping object of its class that is still free, at an IoU of the threshold or more; detections on objects that do not count
(difficult, crowd) are left out. There is no limit of detections per image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Flags, Floats, Indices, Ints, groups_from_offsets
from detbench.metrics.errors.diagnosis import HIT, LEFT_OUT, Diagnosis, diagnose
from detbench.metrics.scoring.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class Ranked:
    """N detections that count, I images, K classes. Class k has the places `offsets[k]:offsets[k + 1]`."""

    iou: float
    offsets: Ints
    """(K + 1,)"""
    rows: Ints
    """(N,) row in `Detections`."""
    images: Indices
    """(N,) image position."""
    scores: Floats
    """(N,) falling in each class."""
    hits: Flags
    """(N,) which found an object."""
    overlaps: Floats
    """(N,) IoU of a hit with its object, 0 for others."""
    positives: Ints
    """(I, K) objects to find."""

    def span(self, k: int) -> slice:
        """Return the places of a class."""
        return slice(int(self.offsets[k]), int(self.offsets[k + 1]))

    def last_of_score(self, places: slice) -> Ints:
        """Return, inside a class, the last place of each score: no threshold parts equal scores."""
        scores = self.scores[places]
        return np.flatnonzero(np.diff(scores, append=-np.inf))

    def pooled(self) -> Ranked:
        """Return the same detections and objects as those of one class."""
        order = np.argsort(-self.scores, kind="stable")
        return Ranked(
            self.iou,
            np.array([0, len(order)]),
            self.rows[order],
            self.images[order],
            self.scores[order],
            self.hits[order],
            self.overlaps[order],
            self.positives.sum(axis=1, keepdims=True),
        )


def rank(evaluation: Evaluation, *, iou: float = 0.5, diagnosis: Diagnosis | None = None) -> Ranked:
    """Return the ranked detections of an evaluation; `diagnosis` is that at the same IoU, where it is at hand."""
    truth, found = evaluation.ground_truth, evaluation.detections
    known = diagnosis or diagnose(evaluation, iou=iou)
    hits = known.detections == HIT
    counted = np.flatnonzero(hits | ~known.ignored)
    rows = counted[np.lexsort((-found.scores[counted], found.class_index[counted]))]
    classes = len(truth.class_names)
    overlaps = np.zeros(len(rows))
    at = np.flatnonzero(hits[rows])
    overlaps[at] = _overlaps(evaluation, rows[at], known.partners[rows[at]])
    return Ranked(
        iou=iou,
        offsets=np.searchsorted(found.class_index[rows], np.arange(classes + 1)).astype(np.int64),
        rows=rows,
        images=groups_from_offsets(found.offsets)[rows],
        scores=found.scores[rows],
        hits=hits[rows],
        overlaps=overlaps,
        positives=positives_of(evaluation, known.objects != LEFT_OUT),
    )


def positives_of(evaluation: Evaluation, objects: Flags) -> Ints:
    """Return (I, K): how many of the objects marked in (G,) each image has of each class."""
    truth = evaluation.ground_truth
    shape = len(truth.image_ids), len(truth.class_names)
    place = (
        groups_from_offsets(truth.offsets)[objects].astype(np.int64) * shape[1]
        + truth.class_index[objects]
    )
    return np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)


def _overlaps(evaluation: Evaluation, rows: Ints, objects: Indices) -> Floats:
    """Return the IoU of each detection with one object."""
    a, b = evaluation.detections.boxes[rows], evaluation.ground_truth.boxes[objects]
    common = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None).prod(
        axis=1
    )
    areas = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1)
    return np.asarray(common / (areas - common))

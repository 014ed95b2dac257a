"""Fit: how well boxes lie on objects when they are read in another way, on a sample that hundreds of readings can be tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Floats, Ints, offsets_from_groups, rows_of_groups
from detbench.doctor.case import Case

SAMPLED_IMAGES = 150
"""Images on which readings are tried: a mean over some hundred objects tells .05 of overlap apart."""
SAMPLED_BOXES = 20
"""Boxes of an image that are tried, those of the highest scores: enough to hold the hits, few enough to make chance hits rare."""

Reading = Callable[[Floats, Floats], Floats]
"""Turns boxes (N, 4) as read into other ones, given the sizes (N, 2) of their images."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Detections and objects of some images, and every pair of the two within an image."""

    boxes: Floats
    """(D, 4) as read."""
    written: Floats
    """(D, 4) as they stand in the file."""
    sizes: Floats
    """(D, 2) of each box's image."""
    classes: Ints
    """(D,)"""
    objects: Floats
    """(O, 4)"""
    object_classes: Ints
    """(O,)"""
    object_images: Ints
    """(O,)"""
    pairs: tuple[Ints, Ints]
    """(P,) detection and (P,) object of each pair, sorted by object."""
    starts: Ints
    """First pair of each object that has one."""

    def first(self, objects: int) -> Sample:
        """Return the sample of the first so many objects only."""
        end = int(np.searchsorted(self.pairs[1], objects))
        pairs = (self.pairs[0][:end], self.pairs[1][:end])
        return replace(
            self, objects=self.objects[:objects], pairs=pairs, starts=self.starts[self.starts < end]
        )

    def overlaps(self, boxes: Floats) -> Floats:
        """Return the IoU (P,) of all pairs when the detections have these boxes (D, 4)."""
        d, o = self.pairs
        return paired_iou(boxes[d], self.objects[o])

    def mean_overlap(self, boxes: Floats) -> float:
        """Return the mean over objects of the best overlap any detection of their image has with them, whatever its class."""
        if not len(self.starts):
            return 0.0
        return float(
            np.maximum.reduceat(self.overlaps(boxes), self.starts).sum() / len(self.objects)
        )


def paired_iou(a: Floats, b: Floats) -> Floats:
    """Return the intersection over union of boxes (P, 4) pair by pair; 0 for boxes that are inverted or not finite."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        width = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
        height = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
        wide, high = a[:, 2] - a[:, 0], a[:, 3] - a[:, 1]
        common = width * height
        value = common / (wide * high + (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) - common)
        return np.where(
            (width > 0) & (height > 0) & (wide > 0) & (high > 0) & np.isfinite(value), value, 0.0
        )


def sample_of(case: Case) -> Sample:
    """Return a sample of the images with both regular objects and finite detections."""
    rows = case.rows
    usable = np.flatnonzero(rows.finite & (rows.image >= 0))
    images = len(case.truth.image_ids)
    owners = np.repeat(np.arange(images), np.diff(case.truth.offsets))
    objects = np.flatnonzero(case.regular)
    both = np.intersect1d(np.unique(rows.image[usable]), np.unique(owners[objects]))
    if len(both) > SAMPLED_IMAGES:
        both = np.sort(np.random.default_rng(1).choice(both, SAMPLED_IMAGES, replace=False))
    place = np.full(images, -1, np.int64)
    place[both] = np.arange(len(both))
    chosen = best_of_each(
        rows.image, rows.scores, usable[place[rows.image[usable]] >= 0], SAMPLED_BOXES
    )
    objects = objects[place[owners[objects]] >= 0]
    offsets = offsets_from_groups(place[rows.image[chosen]], len(both))
    groups = place[owners[objects]]
    counts = np.diff(offsets)[groups]
    pairs = (rows_of_groups(offsets, groups), np.repeat(np.arange(len(objects)), counts))
    written = (
        rows.boxes[chosen] if case.source is None else case.source.written[rows.places[chosen]]
    )
    return Sample(
        boxes=rows.boxes[chosen],
        written=written,
        sizes=case.truth.image_sizes[rows.image[chosen]],
        classes=rows.classes[chosen],
        objects=case.truth.boxes[objects],
        object_classes=case.truth.class_index[objects].astype(np.int64),
        object_images=owners[objects],
        pairs=pairs,
        starts=(np.cumsum(counts) - counts)[counts > 0],
    )


def best_of_each(groups: Ints, scores: Floats, rows: Ints, most: int) -> Ints:
    """Return of `rows` the `most` of highest score in each group, sorted by group."""
    order = rows[np.lexsort((-scores[rows], groups[rows]))]
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return np.asarray(order[rank < most])

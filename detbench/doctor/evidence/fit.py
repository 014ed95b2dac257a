"""Fit: how well boxes lie on objects, on a sample small enough to try hundreds of readings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detbench.data.columns import (
    Floats,
    Ints,
    freeze,
    groups_from_offsets,
    offsets_from_groups,
    pairs_in_groups,
)
from detbench.doctor.case import Case
from detbench.metrics.kernels.overlap import paired_iou
from detbench.metrics.scoring.placement import highest_scoring

SAMPLED_IMAGES = 150
"""Images on which readings are tried: a mean over some hundred objects shows differences of .05."""
OBJECTS_PER_IMAGE = 20
"""Objects of an image on which boxes are looked for, chosen at random if there are more."""
BOXES_PER_IMAGE, BOXES_PER_OBJECT = 20, 2
"""Highest-scoring boxes of an image that are tried, and how many of them for each of its objects if
these are more: enough to hold the hits, and few enough to make hits by chance rare."""
MAX_PAIRS, MIN_IMAGES = 200_000, 10
"""Pairs of a box and an object from which on fewer images are sampled, and how many at least. Some
hundred objects of ten images show as much."""
_SEED = 1

BoxMap = Callable[[Floats, Floats], Floats]
"""Turns boxes (N, 4) as read into other boxes, given the sizes (N, 2) of their images."""


@dataclass(frozen=True, eq=False)
class Sample:
    """D detections and O objects of some images, and all P pairs of them within an image."""

    boxes: Floats
    """(D, 4) as read."""
    box_numbers: Floats
    """(D, 4) as the file has them."""
    sizes: Floats
    """(D, 2) size of each box's image."""
    classes: Ints
    """(D,)"""
    objects: Floats
    """(O, 4)"""
    object_classes: Ints
    """(O,)"""
    box_images: Ints
    """(D,) image of each detection; images are numbered from 0 within the sample."""
    object_images: Ints
    """(O,) image of each object."""
    pair_detections: Ints
    """(P,) detection of each pair."""
    pair_objects: Ints
    """(P,) object of each pair, ascending."""
    starts: Ints
    """First pair of each object that has one."""

    def head(self, n_objects: int) -> Sample:
        """Return the sample with the first objects only, and the detections paired with them.

        Both are sorted by image, so that the detections of the first images are the first ones.
        """
        n_pairs = int(np.searchsorted(self.pair_objects, n_objects))
        pair_detections = self.pair_detections[:n_pairs]
        n_boxes = int(pair_detections.max(initial=-1)) + 1
        return Sample(
            boxes=self.boxes[:n_boxes],
            box_numbers=self.box_numbers[:n_boxes],
            sizes=self.sizes[:n_boxes],
            classes=self.classes[:n_boxes],
            objects=self.objects[:n_objects],
            object_classes=self.object_classes[:n_objects],
            box_images=self.box_images[:n_boxes],
            object_images=self.object_images[:n_objects],
            pair_detections=pair_detections,
            pair_objects=self.pair_objects[:n_pairs],
            starts=self.starts[self.starts < n_pairs],
        )

    def mean_best_iou(self, boxes: Floats) -> float:
        """Return the mean over objects of the best IoU with a detection, whatever its class.

        Args:
            boxes: (D, 4) boxes of the detections under some reading.
        """
        if not len(self.starts):
            return 0.0
        iou = paired_iou(boxes, self.objects, self.pair_detections, self.pair_objects)
        return float(np.maximum.reduceat(iou, self.starts).sum() / len(self.objects))


def sample_of(case: Case) -> Sample:
    """Return a sample of the images with both regular objects and finite detections.

    Of images with many objects, some objects are sampled, too. Each is compared with as many boxes
    as its image needs for all of them.
    """
    rows, ground_truth = case.rows, case.ground_truth
    n_images = len(ground_truth.image_ids)
    finite = np.flatnonzero(rows.finite & (rows.image_index >= 0))
    image_of_object = groups_from_offsets(ground_truth.offsets).astype(np.int64)
    objects = np.flatnonzero(case.regular)
    n_objects = np.bincount(image_of_object[objects], minlength=n_images)
    n_rows = np.bincount(rows.image_index[finite], minlength=n_images)
    box_limits = np.maximum(BOXES_PER_OBJECT * n_objects, BOXES_PER_IMAGE)
    images = _sampled_images(
        np.minimum(n_objects, OBJECTS_PER_IMAGE) * np.minimum(n_rows, box_limits)
    )

    # Images are numbered anew within the sample; −1 stands for those outside.
    sample_index = np.full(n_images, -1, np.int64)
    sample_index[images] = np.arange(len(images))
    boxes = finite[sample_index[rows.image_index[finite]] >= 0]
    limit_of_row = box_limits[rows.image_index]
    chosen = highest_scoring(rows.image_index, rows.scores, boxes, limit_of_row)
    objects = objects[sample_index[image_of_object[objects]] >= 0]
    lots = np.random.default_rng(_SEED).random(len(ground_truth))
    objects = np.sort(highest_scoring(image_of_object, lots, objects, OBJECTS_PER_IMAGE))

    box_images = sample_index[rows.image_index[chosen]]
    object_images = sample_index[image_of_object[objects]]
    offsets = offsets_from_groups(box_images, len(images))
    pair_objects, pair_detections = pairs_in_groups(offsets, object_images)
    counts = np.diff(offsets)[object_images]
    return Sample(
        boxes=rows.boxes[chosen],
        box_numbers=case.file.box_numbers[rows.source_rows[chosen]],
        sizes=ground_truth.image_sizes[rows.image_index[chosen]],
        classes=rows.class_index[chosen],
        objects=freeze(ground_truth.boxes[objects]),
        object_classes=ground_truth.class_index[objects].astype(np.int64),
        box_images=box_images,
        object_images=object_images,
        pair_detections=freeze(pair_detections),
        pair_objects=freeze(pair_objects),
        # Objects in images without detections have no pair; `mean_best_iou` counts them as 0.
        starts=(np.cumsum(counts) - counts)[counts > 0],
    )


def _sampled_images(n_pairs: Ints) -> Ints:
    """Return the positions of some of the images that have pairs, sorted.

    Args:
        n_pairs: (I,) pairs of a box and an object in each image.
    """
    random, images = np.random.default_rng(_SEED), np.flatnonzero(n_pairs)
    if len(images) > SAMPLED_IMAGES:
        images = random.choice(images, SAMPLED_IMAGES, replace=False)
    elif n_pairs.sum() > MAX_PAIRS:
        images = random.permutation(images)
    n_affordable = int(np.searchsorted(np.cumsum(n_pairs[images]), MAX_PAIRS))
    return np.sort(images[: max(n_affordable, MIN_IMAGES)])


def fit_of(case: Case) -> float:
    """Return the mean best IoU of the boxes as they are read."""
    sample = sample_of(case)
    return sample.mean_best_iou(sample.boxes)

"""Placement: which detections lie on which objects, whatever their classes.

Matching pairs each detection with one object of its own class. Checks of the input ask before that
whether boxes lie on objects at all, and on objects of which class.
"""

from __future__ import annotations

import numpy as np

from detbench.data.checks.classes import MistakenClasses
from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets, pairs_in_groups
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.overlap import paired_iou

SAMPLED_IMAGES = 600
"""Images on which classes are compared: enough for tens of objects of a rare class."""
BOXES_PER_IMAGE = 10
"""Highest-scoring boxes of an image that are considered."""
WELL_PLACED_IOU = 0.5
_SEED = 3


def regular_objects(ground_truth: GroundTruth) -> Flags:
    """Return which objects (G,) are neither difficult nor crowds."""
    return ~(ground_truth.difficult | ground_truth.iscrowd)


def highest_scoring(groups: Ints, scores: Floats, rows: Ints, limit: int | Ints) -> Ints:
    """Return those of `rows` with the `limit` highest scores in each group, sorted by group.

    Args:
        groups: (N,) the group of every row, such as its image.
        scores: (N,)
        rows: (M,) the rows to choose from.
        limit: Maximum number of rows of a group; (N,) for groups of different limits.
    """
    order = rows[np.lexsort((-scores[rows], groups[rows]))]
    # The rank in the group is the position less that of the group's first row.
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    rank = np.arange(len(order)) - np.repeat(starts, sizes)
    return np.asarray(order[rank < np.broadcast_to(limit, groups.shape)[order]])


def well_placed(ground_truth: GroundTruth, rows: DetectionRows) -> tuple[Ints, Ints]:
    """Return the highest-scoring detection on each regular object, and the object's class.

    A detection lies on an object from an IoU of .5 on, whatever its class. Large sets are sampled.

    Returns:
        Two columns (P,): the position of the detection in `rows`, and the class of the object.
    """
    usable = np.flatnonzero(rows.finite & (rows.image_index >= 0))
    is_sampled = _sampled_images(len(ground_truth.image_ids))
    usable = usable[is_sampled[rows.image_index[usable]]]
    best = highest_scoring(rows.image_index, rows.scores, usable, BOXES_PER_IMAGE)
    elements, objects = pairs_in_groups(ground_truth.offsets, rows.image_index[best])
    detections = best[elements]

    iou = paired_iou(rows.boxes, ground_truth.boxes, detections, objects)
    placed = (iou >= WELL_PLACED_IOU) & regular_objects(ground_truth)[objects]
    detections, objects = detections[placed], objects[placed]

    # Of the detections on an object, the one with the highest score is the first.
    order = np.lexsort((-rows.scores[detections], objects))
    is_first = np.diff(objects[order], prepend=-1) > 0
    chosen = order[is_first]
    classes = ground_truth.class_index[objects[chosen]]
    return detections[chosen], classes.astype(np.int64)


def placeable_counts(ground_truth: GroundTruth, rows: DetectionRows) -> tuple[int, int]:
    """Return how many objects and detections `well_placed` looks at.

    Of an image that has both, no more objects count than detections are considered.
    """
    n_images = len(ground_truth.image_ids)
    usable = rows.finite & (rows.image_index >= 0)
    n_detections = np.bincount(rows.image_index[usable], minlength=n_images)
    images = groups_from_offsets(ground_truth.offsets)[regular_objects(ground_truth)]
    n_objects = np.bincount(images, minlength=n_images)
    is_paired = _sampled_images(n_images) & (n_objects > 0) & (n_detections > 0)
    n_considered = np.minimum(n_detections[is_paired], BOXES_PER_IMAGE)
    n_possible = np.minimum(n_objects[is_paired], n_considered)
    return int(n_possible.sum()), int(n_considered.sum())


def _sampled_images(n_images: int) -> Flags:
    """Return which images (I,) are considered."""
    if n_images <= SAMPLED_IMAGES:
        return np.ones(n_images, np.bool_)
    sampled = np.zeros(n_images, np.bool_)
    chosen = np.random.default_rng(_SEED).choice(n_images, SAMPLED_IMAGES, replace=False)
    sampled[chosen] = True
    return sampled


def class_confusion(
    ground_truth: GroundTruth, rows: DetectionRows, placed: tuple[Ints, Ints]
) -> MistakenClasses:
    """Return the classes of well-placed detections against those of their objects.

    Args:
        ground_truth: K classes.
        rows: All detections.
        placed: What `well_placed` returned for them.
    """
    n_classes = len(ground_truth.class_names)
    detections, object_classes = placed
    classes = rows.class_index[detections]
    has_class = classes >= 0  # others are of no class of the ground truth
    confusion = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(confusion, (classes[has_class], object_classes[has_class]), 1)
    n_detections = np.bincount(rows.class_index[rows.scorable], minlength=n_classes)
    return MistakenClasses(confusion, n_detections)


def best_iou(ground_truth: GroundTruth, rows: DetectionRows, *, any_class: bool = False) -> Floats:
    """Return each row's highest IoU (N,) with a regular object of its class; 0 without one.

    With `any_class`, objects of other classes and objects that are not regular count as well.
    """
    detections, objects = pairs_in_groups(ground_truth.offsets, rows.image_index)
    if not any_class:
        same_class = rows.class_index[detections] == ground_truth.class_index[objects]
        counted = same_class & regular_objects(ground_truth)[objects]
        detections, objects = detections[counted], objects[counted]
    best = np.zeros(len(rows))
    iou = paired_iou(rows.boxes, ground_truth.boxes, detections, objects)
    np.maximum.at(best, detections, iou)
    return best


def hits_at(ground_truth: GroundTruth, rows: DetectionRows, positions: Ints) -> Flags:
    """Return which of the rows at `positions` (M,) lie on a regular object of their class."""
    return np.asarray(best_iou(ground_truth, rows.select(positions)) >= WELL_PLACED_IOU)

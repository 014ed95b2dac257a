"""Object pairs: how well boxes lie on each object of their class, for parts of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Floats, Ints, offsets_from_groups, pairs_in_groups
from detbench.doctor.case import Case
from detbench.metrics.kernels.overlap import paired_iou
from detbench.metrics.scoring.placement import highest_scoring

BOXES_PER_OBJECT, MIN_BOXES = 2, 20
"""Highest-scoring boxes of an image that are considered for each of its objects, and in all at
least."""
MAX_PAIRS = 1_000_000
"""Pairs from which on images are sampled: as many take a tenth of a second for a reading."""
_SEED = 6


@dataclass(frozen=True, eq=False)
class ObjectPairs:
    """Rows and regular objects of the same image and class: P pairs of R rows and O objects."""

    rows: Ints
    """(R,) positions among the case's rows, sorted by image."""
    objects: Ints
    """(O,) positions among the ground truth's objects; each is in some pair."""
    boxes: Floats
    """(O, 4) boxes of the objects."""
    pair_rows: Ints
    """(P,) position in `rows` of each pair."""
    pair_objects: Ints
    """(P,) position in `objects` of each pair, ascending."""
    starts: Ints
    """(O,) first pair of each object."""

    def best_iou(self, boxes: Floats) -> Floats:
        """Return the best IoU (O,) of each object with boxes (R, 4) of the rows."""
        if not len(self.starts):
            return np.zeros(0)
        iou = paired_iou(boxes, self.boxes, self.pair_rows, self.pair_objects)
        best: Floats = np.maximum.reduceat(np.nan_to_num(iou), self.starts)
        return best


def pairs_of(case: Case, max_pairs: int = MAX_PAIRS) -> ObjectPairs:
    """Return the pairs of a case's scorable rows and regular objects.

    Args:
        case: The case.
        max_pairs: Pairs from which on images are sampled at random.
    """
    rows, ground_truth = case.rows, case.ground_truth
    n_images = len(ground_truth.image_ids)
    n_objects = np.diff(ground_truth.offsets)
    limits = np.maximum(BOXES_PER_OBJECT * n_objects, MIN_BOXES)
    usable = np.flatnonzero(rows.scorable)
    n_rows = np.bincount(rows.image_index[usable], minlength=n_images)
    is_sampled = _sampled(n_objects * np.minimum(n_rows, limits), max_pairs)
    usable = usable[is_sampled[rows.image_index[usable]]]
    chosen = highest_scoring(rows.image_index, rows.scores, usable, limits[rows.image_index])

    image_of_object = np.repeat(np.arange(n_images), n_objects)
    all_objects = np.flatnonzero(case.regular)
    offsets = offsets_from_groups(rows.image_index[chosen], n_images)
    object_numbers, row_numbers = pairs_in_groups(offsets, image_of_object[all_objects])
    same_class = (
        rows.class_index[chosen[row_numbers]]
        == ground_truth.class_index[all_objects[object_numbers]]
    )
    object_numbers, row_numbers = object_numbers[same_class], row_numbers[same_class]
    used, pair_objects = np.unique(object_numbers, return_inverse=True)
    objects = all_objects[used]
    return ObjectPairs(
        rows=chosen,
        objects=objects,
        boxes=ground_truth.boxes[objects],
        pair_rows=row_numbers.astype(np.int64),
        pair_objects=pair_objects.astype(np.int64),
        starts=np.searchsorted(pair_objects, np.arange(len(objects))),
    )


def _sampled(n_pairs: Ints, max_pairs: int) -> np.ndarray:
    """Return which images (I,) are considered, of which each has so many pairs (I,)."""
    if n_pairs.sum() <= max_pairs:
        return np.ones(len(n_pairs), np.bool_)
    order = np.random.default_rng(_SEED).permutation(len(n_pairs))
    sampled = np.zeros(len(n_pairs), np.bool_)
    sampled[order[np.cumsum(n_pairs[order]) <= max_pairs]] = True
    return sampled

"""Counted detections: those that count at one IoU threshold, by class and falling score.

All analyses except TIDE's costs start from them. The matching is that of
`detbench.metrics.errors.error_kinds`: best score first, each detection takes the object of its
class that it overlaps most and that is still free, if the IoU reaches the threshold. Detections on
objects that do not count (difficult, crowd) are left out. The number of detections per image is not
limited.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detbench.data.columns import (
    Flags,
    Floats,
    Indices,
    Ints,
    groups_from_offsets,
    offsets_from_groups,
)
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.counts_by_image import CountsByImage, counts_of
from detbench.metrics.errors.error_kinds import error_kinds
from detbench.metrics.kernels.error_kinds import HIT, NOT_COUNTED, ErrorKinds
from detbench.metrics.kernels.overlap import paired_iou
from detbench.metrics.kernels.weighted import WeightedDetections
from detbench.metrics.scoring.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class CountedDetections:
    """N detections that count, in I images and K classes."""

    iou: float
    """The IoU threshold of a hit."""
    offsets: Ints
    """(K + 1,) the detections of class k are `offsets[k]:offsets[k + 1]`."""
    rows: Ints
    """(N,) row in `Detections`."""
    images: Indices
    """(N,) index of the image."""
    scores: Floats
    """(N,) falling in each class."""
    hits: Flags
    """(N,) which found an object."""
    overlaps: Floats
    """(N,) IoU of a hit with its object, 0 for others."""
    positives: CountsByImage
    """The objects to find."""

    def of_class(self, k: int) -> slice:
        """Return where the detections of class k are."""
        return slice(int(self.offsets[k]), int(self.offsets[k + 1]))

    def pooled(self) -> CountedDetections:
        """Return the same detections and objects, all as those of one class."""
        order = np.argsort(-self.scores, kind="stable")
        return CountedDetections(
            iou=self.iou,
            offsets=np.array([0, len(order)]),
            rows=self.rows[order],
            images=self.images[order],
            scores=self.scores[order],
            hits=self.hits[order],
            overlaps=self.overlaps[order],
            positives=self.positives.pooled(),
        )


def count_detections(
    evaluation: Evaluation, *, iou: float = 0.5, kinds: ErrorKinds | None = None
) -> CountedDetections:
    """Return the counted detections of an evaluation.

    Args:
        evaluation: its protocol says which objects do not count.
        iou: a hit overlaps its object by at least this, 0..1.
        kinds: the kinds of errors at this IoU, if they are known already.
    """
    detections, ground_truth = evaluation.detections, evaluation.ground_truth
    kinds = kinds or error_kinds(evaluation, iou=iou)
    is_hit = kinds.detections == HIT
    counted = np.flatnonzero(is_hit | ~kinds.ignored)
    # By class, then by falling score; ties stay in the order of rows.
    order = np.lexsort((-detections.scores[counted], detections.class_index[counted]))
    rows = counted[order]
    hits = np.flatnonzero(is_hit[rows])
    hit_rows = rows[hits]
    overlaps = np.zeros(len(rows))
    overlaps[hits] = paired_iou(
        detections.boxes, ground_truth.boxes, hit_rows, kinds.targets[hit_rows]
    )
    class_index = detections.class_index[rows]
    return CountedDetections(
        iou=iou,
        offsets=offsets_from_groups(class_index, len(ground_truth.class_names)),
        rows=rows,
        images=groups_from_offsets(detections.offsets)[rows],
        scores=detections.scores[rows],
        hits=is_hit[rows],
        overlaps=overlaps,
        positives=count_objects(ground_truth, kinds.objects != NOT_COUNTED),
    )


def count_objects(ground_truth: GroundTruth, chosen: Flags) -> CountsByImage:
    """Return how many of the chosen objects (G,) each image has of each class."""
    images = groups_from_offsets(ground_truth.offsets)[chosen]
    return counts_of(ground_truth, images, ground_truth.class_index[chosen])


def weighted_at_one_iou(hits: Flags, offsets: Ints, images: Indices) -> WeightedDetections:
    """Return detections at one IoU threshold as `kernels.weighted` takes them; all of them count.

    Args:
        hits: (N,) by class and falling score.
        offsets: (K + 1,) the detections of class k are `offsets[k]:offsets[k + 1]`.
        images: (N,) index of the image, whose weight is the detection's.
    """
    rows = np.flatnonzero(hits)
    hit_offsets = np.searchsorted(rows, offsets).astype(np.int64)
    first_of_class = np.repeat(offsets[:-1], np.diff(hit_offsets))
    return WeightedDetections(
        offsets=offsets,
        weight_index=images,
        hit_offsets=hit_offsets,
        hits=(rows - first_of_class).astype(np.int32),
        ignored_offsets=np.zeros(len(offsets), np.int64),
        ignored=np.zeros(0, np.int32),
    )

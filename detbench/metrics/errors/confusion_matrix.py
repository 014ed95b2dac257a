"""Confusion: which class is taken for which, with background as a class of its own.

The rule: of each image, detections of at least the score threshold, best score first, each take the best-overlapping object that is still
free, whatever its class, at an IoU of the threshold or more; among equal overlaps one of the detection's own class, then the first. What
takes no object is counted against background, unless it lies on an object of its class that does not count (difficult, crowd), where it is
left out. Objects that nothing took are background's, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Ints
from detbench.metrics.kernels.columns import IGNORED, REGION, REGULAR
from detbench.metrics.kernels.compile import kernel
from detbench.metrics.kernels.order import descending
from detbench.metrics.kernels.overlap import box_areas, intersection
from detbench.metrics.scoring.evaluate import object_kinds
from detbench.metrics.scoring.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class Confusion:
    """What was there against what was said, at one threshold of IoU and score."""

    iou: float
    score: float
    counts: Ints
    """(K + 1, K + 1) rows: class of the object, columns: class of the detection; the last of both is background."""


def confusion(evaluation: Evaluation, *, iou: float = 0.5, score: float = 0.25) -> Confusion:
    """Return the confusion matrix of the detections of at least a score."""
    truth, found = evaluation.ground_truth, evaluation.detections
    classes = len(truth.class_names)
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    kinds = object_kinds(truth, evaluation.protocol)
    _count(
        found.offsets, found.class_index, found.scores, found.boxes, box_areas(found.boxes),
        truth.offsets, truth.class_index, kinds, truth.boxes, box_areas(truth.boxes), (iou, score), counts,
    )  # fmt: skip
    return Confusion(iou, score, counts)


@kernel
def _count(
    found_offsets: NDArray[np.int64], found_class: NDArray[np.int32], scores: NDArray[np.float64], found_box: NDArray[np.float64],
    found_area: NDArray[np.float64], truth_offsets: NDArray[np.int64], truth_class: NDArray[np.int32], kinds: NDArray[np.uint8],
    truth_box: NDArray[np.float64], truth_area: NDArray[np.float64], levels: tuple[float, float], counts: NDArray[np.int64],
) -> None:  # fmt: skip
    """Fill the counts, image by image."""
    threshold, least = levels
    background = len(counts) - 1
    taken = np.zeros(len(truth_class), np.bool_)
    for image in range(len(found_offsets) - 1):
        first = found_offsets[image]
        for place in descending(scores[first : found_offsets[image + 1]]):
            row = first + place
            if scores[row] < least:
                break
            best, at, alike, left_out = 0.0, -1, False, False
            for g in range(truth_offsets[image], truth_offsets[image + 1]):
                common = intersection(found_box[row], truth_box[g], 0.0)
                if common <= 0.0:
                    continue
                own = truth_class[g] == found_class[row]
                whole = (
                    found_area[row]
                    if kinds[g] == REGION
                    else found_area[row] + truth_area[g] - common
                )
                value = common / whole
                if (
                    kinds[g] == REGULAR
                    and not taken[g]
                    and value >= threshold
                    and (value > best or (value == best and own and not alike))
                ):
                    best, at, alike = value, g, own
                elif own and (
                    (kinds[g] == REGION and value > threshold)
                    or (kinds[g] == IGNORED and value >= threshold)
                ):
                    left_out = True
            if at >= 0:
                taken[at] = True
                counts[truth_class[at], found_class[row]] += 1
            elif not left_out:
                counts[background, found_class[row]] += 1
    for g in range(len(truth_class)):
        if kinds[g] == REGULAR and not taken[g]:
            counts[truth_class[g], background] += 1

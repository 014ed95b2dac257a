"""Confusion counts: the matching of `detbench.metrics.errors.confusion_matrix`, image by image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.boxes_by_image import (
    DetectionsByImage,
    ObjectsByImage,
    box_overlap,
    excuses,
)
from detbench.metrics.kernels.columns import REGULAR
from detbench.metrics.kernels.compile import kernel
from detbench.metrics.kernels.order import descending


@kernel
def count_confusions(
    detections: DetectionsByImage,
    objects: ObjectsByImage,
    min_iou: float,
    min_score: float,
    counts: NDArray[np.int64],
) -> None:
    """Add the detections and objects to counts (K + 1, K + 1); background is last in both.

    Args:
        detections: all detections, of which those of at least `min_score` are counted.
        objects: all objects.
        min_iou: a detection takes an object that it overlaps by at least this.
        min_score: the score threshold.
        counts: rows are classes of objects, columns classes of detections.
    """
    background = len(counts) - 1
    taken = np.zeros(len(objects.classes), np.bool_)
    for image in range(len(detections.offsets) - 1):
        first = detections.offsets[image]
        span = objects.offsets[image], objects.offsets[image + 1]
        for position in descending(detections.scores[first : detections.offsets[image + 1]]):
            row = first + position
            if detections.scores[row] < min_score:
                break
            target, ignored = _best_object(detections, row, objects, span, taken, min_iou)
            if target >= 0:
                taken[target] = True
                counts[objects.classes[target], detections.classes[row]] += 1
            elif not ignored:
                counts[background, detections.classes[row]] += 1
    for g in range(len(taken)):
        if objects.kinds[g] == REGULAR and not taken[g]:
            counts[objects.classes[g], background] += 1


@kernel
def _best_object(
    detections: DetectionsByImage,
    row: int,
    objects: ObjectsByImage,
    span: tuple[int, int],
    taken: NDArray[np.bool_],
    min_iou: float,
) -> tuple[int, bool]:
    """Return the object that a detection takes (−1 for none), and whether one excuses it.

    The class does not matter, but for two rules: among equal overlaps an object of the
    detection's own class wins, and only such an object excuses it.
    """
    best, target, target_same_class, excused = 0.0, -1, False, False
    for g in range(span[0], span[1]):
        overlap = box_overlap(detections, row, objects, g)
        if overlap <= 0.0:
            continue
        same_class = objects.classes[g] == detections.classes[row]
        wins_tie = same_class and not target_same_class
        better = overlap > best or (overlap == best and wins_tie)
        if objects.kinds[g] == REGULAR and not taken[g] and overlap >= min_iou and better:
            best, target, target_same_class = overlap, g, same_class
        elif same_class and excuses(objects.kinds[g], overlap, min_iou):
            excused = True
    return target, excused

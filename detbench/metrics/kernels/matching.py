"""Matching: which detections hit which objects, for all IoU thresholds and area ranges at once.

The rules are those of `COCOeval.evaluateImg` (pycocotools 2.0.11) and of `VOCevaldet.m` (VOC
devkit); `Protocol.assignment` chooses between them.

The thresholds of a detection are the bits of one integer, a mask. Thresholds rise, so a pair whose
IoU reaches n of them is a candidate in the lowest n bits. One walk over the few candidates of a
detection therefore finds "the best object that is still free" for all thresholds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.columns import (
    IGNORED,
    REGION,
    REGULAR,
    DetectionColumns,
    GroundTruthColumns,
    Rules,
)
from detbench.metrics.kernels.compile import inlined, kernel
from detbench.metrics.kernels.order import descending
from detbench.metrics.kernels.overlap import intersection


class Candidates(NamedTuple):
    """The objects that one detection could match, best first; with room for all of the class."""

    objects: NDArray[np.int64]
    bits: NDArray[np.int64]
    """The thresholds that the IoU reaches."""
    overlaps: NDArray[np.float64]
    """IoU, or intersection / detection area for crowd regions."""


@kernel
def match_class(
    k: int,
    detections: DetectionColumns,
    ground_truth: GroundTruthColumns,
    rules: Rules,
    by_image: NDArray[np.int32],
    hits: NDArray[Any],
    ignored: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Match the n detections of class k in the order of falling scores.

    Args:
        k: the class.
        detections: all detections.
        ground_truth: all objects.
        rules: the protocol.
        by_image: (images, 3) work space: first object of the class in the image, one past the
            last, detections seen so far. Holds −1, 0, 0 on entry and on return.
        hits: output (A, n), thresholds with a hit on a regular object.
        ignored: output (A, n), thresholds with a hit on an ignored object.

    Returns:
        order: (n,) position of each detection among the rows of the class, by falling score.
        limits: (n,) index of the smallest limit in `rules.max_detections` that keeps the
            detection; M if none does.
        in_range: (n,) bit a is set if the detection's area lies in area range a.
    """
    # Where the objects of each image are: they lie side by side.
    begin, end = ground_truth.offsets[k], ground_truth.offsets[k + 1]
    for g in range(begin, end):
        image = ground_truth.images[g]
        if by_image[image, 0] < 0:
            by_image[image, 0] = g
        by_image[image, 1] = g + 1

    rows = detections.rows[detections.offsets[k] : detections.offsets[k + 1]]
    order = descending(gather(detections.scores, rows))
    images, areas = gather(detections.images, rows), gather(detections.areas, rows)
    boxes = gather_boxes(detections.boxes, rows, images, by_image)
    limits, in_range = np.empty(len(rows), np.uint8), np.empty(len(rows), np.uint8)
    taken = np.zeros((end - begin, len(rules.range_limits)), np.int64)
    candidates = Candidates(
        np.empty(end - begin, np.int64),
        np.empty(end - begin, np.int64),
        np.empty(end - begin, np.float64),
    )

    for n in range(len(rows)):
        position = order[n]
        image, area = images[position], areas[position]
        rank = by_image[image, 2]
        by_image[image, 2] = rank + 1
        limits[n] = limit_of(rank, rules.max_detections)
        in_range[n] = ranges_of(area, rules.range_limits)
        if by_image[image, 0] < 0 or limits[n] == len(rules.max_detections):
            continue  # no object in this image, or beyond the largest limit: never matched
        n_candidates = collect_candidates(
            boxes[position],
            area,
            by_image[image, 0],
            by_image[image, 1],
            ground_truth,
            rules,
            candidates,
        )
        if n_candidates == 0:
            continue  # a false positive at every threshold
        # Each area range assigns on its own: an object outside the range is ignored there and may
        # still be hit in another one.
        for a in range(len(rules.range_limits)):
            hits[a, n], ignored[a, n] = assign(
                n_candidates, candidates, begin, ground_truth, taken, a, rules.best_available
            )

    # Leave the work space as it was.
    for g in range(begin, end):
        by_image[ground_truth.images[g], 0] = -1
    for image in images:
        by_image[image, 2] = 0
    return order, limits, in_range


@kernel
def gather(column: NDArray[Any], rows: NDArray[np.int32]) -> NDArray[Any]:
    """Return `column[rows]`."""
    values = np.empty(len(rows), column.dtype)
    for n in range(len(rows)):
        values[n] = column[rows[n]]
    return values


@kernel
def gather_boxes(
    boxes: NDArray[np.float64],
    rows: NDArray[np.int32],
    images: NDArray[np.int32],
    by_image: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Return `boxes[rows]`; the boxes in images without objects are left undefined."""
    values = np.empty((len(rows), 4), np.float64)
    for n in range(len(rows)):
        if by_image[images[n], 0] >= 0:
            values[n] = boxes[rows[n]]
    return values


@inlined
def limit_of(rank: int, max_detections: NDArray[np.int64]) -> int:
    """Return the index of the smallest limit that keeps the detection at `rank` of its image.

    Ranks start at 0. Returns M if no limit keeps it.
    """
    limit = 0
    while limit < len(max_detections) and rank >= max_detections[limit]:
        limit += 1
    return limit


@inlined
def ranges_of(area: float, range_limits: NDArray[np.float64]) -> int:
    """Return the bits of the area ranges that contain `area`, both ends included."""
    bits = 0
    for a in range(len(range_limits)):
        bits |= ((range_limits[a, 0] <= area) & (area <= range_limits[a, 1])) << a
    return bits


@inlined
def collect_candidates(
    box: NDArray[np.float64],
    area: float,
    first: int,
    last: int,
    ground_truth: GroundTruthColumns,
    rules: Rules,
    candidates: Candidates,
) -> int:
    """Fill `candidates` with the objects first..last − 1 that reach a threshold, best first.

    Returns:
        The number of candidates.
    """
    n_candidates = 0
    for g in range(first, last):
        common = intersection(box, ground_truth.boxes[g], rules.shrink)
        # The rule on crowds (pycocotools' `iscrowd`): a detection inside a crowd region overlaps it
        # completely, however large the region is. A union of 0 gives NaN, which reaches nothing.
        union = area + ground_truth.areas[g] - common
        overlap = common / (area if ground_truth.kinds[g] == REGION else union)
        if not overlap >= rules.thresholds[0]:
            continue
        bits = thresholds_reached(overlap, rules.thresholds, rules.strict)
        if bits == 0:
            continue
        # Insertion by falling overlap. Of equal overlaps, COCO takes the later object
        # (`if ious[dind,gind] < iou: continue`), the VOC devkit the earlier one (`if ov>ovmax`).
        slot = n_candidates
        while slot > 0 and (
            overlap >= candidates.overlaps[slot - 1]
            if rules.best_available
            else overlap > candidates.overlaps[slot - 1]
        ):
            candidates.objects[slot] = candidates.objects[slot - 1]
            candidates.bits[slot] = candidates.bits[slot - 1]
            candidates.overlaps[slot] = candidates.overlaps[slot - 1]
            slot -= 1
        candidates.objects[slot] = g
        candidates.bits[slot] = bits
        candidates.overlaps[slot] = overlap
        n_candidates += 1
    return n_candidates


@inlined
def thresholds_reached(overlap: float, thresholds: NDArray[np.float64], strict: bool) -> int:
    """Return the bits of the rising thresholds that `overlap` reaches, or exceeds if strict."""
    reached = 0
    for t in range(len(thresholds)):
        reached += overlap > thresholds[t] if strict else overlap >= thresholds[t]
    return (1 << reached) - 1


@inlined
def assign(
    n_candidates: int,
    candidates: Candidates,
    begin: int,
    ground_truth: GroundTruthColumns,
    taken: NDArray[np.int64],
    a: int,
    best_available: bool,
) -> tuple[int, int]:
    """Give a detection its objects in area range `a`, one per threshold, and mark them as taken.

    Args:
        n_candidates: the number of candidates, at least 1.
        candidates: the candidates, best first.
        begin: first object of the class.
        ground_truth: all objects.
        taken: (G, A) thresholds at which each object of the class already has its detection;
            updated.
        a: the area range.
        best_available: COCO's assignment; otherwise VOC's.

    Returns:
        Bits of the thresholds with a hit on a regular object, and of those with a hit on an ignored
        object. A threshold with neither is a false positive.
    """
    hit, ignored, n_regular = 0, 0, 0
    # VOC: only the best-overlapping object counts. If it is ignored (difficult), so is the
    # detection. If another detection has taken it, this one is a duplicate: a false positive.
    if not best_available:
        g = candidates.objects[0]
        if ground_truth.kinds[g] != REGULAR or not (ground_truth.in_range[g] >> a) & 1:
            return hit, candidates.bits[0]
        hit = candidates.bits[0] & ~taken[g - begin, a]
        taken[g - begin, a] |= hit
        return hit, ignored
    # COCO: regular objects come first, whatever the overlap of ignored ones. At each threshold the
    # detection takes the best-overlapping regular object that is still free.
    for c in range(n_candidates):
        g = candidates.objects[c]
        if ground_truth.kinds[g] == REGULAR and (ground_truth.in_range[g] >> a) & 1:
            new = candidates.bits[c] & ~hit & ~taken[g - begin, a]
            taken[g - begin, a] |= new
            hit |= new
            n_regular += 1
    if n_regular == n_candidates:
        return hit, ignored
    # COCO: where no regular object was free, an ignored one makes the detection ignored. A crowd
    # region absorbs any number of detections; other ignored objects and those outside the area
    # range absorb one detection each.
    for c in range(n_candidates):
        g = candidates.objects[c]
        if ground_truth.kinds[g] == REGION:
            ignored |= candidates.bits[c] & ~hit
        elif ground_truth.kinds[g] == IGNORED or not (ground_truth.in_range[g] >> a) & 1:
            new = candidates.bits[c] & ~hit & ~ignored & ~taken[g - begin, a]
            taken[g - begin, a] |= new
            ignored |= new
    return hit, ignored

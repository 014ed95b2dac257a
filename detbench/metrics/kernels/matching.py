"""Matching: which detections hit which ground truth, for all IoU thresholds and area ranges at once.

The rules are those of `COCOeval.evaluateImg` (pycocotools 2.0.11) and `VOCevaldet.m` (VOC devkit), chosen by
`Protocol.assignment`. All thresholds of a detection are bits of one integer: thresholds rise, so a pair with IoU above n of them
is a candidate in the lowest n bits, and "the best ground truth still free" is settled for all thresholds in one walk over the
few candidates of a detection.
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
    Rules,
    TruthColumns,
)
from detbench.metrics.kernels.compile import inlined, kernel
from detbench.metrics.kernels.order import descending
from detbench.metrics.kernels.overlap import intersection


class Candidates(NamedTuple):
    """The ground truths that one detection could match, best first; arrays as long as the class has ground truths."""

    truths: NDArray[np.int64]
    bits: NDArray[np.int64]
    """Thresholds reached."""
    overlaps: NDArray[np.float64]


@kernel
def match_class(
    k: int,
    detections: DetectionColumns,
    truth: TruthColumns,
    rules: Rules,
    by_image: NDArray[np.int32],
    hits: NDArray[Any],
    ignored: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Match the n detections of class k, best first.

    Args:
        k: the class.
        detections: all detections.
        truth: all ground truth.
        rules: the protocol.
        by_image: (images, 3) first ground truth, one past the last, detections seen: −1, 0, 0 on entry and on return.
        hits: out (A, n) thresholds with a hit on regular ground truth, in score order.
        ignored: out (A, n) thresholds with a hit on ignored ground truth.

    Returns:
        order: (n,) place of each detection among the rows of the class, by falling score.
        limits: (n,) index of the first of `rules.most` that leaves the detection in; M for none.
        in_range: (n,) bit a is set where the detection lies in area range a.
    """
    begin, end = truth.offsets[k], truth.offsets[k + 1]
    for g in range(begin, end):
        image = truth.images[g]
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
        place = order[n]
        image, area = images[place], areas[place]
        rank = by_image[image, 2]
        by_image[image, 2] = rank + 1
        limits[n] = limit_of(rank, rules.most)
        in_range[n] = ranges_of(area, rules.range_limits)
        if by_image[image, 0] < 0 or limits[n] == len(rules.most):
            continue
        found = find_candidates(
            boxes[place], area, by_image[image, 0], by_image[image, 1], truth, rules, candidates
        )
        if found == 0:
            continue
        for a in range(len(rules.range_limits)):
            hits[a, n], ignored[a, n] = assign(
                found, candidates, begin, truth, taken, a, rules.best_available
            )

    for g in range(begin, end):
        by_image[truth.images[g], 0] = -1
    for image in images:
        by_image[image, 2] = 0
    return order, limits, in_range


@kernel
def gather(column: NDArray[Any], rows: NDArray[np.int32]) -> NDArray[Any]:
    """Return `column[rows]`."""
    taken = np.empty(len(rows), column.dtype)
    for n in range(len(rows)):
        taken[n] = column[rows[n]]
    return taken


@kernel
def gather_boxes(
    boxes: NDArray[np.float64],
    rows: NDArray[np.int32],
    images: NDArray[np.int32],
    by_image: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Return `boxes[rows]`, leaving out (undefined) those on images without ground truth."""
    taken = np.empty((len(rows), 4), np.float64)
    for n in range(len(rows)):
        if by_image[images[n], 0] >= 0:
            taken[n] = boxes[rows[n]]
    return taken


@inlined
def limit_of(rank: int, most: NDArray[np.int64]) -> int:
    """Return the index of the first limit that leaves in the detection at `rank` (from 0) of its image; M for none."""
    limit = 0
    while limit < len(most) and rank >= most[limit]:
        limit += 1
    return limit


@inlined
def ranges_of(area: float, range_limits: NDArray[np.float64]) -> int:
    """Return the bits of the area ranges that hold `area`, both ends included."""
    bits = 0
    for a in range(len(range_limits)):
        bits |= ((range_limits[a, 0] <= area) & (area <= range_limits[a, 1])) << a
    return bits


@inlined
def find_candidates(
    box: NDArray[np.float64],
    area: float,
    first: int,
    last: int,
    truth: TruthColumns,
    rules: Rules,
    candidates: Candidates,
) -> int:
    """Fill `candidates` with the ground truths first..last − 1 that reach a threshold, best first; return how many.

    A union of 0 gives NaN, which reaches none. Of equal overlaps the later stands first in COCO's assignment, the earlier in VOC's.
    """
    found = 0
    for g in range(first, last):
        common = intersection(box, truth.boxes[g], rules.shrink)
        overlap = common / (area if truth.kinds[g] == REGION else area + truth.areas[g] - common)
        if not overlap >= rules.thresholds[0]:
            continue
        bits = thresholds_reached(overlap, rules.thresholds, rules.strict)
        if bits == 0:
            continue
        place = found
        while place > 0 and (
            overlap >= candidates.overlaps[place - 1]
            if rules.best_available
            else overlap > candidates.overlaps[place - 1]
        ):
            candidates.truths[place] = candidates.truths[place - 1]
            candidates.bits[place] = candidates.bits[place - 1]
            candidates.overlaps[place] = candidates.overlaps[place - 1]
            place -= 1
        candidates.truths[place], candidates.bits[place], candidates.overlaps[place] = (
            g,
            bits,
            overlap,
        )
        found += 1
    return found


@inlined
def thresholds_reached(overlap: float, thresholds: NDArray[np.float64], strict: bool) -> int:
    """Return the bits of the rising thresholds that `overlap` reaches (or, when strict, exceeds)."""
    reached = 0
    for t in range(len(thresholds)):
        reached += overlap > thresholds[t] if strict else overlap >= thresholds[t]
    return (1 << reached) - 1


@inlined
def assign(
    found: int,
    candidates: Candidates,
    begin: int,
    truth: TruthColumns,
    taken: NDArray[np.int64],
    a: int,
    best_available: bool,
) -> tuple[int, int]:
    """Give a detection its ground truths in area range `a`, one per threshold, and mark them as taken.

    Args:
        found: how many candidates there are.
        candidates: the candidates, best first.
        begin: first ground truth of the class.
        truth: all ground truth.
        taken: (G, A) thresholds at which each ground truth of the class has its detection in each area range; updated.
        a: the area range.
        best_available: COCO's assignment; else VOC's, where only the best candidate counts, taken or not.

    Returns:
        Bits of the thresholds with a hit on regular ground truth, and of those with a hit on ignored ground truth.
    """
    hit, ignored, regular = 0, 0, 0
    if not best_available:
        g = candidates.truths[0]
        if truth.kinds[g] != REGULAR or not (truth.in_range[g] >> a) & 1:
            return hit, candidates.bits[0]
        hit = candidates.bits[0] & ~taken[g - begin, a]
        taken[g - begin, a] |= hit
        return hit, ignored
    for c in range(found):
        g = candidates.truths[c]
        if truth.kinds[g] == REGULAR and (truth.in_range[g] >> a) & 1:
            got = candidates.bits[c] & ~hit & ~taken[g - begin, a]
            taken[g - begin, a] |= got
            hit |= got
            regular += 1
    if regular == found:
        return hit, ignored
    for c in range(found):
        g = candidates.truths[c]
        if truth.kinds[g] == REGION:
            ignored |= candidates.bits[c] & ~hit
        elif truth.kinds[g] == IGNORED or not (truth.in_range[g] >> a) & 1:
            got = candidates.bits[c] & ~hit & ~ignored & ~taken[g - begin, a]
            taken[g - begin, a] |= got
            ignored |= got
    return hit, ignored

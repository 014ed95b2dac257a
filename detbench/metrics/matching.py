"""Matching: which detections hit which ground truth, for all IoU thresholds and area ranges at once.

The rules are those of `COCOeval.evaluateImg` (pycocotools 2.0.11) and `VOCevaldet.m` (VOC devkit), chosen by
`Protocol.assignment`. All thresholds of a detection are bits of one integer: thresholds rise, so a pair with IoU above n of them
is a candidate in the lowest n bits, and "the best ground truth still free" is settled for all thresholds in one walk over the
few candidates of a detection.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from detbench.metrics.overlap import intersection

REGULAR, IGNORED, REGION = 0, 1, 2
"""Kinds of ground truth: to be found; neither reward nor punishment; a crowd region that absorbs any number of detections."""


@numba.njit(cache=True, nogil=True)
def thresholds_reached(overlap: float, thresholds: NDArray[np.float64], strict: bool) -> int:
    """Return the bits of the rising thresholds that `overlap` reaches (or, when strict, exceeds)."""
    reached = 0
    while reached < len(thresholds) and (overlap > thresholds[reached] if strict else overlap >= thresholds[reached]):
        reached += 1
    return (1 << reached) - 1


@numba.njit(cache=True, nogil=True)
def candidates_of(
    box: NDArray[np.float64],
    area: float,
    first: int,
    last: int,
    truth_boxes: NDArray[np.float64],
    truth_areas: NDArray[np.float64],
    truth_kinds: NDArray[np.uint8],
    thresholds: NDArray[np.float64],
    strict: bool,
    shrink: float,
    later_wins: bool,
    rows: NDArray[np.int64],
    bits: NDArray[np.int64],
    overlaps: NDArray[np.float64],
) -> int:
    """Fill `rows`, `bits`, `overlaps` with the ground truths first..last − 1 that reach a threshold, best first; return how many.

    Equal overlaps stand with the later ground truth first when `later_wins` (COCO), else with the earlier first (VOC).
    """
    found = 0
    for truth in range(first, last):
        common = intersection(box, truth_boxes[truth], shrink)
        if common <= 0.0:
            continue
        overlap = common / (area if truth_kinds[truth] == REGION else area + truth_areas[truth] - common)
        reached = thresholds_reached(overlap, thresholds, strict)
        if reached == 0:
            continue
        place = found
        while place > 0 and (overlap >= overlaps[place - 1] if later_wins else overlap > overlaps[place - 1]):
            rows[place], bits[place], overlaps[place] = rows[place - 1], bits[place - 1], overlaps[place - 1]
            place -= 1
        rows[place], bits[place], overlaps[place] = truth, reached, overlap
        found += 1
    return found


@numba.njit(cache=True, nogil=True)
def assign(
    found: int,
    rows: NDArray[np.int64],
    bits: NDArray[np.int64],
    truth_kinds: NDArray[np.uint8],
    truth_in_range: NDArray[np.uint8],
    taken: NDArray[np.int64],
    area_range: int,
    best_available: bool,
) -> tuple[int, int]:
    """Give a detection its ground truths in one area range, one per threshold, and mark them as taken.

    Args:
        found: how many candidates there are in `rows` and `bits`, best first.
        rows: ground truth of each candidate.
        bits: thresholds each candidate reaches.
        truth_kinds: REGULAR, IGNORED or REGION of each ground truth.
        truth_in_range: bit r is set where the ground truth lies in area range r; outside it is ignored there.
        taken: (ranges, truths) thresholds at which a ground truth has its detection; updated.
        area_range: the range.
        best_available: COCO's assignment; else VOC's, where only the best candidate counts, taken or not.

    Returns:
        Bits of the thresholds with a hit on regular ground truth, and of those with a hit on ignored ground truth.
    """
    hit, ignored = 0, 0
    if not best_available:
        if found == 0:
            return hit, ignored
        truth = rows[0]
        if truth_kinds[truth] != REGULAR or not (truth_in_range[truth] >> area_range) & 1:
            return hit, bits[0]
        hit = bits[0] & ~taken[area_range, truth]
        taken[area_range, truth] |= hit
        return hit, ignored
    for c in range(found):
        truth = rows[c]
        if truth_kinds[truth] == REGULAR and (truth_in_range[truth] >> area_range) & 1:
            got = bits[c] & ~hit & ~taken[area_range, truth]
            taken[area_range, truth] |= got
            hit |= got
    for c in range(found):
        truth = rows[c]
        if truth_kinds[truth] == REGION:
            ignored |= bits[c] & ~hit
        elif truth_kinds[truth] == IGNORED or not (truth_in_range[truth] >> area_range) & 1:
            got = bits[c] & ~hit & ~ignored & ~taken[area_range, truth]
            taken[area_range, truth] |= got
            ignored |= got
    return hit, ignored


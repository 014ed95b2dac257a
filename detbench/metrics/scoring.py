"""Scoring: one pass over the detections of a class, best first, that matches them and builds precision, recall and AP.

Accumulation follows `COCOeval.accumulate` (pycocotools 2.0.11) and the end of `VOCevaldet.m`, without their cumulative sums: between two
hits nothing but the number of false positives changes, so precision and recall are computed at hits only. With C counted detections
so far, precision at a hit is hits / (C + epsilon), the same floating-point operations as the references'.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from detbench.metrics.matching import REGULAR, assign, candidates_of
from detbench.metrics.order import descending


@numba.njit(cache=True, nogil=True)
def area_below(precision_at_hit: NDArray[np.float64], positives: int) -> float:
    """Return the area under the interpolated curve, as the VOC 2012 devkit's `VOCap`; overwrites precision (hits,) by its envelope."""
    for h in range(len(precision_at_hit) - 2, -1, -1):
        precision_at_hit[h] = max(precision_at_hit[h], precision_at_hit[h + 1])
    area = 0.0
    for h in range(len(precision_at_hit)):
        area += ((h + 1) / positives - h / positives) * precision_at_hit[h]
    return area


@numba.njit(cache=True, nogil=True)
def score_classes(
    first_class: int,
    last_class: int,
    detection_offsets: NDArray[np.int64],
    detection_rows: NDArray[np.int32],
    images_of_rows: NDArray[np.int32],
    scores: NDArray[np.float64],
    boxes: NDArray[np.float64],
    areas: NDArray[np.float64],
    truth_offsets: NDArray[np.int64],
    truth_images: NDArray[np.int32],
    truth_boxes: NDArray[np.float64],
    truth_areas: NDArray[np.float64],
    truth_kinds: NDArray[np.uint8],
    truth_in_range: NDArray[np.uint8],
    range_limits: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    most: NDArray[np.int64],
    recall_grid: NDArray[np.float64],
    epsilon: float,
    shrink: float,
    strict: bool,
    best_available: bool,
    under_curve: bool,
    images: int,
    hit_masks: NDArray[np.uint16],
    ignored_masks: NDArray[np.uint16],
    precision: NDArray[np.float64],
    score_at: NDArray[np.float64],
    recall: NDArray[np.float64],
    area_under_curve: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """Score the classes first_class..last_class − 1 into the output arrays.

    N detections, G ground truths, both sorted by class with offsets (K + 1,); images in their order, detections of one image and class
    in the order in which ties are broken.

    Args:
        first_class: first class to score.
        last_class: one past the last.
        detection_offsets: (K + 1,).
        detection_rows: (N,) row of each detection in the columns that follow; brought into score order inside each class.
        images_of_rows: (N,) image of each row.
        scores: (N,) of each row.
        boxes: (N, 4) xyxy of each row.
        areas: (N,) of each row.
        truth_offsets: (K + 1,).
        truth_images: (G,) rising inside a class.
        truth_boxes: (G, 4) xyxy.
        truth_areas: (G,) width · height.
        truth_kinds: (G,) REGULAR, IGNORED or REGION.
        truth_in_range: (G,) bit a is set where the ground truth lies in area range a.
        range_limits: (A, 2) lowest and highest area of each range.
        thresholds: (T,) rising.
        most: (M,) rising; detections per image and class.
        recall_grid: (R,) rising; empty with `under_curve`.
        epsilon: added below precision.
        shrink: pixels taken off widths and heights.
        strict: a match needs overlap > threshold.
        best_available: COCO's assignment, else VOC's.
        under_curve: fill `area_under_curve` (VOC 2012).
        images: number of images.
        hit_masks: out (A, N), in score order: thresholds with a hit on regular ground truth.
        ignored_masks: out (A, N): thresholds at which the detection does not count.
        precision: out (K, A, M, T, R), interpolated; −1 without positives.
        score_at: out (K, A, M, T, R), score at which a recall is reached, 0 where it is not; −1 without positives.
        recall: out (K, A, M, T), −1 without positives.
        area_under_curve: out (K, A, M, T), −1 without positives.
        counts: out (K, A, T, 4): hits, false positives and ignored detections at the largest of `most`, and positives. Ignored ones are
            counted in the masks, the others while accumulating, so that their sum proves that no detection was lost.
    """
    ranges, limits, levels, samples = len(range_limits), len(most), len(thresholds), len(recall_grid)
    every = (1 << levels) - 1
    first_truth = np.full(images, -1, np.int32)
    last_truth = np.empty(images, np.int32)
    seen = np.zeros(images, np.int32)

    for k in range(first_class, last_class):
        begin, end = detection_offsets[k], detection_offsets[k + 1]
        truth_begin, truth_end = truth_offsets[k], truth_offsets[k + 1]

        positives = np.zeros(ranges, np.int64)
        for truth in range(truth_begin, truth_end):
            image = truth_images[truth]
            if first_truth[image] < 0:
                first_truth[image] = truth
            last_truth[image] = truth + 1
            for a in range(ranges):
                positives[a] += truth_kinds[truth] == REGULAR and (truth_in_range[truth] >> a) & 1

        rows = detection_rows[begin:end]
        class_scores = np.empty(end - begin)
        for n in range(end - begin):
            class_scores[n] = scores[rows[n]]
        order = descending(class_scores)
        in_score_order = np.empty(end - begin, np.int32)
        for n in range(end - begin):
            in_score_order[n] = rows[order[n]]
        rows[:] = in_score_order

        taken = np.zeros((ranges, truth_end - truth_begin), np.int64)
        kinds = truth_kinds[truth_begin:truth_end]
        in_range = truth_in_range[truth_begin:truth_end]
        truth_box = truth_boxes[truth_begin:truth_end]
        truth_area = truth_areas[truth_begin:truth_end]
        candidate_rows = np.empty(truth_end - truth_begin, np.int64)
        candidate_bits = np.empty(truth_end - truth_begin, np.int64)
        candidate_overlaps = np.empty(truth_end - truth_begin)

        counted = np.zeros((ranges, limits), np.int64)
        correction = np.zeros((ranges, limits, levels), np.int64)
        hits = np.zeros((ranges, limits, levels), np.int64)
        reached = np.zeros((ranges, limits, levels), np.int64)
        longest = positives.max() if under_curve else 0
        precision_at_hit = np.empty((ranges, limits, levels, longest))

        for a in range(ranges):
            if positives[a] == 0:
                continue
            precision[k, a] = 0.0
            score_at[k, a] = 0.0
            recall[k, a] = 0.0
            area_under_curve[k, a] = 0.0
            if end > begin:
                for m in range(limits):
                    for t in range(levels):
                        while reached[a, m, t] < samples and recall_grid[reached[a, m, t]] <= 0.0:
                            score_at[k, a, m, t, reached[a, m, t]] = class_scores[order[0]]
                            reached[a, m, t] += 1

        for n in range(end - begin):
            row = rows[n]
            image = images_of_rows[row]
            rank = seen[image]
            seen[image] += 1
            limit = 0
            while limit < limits and rank >= most[limit]:
                limit += 1
            if limit == limits:
                for a in range(ranges):
                    ignored_masks[a, begin + n] = every
                continue
            area = areas[row]
            found = 0
            if first_truth[image] >= 0:
                found = candidates_of(
                    boxes[row], area, first_truth[image] - truth_begin, last_truth[image] - truth_begin, truth_box, truth_area, kinds,
                    thresholds, strict, shrink, best_available, candidate_rows, candidate_bits, candidate_overlaps,
                )  # fmt: skip
            for a in range(ranges):
                inside = range_limits[a, 0] <= area <= range_limits[a, 1]
                if inside:
                    counted[a, limit] += 1
                elif found == 0:
                    ignored_masks[a, begin + n] = every
                if found == 0:
                    continue
                hit, ignored = assign(found, candidate_rows, candidate_bits, kinds, in_range, taken, a, best_available)
                hit_masks[a, begin + n] = hit
                ignored_masks[a, begin + n] = ignored if inside else every & ~hit
                for m in range(limit, limits):
                    so_far = 0
                    for lower in range(m + 1):
                        so_far += counted[a, lower]
                    for t in range(levels):
                        bit = 1 << t
                        if hit & bit:
                            if not inside:
                                correction[a, m, t] += 1
                            hits[a, m, t] += 1
                            at_recall = hits[a, m, t] / positives[a]
                            at_precision = hits[a, m, t] / (so_far + correction[a, m, t] + epsilon)
                            while reached[a, m, t] < samples and recall_grid[reached[a, m, t]] <= at_recall:
                                score_at[k, a, m, t, reached[a, m, t]] = class_scores[order[n]]
                                reached[a, m, t] += 1
                            if reached[a, m, t] > 0:
                                sample = reached[a, m, t] - 1
                                precision[k, a, m, t, sample] = max(precision[k, a, m, t, sample], at_precision)
                            if under_curve:
                                precision_at_hit[a, m, t, hits[a, m, t] - 1] = at_precision
                        elif ignored & bit and inside:
                            correction[a, m, t] -= 1

        for a in range(ranges):
            for n in range(begin, end):
                if ignored_masks[a, n]:
                    for t in range(levels):
                        counts[k, a, t, 2] += (ignored_masks[a, n] >> t) & 1
            for t in range(levels):
                counts[k, a, t, 0] = hits[a, -1, t]
                counts[k, a, t, 1] = counted[a].sum() + correction[a, -1, t] - hits[a, -1, t]
                counts[k, a, t, 3] = positives[a]
            if positives[a] == 0:
                continue
            for m in range(limits):
                for t in range(levels):
                    recall[k, a, m, t] = hits[a, m, t] / positives[a]
                    for sample in range(samples - 2, -1, -1):
                        precision[k, a, m, t, sample] = max(precision[k, a, m, t, sample], precision[k, a, m, t, sample + 1])
                    if under_curve:
                        area_under_curve[k, a, m, t] = area_below(precision_at_hit[a, m, t, : hits[a, m, t]], positives[a])

        for truth in range(truth_begin, truth_end):
            first_truth[truth_images[truth]] = -1
        for n in range(end - begin):
            seen[images_of_rows[rows[n]]] = 0

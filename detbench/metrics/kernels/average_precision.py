"""Scoring: match the detections of a class and build its precision, recall and AP.

Accumulation follows `COCOeval.accumulate` (pycocotools 2.0.11) and the end of `VOCevaldet.m`, without their cumulative sums: between two
hits nothing but the number of false positives changes, so precision and recall are computed at hits only. With C counted detections
so far, precision at a hit is hits / (C + epsilon), the same floating-point operations as the references'.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.columns import (
    REGULAR,
    DetectionColumns,
    Rules,
    ScoreColumns,
    TruthColumns,
)
from detbench.metrics.kernels.compile import inlined, kernel
from detbench.metrics.kernels.matching import gather, match_class


@kernel
def score_classes(
    first: int,
    last: int,
    detections: DetectionColumns,
    truth: TruthColumns,
    rules: Rules,
    out: ScoreColumns,
) -> None:
    """Score the classes first..last − 1 into their parts of `out`, whose curves hold −1 on entry and whose masks and counts 0."""
    by_image = np.zeros((rules.images, 3), np.int32)
    by_image[:, 0] = -1
    for k in range(first, last):
        begin, end = detections.offsets[k], detections.offsets[k + 1]
        hits, ignored = out.hits[:, begin:end], out.ignored[:, begin:end]
        order, limits, in_range = match_class(k, detections, truth, rules, by_image, hits, ignored)
        rows = detections.rows[begin:end]
        out.rows[begin:end] = gather(rows, order)
        scores = gather(detections.scores, out.rows[begin:end])
        for a in range(len(rules.range_limits)):
            positives = count_positives(truth, truth.offsets[k], truth.offsets[k + 1], a)
            exclude(hits[a], ignored[a], limits, in_range, a, rules)
            accumulate(k, a, positives, hits[a], ignored[a], limits, scores, rules, out)
            count_ignored(ignored[a], out.counts[k, a])


@inlined
def count_positives(truth: TruthColumns, begin: int, end: int, a: int) -> int:
    """Return how many of the ground truths begin..end − 1 are to be found in area range `a`."""
    positives = 0
    for g in range(begin, end):
        positives += truth.kinds[g] == REGULAR and (truth.in_range[g] >> a) & 1
    return positives


@inlined
def exclude(
    hits: NDArray[Any],
    ignored: NDArray[Any],
    limits: NDArray[np.uint8],
    in_range: NDArray[np.uint8],
    a: int,
    rules: Rules,
) -> None:
    """Mark as ignored what lies outside area range `a` without a hit, and what is beyond the largest limit."""
    every = (1 << len(rules.thresholds)) - 1
    for n in range(len(hits)):
        if not (in_range[n] >> a) & 1 or limits[n] == len(rules.most):
            ignored[n] = every & ~hits[n]


@inlined
def count_ignored(ignored: NDArray[Any], counts: NDArray[np.int64]) -> None:
    """Add up the ignored detections at each threshold, from the masks: the independent side of the conservation law."""
    for t in range(len(counts)):
        total = 0
        for n in range(len(ignored)):
            total += (ignored[n] >> t) & 1
        counts[t, 2] = total


@kernel
def hits_needed(positives: int, recall_grid: NDArray[np.float64]) -> NDArray[Any]:
    """Return the fewest hits (R,) with hits / positives >= recall, compared in float64; more than `positives` where none suffice."""
    needed = np.empty(len(recall_grid), np.int64)
    hits = 0
    for r in range(len(recall_grid)):
        while hits <= positives and hits / positives < recall_grid[r]:
            hits += 1
        needed[r] = hits
    return needed


@inlined
def accumulate(
    k: int, a: int, positives: int, hits: NDArray[Any], ignored: NDArray[Any], limits: NDArray[np.uint8], scores: NDArray[np.float64],
    rules: Rules, out: ScoreColumns,
) -> None:  # fmt: skip
    """Turn the masks of one class in one area range into its curves and counts.

    Args:
        k: the class.
        a: the area range.
        positives: how many ground truths there are to find.
        hits: (n,) in score order.
        ignored: (n,)
        limits: (n,) index of the first of `rules.most` that leaves the detection in.
        scores: (n,) falling.
        rules: the protocol.
        out: receives the curves.
    """
    limit_count, levels, samples = len(rules.most), len(rules.thresholds), len(rules.recall_grid)
    every = (1 << levels) - 1
    counted = np.zeros(limit_count, np.int64)
    uncounted = np.zeros((limit_count, levels), np.int64)
    found = np.zeros((limit_count, levels), np.int64)
    reached = np.zeros((limit_count, levels), np.int64)
    at_hit = np.empty((limit_count, levels, positives if rules.by_area else 0), np.float64)
    precision, score_at = out.precision[k, a], out.score_at[k, a]
    needed = np.empty(0, np.int64)
    if positives:
        precision[:], score_at[:] = 0.0, 0.0
        needed = hits_needed(positives, rules.recall_grid)
        if len(scores):
            zero_hits = 0
            while zero_hits < samples and needed[zero_hits] == 0:
                score_at[:, :, zero_hits] = scores[0]
                zero_hits += 1
            reached[:] = zero_hits

    for n in range(len(hits)):
        if ignored[n] == every:
            continue
        for m in range(limits[n], limit_count):
            counted[m] += 1
        if not hits[n] and not ignored[n]:
            continue
        for m in range(limits[n], limit_count):
            for t in range(levels):
                if (hits[n] >> t) & 1:
                    found[m, t] += 1
                    hit = found[m, t]
                    value = hit / (counted[m] - uncounted[m, t] + rules.epsilon)
                    sample = reached[m, t]
                    while sample < samples and needed[sample] <= hit:
                        score_at[m, t, sample] = scores[n]
                        sample += 1
                    reached[m, t] = sample
                    if sample > 0:
                        precision[m, t, sample - 1] = max(precision[m, t, sample - 1], value)
                    if rules.by_area:
                        at_hit[m, t, hit - 1] = value
                elif (ignored[n] >> t) & 1:
                    uncounted[m, t] += 1

    for t in range(levels):
        out.counts[k, a, t, 0] = found[-1, t]
        out.counts[k, a, t, 1] = counted[-1] - uncounted[-1, t] - found[-1, t]
        out.counts[k, a, t, 3] = positives
    if positives:
        out.recall[k, a] = found / positives
        interpolate(precision)
        if rules.by_area:
            for m in range(limit_count):
                for t in range(levels):
                    out.area_under_curve[k, a, m, t] = area_below(
                        at_hit[m, t, : found[m, t]], positives
                    )


@inlined
def interpolate(precision: NDArray[np.float64]) -> None:
    """Raise each of the precisions (M, T, R) to the best at a higher recall."""
    for m in range(precision.shape[0]):
        for t in range(precision.shape[1]):
            for sample in range(precision.shape[2] - 2, -1, -1):
                precision[m, t, sample] = max(precision[m, t, sample], precision[m, t, sample + 1])


@kernel
def area_below(precision_at_hit: NDArray[np.float64], positives: int) -> float:
    """Return the area under the interpolated curve, as the VOC 2012 devkit's `VOCap`; overwrites precision (hits,) by its envelope."""
    for h in range(len(precision_at_hit) - 2, -1, -1):
        precision_at_hit[h] = max(precision_at_hit[h], precision_at_hit[h + 1])
    area = 0.0
    for h in range(len(precision_at_hit)):
        area += ((h + 1) / positives - h / positives) * precision_at_hit[h]
    return area

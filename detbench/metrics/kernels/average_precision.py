"""Average precision: the precision-recall curves and counts of every class, from its matches.

Accumulation follows `COCOeval.accumulate` (pycocotools 2.0.11) and the end of `VOCevaldet.m` (VOC
devkit), without their cumulative sums. Between two hits only the number of false positives changes,
so precision and recall are computed at hits only. With C detections counted so far, precision at a
hit is hits / (C + epsilon): the same floating-point operations as in the references.

Shapes: K classes, A area ranges, M limits of detections per image, T IoU thresholds, R recalls.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.columns import (
    REGULAR,
    DetectionColumns,
    GroundTruthColumns,
    Rules,
    ScoreColumns,
)
from detbench.metrics.kernels.compile import inlined, kernel
from detbench.metrics.kernels.matching import gather, match_class


@kernel
def score_classes(
    first: int,
    last: int,
    detections: DetectionColumns,
    ground_truth: GroundTruthColumns,
    rules: Rules,
    out: ScoreColumns,
) -> None:
    """Score the classes first..last − 1 into their parts of `out`.

    On entry, the curves of `out` hold −1, its masks and counts 0.
    """
    by_image = np.zeros((rules.images, 3), np.int32)
    by_image[:, 0] = -1
    for k in range(first, last):
        begin, end = detections.offsets[k], detections.offsets[k + 1]
        hits, ignored = out.hits[:, begin:end], out.ignored[:, begin:end]
        order, limits, in_range = match_class(
            k, detections, ground_truth, rules, by_image, hits, ignored
        )
        rows = detections.rows[begin:end]
        out.rows[begin:end] = gather(rows, order)
        scores = gather(detections.scores, out.rows[begin:end])
        for a in range(len(rules.range_limits)):
            positives = count_positives(
                ground_truth, ground_truth.offsets[k], ground_truth.offsets[k + 1], a
            )
            ignore_out_of_range(hits[a], ignored[a], limits, in_range, a, rules)
            accumulate(k, a, positives, hits[a], ignored[a], limits, scores, rules, out)
            count_ignored(ignored[a], out.counts[k, a])


@inlined
def count_positives(ground_truth: GroundTruthColumns, begin: int, end: int, a: int) -> int:
    """Return the number of regular objects among begin..end − 1 that lie in area range `a`."""
    positives = 0
    for g in range(begin, end):
        positives += ground_truth.kinds[g] == REGULAR and (ground_truth.in_range[g] >> a) & 1
    return positives


@inlined
def ignore_out_of_range(
    hits: NDArray[Any],
    ignored: NDArray[Any],
    limits: NDArray[np.uint8],
    in_range: NDArray[np.uint8],
    a: int,
    rules: Rules,
) -> None:
    """Mark detections as ignored at the thresholds at which they hit nothing, if they do not count.

    These are detections outside area range `a` (pycocotools' `dtIg`: unmatched and out of range is
    no false positive) and detections beyond the largest limit per image.
    """
    all_thresholds = (1 << len(rules.thresholds)) - 1
    for n in range(len(hits)):
        if not (in_range[n] >> a) & 1 or limits[n] == len(rules.max_detections):
            ignored[n] = all_thresholds & ~hits[n]


@inlined
def count_ignored(ignored: NDArray[Any], counts: NDArray[np.int64]) -> None:
    """Write the number of ignored detections at each threshold into `counts` (T, 4).

    The number is counted from the masks, independently of `accumulate`, so that `evaluate` can
    check that true positives, false positives and ignored detections add up to all detections.
    """
    for t in range(len(counts)):
        total = 0
        for n in range(len(ignored)):
            total += (ignored[n] >> t) & 1
        counts[t, 2] = total


@kernel
def hits_needed(positives: int, recall_grid: NDArray[np.float64]) -> NDArray[Any]:
    """Return (R,) the smallest number of hits with hits / positives >= recall, for each recall.

    The division is compared in float64, as the references compare it. The number is
    positives + 1 if no number of hits suffices.
    """
    needed = np.empty(len(recall_grid), np.int64)
    hits = 0
    for r in range(len(recall_grid)):
        while hits <= positives and hits / positives < recall_grid[r]:
            hits += 1
        needed[r] = hits
    return needed


@inlined
def accumulate(
    k: int,
    a: int,
    positives: int,
    hits: NDArray[Any],
    ignored: NDArray[Any],
    limits: NDArray[np.uint8],
    scores: NDArray[np.float64],
    rules: Rules,
    out: ScoreColumns,
) -> None:
    """Turn the masks of one class in one area range into its curves and counts.

    Args:
        k: the class.
        a: the area range.
        positives: number of objects to find.
        hits: (n,) masks in the order of falling scores.
        ignored: (n,) masks.
        limits: (n,) index of the smallest limit in `rules.max_detections` that keeps the detection.
        scores: (n,) falling.
        rules: the protocol.
        out: receives the curves.
    """
    n_limits, n_recalls = len(rules.max_detections), len(rules.recall_grid)
    n_thresholds = len(rules.thresholds)
    all_thresholds = (1 << n_thresholds) - 1
    # Running totals over detections in the order of falling scores.
    counted = np.zeros(n_limits, np.int64)
    uncounted = np.zeros((n_limits, n_thresholds), np.int64)
    true_positives = np.zeros((n_limits, n_thresholds), np.int64)
    reached = np.zeros((n_limits, n_thresholds), np.int64)  # recalls of the grid reached so far
    at_hit = np.empty((n_limits, n_thresholds, positives if rules.by_area else 0), np.float64)
    precision, score_at = out.precision[k, a], out.score_at[k, a]

    # A class without objects to find keeps −1 in its curves. Otherwise precision is 0 at every
    # recall that is never reached. Recall 0 is reached by the first detection.
    needed = np.empty(0, np.int64)
    if positives:
        precision[:], score_at[:] = 0.0, 0.0
        needed = hits_needed(positives, rules.recall_grid)
        if len(scores):
            reached_at_once = 0
            while reached_at_once < n_recalls and needed[reached_at_once] == 0:
                score_at[:, :, reached_at_once] = scores[0]
                reached_at_once += 1
            reached[:] = reached_at_once

    for n in range(len(hits)):
        if ignored[n] == all_thresholds:
            continue
        for m in range(limits[n], n_limits):
            counted[m] += 1
        if not hits[n] and not ignored[n]:
            continue  # a false positive at every threshold: no point of a curve
        for m in range(limits[n], n_limits):
            for t in range(n_thresholds):
                if (hits[n] >> t) & 1:
                    true_positives[m, t] += 1
                    hit = true_positives[m, t]
                    value = hit / (counted[m] - uncounted[m, t] + rules.epsilon)
                    # This hit reaches all recalls that need as many hits. Its precision is noted
                    # at the highest of them; `interpolate` carries it to the lower ones.
                    sample = reached[m, t]
                    while sample < n_recalls and needed[sample] <= hit:
                        score_at[m, t, sample] = scores[n]
                        sample += 1
                    reached[m, t] = sample
                    if sample > 0:
                        precision[m, t, sample - 1] = max(precision[m, t, sample - 1], value)
                    if rules.by_area:
                        at_hit[m, t, hit - 1] = value
                elif (ignored[n] >> t) & 1:
                    uncounted[m, t] += 1

    # Counts are those of the largest limit.
    for t in range(n_thresholds):
        out.counts[k, a, t, 0] = true_positives[-1, t]
        out.counts[k, a, t, 1] = counted[-1] - uncounted[-1, t] - true_positives[-1, t]
        out.counts[k, a, t, 3] = positives
    if positives:
        out.recall[k, a] = true_positives / positives
        interpolate(precision)
        if rules.by_area:
            for m in range(n_limits):
                for t in range(n_thresholds):
                    out.area_under_curve[k, a, m, t] = area_below(
                        at_hit[m, t, : true_positives[m, t]], positives
                    )


@inlined
def interpolate(precision: NDArray[np.float64]) -> None:
    """Raise each of the precisions (M, T, R) to the best one at the same or a higher recall."""
    for m in range(precision.shape[0]):
        for t in range(precision.shape[1]):
            for r in range(precision.shape[2] - 2, -1, -1):
                precision[m, t, r] = max(precision[m, t, r], precision[m, t, r + 1])


@kernel
def area_below(precision_at_hit: NDArray[np.float64], positives: int) -> float:
    """Return the area under the interpolated curve, as `VOCap` of the VOC 2012 devkit does.

    `precision_at_hit` (hits,) is overwritten by its envelope.
    """
    for h in range(len(precision_at_hit) - 2, -1, -1):
        precision_at_hit[h] = max(precision_at_hit[h], precision_at_hit[h + 1])
    area = 0.0
    for h in range(len(precision_at_hit)):
        area += ((h + 1) / positives - h / positives) * precision_at_hit[h]
    return area

"""Weighted scores: AP, recall and curves if each image counts a whole number of times.

The matches of an evaluation are made once; every bootstrap resample only changes how often each
image counts. An image that counts twice stands for two equal images next to each other where scores
tie: each of its detections and objects counts twice. With all weights 1 the results are those of
the evaluation itself.

Between two hits only the number of counted detections changes. One running sum over detections
therefore serves all thresholds, and each threshold costs one step per hit.

Shapes: K classes, T IoU thresholds, R recalls, B sets of weights, U weights in a set.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.metrics.kernels.compile import inlined, kernel


class WeightedDetections(NamedTuple):
    """Detections that count at some threshold, by class and falling score, and which of them hit.

    "Positions" are positions among the detections of one class, from 0.
    """

    offsets: NDArray[np.int64]
    """(K + 1,) first detection of each class."""
    weight_index: NDArray[np.int32]
    """(N,) which weight of a set is that of the detection; mostly the index of its image."""
    hit_offsets: NDArray[np.int64]
    """(K · T + 1,) first entry in `hits` for each class and threshold."""
    hits: NDArray[np.int32]
    """Positions of hits, rising for each class and threshold."""
    ignored_offsets: NDArray[np.int64]
    """(K · T + 1,) first entry in `ignored` for each class and threshold."""
    ignored: NDArray[np.int32]
    """Positions of detections that do not count at this threshold but do at another; rising."""


class Averaging(NamedTuple):
    """How a protocol turns a precision-recall curve into one number."""

    recall_grid: NDArray[np.float64]
    """(R,) rising; empty for the area under the curve."""
    epsilon: float
    """Added to the denominator of precision."""


@kernel
def fill_ap_and_recall(
    detections: WeightedDetections,
    averaging: Averaging,
    weights: NDArray[Any],
    positives: NDArray[np.int64],
    ap: Floats,
    recall: Floats,
) -> None:
    """Compute AP and recall for B sets of weights.

    Args:
        detections: the detections.
        averaging: how AP is computed.
        weights: (B, U) whole numbers, how often each image counts.
        positives: (B, K) objects to find under these weights.
        ap: output (B, K, T), NaN without positives.
        recall: output (B, K, T), the recall of all detections; NaN without positives.
    """
    n_classes, n_thresholds = ap.shape[1], ap.shape[2]
    # Work space that is large enough for every class and threshold.
    max_detections, max_hits = 0, 0
    for k in range(n_classes):
        max_detections = max(max_detections, detections.offsets[k + 1] - detections.offsets[k])
    for list_index in range(n_classes * n_thresholds):
        n_hits = detections.hit_offsets[list_index + 1] - detections.hit_offsets[list_index]
        max_hits = max(max_hits, n_hits)
    max_positives = 0
    for b in range(len(positives)):
        for k in range(n_classes):
            max_positives = max(max_positives, positives[b, k])
    counted_so_far = np.empty(max_detections, np.int64)
    recalls_reached = np.empty(max_positives + 1, np.int64)
    hits_so_far, precision = np.empty(max_hits, np.int64), np.empty(max_hits, np.float64)
    n_recalls = len(averaging.recall_grid)
    for b in range(len(weights)):
        weight = weights[b]
        for k in range(n_classes):
            n_positives = positives[b, k]
            if n_positives == 0:
                ap[b, k], recall[b, k] = np.nan, np.nan
                continue  # left out of the mean over classes, as a class without ground truth
            # What all thresholds share: detections so far, and the recalls that hits reach.
            _count_so_far(detections, k, weight, counted_so_far)
            if n_recalls:
                _count_recalls_reached(averaging.recall_grid, n_positives, recalls_reached)
            for t in range(n_thresholds):
                n_points = _curve_points(
                    detections,
                    k,
                    k * n_thresholds + t,
                    averaging.epsilon,
                    weight,
                    counted_so_far,
                    hits_so_far,
                    precision,
                )
                recall[b, k, t] = hits_so_far[n_points - 1] / n_positives if n_points else 0.0
                # COCO and VOC 2007 sample the curve at given recalls, VOC 2012 takes its area.
                if n_recalls:
                    ap[b, k, t] = (
                        _sum_of_samples(recalls_reached, hits_so_far, precision, n_points)
                        / n_recalls
                    )
                else:
                    ap[b, k, t] = _area_below(hits_so_far, precision, n_points, n_positives)


@kernel
def fill_recall(
    detections: WeightedDetections,
    weights: NDArray[Any],
    positives: NDArray[np.int64],
    recall: Floats,
) -> None:
    """Compute the recall (B, K, T) alone, as `fill_ap_and_recall` does."""
    n_classes, n_thresholds = recall.shape[1], recall.shape[2]
    for b in range(len(weights)):
        weight = weights[b]
        for k in range(n_classes):
            n_positives, first = positives[b, k], detections.offsets[k]
            for t in range(n_thresholds):
                list_index, n_hits = k * n_thresholds + t, 0
                begin = detections.hit_offsets[list_index]
                end = detections.hit_offsets[list_index + 1]
                for h in range(begin, end):
                    n_hits += weight[detections.weight_index[first + detections.hits[h]]]
                recall[b, k, t] = n_hits / n_positives if n_positives else np.nan


@kernel
def fill_positives(
    images: NDArray[np.int32],
    classes: NDArray[np.int32],
    weights: NDArray[Any],
    positives: NDArray[np.int64],
) -> None:
    """Compute the objects to find (B, K), given image and class (G,) of each object."""
    positives[:] = 0
    for b in range(len(weights)):
        weight = weights[b]
        for g in range(len(images)):
            positives[b, classes[g]] += weight[images[g]]


@kernel
def fill_interpolated_precision(
    detections: WeightedDetections,
    k: int,
    recall_grid: Floats,
    epsilon: float,
    weights: NDArray[Any],
    positives: NDArray[np.int64],
    precision_at: Floats,
) -> None:
    """Compute the interpolated precision of class k at each recall, for B sets of weights.

    That is the best precision at this or a higher recall, 0 if the recall is never reached.

    Args:
        detections: the detections, at one IoU threshold.
        k: the class.
        recall_grid: (R,) rising.
        epsilon: added to the denominator of precision.
        weights: (B, U) whole numbers, how often each image counts.
        positives: (B, K) objects to find under these weights.
        precision_at: output (B, R), NaN without positives.
    """
    max_detections = detections.offsets[k + 1] - detections.offsets[k]
    max_hits = detections.hit_offsets[k + 1] - detections.hit_offsets[k]
    counted_so_far = np.empty(max_detections, np.int64)
    hits_so_far, precision = np.empty(max_hits, np.int64), np.empty(max_hits, np.float64)
    for b in range(len(weights)):
        weight, n_positives = weights[b], positives[b, k]
        if n_positives == 0:
            precision_at[b] = np.nan
            continue
        _count_so_far(detections, k, weight, counted_so_far)
        n_points = _curve_points(
            detections, k, k, epsilon, weight, counted_so_far, hits_so_far, precision
        )
        # From the highest recall down, with the best precision of the points passed so far.
        point, best = n_points - 1, 0.0
        for r in range(len(recall_grid) - 1, -1, -1):
            needed = _min_hits(recall_grid[r], n_positives)
            while point >= 0 and hits_so_far[point] >= needed:
                best = max(best, precision[point])
                point -= 1
            precision_at[b, r] = best


@inlined
def _count_so_far(
    detections: WeightedDetections,
    k: int,
    weight: NDArray[Any],
    counted_so_far: NDArray[np.int64],
) -> None:
    """Fill the weighted number of detections of class k up to each position."""
    first, counted = detections.offsets[k], 0
    for n in range(detections.offsets[k + 1] - first):
        counted += weight[detections.weight_index[first + n]]
        counted_so_far[n] = counted


@inlined
def _min_hits(recall: float, positives: int) -> int:
    """Return the smallest number of hits with hits / positives >= recall in float64.

    It is positives + 1 if no number of hits suffices.
    """
    hits = int(recall * positives)
    while hits > 0 and (hits - 1) / positives >= recall:
        hits -= 1
    while hits <= positives and hits / positives < recall:
        hits += 1
    return hits


@inlined
def _curve_points(
    detections: WeightedDetections,
    k: int,
    list_index: int,
    epsilon: float,
    weight: NDArray[Any],
    counted_so_far: NDArray[np.int64],
    hits_so_far: NDArray[np.int64],
    precision: NDArray[np.float64],
) -> int:
    """Fill weighted hits and precision at each hit of class k that has a weight.

    `list_index` is the number of the class and threshold in `hit_offsets` and `ignored_offsets`.

    Returns:
        The number of points.
    """
    n_points, hits, uncounted = 0, 0, 0
    first = detections.offsets[k]
    i, last_ignored = (
        detections.ignored_offsets[list_index],
        detections.ignored_offsets[list_index + 1],
    )
    for h in range(detections.hit_offsets[list_index], detections.hit_offsets[list_index + 1]):
        n = detections.hits[h]
        # Detections before this hit that do not count at this threshold.
        while i < last_ignored and detections.ignored[i] < n:
            uncounted += weight[detections.weight_index[first + detections.ignored[i]]]
            i += 1
        times = weight[detections.weight_index[first + n]]
        # A hit without weight is no point, and the next one replaces it. A branch would cost more,
        # because no processor can predict which hits have a weight.
        hits += times
        hits_so_far[n_points] = hits
        precision[n_points] = hits / (counted_so_far[n] - uncounted + epsilon)
        n_points += 1 if times else 0
    return n_points


@inlined
def _count_recalls_reached(
    recall_grid: NDArray[np.float64], positives: int, recalls_reached: NDArray[np.int64]
) -> None:
    """Fill how many recalls of the grid each number of hits reaches, from 0 to `positives`."""
    r = 0
    for hits in range(positives + 1):
        while r < len(recall_grid) and recall_grid[r] <= hits / positives:
            r += 1
        recalls_reached[hits] = r


@inlined
def _sum_of_samples(
    recalls_reached: NDArray[np.int64],
    hits_so_far: NDArray[np.int64],
    precision: NDArray[np.float64],
    n_points: int,
) -> float:
    """Return the sum of the interpolated precision over the recalls of the grid."""
    # From the last point to the first, `best` is the interpolated precision. Each recall takes the
    # best precision of the points that reach it; recalls that no point reaches add 0.
    best, total = 0.0, 0.0
    for point in range(n_points - 1, -1, -1):
        best = max(best, precision[point])
        reached_before = recalls_reached[hits_so_far[point - 1]] if point else 0
        total += (recalls_reached[hits_so_far[point]] - reached_before) * best
    return total


@inlined
def _area_below(
    hits_so_far: NDArray[np.int64],
    precision: NDArray[np.float64],
    n_points: int,
    positives: int,
) -> float:
    """Return the area under the interpolated curve."""
    area, best = 0.0, 0.0
    for point in range(n_points - 1, -1, -1):
        best = max(best, precision[point])
        before = hits_so_far[point - 1] if point else 0
        area += (hits_so_far[point] / positives - before / positives) * best
    return area


@kernel
def ranks_in_images(
    offsets: NDArray[np.int64], images: NDArray[np.int32], n_images: int
) -> NDArray[np.int32]:
    """Return (N,) how many better detections of its class each detection has in its image.

    Args:
        offsets: (K + 1,) first detection of each class; by falling score inside a class.
        images: (N,) index of the image of each detection.
        n_images: I.
    """
    ranks = np.empty(len(images), np.int32)
    seen = np.zeros(n_images, np.int32)
    for k in range(len(offsets) - 1):
        for n in range(offsets[k], offsets[k + 1]):
            ranks[n] = seen[images[n]]
            seen[images[n]] += 1
        for n in range(offsets[k], offsets[k + 1]):
            seen[images[n]] = 0
    return ranks

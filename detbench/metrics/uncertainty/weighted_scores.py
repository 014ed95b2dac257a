"""Weighted scores: AP and recall when each image counts a whole number of times, from matches made once.

An image that counts twice stands for two equal images, side by side where scores tie: every detection and every object of it counts
twice. With weights of 1 the results are those of the evaluation itself. Between two hits only the number of counted detections changes, so
that a running sum over detections serves all thresholds, and each threshold costs a step per hit only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Ints, groups_from_offsets
from detbench.metrics.kernels.compile import inlined, kernel
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import to_be_found, truth_columns
from detbench.metrics.scoring.evaluation import Evaluation

_UNLIMITED = np.iinfo(np.int64).max


class Occurrences(NamedTuple):
    """Detections of K classes that count at some of T thresholds, by class and falling score, and where they hit: what is weighed."""

    offsets: NDArray[np.int64]
    """(K + 1,) first detection of each class."""
    units: NDArray[np.int32]
    """(N,) index of each detection's weight."""
    hit_offsets: NDArray[np.int64]
    """(K · T + 1,) first hit of each class and threshold."""
    hits: NDArray[np.int32]
    """Places of hits among the detections of their class, rising."""
    ignored_offsets: NDArray[np.int64]
    """(K · T + 1,) first ignored detection of each class and threshold."""
    ignored: NDArray[np.int32]
    """Places of detections that do not count at one threshold but do at another, rising."""


class Averaging(NamedTuple):
    """How a protocol turns a curve into one number."""

    recall_grid: NDArray[np.float64]
    """(R,) rising; empty for the area under the curve."""
    epsilon: float
    """Added below precision."""


def occurrences(
    evaluation: Evaluation, measure: Measure, units: NDArray[Any] | None = None
) -> Occurrences:
    """Return what counts for a measure's area range, limit of detections and thresholds.

    `units` (N,) gives the index of each detection's weight, by row of the evaluation's `Detections`; None: that of its image.
    """
    area, limit, thresholds = evaluation.place(measure)
    levels = range(len(evaluation.protocol.iou_thresholds))[thresholds]
    matches = evaluation.matches
    images = groups_from_offsets(evaluation.detections.offsets)[matches.rows]
    ignored, hits = matches.ignored[area], matches.hits[area]
    counts = np.zeros(len(hits), np.bool_)
    for level in levels:
        counts |= (ignored >> level) & 1 == 0
    most = (*evaluation.protocol.max_detections, _UNLIMITED)[limit]
    if most < _UNLIMITED:
        counts &= _ranks(matches.offsets, images, len(evaluation.ground_truth.image_ids)) < most
    rows = np.flatnonzero(counts)
    offsets = np.searchsorted(rows, matches.offsets)
    places = (np.arange(len(rows)) - np.repeat(offsets[:-1], np.diff(offsets))).astype(np.int32)
    own = images if units is None else units[matches.rows]
    return Occurrences(
        offsets.astype(np.int64),
        own[rows].astype(np.int32),
        *_places_by_level(hits[rows], levels, places, offsets),
        *_places_by_level(ignored[rows], levels, places, offsets),
    )


def averaging(evaluation: Evaluation) -> Averaging:
    """Return how the evaluation's protocol averages."""
    protocol = evaluation.protocol
    grid = () if protocol.interpolation == "area" else protocol.recall_grid
    return Averaging(np.array(grid, np.float64), float(protocol.precision_epsilon))


def positives_by_image(evaluation: Evaluation, measure: Measure) -> Ints:
    """Return (I, K): how many objects of each class there are to find in each image, in the measure's area range."""
    area, _, _ = evaluation.place(measure)
    truth = truth_columns(evaluation.ground_truth, evaluation.protocol)
    counted = to_be_found(truth, area)
    table = np.zeros(
        (len(evaluation.ground_truth.image_ids), len(evaluation.ground_truth.class_names)), np.int64
    )
    np.add.at(table, (truth.images[counted], groups_from_offsets(truth.offsets)[counted]), 1)
    return table


@kernel
def weigh(
    found: Occurrences,
    rule: Averaging,
    weights: NDArray[Any],
    positives: NDArray[np.int64],
    ap: Floats,
    recall: Floats,
) -> None:
    """Score B sets of weights.

    Args:
        found: the detections.
        rule: how AP is averaged.
        weights: (B, U) whole numbers, how often each unit counts.
        positives: (B, K) objects to find under these weights.
        ap: (B, K, T) receives AP, NaN without positives.
        recall: (B, K, T) receives the recall of all detections, NaN without positives.
    """
    classes, levels = ap.shape[1], ap.shape[2]
    longest, most_hits = 0, 0
    for k in range(classes):
        longest = max(longest, found.offsets[k + 1] - found.offsets[k])
    for place in range(classes * levels):
        most_hits = max(most_hits, found.hit_offsets[place + 1] - found.hit_offsets[place])
    running = np.empty(longest, np.int64)
    needed = np.empty(len(rule.recall_grid), np.int64)
    reached, value = np.empty(most_hits, np.int64), np.empty(most_hits, np.float64)
    for b in range(len(weights)):
        weight = weights[b]
        for k in range(classes):
            total = positives[b, k]
            if total == 0:
                ap[b, k], recall[b, k] = np.nan, np.nan
                continue
            first = found.offsets[k]
            counted = 0
            for n in range(found.offsets[k + 1] - first):
                counted += weight[found.units[first + n]]
                running[n] = counted
            for r in range(len(needed)):
                needed[r] = _fewest_hits(rule.recall_grid[r], total)
            for t in range(levels):
                events = _values_at_hits(
                    found, k, k * levels + t, rule.epsilon, weight, running, reached, value
                )
                recall[b, k, t] = reached[events - 1] / total if events else 0.0
                if len(needed):
                    ap[b, k, t] = _mean_of_samples(needed, reached, value, events)
                else:
                    ap[b, k, t] = _area_below(reached, value, events, total)


@kernel
def weigh_curve(
    found: Occurrences,
    k: int,
    grid: Floats,
    epsilon: float,
    weights: NDArray[Any],
    positives: NDArray[np.int64],
    out: Floats,
) -> None:
    """Fill the interpolated precision of class k at each recall: the best at this recall or a higher one, 0 where none is reached.

    Args:
        found: the detections, at one threshold.
        k: the class.
        grid: (R,) recalls, rising.
        epsilon: added below precision.
        weights: (B, U) whole numbers, how often each unit counts.
        positives: (B, K) objects to find under these weights.
        out: (B, R) receives precision, NaN without positives.
    """
    first, last = found.offsets[k], found.offsets[k + 1]
    most_hits = found.hit_offsets[k + 1] - found.hit_offsets[k]
    running = np.empty(last - first, np.int64)
    reached, value = np.empty(most_hits, np.int64), np.empty(most_hits, np.float64)
    for b in range(len(weights)):
        weight, total = weights[b], positives[b, k]
        if total == 0:
            out[b] = np.nan
            continue
        counted = 0
        for n in range(last - first):
            counted += weight[found.units[first + n]]
            running[n] = counted
        event = _values_at_hits(found, k, k, epsilon, weight, running, reached, value) - 1
        best = 0.0
        for r in range(len(grid) - 1, -1, -1):
            needed = _fewest_hits(grid[r], total)
            while event >= 0 and reached[event] >= needed:
                best = max(best, value[event])
                event -= 1
            out[b, r] = best


@kernel
def weigh_recall(
    found: Occurrences, weights: NDArray[Any], positives: NDArray[np.int64], recall: Floats
) -> None:
    """Fill the recall (B, K, T) alone, as `weigh` does."""
    classes, levels = recall.shape[1], recall.shape[2]
    for b in range(len(weights)):
        weight = weights[b]
        for k in range(classes):
            total = positives[b, k]
            for t in range(levels):
                place, hits = k * levels + t, 0
                for h in range(found.hit_offsets[place], found.hit_offsets[place + 1]):
                    hits += weight[found.units[found.offsets[k] + found.hits[h]]]
                recall[b, k, t] = hits / total if total else np.nan


@inlined
def _fewest_hits(recall: float, positives: int) -> int:
    """Return the fewest hits with hits / positives >= recall in float64; more than `positives` where none suffice."""
    hits = int(recall * positives)
    while hits > 0 and (hits - 1) / positives >= recall:
        hits -= 1
    while hits <= positives and hits / positives < recall:
        hits += 1
    return hits


@inlined
def _values_at_hits(
    found: Occurrences, k: int, place: int, epsilon: float, weight: NDArray[Any], running: NDArray[np.int64],
    reached: NDArray[np.int64], value: NDArray[np.float64],
) -> int:  # fmt: skip
    """Fill hits so far and precision at each hit that counts; return how many there are."""
    events, hits, uncounted = 0, 0, 0
    i, last_ignored = found.ignored_offsets[place], found.ignored_offsets[place + 1]
    first = found.offsets[k]
    for h in range(found.hit_offsets[place], found.hit_offsets[place + 1]):
        n = found.hits[h]
        while i < last_ignored and found.ignored[i] < n:
            uncounted += weight[found.units[first + found.ignored[i]]]
            i += 1
        times = weight[found.units[first + n]]
        if times:
            hits += times
            reached[events] = hits
            value[events] = hits / (running[n] - uncounted + epsilon)
            events += 1
    return events


@inlined
def _mean_of_samples(
    needed: NDArray[np.int64], reached: NDArray[np.int64], value: NDArray[np.float64], events: int
) -> float:
    """Return the mean over the recall samples of the best precision at their recall or a higher one."""
    r, best, total = len(needed) - 1, 0.0, 0.0
    for event in range(events - 1, -1, -1):
        while r >= 0 and needed[r] > reached[event]:
            total += best
            r -= 1
        best = max(best, value[event])
    return (total + (r + 1) * best) / len(needed)


@inlined
def _area_below(
    reached: NDArray[np.int64], value: NDArray[np.float64], events: int, positives: int
) -> float:
    """Return the area under the interpolated curve."""
    area, best = 0.0, 0.0
    for event in range(events - 1, -1, -1):
        best = max(best, value[event])
        before = reached[event - 1] if event else 0
        area += (reached[event] / positives - before / positives) * best
    return area


@kernel
def _ranks(
    offsets: NDArray[np.int64], images: NDArray[np.int32], image_count: int
) -> NDArray[np.int32]:
    """Return (N,) how many better detections of the same class each detection has in its image."""
    ranks = np.empty(len(images), np.int32)
    seen = np.zeros(image_count, np.int32)
    for k in range(len(offsets) - 1):
        for n in range(offsets[k], offsets[k + 1]):
            ranks[n] = seen[images[n]]
            seen[images[n]] += 1
        for n in range(offsets[k], offsets[k + 1]):
            seen[images[n]] = 0
    return ranks


def _places_by_level(
    masks: NDArray[Any], levels: range, places: NDArray[np.int32], offsets: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return offsets (K · T + 1,) and places of the detections whose mask has the bit of a level, by class and level."""
    lists = [[] for _ in range(len(offsets) - 1)]  # type: list[list[NDArray[np.int32]]]
    for level in levels:
        rows = np.flatnonzero((masks >> level) & 1)
        cuts = np.searchsorted(rows, offsets)
        for k, parts in enumerate(lists):
            parts.append(places[rows[cuts[k] : cuts[k + 1]]])
    flat = [part for parts in lists for part in parts]
    sizes = np.array([len(part) for part in flat], np.int64)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), np.concatenate(
        flat or [np.zeros(0, np.int32)]
    )

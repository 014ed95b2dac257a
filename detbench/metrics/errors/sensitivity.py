"""Sensitivity of AP to ties, limits and thresholds: how much choices nobody made on purpose matter.

Each range holds the headline measure under one such choice: the order of equal scores, a limit of
detections, a score threshold below which nothing was written. It states its rule. Matching is not
repeated for ties and thresholds: detections of lower scores do not change what others hit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from detbench.data.columns import (
    Flags,
    Floats,
    Indices,
    Ints,
    groups_from_offsets,
    offsets_from_groups,
)
from detbench.data.detections import Detections
from detbench.metrics.errors.counted_detections import weighted_at_one_iou
from detbench.metrics.errors.headline import headline_measure, headline_protocol
from detbench.metrics.kernels.weighted import fill_ap_and_recall
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.weighted_detections import averaging

DETECTION_LIMIT = 100
"""Detections per image that many exporters and evaluators keep."""
SCORE_CUTOFFS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5)
"""Usual score thresholds below which detections are not written."""


@dataclass(frozen=True)
class SensitivityRange:
    """The lowest and highest headline measure under a choice; None if there is nothing to score."""

    choice: str
    low: float | None
    high: float | None
    evidence: str
    """How much of the input the choice affects."""
    rule: str
    """What the lowest and the highest value assume."""


class _Counted(NamedTuple):
    """N detections that count at one IoU threshold, by class and falling score, and the objects."""

    scores: Floats
    """(N,)"""
    hits: Flags
    """(N,)"""
    classes: Indices
    """(N,)"""
    positives: Ints
    """(K,) objects to find."""


_Change = Callable[[_Counted], tuple[Flags, Indices]]
"""Returns other hits and classes, again by class."""


def sensitivity(evaluation: Evaluation) -> list[SensitivityRange]:
    """Return the range of the headline measure under each choice."""
    return [
        _score_ties(evaluation),
        _limit_per_class(evaluation),
        _limit_per_image(evaluation),
        _score_threshold(evaluation),
    ]


def score_cutoffs(
    evaluation: Evaluation, cutoffs: Sequence[float] = SCORE_CUTOFFS
) -> dict[float, float | None]:
    """Return the headline measure without the detections below each of some scores."""
    return {
        cutoff: _changed_value(evaluation, partial(_without_low_scores, cutoff))
        for cutoff in cutoffs
    }


def _score_ties(evaluation: Evaluation) -> SensitivityRange:
    matches = evaluation.matches
    scores = evaluation.detections.scores[matches.rows]
    classes = groups_from_offsets(matches.offsets)
    same_score = np.diff(scores) == 0
    same_class = np.diff(classes) == 0
    is_tied = np.zeros(len(scores), np.bool_)
    is_tied[1:] |= same_score & same_class
    is_tied[:-1] |= same_score & same_class
    n_tied = int(is_tied.sum())
    return SensitivityRange(
        "score ties",
        low=_changed_value(evaluation, _false_positives_first),
        high=_changed_value(evaluation, _hits_first),
        evidence=f"{n_tied:,} of {len(scores):,} detections share their score with another "
        "of their class",
        rule="among equal scores of a class, false positives first (low) or hits first (high); "
        "matches unchanged",
    )


def _limit_per_class(evaluation: Evaluation) -> SensitivityRange:
    detections = evaluation.detections
    images = groups_from_offsets(detections.offsets).astype(np.int64)
    n_classes = max(len(detections.class_names), 1)
    cell = images * n_classes + detections.class_index
    n_beyond = int((_ranks(detections.scores, cell) >= DETECTION_LIMIT).sum())
    values = [evaluation.average_precision]
    if n_beyond:
        for limits in ((), (DETECTION_LIMIT,)):
            protocol = headline_protocol(evaluation, limits)
            limited = evaluate(evaluation.ground_truth, detections, protocol)
            values.append(limited.average_precision)
    return _range_of(
        "detections per image and class",
        values,
        f"{n_beyond:,} of {len(detections):,} are beyond {DETECTION_LIMIT}",
        f"the best {DETECTION_LIMIT} of each image and class, or all",
    )


def _limit_per_image(evaluation: Evaluation) -> SensitivityRange:
    detections = evaluation.detections
    images = groups_from_offsets(detections.offsets).astype(np.int64)
    kept = _ranks(detections.scores, images) < DETECTION_LIMIT
    values = [evaluation.average_precision]
    n_beyond = int((~kept).sum())
    if n_beyond:
        largest_limit = evaluation.protocol.max_detections[-1:]
        protocol = headline_protocol(evaluation, largest_limit)
        fewer = _subset(detections, kept)
        limited = evaluate(evaluation.ground_truth, fewer, protocol)
        values.append(limited.average_precision)
    return _range_of(
        "detections per image",
        values,
        f"{n_beyond:,} of {len(detections):,} are beyond {DETECTION_LIMIT}",
        f"the best {DETECTION_LIMIT} of each image over all classes, or as given",
    )


def _score_threshold(evaluation: Evaluation) -> SensitivityRange:
    scores = evaluation.detections.scores
    evidence = "there are no detections"
    if len(scores):
        evidence = f"the lowest score is {scores.min():g}"
    return SensitivityRange(
        "score threshold",
        low=evaluation.average_precision,
        high=_changed_value(evaluation, _with_all_found),
        evidence=evidence,
        rule="below the lowest score, nothing more is found (low), or all missed objects without "
        "a false positive (high)",
    )


def _range_of(
    choice: str, values: list[float | None], evidence: str, rule: str
) -> SensitivityRange:
    present = [value for value in values if value is not None]
    low, high = min(present, default=None), max(present, default=None)
    return SensitivityRange(choice, low, high, evidence, rule)


def _changed_value(evaluation: Evaluation, change: _Change) -> float | None:
    """Return the headline measure after a change of its counted detections."""
    area, _, thresholds = evaluation.indices_of(headline_measure(evaluation))
    levels = range(len(evaluation.protocol.iou_thresholds))[thresholds]
    positives = np.ascontiguousarray(evaluation.counts[:, area, 0, 3])
    values = np.empty((len(levels), len(positives)))
    for n, level in enumerate(levels):
        hits, classes = change(_counted(evaluation, area, level, positives))
        values[n] = _class_values(evaluation, hits, classes, positives)
    with_objects = values[:, positives > 0]
    return float(with_objects.mean()) if with_objects.size else None


def _counted(evaluation: Evaluation, area: int, level: int, positives: Ints) -> _Counted:
    """Return what counts in an area range at one IoU threshold."""
    matches = evaluation.matches
    is_ignored = (matches.ignored[area] >> level) & 1 == 1
    counted = np.flatnonzero(~is_ignored)
    return _Counted(
        scores=evaluation.detections.scores[matches.rows[counted]],
        hits=(matches.hits[area, counted] >> level) & 1 == 1,
        classes=groups_from_offsets(matches.offsets)[counted],
        positives=positives,
    )


def _class_values(evaluation: Evaluation, hits: Flags, classes: Indices, positives: Ints) -> Floats:
    """Return (K,) AP of detections that are sorted by class and falling score."""
    offsets = offsets_from_groups(classes, len(positives))
    detections = weighted_at_one_iou(hits, offsets, np.zeros(len(hits), np.int32))
    ap, recall = np.empty((2, 1, len(positives), 1))
    all_once = np.ones((1, 1), np.uint16)
    fill_ap_and_recall(detections, averaging(evaluation), all_once, positives[None], ap, recall)
    return ap[0, :, 0]


def _hits_first(counted: _Counted) -> tuple[Flags, Indices]:
    """Sort hits before false positives of the same class and score."""
    order = np.lexsort((~counted.hits, -counted.scores, counted.classes))
    return counted.hits[order], counted.classes[order]


def _false_positives_first(counted: _Counted) -> tuple[Flags, Indices]:
    """Sort false positives before hits of the same class and score."""
    order = np.lexsort((counted.hits, -counted.scores, counted.classes))
    return counted.hits[order], counted.classes[order]


def _without_low_scores(min_score: float, counted: _Counted) -> tuple[Flags, Indices]:
    """Remove the detections below a score."""
    kept = counted.scores >= min_score
    return counted.hits[kept], counted.classes[kept]


def _with_all_found(counted: _Counted) -> tuple[Flags, Indices]:
    """Add a hit for each missed object after the detections of its class."""
    n_classes = len(counted.positives)
    n_found = np.bincount(counted.classes[counted.hits], minlength=n_classes)
    n_missed = counted.positives - n_found
    added = np.repeat(np.arange(n_classes), n_missed)
    classes = np.concatenate([counted.classes, added])
    hits = np.concatenate([counted.hits, np.ones(len(added), np.bool_)])
    order = np.argsort(classes, kind="stable")
    return hits[order], classes[order]


def _ranks(scores: Floats, groups: Ints) -> Ints:
    """Return (N,) how many higher-scoring detections of the same group each one has."""
    order = np.lexsort((-scores, groups))
    positions = np.arange(len(order))
    # The position at which each group starts, carried on to its other members.
    begins = np.diff(groups[order], prepend=-1) != 0
    starts = np.maximum.accumulate(np.where(begins, positions, 0))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = positions - starts
    return ranks


def _subset(detections: Detections, kept: Flags) -> Detections:
    images = groups_from_offsets(detections.offsets)[kept]
    rows = detections.source_rows
    return replace(
        detections,
        offsets=offsets_from_groups(images, len(detections.image_ids)),
        class_index=detections.class_index[kept],
        scores=detections.scores[kept],
        boxes=detections.boxes[kept],
        box_areas=detections.box_areas[kept],
        source_rows=None if rows is None else rows[kept],
    )

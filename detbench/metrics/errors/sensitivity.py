"""Bands: how far AP could lie from the number given, where the input or the rules leave it open.

Each band holds the headline measure under choices that nobody made on purpose: the order of equal scores, a limit of detections, a score
threshold below which nothing was written. The rule of each is stated with it. Matching is never repeated for ties and thresholds:
detections of lower scores do not change what those of higher ones hit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Flags, Ints, groups_from_offsets, offsets_from_groups
from detbench.data.detections import Detections
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.weighted_scores import Occurrences, averaging, weigh

LIMIT = 100
"""Detections per image that many exporters and evaluators keep."""
CUTS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5)
"""Score thresholds in use where results are written."""


@dataclass(frozen=True)
class Band:
    """The lowest and highest value of the headline measure under a choice; None where there is nothing to score."""

    name: str
    low: float | None
    high: float | None
    evidence: str
    """How much of the input it is about."""
    rule: str


def bands(evaluation: Evaluation) -> list[Band]:
    """Return the bands of an evaluation's headline measure."""
    return [
        _ties(evaluation),
        _limit_per_class(evaluation),
        _limit_per_image(evaluation),
        _cut_off(evaluation),
    ]


def cut_values(evaluation: Evaluation, cuts: tuple[float, ...] = CUTS) -> dict[float, float | None]:
    """Return the headline measure if no detection below each score had been written."""
    return {cut: _value(evaluation, least=cut) for cut in cuts}


def _ties(evaluation: Evaluation) -> Band:
    scores, matches = evaluation.detections.scores[evaluation.matches.rows], evaluation.matches
    equal = np.zeros(len(scores), np.bool_)
    same = (np.diff(scores) == 0) & (np.diff(groups_from_offsets(matches.offsets)) == 0)
    equal[1:] |= same
    equal[:-1] |= same
    evidence = f"{int(equal.sum()):,} of {len(scores):,} detections share their score with another of their class"
    rule = "among equal scores of a class, false positives first (low) or hits first (high); matches as they are"
    return Band(
        "score ties",
        _value(evaluation, hits_first=False),
        _value(evaluation, hits_first=True),
        evidence,
        rule,
    )


def _limit_per_class(evaluation: Evaluation) -> Band:
    """With at most LIMIT detections per image and class, and with all."""
    found = evaluation.detections
    ranks = _ranks(
        found,
        groups_from_offsets(found.offsets).astype(np.int64) * max(len(found.class_names), 1)
        + found.class_index,
    )
    beyond = int((ranks >= LIMIT).sum())
    values = [evaluation.average_precision]
    if beyond:
        for limits in ((), (LIMIT,)):
            rules = replace(
                evaluation.protocol, max_detections=limits, measures=(_headline(evaluation),)
            )
            values.append(evaluate(evaluation.ground_truth, found, rules).average_precision)
    rule = f"with the best {LIMIT} of each image and class, or with all"
    return _spanned(
        "detections per image and class",
        values,
        f"{beyond:,} of {len(found):,} are beyond {LIMIT}",
        rule,
    )


def _limit_per_image(evaluation: Evaluation) -> Band:
    """With at most LIMIT detections per image over all classes, and with all."""
    found = evaluation.detections
    kept = _ranks(found, groups_from_offsets(found.offsets).astype(np.int64)) < LIMIT
    values = [evaluation.average_precision]
    if not kept.all():
        fewer = _kept(found, kept)
        rules = replace(
            evaluation.protocol,
            max_detections=evaluation.protocol.max_detections[-1:],
            measures=(_headline(evaluation),),
        )
        values.append(evaluate(evaluation.ground_truth, fewer, rules).average_precision)
    evidence = f"{int((~kept).sum()):,} of {len(found):,} are beyond {LIMIT}"
    return _spanned(
        "detections per image",
        values,
        evidence,
        f"with the best {LIMIT} of each image over all classes, or as given",
    )


def _cut_off(evaluation: Evaluation) -> Band:
    lowest = evaluation.detections.scores.min(initial=np.inf)
    evidence = (
        f"the lowest score is {lowest:g}" if np.isfinite(lowest) else "there are no detections"
    )
    rule = "below the lowest score nothing more is found (low), or all that is missing, without a false positive (high)"
    return Band(
        "score threshold",
        evaluation.average_precision,
        _value(evaluation, all_found=True),
        evidence,
        rule,
    )


def _spanned(name: str, values: list[float | None], evidence: str, rule: str) -> Band:
    known = [value for value in values if value is not None]
    return Band(name, min(known, default=None), max(known, default=None), evidence, rule)


def _headline(evaluation: Evaluation) -> Measure:
    """Return the headline measure, at the largest limit of detections."""
    return replace(evaluation.protocol.measures[0], max_detections=None)


def _value(
    evaluation: Evaluation,
    *,
    hits_first: bool | None = None,
    least: float = -np.inf,
    all_found: bool = False,
) -> float | None:
    """Return the headline measure with other ties, only detections of at least a score, or all that is missing found in the end."""
    area, _, thresholds = evaluation.place(_headline(evaluation))
    levels = range(len(evaluation.protocol.iou_thresholds))[thresholds]
    positives = np.ascontiguousarray(evaluation.counts[:, area, 0, 3])[None]
    values = np.empty((len(levels), positives.shape[1]))
    for n, level in enumerate(levels):
        found = _occurrences(
            evaluation, area, level, hits_first, least, positives[0] if all_found else None
        )
        ap, recall = np.empty((2, 1, positives.shape[1], 1))
        weigh(found, averaging(evaluation), np.ones((1, 1), np.uint16), positives, ap, recall)
        values[n] = ap[0, :, 0]
    known = values[:, positives[0] > 0]
    return float(known.mean()) if known.size else None


def _occurrences(
    evaluation: Evaluation,
    area: int,
    level: int,
    hits_first: bool | None,
    least: float,
    positives: Ints | None,
) -> Occurrences:
    """Return the detections that count at one threshold; with `positives` (K,), each class ends with hits on all that was not found."""
    matches = evaluation.matches
    scores, classes = (
        evaluation.detections.scores[matches.rows],
        groups_from_offsets(matches.offsets),
    )
    counted = np.flatnonzero(((matches.ignored[area] >> level) & 1 == 0) & (scores >= least))
    hit: Flags = (matches.hits[area, counted] >> level) & 1 == 1
    scores, classes = scores[counted], classes[counted]
    count = len(matches.offsets) - 1
    if hits_first is not None:
        order = np.lexsort((~hit if hits_first else hit, -scores, classes))
        hit, classes = hit[order], classes[order]
    if positives is not None:
        missing = positives - np.bincount(classes[hit], minlength=count)
        classes = np.concatenate([classes, np.repeat(np.arange(count), missing)])
        hit = np.concatenate([hit, np.ones(missing.sum(), np.bool_)])
        order = np.argsort(classes, kind="stable")
        hit, classes = hit[order], classes[order]
    offsets = offsets_from_groups(classes, count)
    at = np.flatnonzero(hit)
    hit_offsets = np.searchsorted(at, offsets).astype(np.int64)
    places = (at - np.repeat(offsets[:-1], np.diff(hit_offsets))).astype(np.int32)
    return Occurrences(
        offsets,
        np.zeros(len(hit), np.int32),
        hit_offsets,
        places,
        np.zeros(count + 1, np.int64),
        np.zeros(0, np.int32),
    )


def _ranks(found: Detections, groups: Ints) -> Ints:
    """Return (N,) how many better detections of the same group each has."""
    order = np.lexsort((-found.scores, groups))
    sizes = np.bincount(groups)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks


def _kept(found: Detections, kept: Flags) -> Detections:
    images = groups_from_offsets(found.offsets)[kept]
    return replace(
        found,
        offsets=offsets_from_groups(images, len(found.image_ids)),
        class_index=found.class_index[kept],
        scores=found.scores[kept],
        boxes=found.boxes[kept],
        box_areas=found.box_areas[kept],
        source_rows=None if found.source_rows is None else found.source_rows[kept],
    )

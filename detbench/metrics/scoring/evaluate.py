"""Evaluate: score detections against ground truth under a protocol, on several threads."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Ints, frozen, groups_from_offsets, owned
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.kernels.average_precision import score_classes
from detbench.metrics.kernels.columns import (
    DROPPED,
    IGNORED,
    REGION,
    REGULAR,
    DetectionColumns,
    Rules,
    ScoreColumns,
    TruthColumns,
)
from detbench.metrics.kernels.order import order_by_class
from detbench.metrics.protocols.protocol import Protocol, protocol_named
from detbench.metrics.scoring.evaluation import Evaluation, Matches
from detbench.threads import Threads, usable_cores

_UNLIMITED = np.iinfo(np.int64).max
_NEVER_REACHED_1 = 1 - 1e-10
"""pycocotools caps its thresholds here, so that IoU 1 minus rounding still matches at threshold 1."""


def evaluate(
    ground_truth: GroundTruth,
    detections: Detections,
    protocol: Protocol | str | None = None,
    *,
    threads: int | None = None,
) -> Evaluation:
    """Score detections.

    Args:
        ground_truth: what is there.
        detections: what was found, loaded for this ground truth.
        protocol: a `Protocol`, the name of one ("coco", "voc2007", "voc2012"), or None for the dataset's own.
        threads: at most this many; None for all the process may use. The result does not depend on it.

    Raises:
        NotComparableError: the detections were loaded for other images or classes.
        DetbenchError: there is no protocol of this name.
    """
    detections.check_same_images(ground_truth)
    chosen = (
        protocol
        if isinstance(protocol, Protocol)
        else protocol_named(protocol or ground_truth.protocol)
    )
    rules = _rules(chosen, len(ground_truth.image_ids))
    truth = truth_columns(ground_truth, chosen)
    columns = _detection_columns(detections, chosen)
    out = _empty_scores(len(ground_truth.class_names), len(detections), rules)
    workers = usable_cores() if threads is None else threads
    if workers < 1:
        raise DetbenchError(f"threads must be 1 or more, got {threads}")
    spans = _class_spans(columns.offsets, 4 * workers if workers > 1 else 1)
    if len(spans) == 1:
        score_classes(*spans[0], columns, truth, rules, out)
    else:
        with Threads(workers) as pool:
            for part in [
                pool.submit(score_classes, first, last, columns, truth, rules, out)
                for first, last in spans
            ]:
                part.result()
    _check_conservation(out.counts, columns, truth)
    return Evaluation(
        protocol=chosen,
        ground_truth=ground_truth,
        detections=detections,
        matches=Matches(out.rows, columns.offsets, out.hits, out.ignored),
        counts=out.counts,
        sampled_precision=out.precision,
        sampled_scores=out.score_at,
        reached_recall=out.recall,
        area_under_curve=out.area_under_curve,
    )


def _rules(protocol: Protocol, images: int) -> Rules:
    """Return the protocol's switches as the kernels want them."""
    by_area = protocol.interpolation == "area"
    return Rules(
        thresholds=frozen(np.minimum(protocol.iou_thresholds, _NEVER_REACHED_1), np.float64, (-1,)),
        recall_grid=frozen([] if by_area else protocol.recall_grid, np.float64, (-1,)),
        range_limits=frozen(
            [(area.low, area.high) for area in protocol.area_ranges], np.float64, (-1, 2)
        ),
        most=frozen(protocol.max_detections or (_UNLIMITED,), np.int64, (-1,)),
        images=images,
        epsilon=float(protocol.precision_epsilon),
        shrink=0.0 if protocol.plus_one else 1.0,
        strict=protocol.strict_overlap,
        best_available=protocol.assignment == "best_available",
        by_area=by_area,
    )


def _detection_columns(detections: Detections, protocol: Protocol) -> DetectionColumns:
    """Order the detections by class and, inside a class, by what breaks ties."""
    in_order = np.empty(0, np.int64)
    if protocol.score_ties == "source" and detections.source_rows is not None:
        in_order = np.argsort(detections.source_rows, kind="stable")
    rows, offsets = order_by_class(
        detections.class_index, frozen(in_order, np.int64, (-1,)), len(detections.class_names)
    )
    return DetectionColumns(
        offsets=owned(offsets),
        rows=owned(rows),
        images=owned(groups_from_offsets(detections.offsets)),
        scores=detections.scores,
        boxes=detections.boxes,
        areas=_areas(detections.boxes, detections.box_areas, protocol),
    )


def _empty_scores(classes: int, detections: int, rules: Rules) -> ScoreColumns:
    """Return the arrays that scoring fills: curves at −1, masks and counts at 0."""
    shape = (classes, len(rules.range_limits), len(rules.most), len(rules.thresholds))
    mask = np.uint16 if len(rules.thresholds) <= np.iinfo(np.uint16).bits else np.uint32
    return ScoreColumns(
        rows=np.empty(detections, np.int32),
        hits=np.zeros((shape[1], detections), mask),
        ignored=np.zeros((shape[1], detections), mask),
        precision=np.full((*shape, len(rules.recall_grid)), -1.0),
        score_at=np.full((*shape, len(rules.recall_grid)), -1.0),
        recall=np.full(shape, -1.0),
        area_under_curve=np.full(shape, -1.0),
        counts=np.zeros((*shape[:2], shape[3], 4), np.int64),
    )


def truth_columns(ground_truth: GroundTruth, rules: Protocol) -> TruthColumns:
    """Apply the protocol's rules on difficult and crowd objects and areas, and sort by class."""
    kinds = object_kinds(ground_truth, rules)
    kept = kinds != DROPPED
    areas = (
        ground_truth.areas
        if rules.plus_one
        else _areas(ground_truth.boxes, ground_truth.areas, rules)
    )
    in_range = np.zeros(len(ground_truth), np.uint8)
    for bit, area in enumerate(rules.area_ranges):
        in_range |= ((area.low <= areas) & (areas <= area.high)).astype(np.uint8) << bit

    kept_rows = np.flatnonzero(kept)
    order, offsets = order_by_class(
        frozen(ground_truth.class_index[kept_rows], np.int32, (-1,)),
        frozen([], np.int64, (-1,)),
        len(ground_truth.class_names),
    )
    rows = kept_rows[order]
    return TruthColumns(
        offsets=frozen(offsets, np.int64, (-1,)),
        images=frozen(groups_from_offsets(ground_truth.offsets)[rows], np.int32, (-1,)),
        boxes=frozen(ground_truth.boxes[rows], np.float64, (-1, 4)),
        areas=frozen(
            _areas(ground_truth.boxes, ground_truth.box_areas, rules)[rows], np.float64, (-1,)
        ),
        kinds=frozen(kinds[rows], np.uint8, (-1,)),
        in_range=frozen(in_range[rows], np.uint8, (-1,)),
    )


def object_kinds(ground_truth: GroundTruth, rules: Protocol) -> NDArray[np.uint8]:
    """Return (G,) REGULAR, IGNORED, REGION or DROPPED for every object, as the protocol's rules on difficult and crowd objects say."""
    kinds = np.full(len(ground_truth), REGULAR, np.uint8)
    dropped = np.zeros(len(ground_truth), np.bool_)
    for flags, rule in (
        (ground_truth.difficult, rules.difficult),
        (ground_truth.iscrowd, rules.crowd),
    ):
        if rule == "ignore":
            kinds[flags] = IGNORED
        elif rule == "region":
            kinds[flags] = REGION
        elif rule == "drop":
            dropped |= flags
    kinds[dropped] = DROPPED
    return kinds


def to_be_found(truth: TruthColumns, area: int) -> NDArray[np.bool_]:
    """Return (G,) which ground truths count as positives in an area range."""
    return np.asarray((truth.kinds == REGULAR) & ((truth.in_range >> np.uint8(area)) & 1 == 1))


def _areas(boxes: Floats, stated: Floats, rules: Protocol) -> Floats:
    """Return areas as stated, or those of boxes one pixel narrower and lower."""
    if rules.plus_one:
        return stated
    return owned((boxes[:, 2] - boxes[:, 0] - 1) * (boxes[:, 3] - boxes[:, 1] - 1))


def _class_spans(offsets: Ints, parts: int) -> list[tuple[int, int]]:
    """Cut the classes into at most `parts` runs with about equal numbers of detections."""
    classes = len(offsets) - 1
    cuts = np.searchsorted(offsets, np.linspace(0, offsets[-1], parts + 1)[1:-1], side="left")
    edges = np.unique(np.concatenate([[0], cuts, [classes]]))
    return [(int(first), int(last)) for first, last in pairwise(edges)]


def _check_conservation(counts: Ints, detections: DetectionColumns, truth: TruthColumns) -> None:
    """Assert that every detection is a true positive, a false positive or ignored, and that positives come from the ground truth alone.

    Detections beyond the largest `max_detections` are among the ignored ones.
    """
    hits, false_positives, ignored, positives = np.moveaxis(counts, -1, 0)
    total = np.diff(detections.offsets)[:, None, None]
    if (
        (hits + false_positives + ignored != total).any()
        or (false_positives < 0).any()
        or (hits > positives).any()
    ):
        raise RuntimeError(
            "conservation law broken: true positives + false positives + ignored differ from the detections; please report"
        )
    class_of = groups_from_offsets(truth.offsets)
    for a in range(positives.shape[1]):
        counted = to_be_found(truth, a)
        if (
            np.bincount(class_of[counted], minlength=len(positives))[:, None] != positives[:, a]
        ).any():
            raise RuntimeError(
                "conservation law broken: the number of positives depends on the detections; please report"
            )

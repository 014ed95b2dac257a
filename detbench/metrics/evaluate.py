"""Evaluate: score detections against ground truth under a protocol, on several threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Indices, Ints, frozen, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.evaluation import Evaluation, Matches
from detbench.metrics.matching import IGNORED, REGION, REGULAR
from detbench.metrics.order import order_by_class
from detbench.metrics.protocol import Protocol, protocol_named
from detbench.metrics.scoring import score_classes

_UNLIMITED = np.iinfo(np.int64).max
_NEVER_REACHED_1 = 1 - 1e-10
"""pycocotools caps its thresholds here, so that IoU 1 minus rounding still matches at threshold 1."""


def evaluate(
    ground_truth: GroundTruth, detections: Detections, protocol: Protocol | str | None = None, *, threads: int | None = None
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
    rules = protocol if isinstance(protocol, Protocol) else protocol_named(protocol or ground_truth.protocol)
    classes, images = len(ground_truth.class_names), len(ground_truth.image_ids)
    truth = _truth_columns(ground_truth, rules)
    by_source = rules.score_ties == "source" and detections.source_rows is not None
    rows = np.argsort(detections.source_rows, kind="stable") if by_source else np.empty(0, np.int64)  # type: ignore[type-var]
    ordered, offsets = order_by_class(detections.class_index, frozen(rows, np.int64, (-1,)), classes)

    shape = (classes, len(rules.area_ranges), max(len(rules.max_detections), 1), len(rules.iou_thresholds))
    by_area = rules.interpolation == "area"
    grid = np.asarray([] if by_area else rules.recall_grid, np.float64)
    mask = np.uint16 if len(rules.iou_thresholds) <= 16 else np.uint32
    hits, ignored = np.zeros((shape[1], len(detections)), mask), np.zeros((shape[1], len(detections)), mask)
    precision, scores = np.full((*shape, len(grid)), -1.0), np.full((*shape, len(grid)), -1.0)
    recall, area_under_curve = np.full(shape, -1.0), np.full(shape, -1.0)
    counts = np.zeros((*shape[:2], shape[3], 4), np.int64)

    limits = np.array([(area.low, area.high) for area in rules.area_ranges])
    inputs = (
        frozen(offsets, np.int64, (-1,)),
        ordered,
        frozen(groups_from_offsets(detections.offsets), np.int32, (-1,)),
        detections.scores,
        detections.boxes,
        _areas(detections.boxes, detections.box_areas, rules),
        truth.offsets,
        truth.images,
        truth.boxes,
        truth.box_areas,
        truth.kinds,
        truth.in_range,
        frozen(limits, np.float64, (-1, 2)),
        frozen(np.minimum(rules.iou_thresholds, _NEVER_REACHED_1), np.float64, (-1,)),
        frozen(rules.max_detections or (_UNLIMITED,), np.int64, (-1,)),
        frozen(grid, np.float64, (-1,)),
        float(rules.precision_epsilon),
        0.0 if rules.plus_one else 1.0,
        rules.strict_overlap,
        rules.assignment == "best_available",
        by_area,
        images,
    )
    outputs = (hits, ignored, precision, scores, recall, area_under_curve, counts)
    workers = threads or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        parts = [pool.submit(score_classes, *span, *inputs, *outputs) for span in _class_spans(offsets, 4 * workers if workers > 1 else 1)]
    for part in parts:
        part.result()

    evaluation = Evaluation(
        protocol=rules,
        ground_truth=ground_truth,
        detections=detections,
        matches=Matches(ordered, offsets, hits, ignored),
        counts=counts,
        sampled_precision=precision,
        sampled_scores=scores,
        reached_recall=recall,
        area_under_curve=area_under_curve,
    )
    _check_conservation(evaluation, truth)
    return evaluation


@dataclass(frozen=True)
class _TruthColumns:
    """Ground truth as the kernel wants it: G objects by class, images in order inside a class."""

    offsets: Ints
    images: Indices
    boxes: Floats
    box_areas: Floats
    kinds: NDArray[np.uint8]
    in_range: NDArray[np.uint8]


def _truth_columns(ground_truth: GroundTruth, rules: Protocol) -> _TruthColumns:
    """Apply the protocol's rules on difficult and crowd objects and areas, and sort by class."""
    kinds = np.full(len(ground_truth), REGULAR, np.uint8)
    kept = np.ones(len(ground_truth), np.bool_)
    for flags, rule in ((ground_truth.difficult, rules.difficult), (ground_truth.iscrowd, rules.crowd)):
        if rule == "ignore":
            kinds[flags] = IGNORED
        elif rule == "region":
            kinds[flags] = REGION
        elif rule == "drop":
            kept &= ~flags
    areas = ground_truth.areas if rules.plus_one else _areas(ground_truth.boxes, ground_truth.areas, rules)
    in_range = np.zeros(len(ground_truth), np.uint8)
    for bit, area in enumerate(rules.area_ranges):
        in_range |= ((area.low <= areas) & (areas <= area.high)).astype(np.uint8) << bit

    kept_rows = np.flatnonzero(kept)
    order, offsets = order_by_class(
        frozen(ground_truth.class_index[kept_rows], np.int32, (-1,)), frozen([], np.int64, (-1,)), len(ground_truth.class_names)
    )
    rows = kept_rows[order]
    return _TruthColumns(
        offsets=frozen(offsets, np.int64, (-1,)),
        images=frozen(groups_from_offsets(ground_truth.offsets)[rows], np.int32, (-1,)),
        boxes=frozen(ground_truth.boxes[rows], np.float64, (-1, 4)),
        box_areas=frozen(_areas(ground_truth.boxes, ground_truth.box_areas, rules)[rows], np.float64, (-1,)),
        kinds=frozen(kinds[rows], np.uint8, (-1,)),
        in_range=frozen(in_range[rows], np.uint8, (-1,)),
    )


def _areas(boxes: Floats, stated: Floats, rules: Protocol) -> Floats:
    """Return areas as stated, or those of boxes one pixel narrower and lower."""
    if rules.plus_one:
        return stated
    return frozen((boxes[:, 2] - boxes[:, 0] - 1) * (boxes[:, 3] - boxes[:, 1] - 1), np.float64, (-1,))


def _class_spans(offsets: Ints, parts: int) -> list[tuple[int, int]]:
    """Cut the classes into at most `parts` runs with about equal numbers of detections."""
    classes = len(offsets) - 1
    cuts = np.searchsorted(offsets, np.linspace(0, offsets[-1], parts + 1)[1:-1], side="left")
    edges = np.unique(np.concatenate([[0], cuts, [classes]]))
    return [(int(first), int(last)) for first, last in zip(edges[:-1], edges[1:], strict=True)]


def _check_conservation(evaluation: Evaluation, truth: _TruthColumns) -> None:
    """Assert that every detection is a true positive, a false positive or ignored, and that positives come from the ground truth alone.

    Detections beyond the largest `max_detections` are among the ignored ones of the masks.
    """
    hits, false_positives, ignored, positives = np.moveaxis(evaluation.counts, -1, 0)
    detections = np.diff(evaluation.matches.offsets)[:, None, None]
    if (hits + false_positives + ignored != detections).any() or (false_positives < 0).any() or (hits > positives).any():
        raise RuntimeError("conservation law broken: true positives + false positives + ignored differ from the detections; please report")
    class_of = groups_from_offsets(truth.offsets)
    for a in range(positives.shape[1]):
        counted = (truth.kinds == REGULAR) & ((truth.in_range >> np.uint8(a)) & 1 == 1)
        if (np.bincount(class_of[counted], minlength=len(positives)) != positives[:, a, 0]).any():
            raise RuntimeError("conservation law broken: the number of positives depends on the detections; please report")

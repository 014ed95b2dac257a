"""Kernel columns: ground truth, detections and rules in the form in which kernels take them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, freeze, frozen, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.columns import (
    DROPPED,
    REGULAR,
    DetectionColumns,
    GroundTruthColumns,
    Rules,
    ScoreColumns,
)
from detbench.metrics.kernels.order import order_by_class
from detbench.metrics.protocols.crowd_and_difficult import object_kinds
from detbench.metrics.protocols.protocol import Protocol

_UNLIMITED = np.iinfo(np.int64).max
_MAX_THRESHOLD = 1 - 1e-10
"""pycocotools caps its thresholds here, so that IoU 1 minus rounding matches at threshold 1."""


def rules_of(protocol: Protocol, images: int) -> Rules:
    """Return the protocol's switches for kernels, on a dataset of so many images."""
    by_area = protocol.interpolation == "area"
    ranges = [(area.low, area.high) for area in protocol.area_ranges]
    return Rules(
        thresholds=frozen(np.minimum(protocol.iou_thresholds, _MAX_THRESHOLD), np.float64, (-1,)),
        recall_grid=frozen([] if by_area else protocol.recall_grid, np.float64, (-1,)),
        range_limits=frozen(ranges, np.float64, (-1, 2)),
        max_detections=frozen(protocol.max_detections or (_UNLIMITED,), np.int64, (-1,)),
        images=images,
        epsilon=float(protocol.precision_epsilon),
        shrink=0.0 if protocol.plus_one else 1.0,
        strict=protocol.strict_overlap,
        best_available=protocol.assignment == "best_available",
        by_area=by_area,
    )


def detection_columns(detections: Detections, protocol: Protocol) -> DetectionColumns:
    """Order the detections by class, and inside a class by what breaks ties of scores."""
    in_order = np.empty(0, np.int64)
    if protocol.score_ties == "source" and detections.source_rows is not None:
        in_order = np.argsort(detections.source_rows, kind="stable")
    rows, offsets = order_by_class(
        detections.class_index, frozen(in_order, np.int64, (-1,)), len(detections.class_names)
    )
    return DetectionColumns(
        offsets=freeze(offsets),
        rows=freeze(rows),
        images=freeze(groups_from_offsets(detections.offsets)),
        scores=detections.scores,
        boxes=detections.boxes,
        areas=_areas(detections.boxes, detections.box_areas, protocol),
    )


def ground_truth_columns(ground_truth: GroundTruth, protocol: Protocol) -> GroundTruthColumns:
    """Apply the rules on crowds, difficult objects and areas, and sort the objects by class."""
    kinds = object_kinds(ground_truth, protocol)
    kept_rows = np.flatnonzero(kinds != DROPPED)
    order, offsets = order_by_class(
        frozen(ground_truth.class_index[kept_rows], np.int32, (-1,)),
        frozen([], np.int64, (-1,)),
        len(ground_truth.class_names),
    )
    rows = kept_rows[order]
    box_areas = _areas(ground_truth.boxes, ground_truth.box_areas, protocol)
    in_range = _area_range_bits(ground_truth, protocol)
    return GroundTruthColumns(
        offsets=frozen(offsets, np.int64, (-1,)),
        images=frozen(groups_from_offsets(ground_truth.offsets)[rows], np.int32, (-1,)),
        boxes=frozen(ground_truth.boxes[rows], np.float64, (-1, 4)),
        areas=frozen(box_areas[rows], np.float64, (-1,)),
        kinds=frozen(kinds[rows], np.uint8, (-1,)),
        in_range=frozen(in_range[rows], np.uint8, (-1,)),
    )


def is_positive(objects: GroundTruthColumns, area: int) -> NDArray[np.bool_]:
    """Return (G,) which objects detectors have to find in an area range."""
    in_range = (objects.in_range >> np.uint8(area)) & 1 == 1
    return np.asarray((objects.kinds == REGULAR) & in_range)


def empty_scores(classes: int, detections: int, rules: Rules) -> ScoreColumns:
    """Return the arrays that scoring fills: curves of −1, masks and counts of 0."""
    n_areas, n_thresholds = len(rules.range_limits), len(rules.thresholds)
    shape = (classes, n_areas, len(rules.max_detections), n_thresholds)
    curve_shape = (*shape, len(rules.recall_grid))
    mask = np.uint16 if n_thresholds <= np.iinfo(np.uint16).bits else np.uint32
    return ScoreColumns(
        rows=np.empty(detections, np.int32),
        hits=np.zeros((n_areas, detections), mask),
        ignored=np.zeros((n_areas, detections), mask),
        precision=np.full(curve_shape, -1.0),
        score_at=np.full(curve_shape, -1.0),
        recall=np.full(shape, -1.0),
        area_under_curve=np.full(shape, -1.0),
        counts=np.zeros((classes, n_areas, n_thresholds, 4), np.int64),
    )


def _area_range_bits(ground_truth: GroundTruth, protocol: Protocol) -> NDArray[np.uint8]:
    """Return (N,) with bit a set for the objects in area range a.

    COCO's `area` field decides, which for masks is the mask's area and not the box's.
    """
    areas = _areas(ground_truth.boxes, ground_truth.areas, protocol)
    bits = np.zeros(len(ground_truth), np.uint8)
    for a, area_range in enumerate(protocol.area_ranges):
        inside = (area_range.low <= areas) & (areas <= area_range.high)
        bits |= inside.astype(np.uint8) << a
    return bits


def _areas(boxes: Floats, areas: Floats, protocol: Protocol) -> Floats:
    """Return the areas as the source states them, or those of boxes one pixel smaller each way."""
    if protocol.plus_one:
        return areas
    return freeze((boxes[:, 2] - boxes[:, 0] - 1) * (boxes[:, 3] - boxes[:, 1] - 1))

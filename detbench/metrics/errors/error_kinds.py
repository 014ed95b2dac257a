"""Kinds of errors: what is wrong with every detection that is no hit, and with every missed object.

The kinds are those of TIDE (Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection
Errors", ECCV 2020), decided as tidecv 1.0.1 does. `detbench.metrics.kernels.error_kinds` holds the
rule of each kind; `docs/analysis.md` numbers the differences from tidecv.
"""

from __future__ import annotations

import numpy as np

from detbench.metrics.kernels.boxes_by_image import DetectionsByImage, ObjectsByImage
from detbench.metrics.kernels.error_kinds import (
    NOT_COUNTED,
    NOT_EVALUATED,
    ErrorKinds,
    assign_error_kinds,
)
from detbench.metrics.kernels.overlap import box_areas
from detbench.metrics.protocols.crowd_and_difficult import object_kinds
from detbench.metrics.scoring.evaluation import Evaluation

BACKGROUND_IOU = 0.1
"""TIDE's t_b: a detection that overlaps nothing by more than this is on background."""


def error_kinds(
    evaluation: Evaluation,
    *,
    iou: float = 0.5,
    background: float = BACKGROUND_IOU,
    max_detections: int | None = None,
) -> ErrorKinds:
    """Return the kind of every detection and object.

    Args:
        evaluation: its protocol says which objects do not count; its IoU thresholds are not used.
        iou: a hit overlaps its object by at least this, 0..1.
        background: a detection that overlaps nothing by more than this is on background, 0..1.
        max_detections: number of detections of an image that are evaluated, best scores first and
            all classes together; None for all.
    """
    detections, objects = columns_by_image(evaluation)
    n_detections, n_objects = len(detections.scores), len(objects.classes)
    kinds = ErrorKinds(
        detections=np.full(n_detections, NOT_EVALUATED, np.uint8),
        ignored=np.zeros(n_detections, np.bool_),
        targets=np.full(n_detections, -1, np.int32),
        objects=np.full(n_objects, NOT_COUNTED, np.uint8),
        fixes=np.full(n_objects, -1, np.int32),
    )
    unlimited = np.iinfo(np.int64).max
    limit = unlimited if max_detections is None else max_detections
    assign_error_kinds(detections, objects, iou, background, limit, kinds)
    return kinds


def columns_by_image(evaluation: Evaluation) -> tuple[DetectionsByImage, ObjectsByImage]:
    """Return detections and objects as the kernels take them."""
    detections, ground_truth = evaluation.detections, evaluation.ground_truth
    return DetectionsByImage(
        detections.offsets,
        detections.class_index,
        detections.scores,
        detections.boxes,
        box_areas(detections.boxes),
    ), ObjectsByImage(
        ground_truth.offsets,
        ground_truth.class_index,
        object_kinds(ground_truth, evaluation.protocol),
        ground_truth.boxes,
        box_areas(ground_truth.boxes),
    )

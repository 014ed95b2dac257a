"""Suspicions about an evaluation: the checks of `data.checks` on the input that was scored."""

from __future__ import annotations

from functools import partial

from detbench.data.checks.boxes import (
    check_collapsed,
    check_normalized,
    check_outside_image,
    check_zero_area,
)
from detbench.data.checks.classes import check_permuted_classes
from detbench.data.checks.counts import (
    check_counted,
    check_crowds,
    check_detection_limit,
    check_difficult,
    check_empty,
    check_objects_found,
)
from detbench.data.checks.images import check_missing_images
from detbench.data.checks.scores import (
    check_class_as_score,
    check_constant_score,
    check_quantized,
    check_score_range,
    check_threshold,
    is_ordered_by_score,
)
from detbench.data.checks.suspicion import Suspicion
from detbench.data.columns import Ints
from detbench.data.detection_rows import DetectionRows
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.crowd_and_difficult import counted_objects
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.scoring.placement import (
    class_confusion,
    hits_at,
    placeable_counts,
    well_placed,
)
from detbench.metrics.scoring.quick_score import QuickScore


def find_suspicions(evaluation: Evaluation) -> list[Suspicion]:
    """Return what is suspicious about an evaluation's input, what ruins most first.

    Notes are left out, except those on quantized scores and on what the protocol counts or not.
    `detbench doctor` finds more, and proves it.
    """
    ground_truth, protocol = evaluation.ground_truth, evaluation.protocol
    counted = counted_objects(ground_truth, protocol)
    candidates = (
        check_counted(ground_truth, counted),
        check_crowds(ground_truth, counted),
        check_difficult(ground_truth, counted),
    )
    return [
        *_reported(candidates),
        *detection_suspicions(ground_truth, evaluation.detections, protocol),
    ]


def detection_suspicions(
    ground_truth: GroundTruth, detections: Detections, protocol: Protocol
) -> list[Suspicion]:
    """Return what is suspicious about detections alone, whether they were scored or not.

    If there are none, that is the only suspicion.
    """
    rows = DetectionRows.from_detections(detections)
    if (empty := check_empty(rows)) is not None:
        return [empty]
    quick_score = QuickScore(ground_truth, protocol, len(rows))
    measure = f"{quick_score.measure}{quick_score.scope}"
    tie_range = partial(quick_score.tie_range, rows)
    limit = protocol.max_detections[-1] if protocol.max_detections else None
    placed = well_placed(ground_truth, rows)
    # Fractions are smaller than a pixel, too, and neither lies on an object.
    size_problem = check_normalized(ground_truth, rows) or check_collapsed(ground_truth, rows)
    candidates = (
        size_problem,
        None if size_problem else find_misplacement(ground_truth, rows, placed),
        check_zero_area(rows),
        check_outside_image(ground_truth, rows),
        _check_classes(ground_truth, rows, placed),
        check_missing_images(ground_truth, rows.image_index),
        check_class_as_score(rows),
        check_constant_score(rows, measure, tie_range),
        check_quantized(rows, measure, tie_range),
        check_score_range(rows),
        check_threshold(rows, partial(hits_at, ground_truth, rows)),
        check_detection_limit(rows, len(ground_truth.class_names), limit),
    )
    return _reported(candidates)


def find_misplacement(
    ground_truth: GroundTruth, rows: DetectionRows, placed: tuple[Ints, Ints]
) -> Suspicion | None:
    """Check whether almost no object has a detection on it.

    Args:
        ground_truth: G objects.
        rows: All detections.
        placed: What `well_placed` returned for them.
    """
    n_objects, n_detections = placeable_counts(ground_truth, rows)
    return check_objects_found(n_objects, n_detections, len(placed[0]))


def _reported(candidates: tuple[Suspicion | None, ...]) -> list[Suspicion]:
    return [
        suspicion
        for suspicion in candidates
        if suspicion and (suspicion.severity != "note" or suspicion.is_reported)
    ]


def _check_classes(
    ground_truth: GroundTruth, rows: DetectionRows, placed: tuple[Ints, Ints]
) -> Suspicion | None:
    """Check for permuted classes, unless the scores do not say which detections are the best."""
    if not is_ordered_by_score(rows):
        return None
    mistaken = class_confusion(ground_truth, rows, placed)
    return check_permuted_classes(ground_truth.class_names, mistaken)

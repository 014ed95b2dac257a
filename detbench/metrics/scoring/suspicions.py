"""Suspicions about an evaluation: the checks of `data.checks` on the input that was scored."""

from __future__ import annotations

from functools import partial

from detbench.data.checks.boxes import check_normalized, check_outside_image
from detbench.data.checks.classes import check_permuted_classes
from detbench.data.checks.counts import check_detection_limit, check_empty
from detbench.data.checks.images import check_missing_images
from detbench.data.checks.scores import (
    check_class_as_score,
    check_constant_score,
    check_score_range,
    is_ordered_by_score,
)
from detbench.data.checks.suspicion import Suspicion
from detbench.data.detection_rows import DetectionRows
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.scoring.placement import class_confusion, well_placed
from detbench.metrics.scoring.quick_score import QuickScore

_REPORTED_NOTE = "too-many-detections"
"""The one note that is reported: detections that the protocol does not score."""


def find_suspicions(evaluation: Evaluation) -> list[Suspicion]:
    """Return what is suspicious about an evaluation's input, what ruins most first.

    If there are no detections, that is the only suspicion. Notes are left out, except that the
    protocol did not score some detections. `detbench doctor` finds more, and proves it.
    """
    ground_truth, protocol = evaluation.ground_truth, evaluation.protocol
    rows = DetectionRows.from_detections(evaluation.detections)
    if (empty := check_empty(rows)) is not None:
        return [empty]
    quick_score = QuickScore(ground_truth, protocol, len(rows))
    limit = protocol.max_detections[-1] if protocol.max_detections else None
    candidates = (
        check_normalized(ground_truth, rows),
        check_outside_image(ground_truth, rows),
        _check_classes(evaluation, rows),
        check_missing_images(ground_truth, rows.image_index),
        check_class_as_score(rows),
        check_constant_score(
            rows,
            f"{quick_score.measure}{quick_score.scope}",
            partial(quick_score.tie_range, rows),
        ),
        check_score_range(rows),
        check_detection_limit(rows, len(ground_truth.class_names), limit),
    )
    return [
        suspicion
        for suspicion in candidates
        if suspicion and (suspicion.severity != "note" or suspicion.id == _REPORTED_NOTE)
    ]


def _check_classes(evaluation: Evaluation, rows: DetectionRows) -> Suspicion | None:
    """Check for permuted classes, unless the scores do not say which detections are the best."""
    if not is_ordered_by_score(rows):
        return None
    ground_truth = evaluation.ground_truth
    mistaken = class_confusion(ground_truth, rows, well_placed(ground_truth, rows))
    return check_permuted_classes(ground_truth.class_names, mistaken)

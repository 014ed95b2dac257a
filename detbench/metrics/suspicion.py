"""Suspicion: cheap signs that an evaluation's input is not what it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Flags, groups_from_offsets, rows_of_groups
from detbench.metrics.evaluation import Evaluation
from detbench.metrics.overlap import iou

_MANY_OUTSIDE = 0.1
_FEW_IMAGES = 0.01
_SURELY_OVERLAPS = 0.5
_PROBED_DETECTIONS = 200


@dataclass(frozen=True)
class Suspicion:
    """What smells, how much, and what to do about it; `id` is stable."""

    id: str
    evidence: str
    fix: str

    def __str__(self) -> str:
        return f"{self.evidence}; {self.fix}"


def suspicions(evaluation: Evaluation) -> list[Suspicion]:
    """Return everything suspicious about an evaluation's input, most ruinous first. No detections at all is one finding."""
    if len(evaluation.detections) == 0:
        return [Suspicion("detections-empty", "there are no detections", "check that this is the file of a finished run")]
    found = (check(evaluation) for check in _CHECKS)
    return [suspicion for suspicion in found if suspicion]


def _normalised(evaluation: Evaluation) -> Suspicion | None:
    """All coordinates within 0..1."""
    boxes = evaluation.detections.boxes
    if boxes.min() < 0 or boxes.max() > 1 or len(evaluation.ground_truth) == 0 or evaluation.ground_truth.boxes.max() <= 1:
        return None
    return Suspicion(
        "box-normalised", "all coordinates of the detections lie within 0–1", "multiply them by the width and height of their images"
    )


def _outside(evaluation: Evaluation) -> Suspicion | None:
    """More than a tenth of the boxes reach well past the edge of their image."""
    outside, known = _far_outside(evaluation), ~np.isnan(evaluation.ground_truth.image_sizes).any(axis=1)
    counted = int(np.diff(evaluation.detections.offsets)[known].sum())
    if counted == 0 or outside.sum() <= _MANY_OUTSIDE * counted:
        return None
    return Suspicion(
        "outside-image",
        f"{outside.sum():,} of {counted:,} boxes ({outside.sum() / counted:.0%}) reach more than a tenth of the image past its edge",
        "check the box format (xywh read as xyxy?) and that boxes are in pixels of the original image",
    )


def _far_outside(evaluation: Evaluation) -> Flags:
    """Tell for each detection (N,) whether an edge lies more than a tenth of the image's size outside; False where sizes are unknown."""
    size = evaluation.ground_truth.image_sizes[groups_from_offsets(evaluation.detections.offsets)]
    boxes, margin = evaluation.detections.boxes, 0.1 * size
    past = (boxes[:, :2] < -margin) | (boxes[:, :2] > size + margin) | (boxes[:, 2:] > size + margin) | (boxes[:, 2:] < -margin)
    return np.asarray(past.any(axis=1))


def _score_range(evaluation: Evaluation) -> Suspicion | None:
    """Scores outside 0..1."""
    scores = evaluation.detections.scores
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 1:
        return None
    return Suspicion(
        "score-range",
        f"scores run from {low:g} to {high:g}, outside 0–1",
        "AP needs only their order, thresholds and calibration need probabilities: check that this column holds the score",
    )


def _constant_scores(evaluation: Evaluation) -> Suspicion | None:
    """One and the same score for everything."""
    scores = evaluation.detections.scores
    if len(scores) < 2 or scores.min() != scores.max():
        return None
    return Suspicion(
        "score-ties",
        f"all {len(scores):,} detections have the score {scores[0]:g}",
        "AP then depends on the order in the file: write the detector's confidence",
    )


def _images_missing(evaluation: Evaluation) -> Suspicion | None:
    """More than one in a hundred of the images with objects have no detection at all."""
    with_objects = np.diff(evaluation.ground_truth.offsets) > 0
    missing = int((with_objects & (np.diff(evaluation.detections.offsets) == 0)).sum())
    if missing <= _FEW_IMAGES * with_objects.sum():
        return None
    return Suspicion(
        "images-missing",
        f"{missing:,} of {with_objects.sum():,} images with objects have no detection",
        "if the detector did not run on them, score only the images it saw; if its score threshold is high, lower it to 0.01 or less",
    )


def _classes_permuted(evaluation: Evaluation) -> Suspicion | None:
    """Classes without a single hit whose best detections lie on objects of other classes."""
    names = [name for k, name in enumerate(evaluation.ground_truth.class_names) if _hits_only_others(evaluation, k)]
    if not names:
        return None
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Suspicion(
        "classes-permuted",
        f"{listed}: no detection of these hits an object of its class, but most overlap objects of others",
        "check the order of the classes and the category ids (80 or 91)",
    )


def _hits_only_others(evaluation: Evaluation, k: int) -> bool:
    """Tell whether class k has three objects or more, no hit, and half of its best detections overlap objects of other classes by 0.5."""
    hits, _, _, positives = evaluation.counts[k, 0, 0]
    matches, truth = evaluation.matches, evaluation.ground_truth
    best = matches.rows[matches.offsets[k] : matches.offsets[k + 1]][:_PROBED_DETECTIONS]
    if hits > 0 or positives < 3 or len(best) == 0:
        return False
    images = np.searchsorted(evaluation.detections.offsets, best, side="right") - 1
    on_others = 0
    for image in np.unique(images):
        rows = rows_of_groups(truth.offsets, np.array([image]))
        others = truth.boxes[rows[truth.class_index[rows] != k]]
        if len(others):
            on_others += int((iou(evaluation.detections.boxes[best[images == image]], others).max(axis=1) >= _SURELY_OVERLAPS).sum())
    return on_others >= len(best) / 2


def _too_many(evaluation: Evaluation) -> Suspicion | None:
    """Detections cut off by the protocol's largest number per image and class."""
    if not evaluation.protocol.max_detections:
        return None
    most, detections = evaluation.protocol.max_detections[-1], evaluation.detections
    cells = groups_from_offsets(detections.offsets).astype(np.int64) * len(detections.class_names) + detections.class_index
    cut = int(np.maximum(np.unique(cells, return_counts=True)[1] - most, 0).sum())
    if cut == 0:
        return None
    return Suspicion(
        "too-many-detections",
        f"{cut:,} detections are beyond the {most} best of their image and class and were not scored",
        "this is the COCO protocol's rule; other tools may count them",
    )


_CHECKS: tuple[Callable[[Evaluation], Suspicion | None], ...] = (
    _normalised,
    _outside,
    _classes_permuted,
    _images_missing,
    _constant_scores,
    _score_range,
    _too_many,
)

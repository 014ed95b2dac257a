"""Likely label errors: annotations that confident detections contradict, ranked by suspicion.

Three kinds. `missing`: a detection on background, where no object of any class overlaps by more
than 0.1. `class`: a detection on an object of another class that no detection of its own class
finds. `spurious`: an object that no detection of any class comes near.

The scores of different detectors mean different things, so that a detection is not rated by its
score but by its calibrated precision: the share of hits among detections of its class and about its
score. A suspicion is the mean of it over all detectors, 0 for those that do not support it. That of
a spurious object is the share of objects of its class and size that a detector finds, times
1 − the calibrated precision of the best detection that touches it, again a mean over the detectors.

These are places to check, not proofs: the lists are made by the detectors that are evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets, pairs_in_groups
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.calibrated_precision import calibrated_precision
from detbench.metrics.errors.counted_detections import CountedDetections, count_detections
from detbench.metrics.errors.error_kinds import BACKGROUND_IOU, error_kinds
from detbench.metrics.kernels.columns import REGULAR
from detbench.metrics.kernels.error_kinds import (
    BACKGROUND,
    CLASSIFICATION,
    FOUND,
    MISSED,
    NOT_COUNTED,
    ErrorKinds,
)
from detbench.metrics.kernels.overlap import paired_iou, pairwise_iou
from detbench.metrics.protocols.crowd_and_difficult import object_kinds
from detbench.metrics.scoring.evaluation import Evaluation

KINDS = ("missing", "class", "spurious")
MIN_SUSPICION = 0.5
"""Below this, detections are wrong more often than right."""
MAX_ERRORS = 10_000
_SAME_BOX_IOU = 0.5
_AREA_LIMITS = (32.0**2, 96.0**2)
"""COCO's limits between small, medium and large."""


@dataclass(frozen=True)
class LabelError:
    """A likely annotation error."""

    kind: str
    image: int
    """Index of the image."""
    object: int | None
    """Row of the object in the ground truth; None if it is missing."""
    class_name: str
    """As annotated; of a missing object, as detected."""
    detected: str | None
    """The class of the detections; None for a spurious object."""
    box: tuple[float, float, float, float]
    """xyxy of the object, or of the best detection if it is missing."""
    suspicion: float
    """0 … 1."""
    detectors: tuple[str, ...]
    """The detectors that support it."""


@dataclass(frozen=True, eq=False)
class AnalyzedDetector:
    """An evaluation with the kinds of its errors and its counted detections, at one IoU."""

    evaluation: Evaluation
    kinds: ErrorKinds
    counted: CountedDetections

    @classmethod
    def from_evaluation(cls, evaluation: Evaluation, iou: float = 0.5) -> AnalyzedDetector:
        """Match the detections at an IoU threshold."""
        kinds = error_kinds(evaluation, iou=iou)
        return cls(evaluation, kinds, count_detections(evaluation, iou=iou, kinds=kinds))

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.evaluation.detections.name


class _Candidate(NamedTuple):
    """A detection on background that may show a missing object."""

    image: int
    class_index: int
    precision: float
    """Calibrated."""
    detector: int
    """Index of the detector."""
    row: int
    """In its `Detections`."""


def label_errors(
    detectors: Sequence[AnalyzedDetector],
    *,
    min_suspicion: float = MIN_SUSPICION,
    max_errors: int = MAX_ERRORS,
) -> list[LabelError]:
    """Return the likely label errors, most suspicious first.

    Args:
        detectors: one or several, on the same ground truth.
        min_suspicion: errors below this are left out, 0..1.
        max_errors: maximum number of errors.
    """
    precisions = [
        calibrated_precision(detector.counted, len(detector.evaluation.detections))
        for detector in detectors
    ]
    errors = [
        *_missing(detectors, precisions, min_suspicion),
        *_wrong_class(detectors, precisions),
        *_spurious(detectors, precisions, min_suspicion),
    ]
    listed = [error for error in errors if error.suspicion >= min_suspicion]
    listed.sort(key=lambda error: (-error.suspicion, error.image, error.kind, error.box))
    return listed[:max_errors]


def numbers_in_images(ground_truth: GroundTruth, errors: Sequence[LabelError]) -> list[int | None]:
    """Return the number of each object in its image, from 0 in file order; None if missing."""
    return [
        None if error.object is None else error.object - int(ground_truth.offsets[error.image])
        for error in errors
    ]


def _missing(
    detectors: Sequence[AnalyzedDetector], precisions: Sequence[Floats], min_suspicion: float
) -> list[LabelError]:
    """Return missing objects: detections on background that agree, one of each detector.

    They agree if they are in the same image, of the same class, and overlap the best of them by an
    IoU of 0.5.
    """
    candidates = _candidates(detectors, precisions, min_suspicion)
    groups: dict[tuple[int, int], list[_Candidate]] = {}
    for candidate in sorted(candidates, key=lambda candidate: (-candidate.precision, candidate)):
        groups.setdefault((candidate.image, candidate.class_index), []).append(candidate)
    return [
        error
        for group in groups.values()
        if group[0].precision >= min_suspicion
        for error in _agreeing(detectors, group, min_suspicion)
    ]


def _candidates(
    detectors: Sequence[AnalyzedDetector], precisions: Sequence[Floats], min_suspicion: float
) -> list[_Candidate]:
    """Return the detections on background in the images and classes that may miss an object."""
    cells = [
        _background_cells(detector, precision)
        for detector, precision in zip(detectors, precisions, strict=True)
    ]
    # A mean of precisions reaches `min_suspicion` only if one of them does.
    promising = np.concatenate(
        [
            cell[precision >= min_suspicion]
            for cell, precision in zip(cells, precisions, strict=True)
        ]
    )
    candidates = []
    for d, detector in enumerate(detectors):
        rows = np.flatnonzero(np.isin(cells[d], promising) & (cells[d] >= 0))
        rows = rows[~_touches_uncounted(detector.evaluation, rows)]
        detections = detector.evaluation.detections
        images = groups_from_offsets(detections.offsets)
        candidates += [
            _Candidate(
                image=int(images[row]),
                class_index=int(detections.class_index[row]),
                precision=float(precisions[d][row]),
                detector=d,
                row=int(row),
            )
            for row in rows
        ]
    return candidates


def _background_cells(detector: AnalyzedDetector, precision: Floats) -> Ints:
    """Return (N,) a number for image and class of each background error, −1 for others."""
    detections = detector.evaluation.detections
    images = groups_from_offsets(detections.offsets).astype(np.int64)
    cell = images * len(detections.class_names) + detections.class_index
    on_background = (detector.kinds.detections == BACKGROUND) & ~detector.kinds.ignored
    return np.where(on_background & (precision > 0), cell, -1)


def _agreeing(
    detectors: Sequence[AnalyzedDetector], group: list[_Candidate], min_suspicion: float
) -> list[LabelError]:
    """Return the missing objects of one image and class, whose candidates come best first."""
    boxes = np.array(
        [
            detectors[candidate.detector].evaluation.detections.boxes[candidate.row]
            for candidate in group
        ]
    )
    overlaps = pairwise_iou(boxes, boxes)
    free, errors = np.ones(len(group), np.bool_), []
    for n, candidate in enumerate(group):
        if candidate.precision < min_suspicion:
            break
        if not free[n]:
            continue
        agrees = free & (overlaps[n] >= _SAME_BOX_IOU)
        agrees[n] = True
        free &= ~agrees
        best: dict[int, float] = {}
        for other in np.flatnonzero(agrees):
            best.setdefault(group[other].detector, group[other].precision)
        name = detectors[0].evaluation.ground_truth.class_names[candidate.class_index]
        errors.append(
            LabelError(
                "missing",
                candidate.image,
                None,
                name,
                name,
                _xyxy(boxes[n]),
                sum(best.values()) / len(detectors),
                _names(detectors, best),
            )
        )
    return errors


def _wrong_class(
    detectors: Sequence[AnalyzedDetector], precisions: Sequence[Floats]
) -> list[LabelError]:
    """Return wrong classes: for each object that nothing finds, the class most supported."""
    ground_truth = detectors[0].evaluation.ground_truth
    # For each object and class of detections, the best calibrated precision of each detector.
    best: dict[tuple[int, int], dict[int, float]] = {}
    for d, (detector, precision) in enumerate(zip(detectors, precisions, strict=True)):
        kinds, detections = detector.kinds, detector.evaluation.detections
        errors = (kinds.detections == CLASSIFICATION) & ~kinds.ignored & (precision > 0)
        rows = np.flatnonzero(errors)
        for row in rows[kinds.objects[kinds.targets[rows]] != FOUND]:
            key = int(kinds.targets[row]), int(detections.class_index[row])
            of_detectors = best.setdefault(key, {})
            of_detectors[d] = max(of_detectors.get(d, 0.0), float(precision[row]))
    by_object: dict[int, LabelError] = {}
    images = groups_from_offsets(ground_truth.offsets)
    for (row, detected), of_detectors in best.items():
        error = LabelError(
            "class",
            int(images[row]),
            row,
            ground_truth.class_names[ground_truth.class_index[row]],
            ground_truth.class_names[detected],
            _xyxy(ground_truth.boxes[row]),
            sum(of_detectors.values()) / len(detectors),
            _names(detectors, of_detectors),
        )
        if row not in by_object or error.suspicion > by_object[row].suspicion:
            by_object[row] = error
    return list(by_object.values())


def _spurious(
    detectors: Sequence[AnalyzedDetector], precisions: Sequence[Floats], min_suspicion: float
) -> list[LabelError]:
    """Return spurious objects: those that all detectors miss, though they find most like them."""
    ground_truth = detectors[0].evaluation.ground_truth
    missed = np.all([detector.kinds.objects == MISSED for detector in detectors], axis=0)
    recalls = [_recall_of_alike(detector) for detector in detectors]
    rows = np.flatnonzero(missed & (np.mean(recalls, axis=0) >= min_suspicion))
    doubts = [
        recall[rows] * (1 - _best_touching(detector.evaluation, precision, rows))
        for detector, precision, recall in zip(detectors, precisions, recalls, strict=True)
    ]
    suspicions = np.mean(doubts, axis=0)
    images = groups_from_offsets(ground_truth.offsets)
    return [
        LabelError(
            "spurious",
            int(images[row]),
            int(row),
            ground_truth.class_names[ground_truth.class_index[row]],
            None,
            _xyxy(ground_truth.boxes[row]),
            suspicion,
            tuple(detector.name for detector in detectors),
        )
        for row, suspicion in zip(rows, suspicions.tolist(), strict=True)
    ]


def _recall_of_alike(detector: AnalyzedDetector) -> Floats:
    """Return (G,) the recall of the objects of the same class and size as each object."""
    ground_truth = detector.evaluation.ground_truth
    size = np.searchsorted(_AREA_LIMITS, ground_truth.areas)
    alike = ground_truth.class_index.astype(np.int64) * (len(_AREA_LIMITS) + 1) + size
    counted = detector.kinds.objects != NOT_COUNTED
    is_found = detector.kinds.objects == FOUND
    total = np.bincount(alike[counted], minlength=int(alike.max(initial=0)) + 1)
    n_found = np.bincount(alike[counted & is_found], minlength=len(total))
    recall = np.divide(n_found, total, out=np.zeros(len(total)), where=total > 0)
    return np.asarray(recall[alike])


def _best_touching(evaluation: Evaluation, precision: Floats, rows: Ints) -> Floats:
    """Return for each object the best calibrated precision of a detection that touches it."""
    ground_truth, detections = evaluation.ground_truth, evaluation.detections
    images = groups_from_offsets(ground_truth.offsets)[rows]
    pair, others = pairs_in_groups(detections.offsets, images.astype(np.int64))
    overlaps = paired_iou(ground_truth.boxes, detections.boxes, rows[pair], others)
    touching = overlaps >= BACKGROUND_IOU
    best = np.zeros(len(rows))
    np.maximum.at(best, pair[touching], precision[others[touching]])
    return best


def _touches_uncounted(evaluation: Evaluation, rows: Ints) -> Flags:
    """Return which detections touch an object that does not count: it explains them."""
    ground_truth, detections = evaluation.ground_truth, evaluation.detections
    uncounted = object_kinds(ground_truth, evaluation.protocol) != REGULAR
    images = groups_from_offsets(detections.offsets)[rows]
    pair, objects = pairs_in_groups(ground_truth.offsets, images.astype(np.int64))
    pair, objects = pair[uncounted[objects]], objects[uncounted[objects]]
    overlaps = paired_iou(detections.boxes, ground_truth.boxes, rows[pair], objects)
    touches = np.zeros(len(rows), np.bool_)
    touches[pair[overlaps > BACKGROUND_IOU]] = True
    return touches


def _names(detectors: Sequence[AnalyzedDetector], indices: dict[int, float]) -> tuple[str, ...]:
    return tuple(detectors[d].name for d in sorted(indices))


def _xyxy(box: Floats) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2

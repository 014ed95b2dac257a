"""Label errors: annotations that sure detections contradict, ranked, and what AP would be if they were wrong.

Three kinds. `missing`: a detection on nothing, with no object of any class within IoU 0.1. `class`: a detection on an object of another
class that no detection of its own class finds. `spurious`: an object that no detection of any class comes near.

How sure a detection is, is not its score, which means something else for each detector, but its credence: how often detections of its class
and about its score are right (`credence`). A suspicion is the mean of the credences over all detectors, 0 for those that do not share it.
Of a spurious object it is the share of objects of its class and size that a detector finds, times 1 less the credence of the surest
detection that touches it. These are places to look at, not proofs: the lists are made by the detectors that are being judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets, rows_of_groups
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.calibrated_precision import credences
from detbench.metrics.errors.counted_detections import Ranked
from detbench.metrics.errors.diagnosis import BKG, CLS, FOUND, LEFT_OUT, MISSED, Diagnosis
from detbench.metrics.kernels.columns import REGULAR
from detbench.metrics.kernels.overlap import iou
from detbench.metrics.scoring.evaluate import evaluate, object_kinds
from detbench.metrics.scoring.evaluation import Evaluation

KINDS = ("missing", "class", "spurious")
LEAST = 0.5
"""Suspicions below this are not listed: detections of such scores are more often wrong than right."""
MOST = 10_000
_SAME_BOX = 0.5
_TOUCHES = 0.1
_SIZES = (32.0**2, 96.0**2)


@dataclass(frozen=True)
class LabelError:
    """A suspected annotation error."""

    kind: str
    image: int
    """Position of the image."""
    object: int | None
    """Row of the object in the ground truth; None where it is missing."""
    class_name: str
    """As annotated; of a missing object, as detected."""
    detected: str | None
    """The class that the detections say; None for a spurious object."""
    box: tuple[float, float, float, float]
    """xyxy of the object, or of the surest detection where it is missing."""
    suspicion: float
    """0 … 1."""
    detectors: tuple[str, ...]
    """Who shares it."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What a detector's evaluation is judged with."""

    evaluation: Evaluation
    diagnosis: Diagnosis
    ranked: Ranked


def label_errors(
    judged: Sequence[Judged], *, least: float = LEAST, most: int = MOST
) -> list[LabelError]:
    """Return the suspected annotation errors of at least a suspicion, the most suspicious first, at most `most`."""
    sure = [credences(one.ranked, len(one.evaluation.detections)) for one in judged]
    found = [
        *_missing(judged, sure, least),
        *_other_class(judged, sure),
        *_spurious(judged, sure, least),
    ]
    known = [error for error in found if error.suspicion >= least]
    return sorted(known, key=lambda error: (-error.suspicion, error.image, error.kind, error.box))[
        :most
    ]


def places_in_images(truth: GroundTruth, errors: Sequence[LabelError]) -> list[int | None]:
    """Return which of the objects of its image each suspected one is, from 0 in the order of the file; None where it is missing."""
    return [
        None if error.object is None else error.object - int(truth.offsets[error.image])
        for error in errors
    ]


def corrected_values(
    evaluation: Evaluation, errors: Sequence[LabelError]
) -> dict[str, float | None]:
    """Return the headline measure as annotated, with the errors of each kind corrected, and with all of them."""
    groups = {kind: [error for error in errors if error.kind == kind] for kind in KINDS}
    values = {"as annotated": evaluation.average_precision}
    for name, some in (*groups.items(), ("all", list(errors))):
        values[name] = _corrected_value(evaluation, some) if some else evaluation.average_precision
    return values


def corrected(truth: GroundTruth, errors: Sequence[LabelError]) -> GroundTruth:
    """Return the ground truth with the errors taken for real: missing objects added, spurious ones taken out, classes changed."""
    classes = truth.class_index.copy()
    kept = np.ones(len(truth), np.bool_)
    index = {name: k for k, name in enumerate(truth.class_names)}
    for error in errors:
        if error.object is not None and error.detected is None:
            kept[error.object] = False
        elif error.object is not None and error.detected is not None:
            classes[error.object] = index[error.detected]
    added = [error for error in errors if error.object is None]
    boxes = np.array([error.box for error in added], np.float64).reshape(-1, 4)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])

    def flags(column: Flags) -> Flags:
        return np.concatenate([column[kept], np.zeros(len(added), np.bool_)])

    rebuilt = GroundTruth.from_rows(
        image_ids=truth.image_ids,
        class_names=truth.class_names,
        image_index=np.concatenate(
            [
                groups_from_offsets(truth.offsets)[kept],
                np.array([error.image for error in added], np.int32),
            ]
        ),
        class_index=np.concatenate(
            [classes[kept], np.array([index[error.class_name] for error in added], np.int32)]
        ),
        boxes=np.concatenate([truth.boxes[kept], boxes]),
        box_areas=np.concatenate([truth.box_areas[kept], areas]),
        areas=np.concatenate([truth.areas[kept], areas]),
        iscrowd=flags(truth.iscrowd),
        difficult=flags(truth.difficult),
        truncated=flags(truth.truncated),
    )
    same = {
        name: getattr(truth, name)
        for name in (
            "category_ids",
            "image_sizes",
            "image_files",
            "image_folder",
            "name",
            "protocol",
        )
    }
    return replace(rebuilt, **same)


def _corrected_value(evaluation: Evaluation, errors: Sequence[LabelError]) -> float | None:
    rules = replace(evaluation.protocol, measures=evaluation.protocol.measures[:1])
    return evaluate(
        corrected(evaluation.ground_truth, errors), evaluation.detections, rules
    ).average_precision


def _missing(judged: Sequence[Judged], beliefs: Sequence[Floats], least: float) -> list[LabelError]:
    """Group sure detections on nothing that agree: same image and class, IoU 0.5 with the surest of them, one of each detector.

    A mean reaches `least` only where one of its parts does.
    """
    places = [_places(one, credence) for one, credence in zip(judged, beliefs, strict=True)]
    sure = np.unique(
        np.concatenate(
            [place[credence >= least] for place, credence in zip(places, beliefs, strict=True)]
        )
    )
    rows = []
    for d, (one, credence, place) in enumerate(zip(judged, beliefs, places, strict=True)):
        chosen = np.flatnonzero(np.isin(place, sure) & (place >= 0))
        chosen = chosen[~_near_uncounted(one.evaluation, chosen)]
        images, classes = (
            groups_from_offsets(one.evaluation.detections.offsets),
            one.evaluation.detections.class_index,
        )
        rows += [
            (int(images[row]), int(classes[row]), float(credence[row]), d, int(row))
            for row in chosen
        ]
    groups: dict[tuple[int, int], list[tuple[int, int, float, int, int]]] = {}
    for entry in sorted(rows, key=lambda entry: (-entry[2], entry)):
        groups.setdefault(entry[:2], []).append(entry)
    return [
        error
        for group in groups.values()
        if group[0][2] >= least
        for error in _agreeing(judged, group, least)
    ]


def _places(one: Judged, credence: Floats) -> Ints:
    """Return (N,) a number for image and class of each detection on nothing, −1 for all others."""
    found = one.evaluation.detections
    place = (
        groups_from_offsets(found.offsets).astype(np.int64) * len(found.class_names)
        + found.class_index
    )
    return np.where(
        (one.diagnosis.detections == BKG) & ~one.diagnosis.ignored & (credence > 0), place, -1
    )


def _agreeing(
    judged: Sequence[Judged], group: list[tuple[int, int, float, int, int]], least: float
) -> list[LabelError]:
    truth = judged[0].evaluation.ground_truth
    boxes = np.array([judged[d].evaluation.detections.boxes[row] for _, _, _, d, row in group])
    overlaps = iou(boxes, boxes) if len(group) > 1 else np.ones((1, 1))
    free, found = np.ones(len(group), np.bool_), []
    for place, (image, label, credence, _, _) in enumerate(group):
        if credence < least:
            break
        if not free[place]:
            continue
        same = [
            other
            for other in np.flatnonzero(free)
            if other == place or overlaps[place, other] >= _SAME_BOX
        ]
        free[same] = False
        surest: dict[int, float] = {}
        for other in same:
            surest.setdefault(group[other][3], group[other][2])
        name, box = truth.class_names[label], _xyxy(boxes[place])
        found.append(
            LabelError(
                "missing",
                image,
                None,
                name,
                name,
                box,
                sum(surest.values()) / len(judged),
                _names(judged, surest),
            )
        )
    return found


def _other_class(judged: Sequence[Judged], beliefs: Sequence[Floats]) -> list[LabelError]:
    truth = judged[0].evaluation.ground_truth
    surest: dict[tuple[int, int], dict[int, float]] = {}
    for d, (one, credence) in enumerate(zip(judged, beliefs, strict=True)):
        diagnosis = one.diagnosis
        chosen = np.flatnonzero((diagnosis.detections == CLS) & ~diagnosis.ignored & (credence > 0))
        for row in chosen[diagnosis.objects[diagnosis.partners[chosen]] != FOUND]:
            known = surest.setdefault(
                (int(diagnosis.partners[row]), int(one.evaluation.detections.class_index[row])), {}
            )
            known[d] = max(known.get(d, 0.0), float(credence[row]))
    best: dict[int, LabelError] = {}
    images = groups_from_offsets(truth.offsets)
    for (row, label), by_detector in surest.items():
        error = LabelError(
            "class", int(images[row]), row, truth.class_names[truth.class_index[row]], truth.class_names[label], _xyxy(truth.boxes[row]),
            sum(by_detector.values()) / len(judged), _names(judged, by_detector),
        )  # fmt: skip
        if row not in best or error.suspicion > best[row].suspicion:
            best[row] = error
    return list(best.values())


def _spurious(
    judged: Sequence[Judged], beliefs: Sequence[Floats], least: float
) -> list[LabelError]:
    truth = judged[0].evaluation.ground_truth
    missed = np.all([one.diagnosis.objects == MISSED for one in judged], axis=0)
    shares = [_shares_found(one) for one in judged]
    rows = np.flatnonzero(missed & (np.mean(shares, axis=0) >= least))
    doubts = np.mean(
        [_doubts(*each, rows) for each in zip(judged, beliefs, shares, strict=True)], axis=0
    )
    images, everyone = (
        groups_from_offsets(truth.offsets),
        tuple(one.evaluation.detections.name for one in judged),
    )
    names = [truth.class_names[k] for k in truth.class_index[rows]]
    return [
        LabelError(
            "spurious",
            int(images[row]),
            int(row),
            name,
            None,
            _xyxy(truth.boxes[row]),
            doubt,
            everyone,
        )
        for row, name, doubt in zip(rows, names, doubts.tolist(), strict=True)
    ]


def _shares_found(one: Judged) -> Floats:
    """Return (G,) the share found of the objects of the same class and size."""
    truth = one.evaluation.ground_truth
    size = np.searchsorted(_SIZES, truth.areas)
    like = truth.class_index.astype(np.int64) * (len(_SIZES) + 1) + size
    counted = one.diagnosis.objects != LEFT_OUT
    total = np.bincount(like[counted], minlength=int(like.max(initial=0)) + 1)
    reached = np.bincount(like[counted & (one.diagnosis.objects == FOUND)], minlength=len(total))
    return np.asarray(np.divide(reached, total, out=np.zeros(len(total)), where=total > 0)[like])


def _doubts(one: Judged, credence: Floats, shares: Floats, rows: Ints) -> Floats:
    """Return for each object the share found of those like it, times 1 less the credence of the surest detection on it."""
    truth, found = one.evaluation.ground_truth, one.evaluation.detections
    images = groups_from_offsets(truth.offsets)
    doubts = np.empty(len(rows))
    for place, row in enumerate(rows):
        near = slice(int(found.offsets[images[row]]), int(found.offsets[images[row] + 1]))
        touching = iou(found.boxes[near], truth.boxes[row][None])[:, 0] >= _TOUCHES
        doubts[place] = shares[row] * (1 - credence[near][touching].max(initial=0.0))
    return doubts


def _near_uncounted(evaluation: Evaluation, rows: Ints) -> Flags:
    """Return which detections touch an object that does not count: it explains them."""
    truth, found = evaluation.ground_truth, evaluation.detections
    uncounted = object_kinds(truth, evaluation.protocol) != REGULAR
    images = groups_from_offsets(found.offsets)[rows].astype(np.int64)
    counts = np.diff(truth.offsets)[images]
    objects = rows_of_groups(truth.offsets, images)
    pair = np.repeat(np.arange(len(rows)), counts)
    pair, objects = pair[uncounted[objects]], objects[uncounted[objects]]
    a, b = found.boxes[rows[pair]], truth.boxes[objects]
    common = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None).prod(
        axis=1
    )
    union = found.box_areas[rows[pair]] + truth.box_areas[objects] - common
    near = np.zeros(len(rows), np.bool_)
    near[pair[common > _TOUCHES * union]] = True
    return near


def _names(judged: Sequence[Judged], some: dict[int, float]) -> tuple[str, ...]:
    return tuple(judged[d].evaluation.detections.name for d in sorted(some))


def _xyxy(box: Floats) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2

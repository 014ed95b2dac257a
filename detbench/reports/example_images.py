"""Telling images: those in which detectors miss, invent or misplace objects, or disagree; boxes and reasons, no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Floats, Indices, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.outcomes import (
    BACKGROUND,
    CONFUSED,
    DUPLICATE,
    MISPLACED,
    OUTCOMES,
    Outcomes,
    outcomes,
)

KINDS = ("missed", "false", "misplaced", "disagreement")
"""Why an image is telling: an object of which nothing was found; a detection on nothing, on another class or on an object found already;
the right class placed badly (IoU from 0.1 to the threshold); an object that some detectors found and others did not."""
_MISSED, _FALSE, _BADLY, _DISPUTED = range(4)
_TRUTH = -1
"""Stands for the ground truth where detectors are numbered from 0."""
MOST_IMAGES = 120
MOST_BOXES = 40
"""Detections of one detector that are listed for one image, surest first."""


@dataclass(frozen=True)
class Box:
    """A box to draw."""

    xyxy: tuple[float, float, float, float]
    """In pixels of the picture."""
    class_name: str
    detector: str | None
    """Who found it; None for ground truth."""
    score: float | None
    outcome: str
    """Of a detection one of `OUTCOMES`; of ground truth `object`, or `ignored` (difficult, crowd)."""
    missed_by: tuple[str, ...] = ()
    """Of ground truth that counts: the detectors that did not find it."""


@dataclass(frozen=True)
class Reason:
    """Why an image is shown."""

    kind: str
    """One of `KINDS`."""
    class_name: str
    detectors: tuple[str, ...]
    """Whose mistake it is; of a disagreement, all that did not find the object."""
    box: int
    """Which of the image's boxes it is about."""
    weight: float
    """How telling: the score of a detection, the share of the image that a missed object covers (0..1)."""


@dataclass(frozen=True)
class TellingImage:
    """An image with all its boxes at the detectors' operating points and the reasons to look at it, the most telling first."""

    image: int
    """Position in the ground truth."""
    image_id: str
    width: float
    """Pixels; NaN where not known."""
    height: float
    boxes: tuple[Box, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, eq=False)
class _Candidates:
    """M mistakes: columns of kind, class, detector, image, row (of the object or of the detection's place) and weight."""

    kind: Ints
    class_index: Ints
    detector: Ints
    image: Ints
    row: Ints
    weight: Floats

    def __len__(self) -> int:
        return len(self.kind)

    def at(self, places: Ints) -> _Candidates:
        return _Candidates(*(column[places] for column in vars(self).values()))


def telling_images(
    evaluations: Sequence[Evaluation],
    *,
    names: Sequence[str] | None = None,
    most: int = MOST_IMAGES,
    among: Ints | None = None,
) -> list[TellingImage]:
    """Return the most telling images of detectors that were scored on the same data, at most `most`, without looking at pixels.

    Detections count from the best F1 threshold of their class (`outcomes`). Images are chosen in rounds: in each, every class and kind
    brings its next mistake, detectors taking turns, the largest missed object and the surest false or misplaced box first. An image that
    is chosen lists all the mistakes in it. The same input always gives the same images.

    Args:
        evaluations: one or several.
        names: of the detectors; None: those of the detections.
        most: images.
        among: image positions to choose from, such as those whose picture is there; None: all.

    Raises:
        DetbenchError: no evaluation, names that do not fit, or evaluations on different data.
    """
    if not evaluations:
        raise DetbenchError("there is no evaluation to choose telling images from")
    known = (
        tuple(names)
        if names is not None
        else tuple(evaluation.detections.name for evaluation in evaluations)
    )
    if len(known) != len(evaluations):
        raise DetbenchError(f"{len(known)} names for {len(evaluations)} evaluations")
    truth = evaluations[0].ground_truth
    for evaluation in evaluations[1:]:
        evaluation.detections.check_same_images(truth)
    found = [outcomes(evaluation) for evaluation in evaluations]
    candidates = _candidates(evaluations, found)
    if among is not None:
        candidates = candidates.at(np.flatnonzero(np.isin(candidates.image, among)))
    order = _in_rounds(candidates)
    _, first = np.unique(candidates.image[order], return_index=True)
    chosen = candidates.image[order[np.sort(first)[:most]]]
    return [
        _telling_image(int(image), evaluations, found, known, candidates, order) for image in chosen
    ]


def _candidates(evaluations: Sequence[Evaluation], found: Sequence[Outcomes]) -> _Candidates:
    """Return every mistake of every detector."""
    truth = evaluations[0].ground_truth
    image_of = groups_from_offsets(truth.offsets).astype(np.int64)
    shares = _shares(truth, image_of)
    parts = []
    for d, (evaluation, outcome) in enumerate(zip(evaluations, found, strict=True)):
        missed = np.flatnonzero(outcome.to_find & ~outcome.found & ~outcome.approached)
        parts.append(
            _part(_MISSED, truth.class_index[missed], d, image_of[missed], missed, shares[missed])
        )
        for kind, kinds in ((_FALSE, (DUPLICATE, CONFUSED, BACKGROUND)), (_BADLY, (MISPLACED,))):
            wrong = np.flatnonzero(np.isin(outcome.outcome, kinds))
            rows = outcome.rows[wrong]
            score = evaluation.detections.scores[rows]
            parts.append(
                _part(
                    kind,
                    evaluation.detections.class_index[rows],
                    d,
                    outcome.images[wrong],
                    wrong,
                    score,
                )
            )
    finders = np.sum([outcome.found for outcome in found], axis=0)
    disputed = np.flatnonzero(found[0].to_find & (finders > 0) & (finders < len(found)))
    parts.append(
        _part(
            _DISPUTED,
            truth.class_index[disputed],
            0,
            image_of[disputed],
            disputed,
            shares[disputed],
        )
    )
    return _Candidates(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _part(
    kind: int, classes: Indices, detector: int, image: Ints | Indices, row: Ints, weight: Floats
) -> tuple[Ints, Ints, Ints, Ints, Ints, Floats]:
    kinds, detectors = np.full(len(row), kind), np.full(len(row), detector)
    return kinds, classes.astype(np.int64), detectors, image.astype(np.int64), row, weight


def _shares(truth: GroundTruth, image_of: Ints) -> Floats:
    """Return the share of its image that each object covers; where sizes are not known, of the largest object."""
    sizes = truth.image_sizes[image_of].prod(axis=1)
    largest = truth.box_areas.max(initial=1.0)
    shares: Floats = np.clip(
        truth.box_areas / np.where(np.isnan(sizes) | (sizes <= 0), largest, sizes), 0.0, 1.0
    )
    return shares


def _in_rounds(candidates: _Candidates) -> Ints:
    """Return the candidates in the order of choice: round by round, kinds in turn, heavier ones first."""
    turn = _places(
        candidates,
        (candidates.kind, candidates.class_index, candidates.detector),
        candidates.weight,
    )
    queue_weight = np.lexsort(
        (
            candidates.row,
            candidates.image,
            candidates.detector,
            turn,
            candidates.class_index,
            candidates.kind,
        )
    )
    rounds = _numbered(queue_weight, (candidates.kind, candidates.class_index))
    in_round = _places(candidates, (rounds, candidates.kind), candidates.weight)
    return np.lexsort((candidates.kind, in_round, rounds))


def _places(candidates: _Candidates, by: tuple[Ints, ...], weight: Floats) -> Ints:
    """Return each candidate's place among those of the same `by`, the heaviest first; ties by image and row."""
    order = np.lexsort((candidates.row, candidates.detector, candidates.image, -weight, *by[::-1]))
    return _numbered(order, by)


def _numbered(order: Ints, by: tuple[Ints, ...]) -> Ints:
    """Return 0, 1, 2, ... within each run of equal `by` along an order."""
    starts = np.zeros(len(order), np.bool_)
    for column in by:
        starts |= np.diff(column[order], prepend=-1) != 0
    along = np.arange(len(order))
    numbers = np.empty(len(order), np.int64)
    numbers[order] = along - np.maximum.accumulate(np.where(starts, along, 0))
    return numbers


def _telling_image(
    image: int,
    evaluations: Sequence[Evaluation],
    found: Sequence[Outcomes],
    names: tuple[str, ...],
    candidates: _Candidates,
    order: Ints,
) -> TellingImage:
    truth = evaluations[0].ground_truth
    objects = np.arange(truth.offsets[image], truth.offsets[image + 1])
    boxes = [_object_box(truth, int(row), found, names) for row in objects]
    box_of = {(_TRUTH, int(row)): place for place, row in enumerate(objects)}
    for d, (evaluation, outcome) in enumerate(zip(evaluations, found, strict=True)):
        there = np.flatnonzero(outcome.images == image)
        scores = evaluation.detections.scores[outcome.rows[there]]
        for place in there[np.argsort(-scores, kind="stable")][:MOST_BOXES]:
            box_of[d, int(place)] = len(boxes)
            boxes.append(_detection_box(evaluation, outcome, int(place), names[d]))
    reasons: dict[tuple[int, int], Reason] = {}
    for place in order[candidates.image[order] == image]:
        kind, d, row = (
            int(candidates.kind[place]),
            int(candidates.detector[place]),
            int(candidates.row[place]),
        )
        at = box_of.get((d if kind in (_FALSE, _BADLY) else _TRUTH, row))
        if at is not None:
            before = reasons[kind, at].detectors if (kind, at) in reasons else ()
            whose = (
                boxes[at].missed_by
                if kind == _DISPUTED
                else tuple(name for name in names if name in (*before, names[d]))
            )
            reasons[kind, at] = Reason(
                KINDS[kind], boxes[at].class_name, whose, at, float(candidates.weight[place])
            )
    width, height = truth.image_sizes[image].tolist()
    return TellingImage(
        image, truth.image_ids[image], width, height, tuple(boxes), tuple(reasons.values())
    )


def _object_box(
    truth: GroundTruth, row: int, found: Sequence[Outcomes], names: tuple[str, ...]
) -> Box:
    counts = bool(found[0].to_find[row])
    missed_by = tuple(
        name
        for name, outcome in zip(names, found, strict=True)
        if counts and not outcome.found[row]
    )
    class_name = truth.class_names[truth.class_index[row]]
    return Box(
        _xyxy(truth.boxes[row]),
        class_name,
        None,
        None,
        "object" if counts else "ignored",
        missed_by,
    )


def _detection_box(evaluation: Evaluation, outcome: Outcomes, place: int, name: str) -> Box:
    row = outcome.rows[place]
    found = evaluation.detections
    class_name = found.class_names[found.class_index[row]]
    return Box(
        _xyxy(found.boxes[row]),
        class_name,
        name,
        float(found.scores[row]),
        OUTCOMES[outcome.outcome[place]],
    )


def _xyxy(box: Floats) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2

"""Mistakes: what detectors miss, invent and misplace, in the order in which to show examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Floats, Indices, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.error_kinds import (
    BACKGROUND,
    BOTH,
    CLASSIFICATION,
    DUPLICATE,
    LOCALIZATION,
)
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.outcomes import Outcomes

KINDS = ("missed", "false", "misplaced", "disagreement")
"""The kinds of mistakes.

- missed: an object without any detection of its class on it;
- false: a detection on nothing, on another class, or on an object that is already found;
- misplaced: a detection of the right class that overlaps its object too little (IoU from 0.1);
- disagreement: an object that some detectors found and others did not.
"""
MISSED, FALSE, MISPLACED, DISAGREEMENT = range(4)
"""Indices into `KINDS`."""
ABOUT_DETECTIONS = (FALSE, MISPLACED)
"""The kinds whose row is a detection; the row of the others is an object."""
_FALSE_KINDS = (CLASSIFICATION, BOTH, DUPLICATE, BACKGROUND)


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Columns of M mistakes."""

    kind: Ints
    """(M,) index into `KINDS`."""
    class_index: Ints
    """(M,)"""
    detector: Ints
    """(M,) index of the evaluation; 0 for disagreements."""
    image: Ints
    """(M,) position in the ground truth."""
    row: Ints
    """(M,) index of the detection in its `Outcomes`, or row of the object."""
    weight: Floats
    """(M,) 0..1: score of the detection, or share of the image that the object covers."""

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, rows: Ints) -> Mistakes:
        """Return the mistakes at some rows."""
        return Mistakes(*(column[rows] for column in vars(self).values()))


def mistakes_of(evaluations: Sequence[Evaluation], outcomes: Sequence[Outcomes]) -> Mistakes:
    """Return every mistake of every detector."""
    ground_truth = evaluations[0].ground_truth
    image_of = groups_from_offsets(ground_truth.offsets).astype(np.int64)
    shares = _shares_of_image(ground_truth, image_of)

    def about_objects(kind: int, rows: Ints, detector: int) -> Mistakes:
        classes = ground_truth.class_index[rows]
        return _mistakes(kind, classes, detector, image_of[rows], rows, shares[rows])

    parts = []
    for d, (evaluation, outcome) in enumerate(zip(evaluations, outcomes, strict=True)):
        missed = np.flatnonzero(outcome.to_find & ~outcome.is_found & ~outcome.approached)
        parts.append(about_objects(MISSED, missed, d))
        parts.append(_wrong(FALSE, _FALSE_KINDS, d, evaluation, outcome))
        parts.append(_wrong(MISPLACED, (LOCALIZATION,), d, evaluation, outcome))
    n_finders = np.sum([outcome.is_found for outcome in outcomes], axis=0)
    found_by_some = (n_finders > 0) & (n_finders < len(outcomes))
    disputed = np.flatnonzero(outcomes[0].to_find & found_by_some)
    parts.append(about_objects(DISAGREEMENT, disputed, 0))
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Mistakes(*(np.concatenate(column) for column in columns))


def order_of_choice(mistakes: Mistakes) -> Ints:
    """Return the indices of the mistakes (M,) in the order in which to choose examples.

    In each round, every class and kind brings its next mistake. The detectors of a class and kind
    take turns, each with its mistake of the highest weight first. Within a round, kinds alternate.
    """
    turn = _rank_within(mistakes, (mistakes.kind, mistakes.class_index, mistakes.detector))
    queue = np.lexsort(
        (
            mistakes.row,
            mistakes.image,
            mistakes.detector,
            turn,
            mistakes.class_index,
            mistakes.kind,
        )
    )
    rounds = _numbered(queue, (mistakes.kind, mistakes.class_index))
    in_round = _rank_within(mistakes, (rounds, mistakes.kind))
    return np.lexsort((mistakes.kind, in_round, rounds))


def _wrong(
    kind: int, outcomes: Sequence[int], detector: int, evaluation: Evaluation, outcome: Outcomes
) -> Mistakes:
    """Return the detections with one of the outcomes as mistakes of one kind."""
    wrong = np.flatnonzero(np.isin(outcome.outcome, outcomes))
    rows = outcome.rows[wrong]
    detections = evaluation.detections
    return _mistakes(
        kind,
        detections.class_index[rows],
        detector,
        outcome.images[wrong],
        wrong,
        detections.scores[rows],
    )


def _mistakes(
    kind: int, classes: Indices, detector: int, images: Ints | Indices, rows: Ints, weights: Floats
) -> Mistakes:
    return Mistakes(
        kind=np.full(len(rows), kind),
        class_index=classes.astype(np.int64),
        detector=np.full(len(rows), detector),
        image=images.astype(np.int64),
        row=rows,
        weight=weights,
    )


def _shares_of_image(ground_truth: GroundTruth, image_of: Ints) -> Floats:
    """Return the share of its image that each object covers, 0..1.

    Where the size of the image is unknown, it is the share of the largest object's area.
    """
    sizes = ground_truth.image_sizes[image_of].prod(axis=1)
    largest = ground_truth.box_areas.max(initial=1.0)
    has_size = ~np.isnan(sizes) & (sizes > 0)
    shares: Floats = np.clip(ground_truth.box_areas / np.where(has_size, sizes, largest), 0.0, 1.0)
    return shares


def _rank_within(mistakes: Mistakes, by: tuple[Ints, ...]) -> Ints:
    """Return the rank of each mistake among those of equal `by`, highest weight first.

    Ties are broken by image, detector and row, so that the order never depends on the input's.
    """
    order = np.lexsort(
        (mistakes.row, mistakes.detector, mistakes.image, -mistakes.weight, *by[::-1])
    )
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

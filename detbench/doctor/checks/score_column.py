"""Check of the score column: text files with the score at the other end of the line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from detbench.data.columns import Floats
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows
from detbench.doctor.evidence.fit import Sample, sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.readings.box_formats import (
    CLEARLY_BETTER,
    MUCH_BETTER,
    BoxReading,
    own_reading,
    readings,
    sizes_of,
)

MIN_BOXES = 5
"""Detections and objects that are needed to recognize the mistake."""
GOOD_ENOUGH = 0.6
"""Mean best IoU from which on the score is where it should be."""
NEARLY_AS_GOOD = 0.02
"""The format's own order of the box is the likelier one if it fits almost as well, by mean best
IoU."""


@dataclass(frozen=True)
class _Fit:
    """A reading of the four numbers beside the score, and the mean best IoU of the boxes."""

    reading: BoxReading
    fit: float


def check_score_column(case: Case) -> Finding | None:
    """Check for a score at the other end of a line of five numbers.

    It is there if boxes read so, in whatever order the other four numbers are, fit the objects
    clearly better than boxes beside the score where it should be.
    """
    position = case.file.score_position
    if position is None or not len(case.rows):
        return None
    moved = _moved(case)
    sample, other = sample_of(case), sample_of(moved)
    if min(len(other.boxes), len(other.starts)) < MIN_BOXES:
        return None
    as_read = sample.mean_best_iou(sample.boxes)
    if as_read >= GOOD_ENOUGH:
        return None
    before, after = _best_fit(case, sample), _best_fit(moved, other)
    if after.fit < max(before.fit + CLEARLY_BETTER, before.fit * MUCH_BETTER):
        return None
    fix_rows = partial(_with_score_moved, case, after.reading)
    change = change_with_rows(case, fix_rows(case.rows), "read so")
    where = "last, after the box" if position == "first" else "before the box"
    evidence = (
        f"read with the score {where}, and the box as {after.reading.name}, the boxes lie on the "
        f"objects (mean best IoU {as_read:.2f} → {after.fit:.2f}): {change}"
    )
    return Finding("score-column", "error", evidence, fix_rows=fix_rows)


def _best_fit(case: Case, sample: Sample) -> _Fit:
    """Return the reading under which the boxes fit best, preferably the format's own."""

    def fit(reading: BoxReading) -> _Fit:
        boxes = reading.boxes(sample.box_numbers, sample.sizes)
        return _Fit(reading, sample.mean_best_iou(boxes))

    own = fit(own_reading(case.file))
    best = max(map(fit, readings(case, sample.box_numbers)), key=lambda other: other.fit)
    return best if best.fit > own.fit + NEARLY_AS_GOOD else own


def _moved(case: Case) -> Case:
    """Return the case with the numbers of each line as if the score were at its other end."""
    scores = np.full(len(case.file.box_numbers), np.nan)
    scores[case.rows.source_rows] = case.rows.scores
    numbers, moved_scores = _exchanged(case, case.file.box_numbers, scores)
    moved = replace(case, file=replace(case.file, box_numbers=numbers))
    rows = replace(case.rows, scores=moved_scores[case.rows.source_rows])
    own, own_numbers = own_reading(case.file), numbers[rows.source_rows]
    return moved.with_rows(rows.with_boxes(own.boxes(own_numbers, _sizes(case, rows))))


def _with_score_moved(case: Case, reading: BoxReading, rows: DetectionRows) -> DetectionRows:
    """Return rows with score and box taken from the other ends of their lines."""
    numbers, scores = _exchanged(case, case.file.box_numbers[rows.source_rows], rows.scores)
    boxes = reading.boxes(numbers, _sizes(case, rows))
    return replace(rows, boxes=boxes, scores=scores)


def _sizes(case: Case, rows: DetectionRows) -> Floats:
    """Return the size (N, 2) of each row's image; fractions on unknown images stay as they are."""
    return np.nan_to_num(sizes_of(case, rows), nan=1.0)


def _exchanged(case: Case, numbers: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Return boxes (N, 4) and scores (N,) with the score at the other end of the five numbers."""
    if case.file.score_position == "first":
        return np.column_stack([scores, numbers[:, :3]]), numbers[:, 3]
    return np.column_stack([numbers[:, 1:], scores]), numbers[:, 0]

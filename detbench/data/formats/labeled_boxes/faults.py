"""Faults of labeled boxes: the first value that is wrong, and what boxes cannot hold."""

from __future__ import annotations

import warnings

import numpy as np

from detbench.data.formats.labeled_boxes.labeled_boxes import (
    COORDINATES,
    NO_CLASS,
    LabeledBoxes,
)
from detbench.data.formats.parsing.lenient_values import shortened
from detbench.errors import DetbenchWarning, InputError
from detbench.wording import plural


def warn_changes(labeled: LabeledBoxes) -> None:
    """Warn of how the file is read, and in one sentence of what boxes cannot hold."""
    for note in labeled.notes:
        warnings.warn(f"{labeled.source.path}: {note}", DetbenchWarning, stacklevel=3)
    counts: dict[str, list[str]] = {}
    for (noun, consequence), count in labeled.changes.items():
        counts.setdefault(consequence, []).append(plural(count, noun))
    clauses = [f"{', '.join(nouns)} {consequence}" for consequence, nouns in counts.items()]
    if clauses:
        message = f"{labeled.source.path}: {'; '.join(clauses)}"
        warnings.warn(message, DetbenchWarning, stacklevel=3)


def check_values(labeled: LabeledBoxes) -> None:
    """Raise InputError for the first row with a value that is missing or no number."""
    numbers, malformed = labeled.stated_numbers()
    no_class = np.array(labeled.class_index, np.int64) == NO_CLASS
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = numbers[:, 2:] - (numbers[:, :2] if labeled.box_format == "xyxy" else 0)
        is_finite = np.isfinite(numbers).all(axis=1) & np.isfinite(lengths[:, 0] * lengths[:, 1])
    bad_score = np.zeros(len(labeled), np.bool_)
    if labeled.source.scored:
        scores, malformed_scores = labeled.stated_scores()
        bad_score = malformed_scores | ~np.isfinite(scores)
    faulty = no_class | malformed.any(axis=1) | ~is_finite | bad_score
    if faulty.any():
        row = int(faulty.argmax())
        file, where = labeled.place(row)
        raise InputError(file, fault_of(labeled, row), where=where)


def fault_of(labeled: LabeledBoxes, row: int) -> str:
    """Return what is wrong with a faulty row, and what was expected."""
    if row in labeled.faults:
        return labeled.faults[row]
    if labeled.class_index[row] == NO_CLASS:
        return "has no class, expected a name"
    box = labeled.numbers[row]
    if len(box) != 4:
        return f"its box has {plural(len(box), 'number')}, expected 4"
    for name, value in zip(COORDINATES[labeled.box_format], box, strict=True):
        numbers, malformed = labeled.parsed([value])
        if malformed[0] or not np.isfinite(numbers[0]):
            return f"{name} is {shortened(value)}, expected a finite number"
    score = labeled.scores[row]
    numbers, malformed = labeled.parsed([score])
    if labeled.source.scored and (malformed[0] or not np.isfinite(numbers[0])):
        return f"its score is {shortened(score)}, expected a finite number"
    return "width · height is not finite"

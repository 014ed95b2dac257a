"""Score column: text files in which the score stands at the other end of the line than their format has it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from detbench.doctor.case import Case
from detbench.doctor.checks.box_formats import CLEARLY_BETTER, DECODERS, MUCH_BETTER, OWN, VOC_BASES
from detbench.doctor.evidence.counterfactual import told
from detbench.doctor.evidence.fit import sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

FEWEST = 5
"""Detections and objects from which on this shows."""
_PLACES = {"voc": "last, behind the box", "yolo": "second, before the box"}


def check_score_column(case: Case) -> Finding | None:
    """Return that the score stands last in VOC files, or second in YOLO files, where boxes read so fit the objects."""
    if case.source is None or case.source.form not in _PLACES or not len(case.rows):
        return None
    sample, trial = sample_of(case), replace(case, rows=_shifted(case, case.rows))
    other = sample_of(trial)
    if min(len(other.boxes), len(other.starts)) < FEWEST:
        return None
    before, after = sample.mean_overlap(sample.boxes), other.mean_overlap(other.boxes)
    if after < max(before + CLEARLY_BETTER, before * MUCH_BETTER):
        return None
    where = _PLACES[case.source.form]
    what = f"read with the score {where}, the boxes lie on the objects (mean best overlap {before:.2f} → {after:.2f})"
    evidence = f"{what}: {told(case, trial.rows, 'so read')}"
    return Finding(
        "score-column", "error", evidence, mending(case, "score-column"), partial(_shifted, case)
    )


def _shifted(case: Case, rows: Rows) -> Rows:
    """Return the rows with the five numbers of a line taken in the other order, those without an image as they are."""
    assert case.source is not None  # noqa: S101  the check asks for it
    written, scores = case.source.written[rows.places], rows.scores
    decode = DECODERS[OWN[case.source.form]]
    if case.source.form == "voc":
        boxes = decode(np.column_stack([scores, written[:, :3]])) - np.array(
            VOC_BASES["xyxy"], np.float64
        )
        return replace(rows, boxes=boxes, scores=written[:, 3])
    sizes = np.vstack([case.truth.image_sizes, [(1.0, 1.0)]])[rows.image]
    return replace(
        rows,
        boxes=decode(np.column_stack([written[:, 1:], scores])) * np.tile(sizes, 2),
        scores=written[:, 0],
    )

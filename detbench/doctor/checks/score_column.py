"""Check of the score column: text files with the score at the other end of the line."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows
from detbench.doctor.evidence.fit import sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.readings.box_formats import (
    CLEARLY_BETTER,
    DECODERS,
    MUCH_BETTER,
    ONE_BASED,
    OWN_FORMAT,
)

MIN_BOXES = 5
"""Detections and objects that are needed to recognize the mistake."""
_OTHER_POSITION = {"voc": "last, after the box", "yolo": "second, before the box"}


def check_score_column(case: Case) -> Finding | None:
    """Check for a score that is last in VOC files, or second in YOLO files.

    It is if boxes read so fit the objects clearly better.
    """
    position = _OTHER_POSITION.get(case.file.format_name)
    if position is None or not len(case.rows):
        return None
    sample, other = sample_of(case), sample_of(case.with_rows(_with_score_moved(case, case.rows)))
    if min(len(other.boxes), len(other.starts)) < MIN_BOXES:
        return None
    before, after = sample.mean_best_iou(sample.boxes), other.mean_best_iou(other.boxes)
    if after < max(before + CLEARLY_BETTER, before * MUCH_BETTER):
        return None
    change = change_with_rows(case, _with_score_moved(case, case.rows), "read so")
    evidence = (
        f"read with the score {position}, the boxes lie on the objects "
        f"(mean best IoU {before:.2f} → {after:.2f}): {change}"
    )
    return Finding("score-column", "error", evidence, fix_rows=partial(_with_score_moved, case))


def _with_score_moved(case: Case, rows: DetectionRows) -> DetectionRows:
    """Return rows with the five numbers of their lines taken in the other order."""
    numbers, first = case.file.box_numbers[rows.source_rows], rows.scores
    decode = DECODERS[OWN_FORMAT[case.file.format_name]]
    if case.file.format_name == "voc":
        # A line holds box, score: what was read as score is xmin.
        box = np.column_stack([first, numbers[:, :3]])
        boxes = decode(box) - np.array(ONE_BASED, np.float64)
        return replace(rows, boxes=boxes, scores=numbers[:, 3])
    # A line holds score, box: what was read as score is the height. Index −1 picks the last size:
    # on an unknown image the fractions stay as they are.
    sizes = np.vstack([case.ground_truth.image_sizes, [(1.0, 1.0)]])
    box = np.column_stack([numbers[:, 1:], first])
    boxes = decode(box) * np.tile(sizes[rows.image_index], 2)
    return replace(rows, boxes=boxes, scores=numbers[:, 0])

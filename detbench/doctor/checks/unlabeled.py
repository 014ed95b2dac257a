"""Check of images without objects: the detector finds as much on them as on all others."""

from __future__ import annotations

import numpy as np

from detbench.data.checks.scores import is_ordered_by_score
from detbench.doctor.case import Case
from detbench.doctor.findings import Finding
from detbench.metrics.scoring.placement import WELL_PLACED_IOU, best_iou

MIN_IMAGES, MIN_CONFIDENT = 5, 10
"""Images without objects, and confident detections on them, below which nothing is concluded."""
MIN_PRECISION = 0.5
"""Share of the confident detections on images with objects that must lie on these. A detector whose
confident detections are mostly wrong is as confident on empty images."""
AS_CONFIDENT = 0.6
"""Confident detections of an image without objects, as a share of those of one with objects, from
which on its labels seem to be missing. Public detectors have less than a tenth as many."""
ABOVE_FALSE = 2.0
"""How many times more they must be than the false positives of an image with objects."""


def check_unlabeled(case: Case) -> Finding | None:
    """Check for images whose annotations seem to be missing.

    Detections are confident if their score is among the highest ones on images with objects, as
    many as there are objects. Classes without any object are left to their own check, as are
    annotations that are malformed: their images seem to be without objects.
    """
    if case.annotations is not None and case.annotations.malformed.any():
        return None
    is_annotated = np.bincount(
        case.ground_truth.class_index, minlength=len(case.ground_truth.class_names)
    ).astype(np.bool_)
    rows = case.scored.select(is_annotated[case.scored.class_index])
    n_objects = np.diff(case.ground_truth.offsets)
    n_empty, n_labeled = int((n_objects == 0).sum()), int((n_objects > 0).sum())
    if n_empty < MIN_IMAGES or not n_labeled or not is_ordered_by_score(rows):
        return None
    is_labeled = n_objects[rows.image_index] > 0
    labeled = rows.select(is_labeled)
    best = np.argsort(-labeled.scores, kind="stable")[: len(case.ground_truth)]
    if not len(best):
        return None
    confident = labeled.select(best)
    threshold = float(confident.scores[-1])
    precision = float((best_iou(case.ground_truth, confident) >= WELL_PLACED_IOU).mean())
    n_confident = int((rows.scores[~is_labeled] >= threshold).sum())
    on_empty, on_labeled = n_confident / n_empty, len(confident) / n_labeled
    n_needed = max(AS_CONFIDENT, ABOVE_FALSE * (1 - precision)) * on_labeled
    if precision < MIN_PRECISION or n_confident < MIN_CONFIDENT or on_empty < n_needed:
        return None
    evidence = (
        f"{n_empty:,} of {n_empty + n_labeled:,} images have no objects, yet the detector is as "
        f"confident there: {on_empty:.1f} detections an image score {threshold:.2g} or more, "
        f"{on_labeled:.1f} on images with objects, where {precision:.0%} of them are right"
    )
    fix = "check that each image has its annotations, and leave out the images without"
    return Finding("labels-missing", "warning", evidence, fix)

"""Rewritten ground truth: VOC or YOLO ground truth as a whole without the faults found in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Case
from detbench.doctor.checks.ground_truth.box_formats import check_box_format
from detbench.doctor.checks.ground_truth.numbers import without_negative_sizes
from detbench.doctor.duplicates import duplicate_objects
from detbench.doctor.edits.ground_truth_columns import (
    have_extent,
    object_image_sizes,
    select_objects,
)
from detbench.doctor.findings import Finding

_EXTENT_IDS = ("negative-size", "zero-area")


def rewritten_ground_truth(case: Case, findings: Sequence[Finding]) -> GroundTruth:
    """Return the ground truth without the faults of these findings.

    Boxes are in the format that they should have, swapped corners are in order, and what cannot be
    an object is left out.
    """
    ground_truth = rewritten_with_copies(case, findings)
    if any(finding.id == "annotations-doubled" for finding in findings):
        return select_objects(ground_truth, ~duplicate_objects(ground_truth))
    return ground_truth


def rewritten_with_copies(case: Case, findings: Sequence[Finding]) -> GroundTruth:
    """Return the same with repeated annotations still in it."""
    fixed_case, _ = check_box_format(case)
    ground_truth = fixed_case.ground_truth
    if any(finding.id in _EXTENT_IDS and finding.fix_document for finding in findings):
        ground_truth = without_negative_sizes(fixed_case).ground_truth
    if case.annotations is not None and case.annotations.format_name == "yolo":
        return _with_extent_inside(ground_truth)
    return ground_truth


def _with_extent_inside(ground_truth: GroundTruth) -> GroundTruth:
    """Return the objects of which something is left once they are clipped to their image."""
    limits = np.tile(object_image_sizes(ground_truth), 2)
    clipped = np.clip(ground_truth.boxes, 0, limits)
    return select_objects(ground_truth, have_extent(clipped))

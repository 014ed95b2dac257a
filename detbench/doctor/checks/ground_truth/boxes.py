"""Checks of ground truth boxes: outside their image, or annotated twice."""

from __future__ import annotations

import numpy as np

from detbench.data.checks.suspicion import Severity
from detbench.data.columns import Flags, Floats, groups_from_offsets
from detbench.data.formats.yolo.fractions import FRACTION_TOLERANCE
from detbench.doctor.case import Case
from detbench.doctor.duplicates import duplicate_objects
from detbench.doctor.edits.coco_document import drop_repeated_annotations
from detbench.doctor.edits.ground_truth_columns import (
    are_sizes_swapped,
    object_image_sizes,
    select_objects,
)
from detbench.doctor.evidence.counterfactual import change_with_ground_truth
from detbench.doctor.findings import Finding, written_anew

FAR = 0.1
"""Distance past the edge, as a share of the image's side, from which a box is far outside."""
MAX_FAR = 0.01
"""Largest normal share of annotated boxes far outside."""
MAX_CLIPPED = 0.25
"""Share of labels outside 0..1 above which clipping is no fix: they were written wrongly."""
NOTED_DUPLICATES, MAX_DUPLICATES = 0.01, 0.1
"""Share of repeated annotations that is worth a warning, and that ruins recall. COCO's own files
have almost none."""


def check_ground_truth_boxes(case: Case) -> list[Finding]:
    """Return which annotated boxes leave their image, and which are repeated."""
    return [*(_check_unit_range(case) or _check_outside(case)), *_check_duplicates(case)]


def _check_unit_range(case: Case) -> list[Finding]:
    """Check for YOLO labels outside 0..1, if most labels are inside."""
    file = case.annotations
    if file is None or file.outside_unit_range is None or case.is_ground_truth_fixed:
        return []
    # Labels of negative size have a finding of their own.
    has_size = (file.sizes >= 0).all(axis=1)
    outside = np.where(has_size, file.outside_unit_range, 0.0)
    wrong = outside > FRACTION_TOLERANCE
    if not wrong.any():
        return []
    evidence = (
        f"{wrong.sum():,} of {len(wrong):,} labels have a value outside 0..1 (the first: "
        f"{file.location(int(wrong.argmax()))}), which `detbench eval` refuses"
    )
    if outside.max() > FAR or wrong.mean() > MAX_CLIPPED:
        fix = "write these labels as fractions of the image, or remove them"
        return [Finding("outside-image", "error", evidence, fix)]
    return [Finding("outside-image", "error", evidence, fix_document=written_anew)]


def _check_outside(case: Case) -> list[Finding]:
    """Check for annotated boxes past the edge of their image."""
    ground_truth = case.ground_truth
    sizes = object_image_sizes(ground_truth)
    first, last = ground_truth.boxes[:, :2], ground_truth.boxes[:, 2:]

    def reaches_past(margin: Floats | float) -> Flags:
        outside = (first < -margin) | (last > sizes + margin)
        return np.asarray(outside.any(axis=1))

    past, far = reaches_past(1.0), reaches_past(FAR * sizes)
    outside_entirely = ((first >= sizes) | (last <= 0)).any(axis=1)
    has_extent = (last > first).all(axis=1)
    beyond = outside_entirely & has_extent
    if not past.any():
        return []
    first_outside = int((beyond if beyond.any() else past).argmax())
    image_id = ground_truth.image_ids[groups_from_offsets(ground_truth.offsets)[first_outside]]
    evidence = (
        f"{past.sum():,} of {len(past):,} annotated boxes reach past the edge of their image, "
        f"{far.sum():,} of them by more than a tenth of the image; {beyond.sum():,} lie outside it "
        f"altogether (the first: image {image_id!r})"
    )
    if not beyond.any() and far.mean() <= MAX_FAR:
        return [Finding("outside-image", "note", evidence, "clip the boxes to the image")]
    fix = "check that image sizes and boxes of the ground truth are of the same images"
    if are_sizes_swapped(ground_truth):
        evidence += "; nearly all lie inside if its width and height are swapped"
        fix = "swap width and height of the images in the ground truth"
    return [Finding("outside-image", "warning", evidence, fix)]


def _check_duplicates(case: Case) -> list[Finding]:
    """Check for annotations with class and box of another one of their image."""
    repeated = duplicate_objects(case.ground_truth)
    if not repeated.any():
        return []
    evidence = (
        f"{repeated.sum():,} of {len(repeated):,} annotations have the class and box of another "
        "one of their image"
    )
    fix, share = "keep one annotation of each", float(repeated.mean())
    if share <= NOTED_DUPLICATES:
        return [Finding("annotations-doubled", "note", evidence, fix)]
    severity: Severity = "error" if share > MAX_DUPLICATES else "warning"
    single = select_objects(case.ground_truth, ~repeated)
    change = change_with_ground_truth(case, single, "with one of each")
    return [
        Finding(
            "annotations-doubled",
            severity,
            f"{evidence}: {change}",
            fix,
            fix_document=None if case.annotations is None else drop_repeated_annotations,
        )
    ]

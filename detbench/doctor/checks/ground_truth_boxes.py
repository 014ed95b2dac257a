"""Boxes of the ground truth: outside their image, or there twice."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import groups_from_offsets
from detbench.data.formats.yolo.label_lines import BORDER
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import told_of_truth
from detbench.doctor.findings import Finding, Severity
from detbench.doctor.fixes.commands import WRITTEN_ANEW
from detbench.doctor.fixes.ground_truths import copies, image_sizes, sizes_exchanged, where

FAR, MANY_FAR = 0.1, 0.01
"""Part of the image's size by which an annotated box is far outside, and the share of those that is suspicious."""
MANY_CUT = 0.25
"""Share of labels outside 0..1 above which they were written wrongly and are not only to be cut."""
DOUBLED, MANY_DOUBLED = 0.01, 0.1
"""Share of copied annotations that is worth a warning, and that ruins recall; COCO's own files have next to none."""


def check_truth_boxes(case: Case) -> list[Finding]:
    """Return which annotated boxes leave their image and which are there twice."""
    return [*(_refused(case) or _outside(case)), *_doubled(case)]


def _refused(case: Case) -> list[Finding]:
    """Labels of YOLO that are no fractions, where the others are."""
    file = case.annotations
    if file is None or file.outside is None or case.truth_mended:
        return []
    outside = np.where((file.sizes >= 0).all(axis=1), file.outside, 0.0)
    wrong = outside > BORDER
    if not wrong.any():
        return []
    first = file.place(int(wrong.argmax()))
    evidence = f"{wrong.sum():,} of {len(wrong):,} labels have a value outside 0..1 (the first: {first}), which `detbench eval` refuses"
    if outside.max() > FAR or wrong.mean() > MANY_CUT:
        return [
            Finding(
                "outside-image",
                "error",
                evidence,
                "write these labels as fractions of the image, or take them out",
            )
        ]
    return [Finding("outside-image", "error", evidence, "", edit=WRITTEN_ANEW)]


def _outside(case: Case) -> list[Finding]:
    truth = case.truth
    sizes = image_sizes(truth)
    boxes, margin = truth.boxes, FAR * sizes
    past, far = (
        (boxes[:, :2] < -by).any(axis=1) | (boxes[:, 2:] > sizes + by).any(axis=1)
        for by in (1.0, margin)
    )
    beyond = ((boxes[:, :2] >= sizes) | (boxes[:, 2:] <= 0)).any(axis=1) & (
        boxes[:, 2:] > boxes[:, :2]
    ).all(axis=1)
    if not past.any():
        return []
    many = bool(beyond.any()) or far.mean() > MANY_FAR
    first = truth.image_ids[
        int(groups_from_offsets(truth.offsets)[(beyond if beyond.any() else past).argmax()])
    ]
    evidence = (
        f"{past.sum():,} of {len(boxes):,} annotated boxes reach past the edge of their image, {far.sum():,} of them more than a tenth of "
        f"the image past its edge, and {beyond.sum():,} lie beyond it altogether (the first: image {first!r})"
    )
    fix = (
        "check that sizes of images and boxes of the ground truth are of the same pictures"
        if many
        else "cut the boxes to the image"
    )
    if many and sizes_exchanged(truth):
        evidence += "; next to all lie within it with its width and height exchanged"
        fix = "exchange width and height of the images in the ground truth"
    return [Finding("outside-image", "warning" if many else "note", evidence, fix)]


def _doubled(case: Case) -> list[Finding]:
    again = copies(case.truth)
    if not again.any():
        return []
    share, file = float(again.mean()), case.annotations
    severity: Severity = (
        "error" if share > MANY_DOUBLED else "warning" if share > DOUBLED else "note"
    )
    evidence = f"{again.sum():,} of {len(again):,} annotations have the class and box of another one of their image"
    fix = "keep one annotation of each"
    if severity == "note":
        return [Finding("annotations-doubled", severity, evidence, fix)]
    proof = told_of_truth(case, where(case.truth, ~again), "with one of each")
    edit = "d['annotations'] = [*{(a['image_id'], a['category_id'], *a['bbox']): a for a in d['annotations'][::-1]}.values()][::-1]"
    return [
        Finding(
            "annotations-doubled", severity, f"{evidence}: {proof}", fix, edit=edit if file else ""
        )
    ]

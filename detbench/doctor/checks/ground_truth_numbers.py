"""Numbers of the ground truth: texts where numbers belong, numbers that are not finite, and sizes that no object or image has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import AnnotationFile, Case
from detbench.doctor.checks.box_formats import CORNERS
from detbench.doctor.evidence.counterfactual import average_precision, left, told_of_truth
from detbench.doctor.findings import Finding, Severity
from detbench.doctor.fixes.commands import keeping
from detbench.doctor.fixes.ground_truths import in_order, where, with_boxes

FLAGS = ("iscrowd", "difficult", "truncated")

_PARSED = (
    "import re",
    r"n = lambda v: v if not isinstance(v, str) or not re.fullmatch(r'\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*', v, re.I) else float(v)",
    "m = lambda v: int(v) if isinstance(v, float) and v.is_integer() else v",
    "d['annotations'] = [a for a in d['annotations'] if isinstance(a, dict)]",
    "[a.update({k: [*map(n, a[k])] if isinstance(a[k], list) else m(n(a[k])) for k in KEYS if k in a}) for a in d['annotations']]",
    "[i.update({k: m(n(i[k])) for k in ('width', 'height') if k in i}) for i in d['images']]",
    "[i.pop(k) for i in d['images'] for k in ('width', 'height') if k in i and type(i[k]) not in (int, float)]",
    "[c.update(id=m(n(c['id']))) for c in d['categories']]",
    "[a.update({k: int(a[k] != 0) for k in FLAGS if type(a.get(k)) in (int, float)}) for a in d['annotations']]",
    keeping(
        "isinstance(a.get('bbox'), list) and len(a['bbox']) == 4 and {*map(type, a['bbox'])} <= {int, float} "
        "and type(a.get('area')) in (int, float, type(None)) and type(a.get('image_id')) in (int, float, str) "
        "and type(a.get('category_id')) in (int, float) and all(a.get(k) in (0, 1, None) for k in FLAGS)"
    ),
)
"""Edits that turn what spells a number into it, and leave out annotations that still hold anything else."""


def check_annotation_numbers(case: Case, file: AnnotationFile) -> list[Finding]:
    """Return what numbers of the annotations are none, or none that can be."""
    return [*_odd(case, file), *_endless(case, file), *_image_sizes(file)]


def _odd(case: Case, file: AnnotationFile) -> list[Finding]:
    """Texts, or nothing, where numbers belong, in any list of the file."""
    counts = [f"{file.odd.sum():,} of {len(file.odd):,} annotations"] if file.odd.any() else []
    counts += [
        f"{len(part.odd):,} values of {part.count:,} {part.name}" for part in file.parts if part.odd
    ]
    if not counts:
        return []
    first = file.first_odd or next(part.odd[0] for part in file.parts if part.odd)
    what = (
        "have a text, or nothing, where a number belongs"
        if file.form == "coco"
        else "do not say what they must"
    )
    evidence = f"in the ground truth, {' and '.join(counts)} {what} (the first: {first})"
    proof = left(case, case.rows, "what spells a number read as one and the rest left out")
    keys = ("bbox", "area", *FLAGS, "category_id", *(("image_id",) if file.numbered else ()))
    edit = "; ".join(_PARSED).replace("KEYS", repr(keys)).replace("FLAGS", repr(FLAGS))
    return [Finding("not-a-number", "error", f"{evidence}: {proof}", "", edit=edit)]


def _endless(case: Case, file: AnnotationFile) -> list[Finding]:
    """Boxes that are not finite."""
    endless = ~np.isfinite(file.boxes).all(axis=1) & ~file.odd_boxes
    if not endless.any():
        return []
    first = file.place(int(endless.argmax()))
    evidence = f"{endless.sum():,} of {len(endless):,} annotations have a NaN or infinite box (the first: {first})"
    edit = keeping(
        "not any(isinstance(s, (int, float)) and not abs(s) < 1e150 for s in a.get('bbox') or ())"
    )
    return [
        Finding(
            "not-finite", "error", f"{evidence}: {left(case, case.rows, 'left out')}", "", edit=edit
        )
    ]


def mended_sizes(case: Case) -> tuple[Case, list[Finding]]:
    """Return which annotated boxes, read in the format they are in, have a negative or no width or height, and the case without these."""
    file, found = case.annotations, []
    if file is None:
        return case, []
    sizes = file.sizes
    if case.truth_mended:
        sizes = np.ones_like(file.sizes)
        sizes[file.rows] = case.truth.boxes[:, 2:] - case.truth.boxes[:, :2]
    negative = (sizes < 0).any(axis=1)
    empty = (sizes == 0).any(axis=1) & ~negative
    edit = keeping(
        "not any(isinstance(s, (int, float)) and s <= 0 for s in (a.get('bbox') or ())[2:])"
    )
    if negative.any():
        row = int(negative.argmax())
        first = f"{file.place(row)}: {file.boxes[row].tolist()}"
        evidence = f"{negative.sum():,} of {len(sizes):,} annotations have a negative width or height (the first: {first})"
        mended, how = with_extent(case)
        proof = told_of_truth(case, mended, how)
        found.append(
            Finding(
                "negative-size",
                "error",
                f"{evidence}, which `detbench eval` refuses; {proof}",
                "",
                edit=edit,
            )
        )
        case = replace(case, truth=mended)
    if empty.any():
        first = file.place(int(empty.argmax()))
        evidence = f"{empty.sum():,} of {len(sizes):,} annotated boxes have no width or height (the first: {first})"
        refused = file.form == "voc"
        severity: Severity = "error" if refused or 2 * empty.sum() > len(sizes) else "warning"
        what = "`detbench eval` refuses them" if refused else "nothing matches them"
        found.append(Finding("zero-area", severity, f"{evidence}: {what}", "", edit=edit))
    return case, found


def with_extent(case: Case) -> tuple[GroundTruth, str]:
    """Return the ground truth without boxes of negative or no width or height, and how: left out, or with their corners in order.

    VOC and YOLO files are written anew, where exchanged corners are put in order unless the detections then fit worse.
    """
    truth = case.truth
    left_out = where(truth, np.asarray((truth.boxes[:, 2:] > truth.boxes[:, :2]).all(axis=1)))
    if case.annotations is None or case.annotations.form == "coco":
        return left_out, "left out"
    base = np.array(
        CORNERS if case.annotations.form == "voc" and not case.truth_mended else (0, 0, 0, 0),
        np.float64,
    )
    ordered = with_boxes(
        truth, in_order(truth.boxes + base) - base, measured=np.ones(len(truth), np.bool_)
    )
    ordered = where(ordered, np.asarray((ordered.boxes[:, 2:] > ordered.boxes[:, :2]).all(axis=1)))
    if average_precision(replace(case, truth=ordered), case.rows) >= average_precision(
        replace(case, truth=left_out), case.rows
    ):
        return ordered, "with their corners in order"
    return left_out, "left out"


def _image_sizes(file: AnnotationFile) -> list[Finding]:
    """Widths and heights of images that are negative or not finite."""
    found = []
    for part in file.parts:
        for finding, wrong, how in (
            ("negative-size", part.negative, "negative"),
            ("not-finite", part.endless, "not finite"),
        ):
            if wrong:
                evidence = f"{len(wrong):,} sides of {part.count:,} {part.name} are {how} (the first: {wrong[0]})"
                edit = "[i.pop(k) for i in d['images'] for k in ('width', 'height') if k in i and not 0 <= i[k] < 1e150]"
                found.append(Finding(finding, "error", evidence, "", edit=edit))
    return found

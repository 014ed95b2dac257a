"""Numbers of the ground truth: texts where numbers belong, numbers that are not finite, and sizes that no object or image has."""

from __future__ import annotations

import numpy as np

from detbench.bench.doctor.case import AnnotationFile, Case
from detbench.bench.doctor.counterfactual import left
from detbench.bench.doctor.findings import Finding, Severity
from detbench.bench.doctor.fixes import keeping

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
    counts += [f"{len(part.odd):,} values of {part.count:,} {part.name}" for part in file.parts if part.odd]
    if not counts:
        return []
    first = file.first_odd or next(part.odd[0] for part in file.parts if part.odd)
    evidence = f"in the ground truth, {' and '.join(counts)} have a text, or nothing, where a number belongs (the first: {first})"
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
    edit = keeping("not any(isinstance(s, (int, float)) and not abs(s) < 1e150 for s in a.get('bbox') or ())")
    return [Finding("not-finite", "error", f"{evidence}: {left(case, case.rows, 'left out')}", "", edit=edit)]


def check_annotation_sizes(case: Case) -> list[Finding]:
    """Return which annotated boxes, read in the format they are in, have a negative or no width or height."""
    file, found = case.annotations, []
    if file is None:
        return []
    sizes = file.sizes
    if case.truth_mended:
        sizes = np.ones_like(file.sizes)
        sizes[file.rows] = case.truth.boxes[:, 2:] - case.truth.boxes[:, :2]
    negative = (sizes < 0).any(axis=1)
    empty = (sizes == 0).any(axis=1) & ~negative
    edit = keeping("not any(isinstance(s, (int, float)) and s <= 0 for s in (a.get('bbox') or ())[2:])")
    if negative.any():
        row = int(negative.argmax())
        first = f"{file.place(row)}: {file.boxes[row].tolist()}"
        evidence = f"{negative.sum():,} of {len(sizes):,} annotations have a negative width or height (the first: {first})"
        found.append(Finding("negative-size", "error", f"{evidence}; `detbench eval` refuses them", "", edit=edit))
    if empty.any():
        evidence = (
            f"{empty.sum():,} of {len(sizes):,} annotated boxes have no width or height (the first: {file.place(int(empty.argmax()))})"
        )
        refused = file.form == "voc"
        severity: Severity = "error" if refused or 2 * empty.sum() > len(sizes) else "warning"
        what = "`detbench eval` refuses them" if refused else "nothing matches them"
        found.append(Finding("zero-area", severity, f"{evidence}: {what}", "", edit=edit))
    return found


def _image_sizes(file: AnnotationFile) -> list[Finding]:
    """Widths and heights of images that are negative or not finite."""
    found = []
    for part in file.parts:
        for finding, wrong, how in (("negative-size", part.negative, "negative"), ("not-finite", part.endless, "not finite")):
            if wrong:
                evidence = f"{len(wrong):,} sides of {part.count:,} {part.name} are {how} (the first: {wrong[0]})"
                edit = "[i.pop(k) for i in d['images'] for k in ('width', 'height') if k in i and not 0 <= i[k] < 1e150]"
                found.append(Finding(finding, "error", evidence, "", edit=edit))
    return found

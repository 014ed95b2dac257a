"""Extents: numbers that are none, boxes without or with negative size, and boxes that leave their image."""

from __future__ import annotations

from functools import partial

import numpy as np

from detbench.data.columns import Flags
from detbench.doctor.case import Case, Source
from detbench.doctor.evidence.counterfactual import left, told
from detbench.doctor.findings import Finding, Severity
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

MANY = 0.05
"""Share of inverted or empty boxes above which they are no slips: public result files have up to 1.8 %."""
MOST = 0.5
"""Share above which the file is written wrongly: as much as `detbench eval` refuses of inverted boxes."""
FAR = 0.1
"""Part of the image's size by which an edge must lie outside to count as far."""
MANY_FAR = 0.1
"""Share of boxes far outside that is suspicious: public detectors that do not cut boxes to the image have up to 1 %."""
MANY_BEYOND = 0.002
"""Share of boxes that do not even touch their image; public detectors have none or next to none."""


def check_numbers(case: Case) -> list[Finding]:
    """Texts or nothing where numbers belong, image ids as texts, and numbers that are not finite."""
    if case.source is None:
        return []
    texts = case.source.texts[case.rows.places]
    wrong = ~case.rows.finite & ~texts
    return [
        *_texts(case, case.source, texts),
        *_text_ids(case, case.source),
        *_endless(case, wrong),
    ]


def _texts(case: Case, source: Source, texts: Flags) -> list[Finding]:
    if not texts.any():
        return []
    mend = partial(_readable, source)
    count = f"{texts.sum():,} of {len(texts):,} detections"
    proof = left(case, mend(case.rows), "what spells a number read as one and the rest left out")
    evidence = f"{count} have a text, or nothing, where a number belongs (the first: {source.first_text}): {proof}"
    return [Finding("not-a-number", "error", evidence, mending(case, "not-a-number"), mend)]


def _text_ids(case: Case, source: Source) -> list[Finding]:
    """Image ids that are texts where those of the ground truth are numbers."""
    if not source.text_ids or case.annotations is None or not case.annotations.numbered:
        return []
    evidence = (
        f"{source.text_ids:,} of {len(source.texts):,} detections have a text for image_id (the first: {source.first_text_id}), where the "
        "ids of the ground truth are numbers: they are matched by value here, pycocotools does not find them"
    )
    return [
        Finding(
            "not-a-number",
            "warning",
            evidence,
            mending(case, "not-a-number"),
            partial(_readable, source),
        )
    ]


def _endless(case: Case, wrong: Flags) -> list[Finding]:
    if not wrong.any():
        return []
    row = int(wrong.argmax())
    numbers = [*case.rows.boxes[row].tolist(), case.rows.scores[row].item()]
    first = f"at place {case.rows.places[row]}, counted from 0: box and score {numbers}"
    proof = left(case, _finite(case.rows), "left out")
    evidence = f"{wrong.sum():,} of {len(wrong):,} detections have NaN or infinite numbers (the first, {first}): {proof}"
    return [Finding("not-finite", "error", evidence, mending(case, "not-finite"), _finite)]


def check_sizes(case: Case) -> list[Finding]:
    """Detections of negative or no width or height."""
    boxes = case.rows.where(case.rows.finite).boxes
    size = boxes[:, 2:] - boxes[:, :2]
    negative = (size < 0).any(axis=1)
    empty = (size == 0).any(axis=1) & ~negative
    found = []
    kinds: tuple[tuple[Flags, str, str], ...] = (
        (np.asarray(negative), "negative-size", "have a negative width or height"),
        (np.asarray(empty), "zero-area", "have no width or no height"),
    )
    for wrong, finding, how in kinds:
        if wrong.any():
            severity: Severity = (
                "error" if wrong.mean() > MOST else "warning" if wrong.mean() > MANY else "note"
            )
            evidence = f"{wrong.sum():,} of {len(wrong):,} boxes {how}; they match nothing and count as false positives"
            if severity != "note" and not wrong.all():
                evidence += f": {told(case, _with_extent(case.rows), 'left out')}"
            found.append(Finding(finding, severity, evidence, mending(case, finding), _with_extent))
    return found


def check_outside(case: Case) -> Finding | None:
    """Boxes past the edge of their image: normal where they are few and near."""
    rows = _with_extent(case.scored)
    sizes = case.truth.image_sizes[rows.image]
    known = ~np.isnan(sizes).any(axis=1)
    if not known.any():
        return None
    boxes, sizes = rows.boxes[known], sizes[known]
    margin = FAR * sizes
    past = (boxes[:, :2] < -1) | (boxes[:, 2:] > sizes + 1)
    far = (
        (boxes[:, :2] < -margin)
        | (boxes[:, :2] > sizes + margin)
        | (boxes[:, 2:] > sizes + margin)
        | (boxes[:, 2:] < -margin)
    )
    beyond = (boxes[:, :2] >= sizes) | (boxes[:, 2:] <= 0)
    counts = [int(each.any(axis=1).sum()) for each in (past, far, beyond)]
    if not any(counts):
        return None
    total = len(boxes)
    much = counts[1] > MANY_FAR * total or counts[2] > MANY_BEYOND * total + 1
    evidence = (
        f"{max(counts[:2]):,} of {total:,} boxes ({max(counts[:2]) / total:.0%}) reach past the edge of their image, {counts[1]:,} of them "
        f"more than a tenth of the image past its edge, and {counts[2]:,} lie beyond it altogether"
    )
    fix = (
        "check the box format and that boxes are in pixels of the original image"
        if much
        else "normal for many detectors; cut boxes to the image"
    )
    return Finding("outside-image", "warning" if much else "note", evidence, fix)


def _readable(source: Source, rows: Rows) -> Rows:
    """Return the rows that name an image and a class, and whose texts spell numbers."""
    return rows.where((rows.finite | ~source.texts[rows.places]) & ~source.nameless[rows.places])


def _finite(rows: Rows) -> Rows:
    return rows.where(rows.finite)


def _with_extent(rows: Rows) -> Rows:
    extent: Flags = np.asarray((rows.boxes[:, 2:] > rows.boxes[:, :2]).all(axis=1))
    return rows.where(extent)

"""Counts: nothing at all, everything twice, too many of an image."""

from __future__ import annotations

import numpy as np

from detbench.doctor.case import Case
from detbench.doctor.checks.near_duplicates import twins
from detbench.doctor.evidence.counterfactual import told
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows, without_copies

DOUBLED = 0.01
"""Share of copies that is worth a warning; non-maximum suppression leaves no two equal boxes of a class."""
TWINS = (1.0, 0.85)
"""Pixels that edges differ by at most, and least overlap, of boxes that are nearly the same: suppression leaves .7 at most."""
NEARLY_DOUBLED = 0.05
"""Share of such boxes that is worth an error; of 300,000 boxes of five public detectors there was none."""
MOST = 100
"""The COCO protocol's detections per image and class, and many a tool's per image."""


def check_empty(case: Case) -> Finding | None:
    """No detections at all, or no file for a class."""
    if not len(case.rows):
        return Finding(
            "detections-empty",
            "error",
            "there are no detections",
            "check that this is the file of a finished run",
        )
    if case.source is not None and case.source.files_missing:
        names = case.source.files_missing
        evidence = f"there is no file for {len(names)} of {len(case.truth.class_names)} classes ({', '.join(names[:5])}), and each needs one"
        return Finding(
            "detections-empty",
            "error",
            evidence,
            "create an empty one for each class of which nothing was found",
        )
    return None


def check_doubled(case: Case) -> Finding | None:
    """Boxes that are there several times, or nearly the same ones are, of one class and image."""
    copies = case.copies
    count, share = int(copies.sum()), float(copies.mean())
    if share <= DOUBLED and (nearly := _nearly_doubled(case)):
        return nearly
    if not count:
        return None
    if share <= DOUBLED:
        evidence = f"{count:,} of {len(copies):,} detections have the box of another one of their image and class"
        return Finding(
            "detections-doubled",
            "note",
            evidence,
            mending(case, "detections-doubled"),
            without_copies,
        )
    evidence = f"{count:,} of {len(copies):,} detections ({share:.0%}) have the box of another one of their image and class"
    proof = told(case, without_copies(case.rows), "without copies")
    return Finding(
        "detections-doubled",
        "error",
        f"{evidence}: {proof}",
        mending(case, "detections-doubled"),
        without_copies,
    )


def _nearly_doubled(case: Case) -> Finding | None:
    if not len(case.scored):
        return None
    doubled = twins(case.scored, *TWINS)
    if doubled.mean() <= NEARLY_DOUBLED:
        return None
    evidence = (
        f"{doubled.sum():,} of {len(doubled):,} detections ({doubled.mean():.0%}) lie within a pixel of a surer one of their image and "
        "class, which non-maximum suppression does not leave"
    )
    proof = told(case, _without_twins(case.rows), "without them")
    return Finding(
        "detections-doubled",
        "error",
        f"{evidence}: {proof}",
        mending(case, "detections-doubled"),
        _without_twins,
    )


def _without_twins(rows: Rows) -> Rows:
    return rows.where(~twins(rows, *TWINS))


def check_cut(case: Case) -> Finding | None:
    """Detections cut off by the protocol's largest number per image and class."""
    if not case.protocol.max_detections:
        return None
    most, rows = case.protocol.max_detections[-1], case.scored
    cells = rows.image * len(case.truth.class_names) + rows.classes
    cut = int(np.maximum(np.unique(cells, return_counts=True)[1] - most, 0).sum())
    if cut == 0:
        return None
    evidence = f"{cut:,} detections are beyond the {most} best of their image and class and were not scored"
    return Finding(
        "too-many-detections",
        "note",
        evidence,
        "this is the COCO protocol's rule; other tools may count them",
    )


def check_crowded(case: Case) -> Finding | None:
    """Images with more than 100 detections, which some tools cut over all classes."""
    counts = np.bincount(case.scored.image, minlength=1)
    many = counts > MOST
    if not many.any() or check_cut(case) is not None:
        return None
    evidence = (
        f"{many.sum():,} images have more than {MOST} detections (the most: {counts.max():,}); {case.protocol.name} scores them all, "
        f"tools that keep {MOST} of an image would drop {int((counts[many] - MOST).sum()):,}"
    )
    return Finding(
        "too-many-detections",
        "note",
        evidence,
        f"keep the {MOST} best of an image when comparing with such tools",
    )

"""Boxes: the reading of their coordinates, by format or by scale, that puts them onto the objects."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from detbench.doctor.case import Case
from detbench.doctor.checks.box_formats import (
    CLEARLY_BETTER,
    best_format,
    boxes_read,
    format_finding,
    readings,
    reread,
)
from detbench.doctor.checks.scales import best_transform, transform_finding, undone
from detbench.doctor.evidence.counterfactual import told
from detbench.doctor.evidence.fit import Sample, sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending

NEARLY_AS_GOOD = 0.02
"""A box format that fits as well as a transform up to this mean overlap is the likelier mistake."""

FEWEST = 5
"""Detections and objects below which one of the many readings fits by chance."""
GOOD_ENOUGH = 0.6
"""Mean best overlap from which on no second mistake in the boxes is looked for."""


def check_fractions(case: Case) -> Finding | None:
    """All coordinates within 0..1, those of the ground truth not."""
    boxes = case.scored.boxes
    if (
        not len(boxes)
        or boxes.min() < 0
        or boxes.max() > 1
        or not len(case.truth)
        or case.truth.boxes.max() <= 1
    ):
        return None
    fix = "multiply them by the width and height of their images"
    return Finding(
        "box-normalised", "error", "all coordinates of the detections lie within 0–1", fix
    )


def check_boxes(case: Case) -> list[Finding]:
    """Return the reading that fits clearly better than the file's own, or a format and a scale that only do together."""
    sample = sample_of(case)
    if case.source is None or min(len(sample.boxes), len(sample.starts)) < FEWEST:
        return []
    before = sample.mean_overlap(sample.boxes)
    as_written = not any(each.startswith("box-") for each in case.mended)
    alternative = best_format(case, sample, before) if as_written else None
    transform = best_transform(sample, before)
    single = max([before, *(found[1] for found in (alternative, transform) if found)])
    if (
        as_written
        and single < GOOD_ENOUGH
        and (together := _together(case, sample, before, single))
    ):
        return together
    if alternative and (transform is None or alternative[1] >= transform[1] - NEARLY_AS_GOOD):
        return [format_finding(case, before, *alternative)]
    return [transform_finding(case, before, *transform)] if transform else []


def _together(case: Case, sample: Sample, before: float, single: float) -> list[Finding]:
    """Return a format and a transform that fit clearly better together than a mean best overlap of `single`, the best of each alone."""
    assert case.source is not None  # noqa: S101  the check asks for it
    best, after = None, single + CLEARLY_BETTER
    for each in readings(case, sample.written):
        if each.frame == "pixels":
            boxes = boxes_read(case, each, sample.written, sample.sizes)
            found = best_transform(replace(sample, boxes=boxes), single)
            if found and found[1] > after:
                best, after = (each, found[0], sample.mean_overlap(boxes)), found[1]
    if best is None:
        return []
    reading, transform, between = best
    mend = partial(reread, case, reading)
    rows = mend(case.rows)
    what = f"read as {reading.name}, and {transform.name}, the boxes lie on the objects (mean best overlap {before:.2f} → {after:.2f})"
    proof = told(case, undone(case, transform.undo, rows), "both so read")
    first = Finding(reading.id, "error", f"{what}: {proof}", mending(case, reading.id), mend)
    return [
        first,
        transform_finding(
            replace(case, rows=rows, mended=(*case.mended, first.id)), between, transform, after
        ),
    ]

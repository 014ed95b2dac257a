"""Boxes: the reading of their coordinates, by format or by scale, that puts them onto the objects."""

from __future__ import annotations

from detbench.bench.doctor.case import Case
from detbench.bench.doctor.findings import Finding
from detbench.bench.doctor.fit import sample_of
from detbench.bench.doctor.formats import best_format, format_finding
from detbench.bench.doctor.scales import best_transform, transform_finding

NEARLY_AS_GOOD = 0.02
"""A box format that fits as well as a transform up to this mean overlap is the likelier mistake."""


def check_fractions(case: Case) -> Finding | None:
    """All coordinates within 0..1, those of the ground truth not."""
    boxes = case.scored.boxes
    if not len(boxes) or boxes.min() < 0 or boxes.max() > 1 or not len(case.truth) or case.truth.boxes.max() <= 1:
        return None
    fix = "multiply them by the width and height of their images"
    return Finding("box-normalised", "error", "all coordinates of the detections lie within 0–1", fix)


def check_boxes(case: Case) -> Finding | None:
    """Return the reading that fits clearly better than the file's own."""
    sample = sample_of(case)
    if case.source is None or not len(sample.starts):
        return None
    before = sample.mean_overlap(sample.boxes)
    alternative, transform = best_format(case, sample, before), best_transform(sample, before)
    if alternative and (transform is None or alternative[1] >= transform[1] - NEARLY_AS_GOOD):
        return format_finding(case, before, *alternative)
    return transform_finding(case, before, *transform) if transform else None

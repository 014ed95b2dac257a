"""Check of boxes: the reading of their numbers, by format or by scale, that fits the objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows
from detbench.doctor.evidence.fit import Sample, sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.readings.box_formats import (
    CLEARLY_BETTER,
    REREAD_IDS,
    BoxReading,
    readings,
    reread,
)
from detbench.doctor.readings.transforms import FittedTransform, best_transform, undo_transform

NEARLY_AS_GOOD = 0.02
"""A format that fits almost as well as a transform, by mean best IoU, is the likelier mistake."""
MIN_BOXES = 5
"""Detections and objects below which one of the many readings fits by chance."""
GOOD_ENOUGH = 0.6
"""Mean best IoU from which on no second mistake in the boxes is looked for."""
MIN_FIT = 0.25
"""Mean best IoU from which on boxes lie on objects at all; boxes of other images have as much."""
PREFERS_IMAGE = 0.01
"""Fractions of a letterbox must fit better than fractions of the image by more than this."""


@dataclass(frozen=True)
class _FittedReading:
    """A reading and the mean best IoU of the boxes under it."""

    reading: BoxReading
    fit: float


def check_boxes(case: Case) -> list[Finding]:
    """Return the reading of the boxes that fits clearly better than the file's own, if any.

    Where neither a format nor a scale alone fits well, both together are tried, which gives two
    findings. A reading that lowers the score is never the right one.
    """
    findings = _findings(case)
    rows = case.rows
    for finding in findings:
        rows = finding.fix_rows(rows) if finding.fix_rows else rows
    is_worse = case.quick_score.score(rows) < case.quick_score.score(case.rows)
    return [] if is_worse else findings


def _findings(case: Case) -> list[Finding]:
    sample = sample_of(case)
    if min(len(sample.boxes), len(sample.starts)) < MIN_BOXES:
        return []
    before = sample.mean_best_iou(sample.boxes)
    is_as_written = not any(finding.startswith(REREAD_IDS) for finding in case.fixed)
    format_fit = _best_format(case, sample, before) if is_as_written else None
    transform_fit = best_transform(sample, before)
    if transform_fit and transform_fit.fit < MIN_FIT:
        transform_fit = None
    fits = [reading.fit for reading in (format_fit, transform_fit) if reading]
    best_single = max([before, *fits])
    # Corners of an image of another size, for instance, need a format and a scale.
    if is_as_written and best_single < GOOD_ENOUGH:
        both = _format_and_transform(case, sample, before, best_single)
        if both:
            return both
    # Several transforms imitate a format, such as a scale of 2 a box that begins with its center.
    if format_fit and (
        transform_fit is None or format_fit.fit >= transform_fit.fit - NEARLY_AS_GOOD
    ):
        return [_format_finding(case, before, format_fit)]
    return [_transform_finding(case, before, transform_fit)] if transform_fit else []


def _best_format(case: Case, sample: Sample, before: float) -> _FittedReading | None:
    """Return the reading that fits clearly better than a mean best IoU of `before`."""
    fits = [
        _FittedReading(
            reading,
            sample.mean_best_iou(reading.boxes(sample.box_numbers, sample.sizes)),
        )
        for reading in readings(case, sample.box_numbers)
    ]
    best = max(
        fits,
        key=lambda fit: fit.fit - PREFERS_IMAGE * (fit.reading.frame in ("letterbox", "square")),
    )
    is_better = best.fit >= MIN_FIT and best.reading.is_better(before, best.fit)
    return best if is_better else None


def _format_finding(case: Case, before: float, best: _FittedReading) -> Finding:
    reading = best.reading
    fix_rows = partial(reread, case, reading)
    evidence = (
        f"read as {reading.name}, the boxes lie on the objects "
        f"({_gain(before, best.fit)}): {change_with_rows(case, fix_rows(case.rows), 'read so')}"
    )
    return Finding(reading.id, "error", evidence, fix_rows=fix_rows)


def _transform_finding(case: Case, before: float, best: FittedTransform) -> Finding:
    fix_rows = partial(undo_transform, case, best.transform)
    change = change_with_rows(case, fix_rows(case.rows), "with that undone")
    evidence = f"the boxes seem to be {best.transform.name} ({_gain(before, best.fit)}): {change}"
    return Finding(best.transform.id, "error", evidence, fix_rows=fix_rows)


def _gain(before: float, after: float) -> str:
    return f"mean best IoU {before:.2f} → {after:.2f}"


def _format_and_transform(
    case: Case, sample: Sample, before: float, best_single: float
) -> list[Finding]:
    """Return the format and the transform that only together fit clearly better.

    Args:
        case: The case.
        sample: Its sample.
        before: Mean best IoU of the boxes as they are.
        best_single: The same under the best format, or after the best transform, alone.
    """
    best: tuple[BoxReading, FittedTransform, float] | None = None
    after = max(best_single + CLEARLY_BETTER, MIN_FIT)
    for reading in readings(case, sample.box_numbers):
        if reading.is_plain_format:
            boxes = reading.boxes(sample.box_numbers, sample.sizes)
            transform = best_transform(replace(sample, boxes=boxes), best_single)
            if transform and transform.fit > after:
                best = (reading, transform, sample.mean_best_iou(boxes))
                after = transform.fit
    if best is None:
        return []
    reading, transform, between = best
    fix_rows = partial(reread, case, reading)
    rows = fix_rows(case.rows)
    change = change_with_rows(case, undo_transform(case, transform.transform, rows), "with both")
    evidence = (
        f"read as {reading.name}, and as {transform.transform.name}, the boxes lie on the objects "
        f"({_gain(before, after)}): {change}"
    )
    return [
        Finding(reading.id, "error", evidence, fix_rows=fix_rows),
        _transform_finding(case.with_rows(rows, without=reading.id), between, transform),
    ]

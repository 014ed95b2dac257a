"""Check of mixed units: annotations in fractions among others in pixels, or the other way round.

The numbers themselves show the unit: no object lies within the first pixel of its image, and no
fraction of an image is above 2.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from detbench.data.columns import Flags, Floats, groups_from_offsets
from detbench.data.formats.lenient_files import AnnotationsFile
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Case
from detbench.doctor.edits.coco_document import convert_boxes
from detbench.doctor.edits.ground_truth_columns import (
    MIN_INSIDE,
    object_image_sizes,
    select_objects,
    share_inside,
    with_boxes,
)
from detbench.doctor.evidence.counterfactual import change_with_ground_truth
from detbench.doctor.findings import Finding, written_anew
from detbench.doctor.readings.box_formats import DECODERS, BoxReading, Frame
from detbench.wording import plural

MIN_ANNOTATIONS = 5
"""Annotations in another unit from which on they are no accident."""
ALL = 0.98
"""Share of annotations from which on all are in the other unit."""
MAX_FRACTION, NO_FRACTION = 1.01, 2.0
"""Numbers up to the first can be fractions of the image; those above the second are none."""


def check_mixed_units(case: Case, file: AnnotationsFile) -> tuple[Case, Finding] | None:
    """Check for boxes that are in another unit than most.

    Returns:
        The case with these boxes in pixels, and the finding; None if there are none.
    """
    ground_truth = case.ground_truth
    numbers = file.box_numbers[file.object_annotations]
    is_other = _are_fractions(numbers) if file.unit == "pixels" else _are_pixels(numbers)
    if file.unit == "percent" or is_other.sum() < MIN_ANNOTATIONS or is_other.mean() > ALL:
        return None
    best = _best_reading(case, file, is_other)
    if best is None:
        return None
    reading, fixed_truth = best
    images = np.unique(groups_from_offsets(ground_truth.offsets)[is_other])
    unit = "fractions of the image" if file.unit == "pixels" else "pixels"
    change = change_with_ground_truth(case, fixed_truth, "read so")
    evidence = (
        f"{is_other.sum():,} of {len(is_other):,} boxes of the ground truth (in "
        f"{plural(len(images), 'image')}; the first: {ground_truth.image_ids[images[0]]!r}) are "
        f"{unit}, {reading.name}, unlike the others: {change}"
    )
    edit = written_anew
    if file.format_name == "coco":
        edit = partial(convert_boxes, reading=reading, measure=True, applies=_is_fraction)
    finding = Finding("box-format-mixed", "error", evidence, fix_document=edit)
    return replace(case.with_ground_truth(fixed_truth), is_ground_truth_fixed=True), finding


def _are_fractions(numbers: Floats) -> Flags:
    highest, lowest = numbers.max(axis=1), numbers.min(axis=1)
    return np.asarray((highest <= MAX_FRACTION) & (lowest >= -MAX_FRACTION) & (highest > 0))


def _is_fraction(box: list[float]) -> bool:
    return bool(_are_fractions(np.array([box]))[0])


def _are_pixels(numbers: Floats) -> Flags:
    return np.asarray(numbers.max(axis=1) > NO_FRACTION)


def _best_reading(
    case: Case, file: AnnotationsFile, is_other: Flags
) -> tuple[BoxReading, GroundTruth] | None:
    """Return the reading that keeps these boxes in their images and fits the detections best.

    Of readings that fit alike, the format's own order is preferred.

    Args:
        case: The case.
        file: Its annotations.
        is_other: (G,) objects whose boxes are in another unit.
    """
    numbers = file.box_numbers[file.object_annotations]
    sizes = object_image_sizes(case.ground_truth)
    best: tuple[float, BoxReading, GroundTruth] | None = None
    frame: Frame = "image" if file.unit == "pixels" else "pixels"
    own_first = sorted(DECODERS, key=lambda name: name != file.box_format)
    for name in own_first:
        reading = BoxReading("", name, DECODERS[name], frame)
        boxes = np.where(is_other[:, None], reading.boxes(numbers, sizes), case.ground_truth.boxes)
        if not np.isfinite(boxes).all():
            continue
        changed = with_boxes(case.ground_truth, boxes, measured=is_other)
        if share_inside(select_objects(changed, is_other)) < MIN_INSIDE:
            continue
        score = case.with_ground_truth(changed).quick_score.score(case.rows)
        if best is None or score > best[0]:
            best = score, reading, changed
    return best[1:] if best else None

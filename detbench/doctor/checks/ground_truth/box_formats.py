"""Check of the ground truth's box format: the reading that the dataset and the detections agree on.

A wrong format shows in the dataset itself: boxes leave their images, and the right format keeps all
of them inside. If image sizes are unknown, the areas or the detections must agree with a reading.
A reading under which the detections fit worse is never chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from detbench.data.formats.lenient_files import AnnotationsFile
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Case
from detbench.doctor.checks.ground_truth.mixed_units import check_mixed_units
from detbench.doctor.edits.coco_document import convert_boxes
from detbench.doctor.edits.ground_truth_columns import (
    MIN_INSIDE,
    are_sizes_swapped,
    object_image_sizes,
    share_inside,
    with_boxes,
)
from detbench.doctor.evidence.counterfactual import change_with_ground_truth
from detbench.doctor.evidence.fit import sample_of
from detbench.doctor.findings import Finding, written_anew
from detbench.doctor.readings.box_formats import (
    CLEARLY_BETTER,
    DECODERS,
    FORMAT_IDS,
    MUCH_BETTER,
    NO_OFFSET,
    SCALE_RANGE,
    SCALES,
    BoxReading,
    offsets,
    own_reading,
    reread,
)

MIN_OBJECTS = 10
MAX_INSIDE = 0.9
"""Share of boxes inside their image that the wrong format has at most."""
GOOD = 0.4
"""Mean best IoU from which on detections speak for a reading even though the boxes lie within their
images as they are."""
AGREEING = 0.9
"""Share of boxes whose width · height is the annotated area, within 2%, that shows from which
numbers it was computed."""
AREA_TOLERANCE = 0.02
NO_FRACTION = 2.0
"""A label with a number above this is in pixels or percent. Fractions that reach past the image are
hardly above 1."""
_FORMAT_TEXTS = {
    "xyxy": "corners",
    "xywh": "x, y, width and height",
    "cxcywh": "center, width and height",
}
_UNIT_TEXTS = {
    "pixels": "pixels",
    "fractions": "fractions of the image",
    "percent": "percent of the image",
}

_Frame = Literal["image", "pixels"]


@dataclass(frozen=True)
class _Trial:
    """The ground truth under one reading of its boxes."""

    reading: BoxReading
    ground_truth: GroundTruth
    inside: float
    """Share of boxes that have an extent and lie within their image."""
    agreeing: float
    """Share of boxes whose width · height is the annotated area."""
    fit_as_read: float = 0.0
    """Mean best IoU of the detections as they are read."""
    fit_alike: float = 0.0
    """Mean best IoU of the detections in the same reading; 0 if their file has another format."""

    @property
    def fit(self) -> float:
        """The better of the two."""
        return max(self.fit_as_read, self.fit_alike)


def check_box_format(case: Case) -> tuple[Case, list[Finding]]:
    """Check whether the boxes of the ground truth are in another format than their file's own.

    Returns:
        The case with boxes in the right format, and the finding if that is another one.
    """
    file, ground_truth = case.annotations, case.ground_truth
    if file is None or len(ground_truth) < MIN_OBJECTS:
        return case, []
    mixed = check_mixed_units(case, file)
    if mixed is not None:
        fixed, finding = mixed
        return fixed, [finding]
    frame = _frame(case, file)
    trials = [_trial(case, file, reading, frame) for reading in _readings(case, file, frame)]
    consistent = [trial for trial in trials if trial.inside >= MIN_INSIDE]
    if not consistent:
        return case, []
    own_trial = _Trial(
        own_reading(file),
        ground_truth,
        share_inside(ground_truth),
        _share_agreeing(ground_truth, file),
    )
    own = _with_fits(case, file, own_trial)
    fitted = [_with_fits(case, file, trial) for trial in consistent]
    best = max(fitted, key=lambda trial: (trial.fit, trial.agreeing))
    # Swapped image sizes look like swapped corners, but then the detections fit as they are.
    if own.fit_as_read > best.fit_as_read and are_sizes_swapped(ground_truth):
        return case, []
    if not _is_better(own, best, frame):
        return case, []
    fixed = replace(case.with_ground_truth(best.ground_truth), is_ground_truth_fixed=True)
    return fixed, [_format_finding(case, file, own, best)]


def _is_better(own: _Trial, best: _Trial, frame: _Frame) -> bool:
    """Tell whether another reading is right: by image sizes, by areas, or by the detections."""
    knows_sizes = _knows_sizes(own.ground_truth)
    is_impossible = own.reading.frame == "pixels" and frame == "image"
    leaves_images = is_impossible or own.inside <= MAX_INSIDE
    by_sizes = knows_sizes and leaves_images and best.fit >= own.fit
    by_areas = best.agreeing >= AGREEING and own.agreeing <= 1 - AGREEING
    # Read alike, both sides can fit better only because their boxes become larger.
    fits_better = best.fit_as_read >= max(own.fit + CLEARLY_BETTER, own.fit * MUCH_BETTER)
    by_detections = fits_better and (not knows_sizes or best.fit_as_read >= GOOD)
    return by_sizes or by_areas or by_detections


def _readings(case: Case, file: AnnotationsFile, frame: _Frame) -> Iterator[BoxReading]:
    """Yield every other reading of a file whose numbers are pixels or fractions of the image."""
    own = own_reading(file)
    for name, decode in DECODERS.items():
        if (frame, name) == (own.frame, own.name) and own.scale == 1:
            continue
        finding = FORMAT_IDS[name] if frame == own.frame else "box-normalized"
        for offset in offsets(file, name) if frame == "pixels" else (NO_OFFSET,):
            yield BoxReading(finding, name, decode, frame, offset)
    if frame == "pixels":
        yield from _scaled_readings(case, file)


def _scaled_readings(case: Case, file: AnnotationsFile) -> Iterator[BoxReading]:
    """Yield the readings in percent and thousandths, if the numbers are of their size.

    Numbers of that size in images of about that size are pixels, unless these are a mistake, too.
    """
    own = own_reading(file)
    largest = float(file.box_numbers[file.object_annotations].max(initial=0))
    sides = case.ground_truth.image_sizes.max(axis=1)
    image_side = float(np.median(sides)) if own.frame == "pixels" else np.inf
    for scale, unit in SCALES.items():
        low, high = (scale * part for part in SCALE_RANGE)
        is_image_size = not (image_side < 0.5 * scale or image_side > 1.2 * scale)
        is_of_size = low <= largest <= high and not is_image_size
        for name, decode in DECODERS.items():
            is_own = (scale, name) == (own.scale, own.name)
            if is_of_size and not is_own:
                finding = FORMAT_IDS[name] if scale == own.scale else "box-normalized"
                yield BoxReading(finding, f"{unit}, {name}", decode, "image", scale=scale)


def _trial(case: Case, file: AnnotationsFile, reading: BoxReading, frame: _Frame) -> _Trial:
    """Return the ground truth under a reading.

    Labels that are fractions stay fractions among others in pixels.
    """
    ground_truth = case.ground_truth
    numbers = file.box_numbers[file.object_annotations]
    boxes = reading.boxes(numbers, object_image_sizes(ground_truth))
    if file.unit == "fractions" and frame == "pixels":
        are_fractions = numbers.max(axis=1) <= 1
        boxes[are_fractions] = ground_truth.boxes[are_fractions]
    if not np.isfinite(boxes).all():
        return _Trial(reading, ground_truth, 0.0, 0.0)
    # Areas that were computed from the boxes, or that are all missing, are computed again.
    areas = file.areas[file.object_annotations]
    are_computed = _share_agreeing(ground_truth, file) >= AGREEING or not (areas > 0).any()
    reread_truth = with_boxes(ground_truth, boxes, measured=np.isnan(areas) | are_computed)
    return _Trial(
        reading, reread_truth, share_inside(reread_truth), _share_agreeing(reread_truth, file)
    )


def _knows_sizes(ground_truth: GroundTruth) -> bool:
    """Tell whether most boxes are of images of known size."""
    has_size = np.isfinite(object_image_sizes(ground_truth)).all(axis=1)
    return float(has_size.mean()) > 0.5


def _share_agreeing(ground_truth: GroundTruth, file: AnnotationsFile) -> float:
    """Return the share of boxes whose width · height is the annotated area."""
    areas = file.areas[file.object_annotations]
    difference = np.abs(ground_truth.box_areas - areas)
    return float((difference <= AREA_TOLERANCE * np.abs(ground_truth.box_areas)).mean())


def _frame(case: Case, file: AnnotationsFile) -> _Frame:
    """Return whether most numbers are pixels, or fractions of images that are larger."""
    numbers = file.box_numbers[file.object_annotations]
    lowest, highest = numbers.min(axis=1), numbers.max(axis=1)
    if file.unit == "fractions":
        return "pixels" if (highest > NO_FRACTION).mean() > MAX_INSIDE else "image"
    are_fractions = ((lowest >= -0.01) & (highest <= 1.01)).mean() >= MIN_INSIDE
    largest_side = np.nan_to_num(case.ground_truth.image_sizes).max(initial=0)
    return "image" if are_fractions and largest_side > 10 else "pixels"


def _with_fits(case: Case, file: AnnotationsFile, trial: _Trial) -> _Trial:
    """Return the trial with the fit of the detections."""
    sample = sample_of(case.with_ground_truth(trial.ground_truth))
    fit_alike = 0.0
    if own_reading(case.file) == own_reading(file):
        boxes = trial.reading.boxes(sample.box_numbers, sample.sizes)
        fit_alike = sample.mean_best_iou(boxes)
    return replace(trial, fit_as_read=sample.mean_best_iou(sample.boxes), fit_alike=fit_alike)


def _format_finding(case: Case, file: AnnotationsFile, own: _Trial, best: _Trial) -> Finding:
    reading = best.reading
    numbers = file.box_numbers[file.object_annotations]
    unit, is_scaled = "", reading.scale != 1
    are_fractions = not is_scaled and (reading.frame, own.reading.frame) == ("image", "pixels")
    if reading.frame != own.reading.frame and not is_scaled:
        unit = "fractions of the image, " if are_fractions else "pixels, "
    own_reading_text = f"as {_FORMAT_TEXTS[file.box_format]} in {_UNIT_TEXTS[file.unit]}"
    as_they_are = f"{own.inside:.0%} {own_reading_text}"
    if are_fractions:
        share = "all" if numbers.min() >= 0 and numbers.max() <= 1.01 else "nearly all"
        as_they_are = f"{share} numbers lie within 0–1"
    how, rows = "read so", None
    if best.fit_alike > best.fit_as_read:
        how, rows = "with the detections read so as well", reread(case, reading, case.rows)
    change = change_with_ground_truth(case, best.ground_truth, how, rows)
    evidence = (
        f"the boxes of the ground truth are {unit}{reading.name} ({best.inside:.0%} of them lie "
        f"within their images if read so, {as_they_are}): {change}"
    )
    edit = written_anew
    if file.format_name == "coco":
        edit = partial(
            convert_boxes,
            reading=reading,
            measure=np.array_equal(best.ground_truth.areas, best.ground_truth.box_areas),
        )
    return Finding(reading.id, "error", evidence, fix_document=edit)

"""Check of mixed boxes: some files, classes or images in another format or unit than the rest.

Each part is judged by its own boxes, and only if it has enough of them. A unit shows in the numbers
themselves, for a format the boxes must lie on the objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows
from detbench.doctor.evidence.object_pairs import ObjectPairs, pairs_of
from detbench.doctor.findings import Finding
from detbench.doctor.readings.box_formats import (
    REREAD_IDS,
    BoxReading,
    readings,
    sizes_of,
)
from detbench.wording import first_few, plural

MIN_UNIT_ROWS, MIN_UNIT_OBJECTS = 10, 5
"""Detections in another unit, and objects beside them, from which on they are no accident."""
MAX_FRACTION, NO_FRACTION = 1.01, 2.0
"""Numbers up to the first can be fractions of the image; those above the second are none."""
ALL = 0.98
"""Share of detections from which on the whole file is in the other unit."""
MIN_OBJECTS = 20
"""Objects below which a class or a group of images is not judged by how its boxes fit."""
POOR = 0.35
"""Mean best IoU below which another reading is tried for a class. Other classes must reach it."""
MIN_FIT = 0.4
"""Mean best IoU that a part must reach under another reading."""
MIN_GAIN, MIN_UNIT_GAIN = 0.2, 0.1
"""How much the mean best IoU of a part must gain; less if numbers show the unit."""
MIN_STANDARD_ERRORS = 6.0
"""Standard errors by which the gain of a part must differ from 0: dozens of readings are tried."""
TRIAL_PAIRS = 30_000
"""Pairs of a box and an object with which every reading is tried for groups of images."""
MIN_TRIAL_GAIN = 0.03
"""What the mean best IoU must gain if each image is read as it fits best, to look closer."""
MIN_REST_LOSS = 0.1
"""What the mean best IoU of all other boxes must lose, at least, under the reading of a part."""


@dataclass(frozen=True)
class _Part:
    """Detections that are in another format or unit than the rest."""

    name: str
    is_part: Flags
    """(R,) which rows of the file are of it."""
    reading: BoxReading
    before: Floats
    """(O,) best IoU of its objects as the boxes are written."""
    after: Floats
    """(O,) the same under the reading."""

    def is_proven(self, min_objects: int, min_gain: float) -> bool:
        """Tell whether its boxes lie on the objects under the reading, and only so."""
        n_objects = len(self.after)
        if n_objects < min_objects or self.after.mean() < MIN_FIT:
            return False
        gain = self.after - self.before
        error = gain.std() / np.sqrt(n_objects)
        return bool(gain.mean() >= max(min_gain, MIN_STANDARD_ERRORS * error))


def check_mixed_boxes(case: Case) -> Finding | None:
    """Return the part of the detections whose boxes are in another format or unit."""
    if not case.rows.scorable.any() or any(each.startswith(REREAD_IDS) for each in case.fixed):
        return None
    part = _other_unit(case) or _other_classes(case) or _other_images(case)
    if part is None or not _is_only_of_part(case, part):
        return None
    fix_rows = partial(_reread_part, case, part)
    rows = fix_rows(case.rows)
    if case.quick_score.score(rows) <= case.quick_score.score(case.rows):
        return None
    evidence = (
        f"the boxes of {part.name} lie on the objects only if read as {part.reading.name} (mean "
        f"best IoU {part.before.mean():.2f} → {part.after.mean():.2f}), unlike the others: "
        f"{change_with_rows(case, rows, 'read so')}"
    )
    return Finding("box-format-mixed", "error", evidence, fix_rows=fix_rows)


def _is_only_of_part(case: Case, part: _Part) -> bool:
    """Tell whether the other boxes fit better as written than under the reading of the part."""
    rest = case.rows.select(~part.is_part[case.rows.source_rows])
    pairs = pairs_of(case.with_rows(rest))
    if len(pairs.objects) < MIN_UNIT_OBJECTS:
        return False
    paired = rest.select(pairs.rows)
    as_written = pairs.best_iou(paired.boxes)
    reread = pairs.best_iou(_boxes_of(case, paired, part.reading))
    return float(reread.mean()) <= float(as_written.mean()) - MIN_REST_LOSS


def _reread_part(case: Case, part: _Part, rows: DetectionRows) -> DetectionRows:
    """Return rows with the boxes of a part in the reading of that part."""
    positions = np.flatnonzero(part.is_part[rows.source_rows])
    boxes = rows.boxes.copy()
    boxes[positions] = _boxes_of(case, rows.select(positions), part.reading)
    return rows.with_boxes(boxes)


def _boxes_of(case: Case, rows: DetectionRows, reading: BoxReading) -> Floats:
    numbers = case.file.box_numbers[rows.source_rows]
    return reading.boxes(numbers, sizes_of(case, rows))


def _best_part(case: Case, name: str, positions: Ints) -> _Part | None:
    """Return the rows at these positions under the reading that fits them best, if there is any."""
    rows = case.rows.select(positions)
    pairs = pairs_of(case.with_rows(rows))
    if not len(pairs.objects):
        return None
    paired = rows.select(pairs.rows)
    numbers = case.file.box_numbers[paired.source_rows]
    fits = (
        (reading, pairs.best_iou(_boxes_of(case, paired, reading)))
        for reading in readings(case, numbers)
    )
    reading, after = max(fits, key=lambda fit: float(fit[1].mean()))
    return _Part(name, _of_file(case, rows), reading, pairs.best_iou(paired.boxes), after)


def _of_file(case: Case, rows: DetectionRows) -> Flags:
    """Return which rows of the file (R,) are among these."""
    is_part = np.zeros(len(case.file.malformed), np.bool_)
    is_part[rows.source_rows] = True
    return is_part


def _other_unit(case: Case) -> _Part | None:
    """Return the boxes whose numbers are fractions among pixels, or pixels among fractions."""
    rows = case.rows
    numbers = case.file.box_numbers[rows.source_rows]
    if case.file.unit == "pixels":
        # A box within the first pixel of its image, in a format of any kind, has no other meaning.
        highest, lowest = numbers.max(axis=1), numbers.min(axis=1)
        is_other = (highest <= MAX_FRACTION) & (lowest >= -MAX_FRACTION) & (highest > 0)
    elif case.file.unit == "fractions":
        is_other = numbers.max(axis=1) > NO_FRACTION
    else:
        return None
    is_other &= rows.scorable
    if is_other.sum() < MIN_UNIT_ROWS or is_other.mean() > ALL:
        return None
    positions = np.flatnonzero(is_other)
    part = _best_part(case, _name_of(case, positions), positions)
    return part if part and part.is_proven(MIN_UNIT_OBJECTS, MIN_UNIT_GAIN) else None


def _name_of(case: Case, positions: Ints) -> str:
    """Return what the rows at these positions are: of which classes, or of which images."""
    rows = case.rows
    is_part = np.zeros(len(rows), np.bool_)
    is_part[positions] = True
    total = f"{len(positions):,} of {len(rows):,} detections"
    classes = np.unique(rows.class_index[positions])
    if is_part[np.isin(rows.class_index, classes)].all():
        names = first_few([case.ground_truth.class_names[k] for k in classes.tolist()], 3)
        return f"{total} (all of {names})"
    images = np.unique(rows.image_index[positions])
    first = case.ground_truth.image_ids[images[0]]
    return f"{total} (in {plural(len(images), 'image')}; the first: {first!r})"


def _other_classes(case: Case) -> _Part | None:
    """Return the classes whose boxes are in another format, all in the same one."""
    pairs = pairs_of(case)
    own = pairs.best_iou(case.rows.boxes[pairs.rows])
    classes = case.ground_truth.class_index[pairs.objects]
    n_classes = len(case.ground_truth.class_names)
    counts = np.bincount(classes, minlength=n_classes)
    means = np.bincount(classes, own, minlength=n_classes) / np.maximum(counts, 1)
    is_judged = counts >= MIN_OBJECTS
    if not (means[is_judged] >= POOR).any():
        return None
    parts = list(_proven_classes(case, np.flatnonzero(is_judged & (means < POOR))))
    if not parts:
        return None
    # Classes of the same reading are one part; those of another one are found in the next round.
    name = parts[0].reading.name
    alike = [part for part in parts if part.reading.name == name]
    names = first_few([part.name for part in alike], 3)
    return _Part(
        f"class {names}" if len(alike) == 1 else f"classes {names}",
        np.any([part.is_part for part in alike], axis=0),
        alike[0].reading,
        np.concatenate([part.before for part in alike]),
        np.concatenate([part.after for part in alike]),
    )


def _proven_classes(case: Case, classes: Ints) -> Iterator[_Part]:
    for k in classes.tolist():
        of_class = np.flatnonzero(case.rows.class_index == k)
        part = _best_part(case, case.ground_truth.class_names[k], of_class)
        if part and part.is_proven(MIN_OBJECTS, MIN_GAIN):
            yield part


def _other_images(case: Case) -> _Part | None:
    """Return the group of images, next to one another, whose boxes are in another format."""
    reading = _reading_of_some_images(case)
    if reading is None:
        return None
    pairs = pairs_of(case)
    rows = case.rows.select(pairs.rows)
    before = pairs.best_iou(rows.boxes)
    after = pairs.best_iou(_boxes_of(case, rows, reading))
    image_of_object = _image_of_object(case)[pairs.objects]
    gains = np.zeros(len(case.ground_truth.image_ids))
    np.add.at(gains, image_of_object, after - before)
    for order in _orders(case):
        images = _best_run(order, gains)
        is_inside = np.isin(image_of_object, images)
        name = _run_name(case, images)
        is_row = np.isin(case.rows.image_index, images)
        of_file = _of_file(case, case.rows.select(is_row))
        part = _Part(name, of_file, reading, before[is_inside], after[is_inside])
        if part.is_proven(MIN_OBJECTS, MIN_GAIN) and _is_only_of_part(case, part):
            return part
    return None


def _image_of_object(case: Case) -> Ints:
    offsets = case.ground_truth.offsets
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _reading_of_some_images(case: Case) -> BoxReading | None:
    """Return the reading that fits best if each image is read in it or as written, if it helps."""
    pairs = pairs_of(case, TRIAL_PAIRS)
    if len(pairs.objects) < 2 * MIN_OBJECTS:
        return None
    rows = case.rows.select(pairs.rows)
    own = pairs.best_iou(rows.boxes)
    images = _image_of_object(case)[pairs.objects]
    numbers = case.file.box_numbers[rows.source_rows]
    best, best_gain = None, MIN_TRIAL_GAIN * len(own)
    for reading in readings(case, numbers):
        gains = _gains(pairs, own, images, _boxes_of(case, rows, reading))
        gain = float(gains[gains > 0].sum())
        if gain > best_gain:
            best, best_gain = reading, gain
    return best


def _gains(pairs: ObjectPairs, own: Floats, images: Ints, boxes: Floats) -> Floats:
    """Return how much the best IoUs of each image gain, in all, with other boxes."""
    return np.asarray(np.bincount(images, weights=pairs.best_iou(boxes) - own), np.float64)


def _orders(case: Case) -> Iterator[Ints]:
    """Yield orders of the images in which parts of a file can have been joined."""
    images = case.rows.image_index[case.rows.image_index >= 0]
    in_order, first = np.unique(images, return_index=True)
    yield in_order[np.argsort(first)]
    yield in_order


def _best_run(order: Ints, gains: Floats) -> Ints:
    """Return the images, next to one another in an order, whose gains have the largest sum."""
    sums = np.concatenate([[0.0], np.cumsum(gains[order])])
    lowest_before = np.minimum.accumulate(sums)
    end = int(np.argmax(sums - lowest_before))
    start = int(np.argmin(sums[: end + 1]))
    return order[start:end]


def _run_name(case: Case, images: Ints) -> str:
    ids = case.ground_truth.image_ids
    if not len(images):
        return ""
    n_images = len(ids)
    return f"{len(images):,} of {n_images:,} images ({ids[images[0]]!r} to {ids[images[-1]]!r})"

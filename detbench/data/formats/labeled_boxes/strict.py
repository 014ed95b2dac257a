"""Labeled boxes as ground truth or detections, refused at the first fault."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.detections import Detections
from detbench.data.formats.labeled_boxes.faults import check_values, warn_changes
from detbench.data.formats.labeled_boxes.labeled_boxes import (
    COORDINATES,
    EVERY_CLASS,
    LabeledBoxes,
)
from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import require_image_sizes
from detbench.errors import InputError
from detbench.wording import plural

_NUMBER_FIX = (
    "for numbers, list the class names in classes.txt beside the files, in the order of the "
    "numbers from 0; or --allow-unknown to drop its detections"
)


def to_ground_truth(labeled: LabeledBoxes) -> GroundTruth:
    """Return the boxes as ground truth.

    Raises:
        InputError: A value is missing or malformed, corners are exchanged, or a size is unknown and
            needed.
    """
    check_values(labeled)
    warn_changes(labeled)
    numbers, _ = labeled.stated_numbers()
    rows = np.arange(len(labeled))
    ground_truth, _ = ground_truth_of_rows(labeled, numbers, rows)
    inverted = (ground_truth.boxes[:, 2:] < ground_truth.boxes[:, :2]).any(axis=1)
    if inverted.any():
        _refuse_inverted(labeled, numbers)
    return ground_truth


def _refuse_inverted(labeled: LabeledBoxes, numbers: Floats) -> None:
    names = COORDINATES[labeled.box_format]
    lengths = numbers[:, 2:] - (numbers[:, :2] if labeled.box_format == "xyxy" else 0)
    row = int((lengths < 0).any(axis=1).argmax())
    file, where = labeled.place(row)
    written = ", ".join(
        f"{name} {value:g}" for name, value in zip(names, numbers[row], strict=True)
    )
    raise InputError(
        file,
        f"is not a box: {written}",
        where=where,
        fix="the right and lower edges must not lie before the left and upper ones",
    )


def ground_truth_of_rows(
    labeled: LabeledBoxes, numbers: Floats, rows: Ints
) -> tuple[GroundTruth, Ints]:
    """Return the ground truth of some rows, and the row (G,) that each object comes from.

    Args:
        labeled: The boxes as read.
        numbers: (N, 4) their numbers.
        rows: (M,) the rows to take; each has a class and finite numbers.

    Raises:
        InputError: The numbers are relative to the image and the size of an image is unknown.
    """
    class_names, position = labeled.class_order()
    sizes = np.array(labeled.image_sizes, np.float64).reshape(-1, 2)
    images = np.array(labeled.image_index, np.int64)[rows]
    classes = np.array(labeled.class_index, np.int64)[rows]
    if labeled.unit != "pixels" and np.isnan(sizes[images]).any():
        sizes = _sizes_of_images(labeled, sizes, images)
    boxes, areas = labeled.boxes(numbers[rows], sizes[images])

    # A region in which nothing counts becomes one crowd region of every class.
    n_copies = np.where(classes == EVERY_CLASS, len(class_names), 1)
    copied = np.repeat(np.arange(len(rows)), n_copies)
    starts = np.repeat(np.cumsum(n_copies) - n_copies, n_copies)
    copy_number = np.arange(len(copied)) - starts
    is_region = classes[copied] == EVERY_CLASS
    own_class = position[classes[copied]] if len(position) else classes[copied]
    flags = np.array(labeled.flags, np.bool_).reshape(-1, 3)[rows[copied]]
    ground_truth = GroundTruth.from_rows(
        image_ids=tuple(labeled.images),
        class_names=class_names,
        image_index=images[copied],
        class_index=np.where(is_region, copy_number, own_class),
        boxes=boxes[copied],
        box_areas=areas[copied],
        iscrowd=flags[:, 0],
        difficult=flags[:, 1],
        truncated=flags[:, 2],
        image_sizes=sizes,
        image_files=labeled.files,
        image_folder=labeled.image_folder,
        name=labeled.label,
        source=f"{labeled.format_name} {labeled.source.path}",
    )
    order = np.argsort(images[copied], kind="stable")
    return ground_truth, rows[copied[order]]


def _sizes_of_images(labeled: LabeledBoxes, sizes: Floats, images: Ints) -> Floats:
    """Return the sizes (I, 2) of all images, those of `images` from their files if need be."""
    empty = GroundTruth.from_rows(
        image_ids=tuple(labeled.images),
        class_names=(),
        image_index=[],
        class_index=[],
        boxes=[],
        image_sizes=sizes,
        image_files=labeled.files,
        image_folder=labeled.image_folder,
        source=str(labeled.source.path),
    )
    return require_image_sizes(empty, images)


def to_detections(
    labeled: LabeledBoxes, ground_truth: GroundTruth, *, allow_unknown: bool
) -> Detections:
    """Return the boxes as detections for a ground truth.

    Raises:
        InputError: A value is missing or malformed, an image or a class is unknown, or more than
            half of the boxes are inverted.
    """
    path = labeled.source.path
    check_scored(labeled)
    check_values(labeled)
    warn_changes(labeled)
    numbers, _ = labeled.stated_numbers()
    scores, _ = labeled.stated_scores()
    image_index, class_index = positions_in(labeled, ground_truth)
    _check_images_and_classes(labeled, image_index, class_index, allow_unknown=allow_unknown)
    kept = np.flatnonzero((image_index >= 0) & (class_index >= 0))
    sizes = ground_truth.image_sizes
    if labeled.unit != "pixels":
        sizes = require_image_sizes(ground_truth, image_index[kept])
    boxes, areas = labeled.boxes(numbers[kept], sizes[image_index[kept]])
    check_inverted(path, boxes)
    if not len(labeled):
        warn_empty(path)
    return Detections.from_rows(
        ground_truth,
        image_index=image_index[kept],
        class_index=class_index[kept],
        scores=scores[kept],
        boxes=boxes,
        box_areas=areas,
        name=labeled.name,
        source=f"{labeled.format_name} {path}",
    )


def check_scored(labeled: LabeledBoxes) -> None:
    """Raise InputError if no box has a score: these are annotations."""
    has_score = any(score is not None for score in labeled.scores)
    if len(labeled) > len(labeled.faults) and not has_score:
        raise InputError(
            labeled.source.path,
            f"its {plural(len(labeled), 'box')} have no score: these are annotations",
            fix="give the file of the detections, with a score for each box",
        )


def positions_in(labeled: LabeledBoxes, ground_truth: GroundTruth) -> tuple[Ints, Ints]:
    """Return image (N,) and class (N,) of each row in the ground truth, −1 where it has neither."""
    image_position = match_images(
        labeled.source.path,
        ground_truth,
        list(labeled.images),
        are_files=labeled.names_files,
    )
    class_position = {name: k for k, name in enumerate(ground_truth.class_names)}
    class_positions = [class_position.get(name, -1) for name in labeled.classes]
    # The last element serves rows without a class.
    class_positions.append(-1)
    images = np.array(labeled.image_index, np.int64)
    classes = np.maximum(np.array(labeled.class_index, np.int64), -1)
    return np.array(image_position, np.int64)[images], np.array(class_positions, np.int64)[classes]


def _check_images_and_classes(
    labeled: LabeledBoxes, image_index: Ints, class_index: Ints, *, allow_unknown: bool
) -> None:
    """Apply the rules for unknown images and unknown classes."""
    image_ids, class_names = list(labeled.images), [*labeled.classes, ""]
    no_image = image_index < 0
    for kind, unknown in (("image", no_image), ("class", (class_index < 0) & ~no_image)):
        if not unknown.any():
            continue
        row = int(unknown.argmax())
        image, number = labeled.image_index[row], labeled.class_index[row]
        file, where = labeled.place(row)
        check_unknown(
            file,
            "image" if kind == "image" else "class",
            image_ids[image] if kind == "image" else class_names[number],
            int(unknown.sum()),
            len(labeled),
            where=where,
            fix=_NUMBER_FIX if kind == "class" and class_names[number].isdigit() else "",
            allow_unknown=allow_unknown,
        )

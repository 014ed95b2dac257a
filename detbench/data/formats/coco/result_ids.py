"""What the ids and file names in COCO results mean, for the strict and the lenient reader alike."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from detbench.data.formats.parsing.image_ids import id_positions, match_images
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError
from detbench.wording import first_few

_N_LISTED = 3
"""Classes that a message lists."""
_MIN_COCO_CLASSES, _MAX_COCO_CLASSES = 79, 91
"""Numbers of classes that COCO's own may be, with or without the gaps in their ids."""


def images_of_files(
    path: Path, ground_truth: GroundTruth, files: Sequence[str]
) -> dict[str, int] | None:
    """Return file name → image; None unless each name has an image of its own."""
    names = list(dict.fromkeys(files))
    try:
        positions = match_images(path, ground_truth, names, are_files=True)
    except InputError:
        return None
    if -1 in positions or len(set(positions)) < len(positions):
        return None
    return dict(zip(names, positions, strict=True))


def warn_of_other_ids(
    path: Path,
    ground_truth: GroundTruth,
    ids: Sequence[str],
    files: Sequence[str],
    images: dict[str, int],
) -> None:
    """Warn of the rows (N,) whose id is that of another image than the one of their file."""
    own = list(dict.fromkeys(ids))
    position_of = dict(zip(own, id_positions(ground_truth, own), strict=True))
    other = [
        row
        for row, (image_id, file) in enumerate(zip(ids, files, strict=True))
        if position_of[image_id] not in (-1, images[file])
    ]
    _warn_of_rows(path, ids, files, other, "file_name decides")


def warn_of_other_files(
    path: Path,
    ground_truth: GroundTruth,
    ids: Sequence[str],
    files: Sequence[str],
    image_index: Sequence[int],
) -> None:
    """Warn of the rows (N,) whose image, by its id, has another file than they state."""
    stems = [_stem(file) for file in ground_truth.image_files]
    other = [
        row
        for row, (image, file) in enumerate(zip(image_index, files, strict=True))
        if image >= 0 and stems[image] and stems[image] != _stem(file)
    ]
    consequence = "image_id decides, since not every file_name is in the ground truth"
    _warn_of_rows(path, ids, files, other, consequence)


def _warn_of_rows(
    path: Path, ids: Sequence[str], files: Sequence[str], rows: list[int], consequence: str
) -> None:
    if rows:
        first = f"results[{rows[0]}]: image_id {ids[rows[0]]}, file_name {files[rows[0]]!r}"
        problem = f"image_id and file_name are of different images in {len(rows):,} of {len(ids):,}"
        message = f"{path}: {problem} detections ({first}); {consequence}"
        warnings.warn(message, DetbenchWarning, stacklevel=4)


def _stem(file: str) -> str:
    return PurePosixPath(file.replace("\\", "/")).stem


class ClassCount(NamedTuple):
    """How category ids count the classes of a ground truth whose files number none."""

    first: int
    """The id of the first class: 0 or 1."""
    warning: str
    """What to warn of; empty if the ids leave no doubt."""


def class_count(ground_truth: GroundTruth, lowest: int, highest: int) -> ClassCount:
    """Return how ids from `lowest` to `highest` count the classes: from 0 or from 1.

    Both occur. Id 0 shows a count from 0, and the number of classes one from 1.
    """
    names = ground_truth.class_names
    if ground_truth.has_category_ids or lowest < 0 or highest >= len(names):
        return ClassCount(1, "")
    first = 0 if lowest == 0 else 1
    meant = [f"{first + k} is {name!r}" for k, name in enumerate(names)]
    classes = first_few(meant, _N_LISTED)
    if first == 0:
        return ClassCount(0, f"category ids are read as a count from 0: {classes}")
    fit = f"category ids fit a count from 0 and from 1; read from 1: {classes}"
    return ClassCount(1, f"{fit}; detbench doctor compares")


def unknown_class_fix(ground_truth: GroundTruth, ids: Sequence[int]) -> str:
    """Return what to do about category ids of which some are unknown."""
    category_ids = ground_truth.category_ids.tolist()
    if 0 in ids and 0 not in category_ids and {number + 1 for number in ids} <= set(category_ids):
        return "ids seem to count from 0: detbench doctor can shift them"
    drop = "--allow-unknown drops such detections"
    if _MIN_COCO_CLASSES <= len(category_ids) <= _MAX_COCO_CLASSES:
        return (
            "use the ids of the ground truth's categories: COCO's own files number 80 classes 1–90 "
            f"with gaps, not 0–79 or 1–80; {drop}"
        )
    if not category_ids:
        return f"the ground truth has no categories; {drop}"
    listed = first_few(list(map(str, category_ids)), 2 * _N_LISTED)
    return f"use the ids of the ground truth's categories: {listed}; {drop}"

"""COCO annotations: `instances_*.json` into a GroundTruth, in the order that pycocotools uses.

Images are sorted by id and classes by category id, as `numpy.unique` does in pycocotools'
`COCOeval`; annotations keep their order within an image. A box is x, y, x + w, y + h and its area
w · h, both in float64.

Differences from pycocotools: an annotation of an unknown image or category is an error (pycocotools
drops it), and so are negative sizes and duplicate ids. None of these changes a score. An annotation
with id 0 can be matched, with a warning: pycocotools scores it as missed.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.coco.structs import (
    Annotation,
    AnnotationFile,
    Category,
    Id,
    protocol_of,
)
from detbench.data.formats.parsing.json_text import decode
from detbench.data.formats.parsing.plain_text import read_bytes
from detbench.data.formats.parsing.row_rules import warn_negative_areas
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError

_MIN_BOXES = 4
"""Boxes below which their numbers show nothing about their format."""
_FAR, _MAX_FAR = 0.1, 0.1
"""Distance past the edge as a share of the image's side, and share of boxes farther out, from which
on boxes seem to be in another format."""


def read_coco(path: Path, *, images: Path | None = None) -> GroundTruth:
    """Read a COCO annotations file.

    A missing `area` is w · h, with a warning. Missing `iscrowd`, `difficult` and `truncated` are 0.
    `ignore` is not read, since pycocotools overwrites it by `iscrowd`.

    Args:
        path: The file.
        images: The folder of the images. Default: looked for beside the file.

    Raises:
        InputError: The file is not valid COCO; the message says where in it.
    """
    text = read_bytes(path)
    # Ground truth and detections are both .json, so mistaking one for the other is common.
    if text[:64].lstrip().startswith(b"["):
        raise InputError(
            path,
            "is a list like COCO results, expected annotations",
            fix="give the ground truth here",
        )
    file = decode(path, text, msgspec.json.Decoder(AnnotationFile), root="annotations")
    annotations = file.annotations
    _check_sizes_and_crowds(path, file)

    # Ids → positions. pycocotools sorts both lists, and AP depends on the order of the images.
    image_positions = _sorted_ids(path, [image.id for image in file.images], "images")
    category_positions = _sorted_ids(path, [row.id for row in file.categories], "categories")
    annotation_ids = [row.id for row in annotations]
    _check_unique(path, annotation_ids, "annotations")
    if 0 in annotation_ids:
        _warn_of_id_zero(path, annotation_ids.index(0), annotations)
    image_ids = [row.image_id for row in annotations]
    image_index = _find(path, image_ids, image_positions, "image_id", "images")
    category_ids: list[Id] = [row.category_id for row in annotations]
    class_index = _find(path, category_ids, category_positions, "category_id", "categories")

    boxes, box_areas = _boxes_and_areas(path, annotations)
    ordered = sorted(file.images, key=lambda image: image_positions[image.id])
    sizes = np.array([(image.width, image.height) for image in ordered], np.float64).reshape(-1, 2)
    sizes[~(sizes > 0).all(axis=1)] = np.nan  # a side of 0 is as good as none
    _warn_of_boxes(path, boxes, sizes[image_index])
    files = tuple(image.file_name or "" for image in ordered)
    return GroundTruth.from_rows(
        image_ids=[_id_text(image_id) for image_id in image_positions],
        class_names=_class_names(file.categories, category_positions),
        image_index=image_index,
        class_index=class_index,
        boxes=boxes,
        box_areas=box_areas,
        areas=_areas(path, annotations, box_areas),
        iscrowd=[bool(row.iscrowd) for row in annotations],
        difficult=[bool(row.difficult) for row in annotations],
        truncated=[bool(row.truncated) for row in annotations],
        category_ids=np.array(list(category_positions), np.int64),
        image_sizes=sizes,
        image_files=files,
        image_folder=images or _folder_of_images(path, files),
        name=path.stem,
        protocol=_protocol(file),
        source=f"coco annotations {path}",
    )


def _protocol(file: AnnotationFile) -> str:
    lists = [image.neg_category_ids for image in file.images]
    lists += [image.not_exhaustive_category_ids for image in file.images]
    return protocol_of(lists, (category.frequency for category in file.categories))


def _check_sizes_and_crowds(path: Path, file: AnnotationFile) -> None:
    """Raise for the first impossible image size and the first `iscrowd` other than 0 or 1."""
    for row, image in enumerate(file.images):
        for key, side in (("width", image.width), ("height", image.height)):
            if side is not None and not 0 <= side < np.inf:
                raise InputError(
                    path,
                    f"{key} {side} is impossible for an image",
                    where=f"images[{row}]",
                    fix="write it in pixels",
                )
    for row, annotation in enumerate(file.annotations):
        if annotation.iscrowd not in (0, 1, None):
            raise InputError(
                path,
                f"iscrowd {annotation.iscrowd} is neither 0 nor 1",
                where=f"annotations[{row}]",
                fix="write 1 for a region of many objects, 0 for a single one",
            )


def _id_text(image_id: Id) -> str:
    return str(int(image_id) if isinstance(image_id, float) else image_id)


def _sorted_ids(path: Path, ids: Sequence[Id], part: str) -> dict[Id, int]:
    """Return each id's position in sorted order.

    Raises:
        InputError: Ids occur twice, have fractions, or some are numbers and some strings.
    """
    _check_unique(path, ids, part)
    for row, number in enumerate(ids):
        if not isinstance(number, str) and (number != int(number) or abs(number) >= 2**63):
            raise InputError(
                path,
                f"id {number} is not a 64-bit integer",
                where=f"{part}[{row}]",
            )
    try:
        return {number: position for position, number in enumerate(sorted(ids))}
    except TypeError:
        raise InputError(
            path,
            f"some ids of {part} are numbers and some are strings",
            fix="write all of them alike",
        ) from None


def _check_unique(path: Path, ids: Sequence[Id | None], part: str) -> None:
    if len(set(ids)) == len(ids):
        return
    first_row: dict[Id, int] = {}
    for row, number in enumerate(ids):
        # An annotation needs no id.
        if number is not None and first_row.setdefault(number, row) != row:
            raise InputError(
                path,
                f"id {number!r} is already used by {part}[{first_row[number]}]",
                where=f"{part}[{row}]",
                fix="make the ids unique"
                + ("; detbench doctor can number them anew" if part == "annotations" else ""),
            )


def _warn_of_id_zero(path: Path, row: int, annotations: list[Annotation]) -> None:
    """Warn of the annotation with id 0, which pycocotools reads as no match; a crowd never counts.

    It counts here, so that the scores differ.
    """
    if annotations[row].iscrowd:
        return
    problem = f"annotations[{row}] has ID 0, which pycocotools never matches"
    consequence = "it may score this file lower; detbench eval --audit shows by how much"
    warnings.warn(f"{path}: {problem}: {consequence}", DetbenchWarning, stacklevel=3)


def _find(path: Path, ids: list[Id], positions: dict[Id, int], key: str, part: str) -> list[int]:
    """Return the position of each annotation's image or category."""
    try:
        return [positions[number] for number in ids]
    except KeyError:
        unknown = ((row, number) for row, number in enumerate(ids) if number not in positions)
        row, number = next(unknown)
    raise InputError(
        path,
        f"{key} {number!r} is not among the {part} of the file",
        where=f"annotations[{row}]",
        fix=f"add it to {part}",
    )


def _boxes_and_areas(path: Path, annotations: list[Annotation]) -> tuple[Floats, Floats]:
    """Return boxes (N, 4; x1, y1, x2, y2) and w · h (N,), both rounded as by pycocotools."""
    xywh = np.array([row.bbox for row in annotations], np.float64).reshape(-1, 4)
    with np.errstate(over="ignore"):
        boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        box_areas = xywh[:, 2] * xywh[:, 3]
    _check_boxes(path, xywh, boxes, box_areas)
    return boxes, box_areas


def _check_boxes(path: Path, xywh: Floats, boxes: Floats, box_areas: Floats) -> None:
    negative = (xywh[:, 2:] < 0).any(axis=1)
    infinite = ~(np.isfinite(boxes).all(axis=1) & np.isfinite(box_areas))
    for wrong, problem in (
        (negative, "width and height must not be negative"),
        (infinite, "x + width, y + height or width · height is not finite"),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise InputError(
                path,
                f"bbox {xywh[row].tolist()}: {problem}",
                where=f"annotations[{row}]",
                fix="write it as [x, y, width, height]",
            )


def _warn_of_boxes(path: Path, boxes: Floats, sizes: Floats) -> None:
    """Warn of boxes (N, 4) that seem to be fractions, or corners, given their images' sizes (N, 2).

    Both would be scored: nothing would match, or objects would be larger than they are.
    """
    has_size = (sizes > 1).all(axis=1)
    n_with_size, problem = int(has_size.sum()), ""
    if n_with_size < _MIN_BOXES:
        return
    past = (boxes[:, 2:] > (1 + _FAR) * sizes).any(axis=1) & has_size
    if boxes[has_size].max() <= 1.01:  # rounded fractions can exceed 1
        problem = f"all {n_with_size:,} boxes lie within 0–1, as fractions of an image do"
    elif past.sum() > _MAX_FAR * n_with_size:
        problem = (
            f"{past.sum():,} of {n_with_size:,} boxes end far outside their image, as corners do"
        )
    if problem:
        expected = (
            "COCO's boxes are x, y, width, height in pixels; detbench doctor can convert them"
        )
        warnings.warn(f"{path}: {problem}; {expected}", DetbenchWarning, stacklevel=3)


def _areas(path: Path, annotations: list[Annotation], box_areas: Floats) -> Floats:
    """Return each annotation's `area`, or its w · h if it has none."""
    areas = np.array([row.area for row in annotations], np.float64)
    missing = np.isnan(areas)
    if missing.any():
        count = f"{int(missing.sum()):,} of {len(missing):,} annotations"
        message = f"{path}: {count} have no area; width · height is used instead"
        warnings.warn(message, DetbenchWarning, stacklevel=3)
    warn_negative_areas(path, areas)
    return np.where(missing, box_areas, areas)


def _class_names(categories: list[Category], positions: dict[Id, int]) -> list[str]:
    """Return the names in the order of the ids.

    A missing name is the id, and a name that occurs twice gets its id appended.
    """
    names: dict[Id, str] = {row.id: row.name or _id_text(row.id) for row in categories}
    # COCO allows two categories of one name; class names here are unique.
    uses = Counter(names.values())
    return [
        names[number] if uses[names[number]] == 1 else f"{names[number]} ({_id_text(number)})"
        for number in positions
    ]


def _folder_of_images(path: Path, files: tuple[str, ...]) -> Path | None:
    """Return the folder in which the images usually lie, if it exists.

    For `instances_val2017.json`, also in COCO's own folder `annotations`, it is `val2017`,
    `images/val2017` or `images`; else the file's own folder, if the first image is there.
    """
    # `instances_val2017` and `person_keypoints_val2017` are both about `val2017`.
    split = re.sub(r"^[a-z]+_", "", path.stem)
    parents = [path.parent]
    if path.parent.name == "annotations":
        parents.append(path.parent.parent)
    for parent in parents:
        for folder in (parent / split, parent / "images" / split, parent / "images"):
            if folder.is_dir():
                return folder
    return path.parent if files and files[0] and (path.parent / files[0]).is_file() else None

"""COCO annotations: `instances_*.json` into a GroundTruth and back, in the order in which pycocotools scores them.

Images are sorted by id and classes by category id, as `numpy.unique` does in pycocotools' `COCOeval`; annotations keep their order
within an image. A box is x, y, x + w, y + h and its area w · h, both in float64. Differences from pycocotools, none of which moves
a score: an annotation on an unknown image or category is an error (there it is dropped), and so are negative sizes and duplicate ids.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.files import atomic_path
from detbench.data.formats.parsing.exact_sizes import exact_sizes
from detbench.data.formats.parsing.image_ids import WHOLE_NUMBER
from detbench.data.formats.parsing.json_text import decode, read_bytes
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError

Id = int | float | str
_Flag = int | float | bool | None
_WRITTEN_AT_ONCE = 50_000


class _Image(msgspec.Struct, gc=False, omit_defaults=True):
    id: Id
    file_name: str | None = None
    width: float | None = None
    height: float | None = None


class _Category(msgspec.Struct, gc=False):
    id: int | float
    name: str | None = None


class _Annotation(msgspec.Struct, gc=False, omit_defaults=True):
    image_id: Id
    category_id: int | float
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: _Flag = None
    id: Id | None = None
    difficult: _Flag = None
    truncated: _Flag = None


class _File(msgspec.Struct, gc=False):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]


def read_coco(path: Path, *, images: Path | None = None) -> GroundTruth:
    """Read a COCO annotations file; `images` is the folder of its pictures, looked for beside the file when not given.

    Raises InputError, with the place in the file, for whatever is not valid COCO. A missing `area` is w · h, with a warning;
    `iscrowd`, `difficult` and `truncated` are 0 where missing; `ignore` does not count, as pycocotools overwrites it by `iscrowd`.
    """
    text = read_bytes(path)
    if text[:64].lstrip().startswith(b"["):
        raise InputError(
            path,
            "is a list, as COCO results are, where annotations are expected",
            fix="name the ground truth here",
        )
    file = decode(path, text, msgspec.json.Decoder(_File), root="annotations")
    _check_values(path, file)
    image_ids = _sorted_ids(path, [image.id for image in file.images], "images")
    category_ids = _sorted_ids(path, [category.id for category in file.categories], "categories")
    _check_unique(path, [row.id for row in file.annotations], "annotations")
    image_index = _positions(
        path, [row.image_id for row in file.annotations], image_ids, "image_id"
    )
    class_index = _positions(
        path, [row.category_id for row in file.annotations], category_ids, "category_id"
    )

    xywh = np.array([row.bbox for row in file.annotations], np.float64).reshape(-1, 4)
    with np.errstate(over="ignore"):
        boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        box_areas = xywh[:, 2] * xywh[:, 3]
    _check_boxes(path, xywh, boxes, box_areas)
    ordered = sorted(file.images, key=lambda image: image_ids[image.id])
    files = tuple(image.file_name or "" for image in ordered)
    return GroundTruth.from_rows(
        image_ids=[_text(image_id) for image_id in image_ids],
        class_names=_class_names(file.categories, category_ids),
        image_index=image_index,
        class_index=class_index,
        boxes=boxes,
        box_areas=box_areas,
        areas=_areas(path, file.annotations, box_areas),
        iscrowd=[bool(row.iscrowd) for row in file.annotations],
        difficult=[bool(row.difficult) for row in file.annotations],
        truncated=[bool(row.truncated) for row in file.annotations],
        category_ids=np.array(list(category_ids), np.int64),
        image_sizes=np.array(
            [(image.width, image.height) for image in ordered], np.float64
        ).reshape(-1, 2),
        image_files=files,
        image_folder=images or _folder_of_images(path, files),
        name=path.stem,
        protocol="coco",
        source=f"coco annotations {path}",
    )


def _check_values(path: Path, file: _File) -> None:
    """Raise for the first image of an impossible size and the first `iscrowd` that is neither yes nor no."""
    for row, image in enumerate(file.images):
        for key, side in (("width", image.width), ("height", image.height)):
            if side is not None and not 0 <= side < np.inf:
                raise InputError(
                    path,
                    f"{key} {side} is not that of an image",
                    where=f"images[{row}]",
                    fix="write it in pixels",
                )
    for row, annotation in enumerate(file.annotations):
        if annotation.iscrowd not in (0, 1, None):
            problem = f"iscrowd {annotation.iscrowd} is neither 0 nor 1"
            raise InputError(
                path,
                problem,
                where=f"annotations[{row}]",
                fix="1 marks a region of many objects, 0 a single one",
            )


def _text(image_id: Id) -> str:
    return str(int(image_id) if isinstance(image_id, float) else image_id)


def _sorted_ids(path: Path, ids: Sequence[Id], part: str) -> dict[Id, int]:
    """Return each id's place in sorted order, or raise for duplicates, fractions, and numbers among strings."""
    _check_unique(path, ids, part)
    for row, number in enumerate(ids):
        if not isinstance(number, str) and (number != int(number) or abs(number) >= 2**63):
            raise InputError(
                path, f"id {number} is not a whole number of 64 bits", where=f"{part}[{row}]"
            )
    try:
        return {number: place for place, number in enumerate(sorted(ids))}
    except TypeError:
        raise InputError(
            path,
            f"some ids of {part} are numbers and some are strings",
            fix="write all of them alike",
        ) from None


def _check_unique(path: Path, ids: Sequence[Id | None], part: str) -> None:
    if len(set(ids)) == len(ids):
        return
    first: dict[Id, int] = {}
    for row, number in enumerate(ids):
        if number is not None and first.setdefault(number, row) != row:
            raise InputError(
                path,
                f"id {number!r} is also that of {part}[{first[number]}]",
                where=f"{part}[{row}]",
                fix="ids must be unique",
            )


def _positions(path: Path, ids: list[Id], places: dict[Id, int], key: str) -> list[int]:
    """Return the place of each annotation's image or category."""
    try:
        return [places[number] for number in ids]
    except KeyError:
        row, number = next((row, number) for row, number in enumerate(ids) if number not in places)
    part = "images" if key == "image_id" else "categories"
    raise InputError(
        path,
        f"{key} {number!r} is not among the {part} of the file",
        where=f"annotations[{row}]",
        fix=f"add it to {part}",
    )


def _check_boxes(path: Path, xywh: Floats, boxes: Floats, box_areas: Floats) -> None:
    for wrong, problem in (
        ((xywh[:, 2:] < 0).any(axis=1), "width and height must not be negative"),
        (
            ~(np.isfinite(boxes).all(axis=1) & np.isfinite(box_areas)),
            "x + width, y + height or width · height is not finite",
        ),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise InputError(
                path,
                f"bbox {xywh[row].tolist()}: {problem}",
                where=f"annotations[{row}]",
                fix="bbox is [x, y, width, height]",
            )


def _areas(path: Path, rows: list[_Annotation], box_areas: Floats) -> Floats:
    """Return each annotation's `area`, or its w · h where there is none."""
    areas = np.array([row.area for row in rows], np.float64)
    missing = np.isnan(areas)
    if missing.any():
        warnings.warn(
            f"{path}: {int(missing.sum()):,} of {len(rows):,} annotations have no area; width · height stands in for it",
            DetbenchWarning,
            stacklevel=3,
        )
    negative = int((areas < 0).sum())
    if negative:
        warnings.warn(
            f"{path}: {negative:,} of {len(rows):,} annotations have a negative area; they count in no range of sizes",
            DetbenchWarning,
            stacklevel=3,
        )
    return np.where(missing, box_areas, areas)


def _class_names(categories: list[_Category], places: dict[Id, int]) -> list[str]:
    """Return the names in order of the ids; a name used twice gets its id behind it, a missing one is its id."""
    names: dict[Id, str] = {
        category.id: category.name or _text(category.id) for category in categories
    }
    uses = Counter(names.values())
    return [
        names[number] if uses[names[number]] == 1 else f"{names[number]} ({_text(number)})"
        for number in places
    ]


def _folder_of_images(path: Path, files: tuple[str, ...]) -> Path | None:
    """Return the folder in which pictures usually lie beside an annotations file, if it is there.

    For `instances_val2017.json`, also in COCO's own folder `annotations`, it is `val2017`, `images/val2017` or `images`; else
    the file's own folder, where the first picture lies there.
    """
    split = re.sub(r"^[a-z]+_", "", path.stem)
    homes = (
        [path.parent, path.parent.parent] if path.parent.name == "annotations" else [path.parent]
    )
    for home in homes:
        for folder in (home / split, home / "images" / split, home / "images"):
            if folder.is_dir():
                return folder
    return path.parent if files and files[0] and (path.parent / files[0]).is_file() else None


def written_image_ids(ground_truth: GroundTruth) -> Sequence[Id]:
    """Return the ids COCO files get: whole numbers, as its tools expect, where all ids are such and stay unique, else the strings."""
    ids = ground_truth.image_ids
    if all(WHOLE_NUMBER.fullmatch(image_id) for image_id in ids):
        numbers = [int(image_id) for image_id in ids]
        if len(set(numbers)) == len(numbers):
            return numbers
    return ids


def write_coco(ground_truth: GroundTruth, path: Path) -> None:
    """Write COCO annotations from which `read_coco` gets the same boxes and areas again; annotation ids start at 1."""
    image_ids = written_image_ids(ground_truth)
    images = [
        _Image(image_id, name or None, *(None if np.isnan(side) else _short(side) for side in size))
        for image_id, name, size in zip(
            image_ids, ground_truth.image_files, ground_truth.image_sizes.tolist(), strict=True
        )
    ]
    categories = [
        _Category(*row)
        for row in zip(ground_truth.category_ids.tolist(), ground_truth.class_names, strict=True)
    ]
    encode = msgspec.json.encode
    with atomic_path(path) as hidden, hidden.open("wb") as file:
        file.write(
            b'{"images":'
            + encode(images)
            + b',\n"categories":'
            + encode(categories)
            + b',\n"annotations":['
        )
        for chunk in _written_annotations(ground_truth, image_ids):
            file.write(chunk)
        file.write(b"]}\n")


def _short(number: float) -> float:
    return int(number) if number.is_integer() else number


def _written_annotations(ground_truth: GroundTruth, image_ids: Sequence[Id]) -> Iterator[bytes]:
    """Yield the annotations as JSON, many at a time, without the brackets of the list."""
    sizes = exact_sizes(ground_truth.boxes, ground_truth.box_areas)
    xywh = np.concatenate([ground_truth.boxes[:, :2], sizes], axis=1)
    image_index = groups_from_offsets(ground_truth.offsets)
    category_ids = ground_truth.category_ids[ground_truth.class_index]
    none = [None] * len(ground_truth)
    flags = [
        column.astype(np.int8).tolist() if column.any() else none
        for column in (ground_truth.difficult, ground_truth.truncated)
    ]
    for start in range(0, len(ground_truth), _WRITTEN_AT_ONCE):
        rows = slice(start, start + _WRITTEN_AT_ONCE)
        annotations = [
            _Annotation(
                image_ids[image], category, bbox, area, crowd, start + number, difficult, truncated
            )
            for number, (image, category, bbox, area, crowd, difficult, truncated) in enumerate(
                zip(
                    image_index[rows].tolist(),
                    category_ids[rows].tolist(),
                    map(tuple, xywh[rows].tolist()),
                    ground_truth.areas[rows].tolist(),
                    ground_truth.iscrowd[rows].astype(np.int8).tolist(),
                    flags[0][rows],
                    flags[1][rows],
                    strict=True,
                ),
                start=1,
            )
        ]
        yield (b",\n" if start else b"\n") + msgspec.json.encode(annotations)[1:-1]

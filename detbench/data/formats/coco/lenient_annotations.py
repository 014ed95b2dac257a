"""COCO annotations read leniently: what can be an object becomes one, the rest is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.coco.lenient_results import first_malformed_entry
from detbench.data.formats.coco.result_layouts import read_json_leniently
from detbench.data.formats.coco.structs import protocol_of
from detbench.data.formats.lenient_files import AnnotationsFile, EntryList
from detbench.data.formats.parsing.lenient_values import (
    id_text,
    is_flag,
    is_id,
    lenient_boxes,
    lenient_flags,
    lenient_numbers,
    shortened,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

_LISTS = ("images", "annotations", "categories")
_FLAGS = ("iscrowd", "difficult", "truncated")
_SIDES = ("width", "height")
_LVIS_LISTS = ("neg_category_ids", "not_exhaustive_category_ids")

Entry = dict[str, Any]


def read_coco_leniently(path: Path, images: Path | None) -> tuple[GroundTruth, AnnotationsFile]:
    """Read COCO annotations, valid or not.

    Annotations without a known image, a known category or a finite box are counted and left out.

    Raises:
        InputError: The file is not JSON, lacks one of its lists, or has an image or a category
            without an ID.
    """
    document = _document(path)
    image_entries = _first_of_each_id(path, document, "images")
    categories = _first_of_each_id(path, document, "categories")
    columns = _columns(document["annotations"], image_entries, categories)
    ground_truth, kept = _ground_truth(path, images, image_entries, categories, columns)
    return ground_truth, _annotations_file(document, image_entries, columns, kept)


@dataclass(frozen=True)
class _Columns:
    """The A annotations as columns, whether their values are valid or not."""

    entries: list[Entry]
    """Empty for what is not a JSON object."""
    image_index: Ints
    """(A,) −1 for an unknown image."""
    class_index: Ints
    """(A,) −1 for an unknown category."""
    xywh: Floats
    """(A, 4)"""
    areas: Floats
    """(A,) NaN where missing."""
    malformed: dict[str, Flags]
    """For each key, which annotations (A,) have something else than they should."""


def _document(path: Path) -> Entry:
    document = read_json_leniently(path, "annotations")
    if isinstance(document, dict) and all(isinstance(document.get(key), list) for key in _LISTS):
        return document
    raise InputError(
        path,
        "has no lists of images, annotations and categories, as COCO annotations have",
        fix="pass the ground truth first",
    )


def _columns(
    annotations: list[Any], image_entries: list[Entry], categories: list[Entry]
) -> _Columns:
    entries = [entry if isinstance(entry, dict) else {} for entry in annotations]
    # Text image IDs are fine in a file whose images have text IDs; category IDs are always numbers.
    text_ids_allowed = any(isinstance(entry["id"], str) for entry in image_entries)
    xywh, malformed_boxes = lenient_boxes([entry.get("bbox") for entry in entries])
    areas, malformed_areas = lenient_numbers([entry.get("area") for entry in entries])
    has_area = np.array([entry.get("area") is not None for entry in entries], np.bool_)
    malformed = {
        "image_id": _malformed_ids(entries, "image_id", text_ids_allowed=text_ids_allowed),
        "category_id": _malformed_ids(entries, "category_id", text_ids_allowed=False),
        "bbox": malformed_boxes,
        # A missing area is reported on its own, since it is common and harmless here.
        "area": malformed_areas & has_area,
    }
    for key in _FLAGS:
        malformed[key] = np.array([not is_flag(entry.get(key)) for entry in entries], np.bool_)
    return _Columns(
        entries=entries,
        image_index=_positions(entries, "image_id", image_entries),
        class_index=_positions(entries, "category_id", categories),
        xywh=xywh,
        areas=areas,
        malformed=malformed,
    )


def _malformed_ids(entries: list[Entry], key: str, *, text_ids_allowed: bool) -> Flags:
    values = [entry.get(key) for entry in entries]
    return np.array(
        [not is_id(value) or (isinstance(value, str) and not text_ids_allowed) for value in values],
        np.bool_,
    )


def _positions(entries: list[Entry], key: str, listed: list[Entry]) -> Ints:
    """Return the position in `listed` of the ID that each entry names, −1 for an unknown one."""
    positions = {id_text(entry["id"]): position for position, entry in enumerate(listed)}
    return np.array([positions.get(id_text(entry.get(key)), -1) for entry in entries], np.int64)


def _ground_truth(
    path: Path,
    images: Path | None,
    image_entries: list[Entry],
    categories: list[Entry],
    columns: _Columns,
) -> tuple[GroundTruth, Ints]:
    """Return the objects, and the annotation that each of them is (G,), grouped by image."""
    usable = (columns.image_index >= 0) & (columns.class_index >= 0)
    kept = np.flatnonzero(usable & np.isfinite(columns.xywh).all(axis=1))
    kept = kept[np.argsort(columns.image_index[kept], kind="stable")]
    xywh, areas = columns.xywh, columns.areas[kept]
    box_areas = (xywh[:, 2] * xywh[:, 3])[kept]
    iscrowd, difficult, truncated = (
        lenient_flags([entry.get(key) for entry in columns.entries])[kept] for key in _FLAGS
    )
    ground_truth = GroundTruth.from_rows(
        image_ids=[id_text(entry["id"]) for entry in image_entries],
        class_names=_class_names(categories),
        image_index=columns.image_index[kept],
        class_index=columns.class_index[kept],
        boxes=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)[kept],
        box_areas=box_areas,
        areas=np.where(np.isnan(areas), box_areas, areas),
        iscrowd=iscrowd,
        difficult=difficult,
        truncated=truncated,
        category_ids=_category_ids(categories),
        image_sizes=_image_sizes(image_entries),
        image_files=[str(entry.get("file_name") or "") for entry in image_entries],
        image_folder=images,
        name=path.stem,
        protocol=protocol_of(
            [entry.get(key) for entry in image_entries for key in _LVIS_LISTS],
            [category.get("frequency") for category in categories],
        ),
    )
    return ground_truth, kept


def _annotations_file(
    document: Entry, image_entries: list[Entry], columns: _Columns, kept: Ints
) -> AnnotationsFile:
    annotations, entries, malformed = document["annotations"], columns.entries, columns.malformed
    not_an_object = np.array([not isinstance(entry, dict) for entry in annotations], np.bool_)
    unknown_images = (columns.image_index < 0) & ~malformed["image_id"]
    unknown_classes = (columns.class_index < 0) & ~malformed["category_id"]
    return AnnotationsFile(
        format_name="coco",
        ids=[entry.get("id") for entry in entries],
        areas=columns.areas,
        box_numbers=columns.xywh,
        sizes=columns.xywh[:, 2:],
        object_annotations=kept,
        malformed=np.any(list(malformed.values()), axis=0),
        malformed_boxes=malformed["bbox"],
        malformed_areas=malformed["area"] | not_an_object,
        image_order=_positions(document["images"], "id", image_entries),
        location=lambda row: f"annotations[{row}]",
        images=_image_list(document["images"]),
        classes=_category_list(document["categories"]),
        first_malformed=first_malformed_entry("annotations", annotations, malformed),
        numeric_image_ids=not any(isinstance(entry["id"], str) for entry in image_entries),
        n_unknown_images=int(unknown_images.sum()),
        n_unknown_classes=int(unknown_classes.sum()),
        n_regions=sum(map(_is_unflagged_region, entries)),
        n_without_crowd_key=sum("iscrowd" not in entry for entry in entries),
        n_difficult_keys=sum("difficult" in entry for entry in entries),
        n_truncated_keys=sum("truncated" in entry for entry in entries),
        n_ignored=int(lenient_flags([entry.get("ignore") for entry in entries]).sum()),
        box_format="xywh",
        has_class_numbers=True,
    )


def _is_unflagged_region(entry: Entry) -> bool:
    """Tell whether an annotation has a run-length mask, as COCO's crowds have, but no flag."""
    return isinstance(entry.get("segmentation"), dict) and not entry.get("iscrowd")


def _image_list(entries: list[Entry]) -> EntryList:
    """Return the faults of widths, heights and IDs of the images."""
    malformed: list[str] = []
    not_finite: list[str] = []
    negative: list[str] = []
    for row, entry in enumerate(entries):
        for key in _SIDES:
            side = entry.get(key)
            fault = f"images[{row}].{key} is {shortened(side)}"
            if isinstance(side, bool) or not isinstance(side, int | float | None):
                malformed.append(fault)
            elif side is not None and not abs(side) < np.inf:
                not_finite.append(fault)
            elif side is not None and side < 0:
                negative.append(fault)
    shared, equal = _shared_ids(entries)
    return EntryList(
        "images",
        len(entries),
        tuple(malformed),
        tuple(not_finite),
        tuple(negative),
        shared,
        equal,
    )


def _category_list(entries: list[Entry]) -> EntryList:
    """Return the faults of the IDs of the categories."""
    malformed = [
        f"categories[{row}].id is {shortened(entry['id'])}"
        for row, entry in enumerate(entries)
        if isinstance(entry["id"], str)
    ]
    shared, equal = _shared_ids(entries)
    return EntryList(
        "categories", len(entries), tuple(malformed), shared_ids=shared, shared_are_equal=equal
    )


def _shared_ids(entries: list[Entry]) -> tuple[tuple[str, ...], bool]:
    """Return the IDs that several entries have, and whether entries of the same ID are equal."""
    uses = Counter(id_text(entry["id"]) for entry in entries)
    shared = tuple(entry_id for entry_id, count in uses.items() if count > 1)
    if not shared:
        return (), False
    contents = {
        (id_text(entry["id"]), repr(sorted(entry.items(), key=str)))
        for entry in entries
        if uses[id_text(entry["id"])] > 1
    }
    return shared, len(contents) == len(shared)


def _first_of_each_id(
    path: Path, document: Entry, list_name: Literal["images", "categories"]
) -> list[Entry]:
    """Return the first entry of each ID, in the order of the IDs, numbers before texts."""
    entries: dict[str, Entry] = {}
    for row, entry in enumerate(document[list_name]):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), int | float | str):
            raise InputError(
                path, "has no ID", where=f"{list_name}[{row}]", fix="give every entry an ID"
            )
        entries.setdefault(id_text(entry["id"]), entry)
    return sorted(entries.values(), key=lambda entry: (isinstance(entry["id"], str), entry["id"]))


def _class_names(categories: Sequence[Entry]) -> list[str]:
    """Return the names of the categories; equal names get their IDs appended."""
    names = [str(category.get("name") or id_text(category["id"])) for category in categories]
    uses = Counter(names)
    return [
        name if uses[name] == 1 else f"{name} ({id_text(category['id'])})"
        for name, category in zip(names, categories, strict=True)
    ]


def _category_ids(categories: list[Entry]) -> Ints:
    """Return the IDs as numbers; texts that spell none are numbered after the largest number."""
    texts = [id_text(category["id"]) for category in categories]
    numbers = [int(text) if text.lstrip("-").isdigit() else None for text in texts]
    largest = max((number for number in numbers if number is not None), default=0)
    return np.array(
        [
            largest + position + 1 if number is None else number
            for position, number in enumerate(numbers)
        ],
        np.int64,
    )


def _image_sizes(image_entries: list[Entry]) -> Floats:
    """Return width and height (I, 2) of each image, NaN where they are not positive numbers."""
    sides, _ = lenient_numbers([entry.get(key) for entry in image_entries for key in _SIDES])
    return np.where(sides > 0, sides, np.nan).reshape(-1, 2)

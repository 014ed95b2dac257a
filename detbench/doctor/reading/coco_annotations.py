"""COCO annotations read leniently: what can be an object becomes one, everything else is counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import AnnotationFile, ListedPart
from detbench.doctor.reading.coco_results import first_odd, read_json
from detbench.doctor.reading.numbers import (
    id_text,
    is_flag,
    is_id,
    lenient_boxes,
    lenient_flags,
    lenient_numbers,
    shown,
)
from detbench.errors import InputError

_FLAGS = ("iscrowd", "difficult", "truncated")


def read_annotations(path: Path, images: Path | None) -> tuple[GroundTruth, AnnotationFile]:
    """Read COCO annotations; those without a known image, a known category or a finite box are counted and left out."""
    file = read_json(path, "annotations")
    if not isinstance(file, dict) or not all(
        isinstance(file.get(part), list) for part in ("images", "annotations", "categories")
    ):
        raise InputError(
            path,
            "has no images, annotations and categories, as COCO annotations have",
            fix="name the ground truth first",
        )
    pictures = _unique(path, file["images"], "images")
    categories = _unique(path, file["categories"], "categories")
    entries = [entry if isinstance(entry, dict) else {} for entry in file["annotations"]]
    numbered = not any(isinstance(picture["id"], str) for picture in pictures)
    xywh, odd_boxes = lenient_boxes([entry.get("bbox") for entry in entries])
    areas, odd_areas = lenient_numbers([entry.get("area") for entry in entries])
    odd = {
        "image_id": np.array(
            [not _names(entry.get("image_id"), number=numbered) for entry in entries], np.bool_
        ),
        "category_id": np.array(
            [not _names(entry.get("category_id"), number=True) for entry in entries], np.bool_
        ),
        "bbox": odd_boxes,
        "area": odd_areas
        & np.array([entry.get("area") is not None for entry in entries], np.bool_),
        **{
            key: np.array([not is_flag(entry.get(key)) for entry in entries], np.bool_)
            for key in _FLAGS
        },
    }
    places = [
        {id_text(each["id"]): place for place, each in enumerate(part)}
        for part in (pictures, categories)
    ]
    image, kind = (
        np.array([known.get(id_text(entry.get(key)), -1) for entry in entries], np.int64)
        for known, key in zip(places, ("image_id", "category_id"), strict=True)
    )
    kept = np.flatnonzero((image >= 0) & (kind >= 0) & np.isfinite(xywh).all(axis=1))
    kept = kept[np.argsort(image[kept], kind="stable")]
    flags = {key: lenient_flags([entry.get(key) for entry in entries])[kept] for key in _FLAGS}
    measured = (xywh[:, 2] * xywh[:, 3])[kept]
    truth = GroundTruth.from_rows(
        image_ids=[id_text(picture["id"]) for picture in pictures],
        class_names=_class_names(categories),
        image_index=image[kept],
        class_index=kind[kept],
        boxes=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)[kept],
        box_areas=measured,
        areas=np.where(np.isnan(areas[kept]), measured, areas[kept]),
        iscrowd=flags["iscrowd"],
        difficult=flags["difficult"],
        truncated=flags["truncated"],
        category_ids=_category_ids(categories),
        image_sizes=_sizes(pictures),
        image_files=[str(picture.get("file_name") or "") for picture in pictures],
        image_folder=images,
        name=path.stem,
    )
    return truth, AnnotationFile(
        form="coco",
        ids=[entry.get("id") for entry in entries],
        areas=areas,
        boxes=xywh,
        sizes=xywh[:, 2:],
        rows=kept,
        odd=np.any(list(odd.values()), axis=0),
        odd_boxes=odd_boxes,
        odd_areas=odd["area"]
        | np.array([not isinstance(entry, dict) for entry in file["annotations"]], np.bool_),
        image_order=np.array(
            [places[0][id_text(picture["id"])] for picture in file["images"]], np.int64
        ),
        place=lambda row: f"annotations[{row}]",
        first_odd=first_odd("annotations", file["annotations"], odd),
        numbered=numbered,
        parts=(_pictures(file["images"]), _categories(file["categories"])),
        unknown_images=int(((image < 0) & ~odd["image_id"]).sum()),
        unknown_classes=int(((kind < 0) & ~odd["category_id"]).sum()),
        regions=sum(
            isinstance(entry.get("segmentation"), dict) and not entry.get("iscrowd")
            for entry in entries
        ),
        without_crowd_key=sum("iscrowd" not in entry for entry in entries),
        difficult_keys=sum("difficult" in entry for entry in entries),
        truncated_keys=sum("truncated" in entry for entry in entries),
        ignored=int(lenient_flags([entry.get("ignore") for entry in entries]).sum()),
    )


def _names(value: Any, *, number: bool) -> bool:
    """Tell whether a value can be an id, one that must be a `number` or not."""
    return is_id(value) and not (number and isinstance(value, str))


def _pictures(entries: list[dict[str, Any]]) -> ListedPart:
    odd: list[str] = []
    endless: list[str] = []
    negative: list[str] = []
    for row, entry in enumerate(entries):
        for key in ("width", "height"):
            side, where = entry.get(key), f"images[{row}].{key} is {shown(entry.get(key))}"
            if isinstance(side, bool) or not isinstance(side, int | float | None):
                odd.append(where)
            elif side is not None and not abs(side) < np.inf:
                endless.append(where)
            elif side is not None and side < 0:
                negative.append(where)
    shared, copied = _shared(entries)
    return ListedPart(
        "images", len(entries), tuple(odd), tuple(endless), tuple(negative), shared, copied
    )


def _categories(entries: list[dict[str, Any]]) -> ListedPart:
    odd = [
        f"categories[{row}].id is {shown(entry['id'])}"
        for row, entry in enumerate(entries)
        if isinstance(entry["id"], str)
    ]
    shared, copied = _shared(entries)
    return ListedPart("categories", len(entries), tuple(odd), shared=shared, copied=copied)


def _shared(entries: list[dict[str, Any]]) -> tuple[tuple[str, ...], bool]:
    """Return the ids that several entries have, and whether these entries are the same."""
    uses = Counter(id_text(entry["id"]) for entry in entries)
    shared = tuple(number for number, count in uses.items() if count > 1)
    if not shared:
        return (), False
    different = {
        (id_text(entry["id"]), repr(sorted(entry.items(), key=str)))
        for entry in entries
        if uses[id_text(entry["id"])] > 1
    }
    return shared, len(different) == len(shared)


def _unique(path: Path, entries: list[Any], part: str) -> list[dict[str, Any]]:
    """Return the entries in the order of their ids, the first of each id; InputError for one without an id."""
    kept: dict[str, dict[str, Any]] = {}
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), int | float | str):
            raise InputError(
                path, "has no id", where=f"{part}[{place}]", fix="give every entry an id of its own"
            )
        kept.setdefault(id_text(entry["id"]), entry)
    return sorted(kept.values(), key=lambda entry: (isinstance(entry["id"], str), entry["id"]))


def _class_names(categories: list[dict[str, Any]]) -> list[str]:
    names = [str(category.get("name") or id_text(category["id"])) for category in categories]
    uses = Counter(names)
    return [
        name if uses[name] == 1 else f"{name} ({id_text(category['id'])})"
        for name, category in zip(names, categories, strict=True)
    ]


def _category_ids(categories: list[dict[str, Any]]) -> Ints:
    """Return the ids as numbers; texts that spell none are numbered from the end of those that do."""
    numbers = [
        int(text) if (text := id_text(category["id"])).lstrip("-").isdigit() else None
        for category in categories
    ]
    end = max((number for number in numbers if number is not None), default=0)
    return np.array(
        [end + place + 1 if number is None else number for place, number in enumerate(numbers)],
        np.int64,
    )


def _sizes(pictures: list[dict[str, Any]]) -> Floats:
    sides, _ = lenient_numbers(
        [picture.get(key) for picture in pictures for key in ("width", "height")]
    )
    return np.where(sides > 0, sides, np.nan).reshape(-1, 2)

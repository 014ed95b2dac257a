"""COCO files read leniently: whatever is an entry becomes a row, so that the checks can say what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from detbench.bench.doctor.case import AnnotationFile, Labels, Source
from detbench.bench.doctor.numbers import lenient_boxes, lenient_numbers
from detbench.bench.doctor.rows import Rows
from detbench.data.columns import Flags, Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_ids import numbers_of_images, place_of_image
from detbench.data.json_text import decode, read_bytes
from detbench.errors import InputError


def read_annotations(path: Path, images: Path | None) -> tuple[GroundTruth, AnnotationFile]:
    """Read COCO annotations; those without a known image, a known category or a finite box are counted and left out."""
    file = _json(path, "annotations")
    if not isinstance(file, dict) or not all(isinstance(file.get(part), list) for part in ("images", "annotations", "categories")):
        raise InputError(path, "has no images, annotations and categories, as COCO annotations have", fix="name the ground truth first")
    pictures = _unique(path, file["images"], "images")
    categories = _unique(path, file["categories"], "categories")
    entries = [entry if isinstance(entry, dict) else {} for entry in file["annotations"]]
    xywh, texts = lenient_boxes([entry.get("bbox") for entry in entries])
    areas, area_texts = lenient_numbers([entry.get("area") for entry in entries])
    places = ({_text(each["id"]): place for place, each in enumerate(part)} for part in (pictures, categories))
    image, kind = (
        np.array([known.get(_text(entry.get(key)), -1) for entry in entries], np.int64)
        for known, key in zip(places, ("image_id", "category_id"), strict=True)
    )
    kept = (image >= 0) & (kind >= 0) & np.isfinite(xywh).all(axis=1)
    boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    measured = xywh[:, 2] * xywh[:, 3]
    truth = GroundTruth.from_rows(
        image_ids=[_text(picture["id"]) for picture in pictures],
        class_names=_names(categories),
        image_index=image[kept],
        class_index=kind[kept],
        boxes=boxes[kept],
        box_areas=measured[kept],
        areas=np.where(np.isnan(areas), measured, areas)[kept],
        iscrowd=_flags(entries, "iscrowd")[kept],
        difficult=_flags(entries, "difficult")[kept],
        truncated=_flags(entries, "truncated")[kept],
        category_ids=_category_ids(categories),
        image_sizes=_sizes(pictures),
        image_files=[str(picture.get("file_name") or "") for picture in pictures],
        image_folder=images,
        name=path.stem,
    )
    return truth, AnnotationFile(
        ids=[entry.get("id") for entry in entries],
        areas=areas,
        boxes=xywh,
        texts=int((texts | area_texts).sum()),
        unknown_images=int((image < 0).sum()),
        unknown_classes=int((kind < 0).sum()),
        regions=sum(isinstance(entry.get("segmentation"), dict) and not entry.get("iscrowd") for entry in entries),
        without_crowd_key=sum("iscrowd" not in entry for entry in entries),
        difficult_keys=sum("difficult" in entry for entry in entries),
        truncated_keys=sum("truncated" in entry for entry in entries),
        ignored=int(_flags(entries, "ignore").sum()),
    )


def read_results(path: Path, truth: GroundTruth) -> tuple[Rows, Source]:
    """Read COCO results; entries without an image, class, box or score become rows of −1 and NaN."""
    file = _json(path, "results")
    if isinstance(file, dict) and isinstance(file.get("annotations"), list):
        file = file["annotations"]
    if not isinstance(file, list):
        raise InputError(path, "is no list, as COCO results are", fix="name the detections second")
    entries = [entry if isinstance(entry, dict) else {} for entry in file]
    written, texts = lenient_boxes([entry.get("bbox") for entry in entries])
    scores, score_texts = lenient_numbers([entry.get("score") for entry in entries])
    numbers = numbers_of_images(truth)
    images = _labels([entry.get("image_id") for entry in entries])
    classes = _labels([entry.get("category_id") for entry in entries])
    positions = [place_of_image(truth, numbers, name) for name in images.names]
    kinds = {str(number): place for place, number in enumerate(truth.category_ids.tolist())}
    class_texts = np.array([isinstance(entry.get("category_id"), str) for entry in entries], np.bool_)
    wrong = texts | score_texts | class_texts
    boxes = np.concatenate([written[:, :2], written[:, :2] + written[:, 2:]], axis=1)
    rows = Rows(
        np.array(positions, np.int64)[images.codes],
        np.array([kinds.get(name, -1) for name in classes.names], np.int64)[classes.codes],
        boxes,
        scores,
    )
    return rows, Source(path, "coco", images, classes, written, wrong, _place(wrong))


def _place(wrong: Flags) -> str:
    return f"results[{int(wrong.argmax())}]" if wrong.any() else ""


def _json(path: Path, root: str) -> Any:
    """Decode JSON; bare NaN and Infinity, which JSON does not have, become the numbers they mean."""
    text = read_bytes(path)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return json.loads(text.replace(b"-nan", b"NaN"))
        except (ValueError, RecursionError):
            return decode(path, text, msgspec.json.Decoder(Any), root=root)


def _text(value: Any) -> str:
    """Return an id as text: whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _labels(values: Sequence[Any]) -> Labels:
    known: dict[Any, int] = {}
    texts = [value if type(value) in (int, str) else _text(value) for value in values]
    codes = np.array([known.setdefault(text, len(known)) for text in texts], np.int64)
    return Labels(tuple(map(str, known)), codes)


def _unique(path: Path, entries: list[Any], part: str) -> list[dict[str, Any]]:
    """Return the entries in the order of their ids, the first of each id; InputError for one without an id."""
    kept: dict[str, dict[str, Any]] = {}
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), int | float | str):
            raise InputError(path, "has no id", where=f"{part}[{place}]", fix="give every entry an id of its own")
        kept.setdefault(_text(entry["id"]), entry)
    return sorted(kept.values(), key=lambda entry: (isinstance(entry["id"], str), entry["id"]))


def _names(categories: list[dict[str, Any]]) -> list[str]:
    names = [str(category.get("name") or _text(category["id"])) for category in categories]
    uses = Counter(names)
    return [name if uses[name] == 1 else f"{name} ({_text(category['id'])})" for name, category in zip(names, categories, strict=True)]


def _category_ids(categories: list[dict[str, Any]]) -> Ints:
    """Return the ids as numbers; texts that spell none are numbered from the end of those that do."""
    numbers = [int(text) if (text := _text(category["id"])).lstrip("-").isdigit() else None for category in categories]
    end = max((number for number in numbers if number is not None), default=0)
    return np.array([end + place + 1 if number is None else number for place, number in enumerate(numbers)], np.int64)


def _flags(entries: list[dict[str, Any]], key: str) -> Flags:
    return np.array([bool(entry.get(key)) for entry in entries], np.bool_)


def _sizes(pictures: list[dict[str, Any]]) -> Floats:
    sides, _ = lenient_numbers([picture.get(key) for picture in pictures for key in ("width", "height")])
    return np.where(sides > 0, sides, np.nan).reshape(-1, 2)

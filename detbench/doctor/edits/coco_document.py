"""COCO documents: edits that remove one fault from decoded annotations, in place.

Everything else in the file stays as it is, other keys included. Each edit can be applied again
without a further effect, and passes over values that another edit has to fix first, unless that
would give wrong numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeGuard

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.parsing.lenient_values import id_text, shortened
from detbench.doctor.findings import CocoDocument
from detbench.doctor.readings.box_formats import BoxReading
from detbench.errors import DetbenchError

FLAGS = ("iscrowd", "difficult", "truncated")
_SIDES = ("width", "height")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)
_LARGEST = 1e150
"""Numbers from here on have areas that are not finite."""

Entry = dict[str, Any]
Numbers = list[float]


def _annotations(document: CocoDocument) -> Iterator[Entry]:
    """Yield the annotations that are JSON objects."""
    return (entry for entry in document["annotations"] if isinstance(entry, dict))


def _keep(document: CocoDocument, condition: Callable[[Entry], bool]) -> None:
    """Keep the annotations for which a condition holds; what is no JSON object stays."""
    document["annotations"] = [
        entry
        for entry in document["annotations"]
        if not isinstance(entry, dict) or condition(entry)
    ]


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float)


def _box_numbers(entry: Entry) -> Numbers:
    """Return the numbers in an annotation's box, however many there are."""
    box = entry.get("bbox")
    return [side for side in box if _is_number(side)] if isinstance(box, list) else []


def _box(entry: Entry) -> Numbers | None:
    """Return an annotation's box, None if it is not four numbers."""
    numbers = _box_numbers(entry)
    return numbers if len(numbers) == 4 == len(entry["bbox"]) else None


def read_texts_as_numbers(document: CocoDocument, *, numeric_image_ids: bool) -> None:
    """Replace texts that spell numbers by the numbers; drop annotations with any other text.

    Args:
        document: Decoded annotations.
        numeric_image_ids: Whether the IDs of images are numbers, and texts in their place a fault.
    """
    document["annotations"] = list(_annotations(document))
    keys = ["bbox", "area", *FLAGS, "category_id"]
    if numeric_image_ids:
        keys.append("image_id")
    for entry in document["annotations"]:
        _parse_keys(entry, keys)
        for flag in FLAGS:
            if _is_number(entry.get(flag)):
                entry[flag] = int(entry[flag] != 0)
    # An image without a size is valid, and so a size that is no number can be left out.
    for image in document["images"]:
        _parse_keys(image, _SIDES)
        for key in _SIDES:
            if key in image and not _is_number(image[key]):
                del image[key]
    for category in document["categories"]:
        _parse_keys(category, ["id"])
    # An annotation is not: what still has a text in place of a number cannot be an object.
    _keep(document, _is_well_formed)


def _parse_keys(entry: Entry, keys: Sequence[str]) -> None:
    """Replace the values of these keys that spell numbers."""
    for key in keys:
        if key in entry:
            entry[key] = _parsed(entry[key])


def _parsed(value: Any) -> Any:
    """Return a value with texts that spell numbers replaced, whole ones by integers."""
    if isinstance(value, list):
        return [_number(side) for side in value]
    number = _number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _is_well_formed(entry: Entry) -> bool:
    box, area, image_id = entry.get("bbox"), entry.get("area"), entry.get("image_id")
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(map(_is_number, box))
        and (area is None or _is_number(area))
        and (_is_number(image_id) or isinstance(image_id, str))
        and _is_number(entry.get("category_id"))
        and all(entry.get(key) in (0, 1, None) for key in FLAGS)
    )


def drop_not_finite(document: CocoDocument) -> None:
    """Drop annotations whose box has a NaN, infinite or huge number."""
    _keep(document, lambda entry: all(abs(side) < _LARGEST for side in _box_numbers(entry)))


def drop_without_extent(document: CocoDocument) -> None:
    """Drop annotations whose box has a negative or no width or height."""
    _keep(document, lambda entry: all(side > 0 for side in _box_numbers(entry)[2:]))


def change_negative_sizes(document: CocoDocument, *, change: Callable[[Floats], Floats]) -> None:
    """Change boxes of negative width or height, and measure their areas.

    Args:
        document: Decoded annotations.
        change: Returns other boxes for x1, y1, x2, y2 (N, 4).
    """
    for entry in _annotations(document):
        box = _box(entry)
        if box and min(box[2:]) < 0:
            x, y, width, height = box
            corners = change(np.array([[x, y, x + width, y + height]]))
            x1, y1, x2, y2 = corners[0].tolist()
            entry["bbox"], entry["area"] = [x1, y1, x2 - x1, y2 - y1], (x2 - x1) * (y2 - y1)


def drop_impossible_image_sizes(document: CocoDocument) -> None:
    """Remove widths and heights of images that are negative or not finite."""
    for image in document["images"]:
        for key in _SIDES:
            side = image.get(key)
            if _is_number(side) and not 0 <= side < _LARGEST:
                del image[key]


def drop_repeated_entries(
    document: CocoDocument, *, list_name: Literal["images", "categories"]
) -> None:
    """Keep the first entry of each ID."""
    entries: dict[str, Entry] = {}
    for entry in document[list_name]:
        entries.setdefault(str(entry["id"]), entry)
    document[list_name] = list(entries.values())


def renumber(document: CocoDocument) -> None:
    """Number the annotations from 1."""
    for number, entry in enumerate(_annotations(document), 1):
        entry["id"] = number


def keep_listed(
    document: CocoDocument, *, list_name: Literal["images", "categories"], key: str
) -> None:
    """Keep the annotations whose image or category is listed.

    Args:
        document: Decoded annotations.
        list_name: The list that must have it.
        key: The key by which annotations name it.
    """
    listed = {id_text(entry["id"]) for entry in document[list_name]}
    _keep(document, lambda entry: id_text(entry.get(key)) in listed)


def measure_areas(document: CocoDocument) -> None:
    """Set areas that are missing or not positive to width · height."""
    for entry in _annotations(document):
        area, box = entry.get("area"), _box(entry)
        if box and not (_is_number(area) and area > 0):
            entry["area"] = box[2] * box[3]


def convert_boxes(
    document: CocoDocument,
    *,
    reading: BoxReading,
    measure: bool,
    applies: Callable[[Numbers], bool] = lambda _: True,
) -> None:
    """Convert boxes to x, y, width, height in pixels.

    Args:
        document: Decoded annotations.
        reading: What the numbers of the boxes mean.
        measure: Whether areas are computed from the boxes.
        applies: Tells of the four numbers of a box whether it is converted.

    Raises:
        DetbenchError: A box is not four numbers, or the size of an image that is needed is unknown.
    """
    image_sizes = _image_sizes(document)
    rows, boxes, sizes = [], [], []
    for row, entry in enumerate(document["annotations"]):
        box = _box(entry) if isinstance(entry, dict) else None
        if box is None:
            raise DetbenchError(
                f"annotations[{row}] has no box of four numbers; fix as well: --fix not-a-number"
            )
        if not applies(box):
            continue
        rows.append(row)
        boxes.append(box)
        is_unknown = (np.nan, np.nan)
        sizes.append(image_sizes.get(id_text(entry.get("image_id")), is_unknown))
    corners = reading.boxes(np.array(boxes).reshape(-1, 4), np.array(sizes).reshape(-1, 2))
    for row, box in zip(rows, corners.tolist(), strict=True):
        entry = document["annotations"][row]
        if not np.isfinite(box).all():
            raise DetbenchError(
                f"annotations[{row}]: image {shortened(entry.get('image_id'))} has no width and "
                "height, which are needed to convert its boxes to pixels"
            )
        x1, y1, x2, y2 = box
        entry["bbox"] = [x1, y1, x2 - x1, y2 - y1]
        if measure:
            entry["area"] = (x2 - x1) * (y2 - y1)


def _image_sizes(document: CocoDocument) -> dict[str, tuple[float, float]]:
    sizes = {}
    for image in document["images"]:
        width, height = image.get("width"), image.get("height")
        if _is_number(width) and _is_number(height):
            sizes[id_text(image["id"])] = (width, height)
    return sizes


def drop_repeated_annotations(document: CocoDocument) -> None:
    """Keep the first annotation of each image, category and box."""
    seen: set[tuple[Any, ...]] = set()

    def is_new(entry: Entry) -> bool:
        ids = id_text(entry.get("image_id")), id_text(entry.get("category_id"))
        key = (*ids, *_box_numbers(entry))
        if key in seen:
            return False
        seen.add(key)
        return True

    _keep(document, is_new)

"""VOC annotations read leniently: what can be an object becomes one, the rest is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from detbench.data.columns import Flags
from detbench.data.formats.lenient_files import AnnotationsFile, EntryList, first_fault
from detbench.data.formats.parsing.lenient_values import (
    is_number_text,
    lenient_flags,
    parse_numbers,
    shortened,
)
from detbench.data.formats.voc.annotation_xml import CORNERS, FLAG_VALUES, FLAGS
from detbench.data.formats.voc.annotations import VocObjects, VocSplit
from detbench.data.ground_truth import GroundTruth

_SIDES = ("width", "height")
_UNKNOWN_SIZE = (float("nan"), float("nan"))


class _Object(NamedTuple):
    """One `<object>` of an annotation, as texts."""

    image: int
    number: int
    """Its number in the annotation, from 1."""
    name: str
    corners: tuple[str | None, ...]
    """None for a missing tag."""
    flags: tuple[str, ...]

    @property
    def has_valid_texts(self) -> bool:
        """Whether it has a name, and flags that are 0 or 1; the corners are checked apart."""
        return bool(self.name) and all(flag in FLAG_VALUES for flag in self.flags)

    def flag(self, position: int) -> bool:
        """Return a flag, or what a malformed flag seems to mean."""
        text = self.flags[position]
        return FLAG_VALUES[text] if text in FLAG_VALUES else bool(lenient_flags([text])[0])

    def fault(self) -> str:
        """Return the first text that is malformed, and what was expected."""
        if not self.name:
            return "has no <name>"
        for tag, text in zip(CORNERS, self.corners, strict=True):
            if text is None:
                return f"has no <{tag}> in <bndbox>"
            if not is_number_text(text):
                return f"<{tag}> is {shortened(text)}, expected a number"
        flags = zip(FLAGS, self.flags, strict=True)
        tag, text = next((tag, text) for tag, text in flags if text not in FLAG_VALUES)
        return f"<{tag}> is {shortened(text)}, expected 0 or 1"


def read_voc_leniently(
    path: Path, split: str | None, images: Path | None
) -> tuple[GroundTruth, AnnotationsFile]:
    """Read a split of a VOC devkit, valid or not.

    Objects without a name or a finite box are counted and left out.

    Raises:
        InputError: The split, or the annotation of one of its images, cannot be read at all.
    """
    voc_split, columns = VocSplit(path, split), VocObjects()
    objects: list[_Object] = []
    sides: list[str | None] = []
    for image, image_id in enumerate(voc_split.image_ids):
        annotation = voc_split.annotation(image_id)
        objects += _objects(image, annotation)
        sides += [annotation.findtext(f"size/{side}") or None for side in _SIDES]
        columns.add_image(image_id, annotation)

    numbers, malformed = parse_numbers([text for thing in objects for text in thing.corners])
    corners = numbers.reshape(-1, 4)
    malformed_boxes = np.asarray(malformed.reshape(-1, 4).any(axis=1))
    named = np.array([bool(thing.name) for thing in objects], np.bool_)
    kept = np.flatnonzero(np.isfinite(corners).all(axis=1) & named)
    _fill(columns, [objects[row] for row in kept.tolist()], sides, len(voc_split.image_ids))
    # 1-based inclusive corners become continuous edges.
    ground_truth = voc_split.ground_truth(columns, corners[kept] - [1, 1, 0, 0], images)

    def location(row: int) -> str:
        thing = objects[row]
        name = f" ({thing.name})" if thing.name else ""
        file = voc_split.location(voc_split.image_ids[thing.image])
        return f"{file}, object {thing.number}{name}"

    invalid_texts = np.array([not thing.has_valid_texts for thing in objects], np.bool_)
    any_malformed = malformed_boxes | invalid_texts
    files = [voc_split.location(image_id) for image_id in voc_split.image_ids]
    return ground_truth, AnnotationsFile(
        format_name="voc",
        ids=list(range(1, len(objects) + 1)),
        areas=np.full(len(objects), np.nan),
        box_numbers=corners,
        sizes=corners[:, 2:] - corners[:, :2] + 1,
        object_annotations=kept,
        malformed=any_malformed,
        malformed_boxes=malformed_boxes,
        malformed_areas=np.zeros(len(objects), np.bool_),
        image_order=np.arange(len(files)),
        location=location,
        images=_image_list(files, sides),
        classes=EntryList("classes", len(ground_truth.class_names)),
        first_malformed=first_fault(any_malformed, location, lambda row: objects[row].fault()),
        numeric_image_ids=False,
        split=voc_split.name,
        is_one_based=True,
    )


def _objects(image: int, annotation: ElementTree.Element) -> Iterator[_Object]:
    for number, element in enumerate(annotation.iterfind("object"), 1):
        corners = tuple(element.findtext(f"bndbox/{tag}") for tag in CORNERS)
        flags = tuple(element.findtext(tag, "").strip() for tag in FLAGS)
        yield _Object(image, number, element.findtext("name", "").strip(), corners, flags)


def _fill(
    columns: VocObjects, objects: Sequence[_Object], sides: list[str | None], n_images: int
) -> None:
    """Fill the columns of the strict reader with the usable objects and the image sizes."""
    images = np.array([thing.image for thing in objects], np.int64)
    columns.counts = np.bincount(images, minlength=n_images).tolist()
    columns.names = [thing.name for thing in objects]
    columns.difficult, columns.truncated = (
        [thing.flag(position) for thing in objects] for position in range(2)
    )
    sizes = parse_numbers(sides)[0].reshape(-1, 2).tolist()
    columns.sizes = [
        (width, height) if 0 < width < np.inf and 0 < height < np.inf else _UNKNOWN_SIZE
        for width, height in sizes
    ]


def _image_list(files: Sequence[str], sides: Sequence[str | None]) -> EntryList:
    """Return the faults of the images' widths and heights.

    Args:
        files: What messages call the annotation of each image.
        sides: Width and height of each image, one after the other; None where missing.
    """
    numbers, malformed = parse_numbers(sides)

    def faults(wrong: Flags) -> tuple[str, ...]:
        return tuple(
            f"{files[row // 2]}: <{_SIDES[row % 2]}> is {shortened(sides[row])}"
            for row in np.flatnonzero(wrong).tolist()
            if sides[row] is not None
        )

    not_finite = ~np.isfinite(numbers)
    return EntryList(
        "images",
        len(files),
        malformed=faults(malformed),
        not_finite=faults(not_finite & ~malformed),
        negative=faults(~not_finite & (numbers < 0)),
    )

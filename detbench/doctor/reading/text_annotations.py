"""VOC and YOLO ground truth read leniently: what can be an object becomes one, everything else is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.voc.annotations import VOC_FLAGS, VocObjects, VocSplit
from detbench.data.formats.yolo.dataset import LABEL, YoloSplit, box_of, is_shape
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import AnnotationFile, ListedPart
from detbench.doctor.reading.numbers import lenient_flags, shown, spelt_numbers
from detbench.doctor.reading.text_results import lines_of

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_FLAGS = ("difficult", "truncated")
_UNKNOWN = (float("nan"), float("nan"))


class _Object(NamedTuple):
    """One `<object>` of a VOC annotation, as texts."""

    image: int
    number: int
    """In its annotation, from 1."""
    name: str
    corners: tuple[str | None, ...]
    """None where a tag is missing."""
    flags: tuple[str, ...]

    @property
    def says_all(self) -> bool:
        """Whether it has a name, and flags that are some."""
        return bool(self.name) and all(flag in VOC_FLAGS for flag in self.flags)

    def flag(self, which: int) -> bool:
        """Return what a flag says, or seems to say."""
        text = self.flags[which]
        return VOC_FLAGS[text] if text in VOC_FLAGS else bool(lenient_flags([text])[0])

    def fault(self) -> str:
        """Say which of its texts is not what it should be."""
        if not self.name:
            return "has no <name>"
        for tag, text in zip(_CORNERS, self.corners, strict=True):
            if text is None:
                return f"has no <{tag}> in <bndbox>"
            if spelt_numbers([text])[1].any():
                return f"<{tag}> is {shown(text)}, expected a number"
        tag, text = next(
            (tag, text)
            for tag, text in zip(_FLAGS, self.flags, strict=True)
            if text not in VOC_FLAGS
        )
        return f"<{tag}> is {shown(text)}, expected 0 or 1"


def read_voc_annotations(
    path: Path, split: str | None, images: Path | None
) -> tuple[GroundTruth, AnnotationFile]:
    """Read a split of a VOC devkit; objects without a name or a finite box are counted and left out.

    InputError where the split, or the annotation of one of its images, cannot be read at all.
    """
    chosen, kept = VocSplit(path, split), VocObjects()
    objects: list[_Object] = []
    sides: list[str | None] = []
    for image, image_id in enumerate(chosen.image_ids):
        annotation = chosen.annotation(image_id)
        objects += _objects(image, annotation)
        sides += [annotation.findtext(f"size/{side}") or None for side in ("width", "height")]
        kept.add_picture(image_id, annotation)
    numbers, none = spelt_numbers([text for each in objects for text in each.corners])
    corners, odd_boxes = numbers.reshape(-1, 4), np.asarray(none.reshape(-1, 4).any(axis=1))
    rows = np.flatnonzero(
        np.isfinite(corners).all(axis=1) & np.array([bool(each.name) for each in objects], np.bool_)
    )
    usable = [objects[row] for row in rows.tolist()]
    kept.counts = _counts(usable, len(chosen.image_ids))
    kept.names = [each.name for each in usable]
    lengths = spelt_numbers(sides)[0].reshape(-1, 2).tolist()
    kept.sizes = [
        (width, height) if 0 < width < np.inf and 0 < height < np.inf else _UNKNOWN
        for width, height in lengths
    ]
    kept.difficult, kept.truncated = ([each.flag(which) for each in usable] for which in range(2))
    truth = chosen.ground_truth(kept, corners[rows] - [1, 1, 0, 0], images)

    def place(row: int) -> str:
        each = objects[row]
        name = f" ({each.name})" if each.name else ""
        return f"{chosen.place(chosen.image_ids[each.image])}, object {each.number}{name}"

    file = _file(
        boxes=corners,
        rows=rows,
        odd=odd_boxes | np.array([not each.says_all for each in objects], np.bool_),
        odd_boxes=odd_boxes,
        place=place,
        fault=lambda row: objects[row].fault(),
        form="voc",
        split=chosen.name,
        sizes=corners[:, 2:] - corners[:, :2] + 1,
        image_order=np.arange(len(chosen.image_ids)),
        parts=(
            _pictures([chosen.place(image_id) for image_id in chosen.image_ids], sides),
            ListedPart("classes", len(truth.class_names)),
        ),
    )
    return truth, file


def _objects(image: int, annotation: ElementTree.Element) -> Iterator[_Object]:
    for number, element in enumerate(annotation.iterfind("object"), 1):
        corners = tuple(element.findtext(f"bndbox/{tag}") for tag in _CORNERS)
        flags = tuple(element.findtext(tag, "").strip() for tag in _FLAGS)
        yield _Object(image, number, element.findtext("name", "").strip(), corners, flags)


def _pictures(places: Sequence[str], sides: Sequence[str | None]) -> ListedPart:
    """Return what is wrong with widths and heights of images, of which there are two each, None where they are not said."""
    numbers, none = spelt_numbers(sides)

    def wrong(which: Flags) -> tuple[str, ...]:
        rows = [row for row in np.flatnonzero(which).tolist() if sides[row] is not None]
        return tuple(
            f"{places[row // 2]}: <{('width', 'height')[row % 2]}> is {shown(sides[row])}"
            for row in rows
        )

    endless = ~np.isfinite(numbers)
    return ListedPart(
        "images", len(places), wrong(none), wrong(endless & ~none), wrong(~endless & (numbers < 0))
    )


class _Label(NamedTuple):
    """One line of a YOLO label file."""

    image: int
    line: int
    """In its file, from 1."""
    words: tuple[str, ...]
    class_number: float
    """NaN where the first word is not the number of a class."""
    shape: tuple[float, ...]
    """The values after it; NaN where they are none, or not as many as a box or a polygon has."""
    odd: bool
    """Whether one of them is not spelt as a number, or they are not as many."""

    @classmethod
    def of(cls, image: int, line: int, words: Sequence[str]) -> _Label:
        """Read the words of a line."""
        numbers, none = spelt_numbers(words)
        first = float(numbers[0])
        whole = 0 <= first < np.inf and first == int(first) and not none[0]
        fits = is_shape(words[1:])
        shape = tuple(numbers[1:].tolist()) if fits else (np.nan,) * 4
        return cls(
            image,
            line,
            tuple(words),
            first if whole else np.nan,
            shape,
            not fits or bool(none[1:].any()),
        )

    def fault(self) -> str:
        """Say which of its words is not what it should be."""
        if np.isnan(self.class_number):
            return f"class {shown(self.words[0])} is not the number of a class"
        if not is_shape(self.words[1:]):
            return f"{len(self.words)} values, expected {LABEL}"
        return f"{shown(next(word for word in self.words if spelt_numbers([word])[1].any()))}, expected a number"

    def outside(self) -> float:
        """Return how far the value farthest outside 0..1 lies from it; 0 for none, and for values that are not finite."""
        finite = [value for value in self.shape if abs(value) < np.inf]
        return max([0.0, *(max(-value, value - 1) for value in finite)])


def read_yolo_annotations(
    data_yaml: Path, split: str | None, images: Path | None
) -> tuple[GroundTruth, AnnotationFile]:
    """Read a split of a YOLO dataset; labels without a class that is named, or without a finite box, are counted and left out.

    InputError where the yaml, a picture or a label file cannot be read at all.
    """
    chosen = YoloSplit(data_yaml, split, images)
    labels = [
        label
        for image, file in enumerate(chosen.label_files)
        for label in _labels(image, Path(file))
    ]
    boxes = np.array([box_of(list(label.shape)) for label in labels], np.float64).reshape(-1, 4)
    classes = np.array([label.class_number for label in labels], np.float64)
    odd_boxes = np.array([label.odd for label in labels], np.bool_)
    rows = np.flatnonzero((classes < len(chosen.class_names)) & np.isfinite(boxes).all(axis=1))
    counts = _counts([labels[row] for row in rows.tolist()], len(chosen.label_files))
    truth = chosen.ground_truth(counts, classes[rows].astype(np.int64).tolist(), boxes[rows])

    def place(row: int) -> str:
        return f"{chosen.label_files[labels[row].image]}, line {labels[row].line}"

    unknown = np.flatnonzero(classes >= len(chosen.class_names))
    file = _file(
        boxes=boxes,
        rows=rows,
        odd=odd_boxes | np.isnan(classes),
        odd_boxes=odd_boxes,
        place=place,
        fault=lambda row: labels[row].fault(),
        form="yolo",
        split=chosen.name,
        sizes=boxes[:, 2:],
        image_order=np.arange(len(chosen.label_files)),
        parts=(
            ListedPart("images", len(chosen.label_files)),
            ListedPart("classes", len(chosen.class_names)),
        ),
        unknown_classes=len(unknown),
        first_unknown=f"{place(int(unknown[0]))}: class {classes[unknown[0]]:g}"
        if len(unknown)
        else "",
        outside=np.array([label.outside() for label in labels], np.float64),
    )
    return truth, file


def _labels(image: int, file: Path) -> Iterator[_Label]:
    if file.exists():
        for _, line, words in lines_of(file):
            yield _Label.of(image, line, words)


def _counts(kept: Sequence[_Object] | Sequence[_Label], images: int) -> list[int]:
    return (
        np.bincount([each.image for each in kept], minlength=images).tolist()
        if kept
        else [0] * images
    )


def _file(
    *,
    boxes: Floats,
    rows: Ints,
    odd: Flags,
    odd_boxes: Flags,
    place: Callable[[int], str],
    fault: Callable[[int], str],
    **more: Any,
) -> AnnotationFile:
    """Return what a format without ids and areas says beyond the ground truth; `fault` says what is odd about an annotation."""
    first = int(odd.argmax()) if odd.any() else None
    return AnnotationFile(
        ids=list(range(1, len(boxes) + 1)),
        areas=np.full(len(boxes), np.nan),
        boxes=boxes,
        rows=rows,
        odd=odd,
        odd_boxes=odd_boxes,
        odd_areas=np.zeros(len(boxes), np.bool_),
        place=place,
        first_odd="" if first is None else f"{place(first)}: {fault(first)}",
        numbered=False,
        **more,
    )

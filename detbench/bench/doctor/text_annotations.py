"""VOC and YOLO ground truth read leniently: what can be an object becomes one, everything else is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from detbench.bench.doctor.case import AnnotationFile, ListedPart
from detbench.bench.doctor.numbers import lenient_flags, shown, spelt_numbers
from detbench.data.columns import Flags
from detbench.data.ground_truth import GroundTruth
from detbench.data.json_text import read_bytes
from detbench.data.voc import VOC_FLAGS, VocObjects, VocSplit
from detbench.data.yolo import YoloSplit, box_of, is_shape
from detbench.data.yolo_text import BORDER

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_FLAGS = ("difficult", "truncated")
_UNKNOWN = (float("nan"), float("nan"))


class _Object(NamedTuple):
    """One `<object>` of a VOC annotation, as texts; empty where a tag is missing."""

    image: int
    number: int
    """In its annotation, from 1."""
    name: str
    corners: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def says_all(self) -> bool:
        """Whether it has a name, and flags that are some."""
        return bool(self.name) and all(flag in VOC_FLAGS for flag in self.flags)

    def flag(self, which: int) -> bool:
        """Return what a flag says, or seems to say."""
        text = self.flags[which]
        return VOC_FLAGS[text] if text in VOC_FLAGS else bool(lenient_flags([text])[0])

    def first_odd(self) -> str:
        """Say which of its texts is not what it should be."""
        if not self.name:
            return "has no <name>"
        odd = [(tag, text) for tag, text in zip(_CORNERS, self.corners, strict=True) if spelt_numbers([text])[1].any()]
        odd += [(tag, text) for tag, text in zip(_FLAGS, self.flags, strict=True) if text not in VOC_FLAGS]
        return f"<{odd[0][0]}> is {shown(odd[0][1])}"


def read_voc_annotations(path: Path, split: str | None, images: Path | None) -> tuple[GroundTruth, AnnotationFile]:
    """Read a split of a VOC devkit; objects without a name or a finite box are counted and left out.

    InputError where the split, or the annotation of one of its images, cannot be read at all.
    """
    chosen, kept = VocSplit(path, split), VocObjects()
    objects: list[_Object] = []
    sides: list[str] = []
    for image, image_id in enumerate(chosen.image_ids):
        annotation = chosen.annotation(image_id)
        objects += _objects(image, annotation)
        sides += [annotation.findtext(f"size/{side}") or "nan" for side in ("width", "height")]
        kept.add_picture(image_id, annotation)
    numbers, none = spelt_numbers([text for thing in objects for text in thing.corners])
    corners, odd_boxes = numbers.reshape(-1, 4), np.asarray(none.reshape(-1, 4).any(axis=1))
    odd = odd_boxes | np.array([not thing.says_all for thing in objects], np.bool_)
    rows = np.flatnonzero(np.isfinite(corners).all(axis=1) & np.array([bool(thing.name) for thing in objects], np.bool_))
    chosen_objects = [objects[row] for row in rows.tolist()]
    kept.counts = np.bincount([thing.image for thing in chosen_objects], minlength=len(chosen.image_ids)).tolist()
    kept.names = [thing.name for thing in chosen_objects]
    kept.sizes = [(width, height) if 0 < width < np.inf and 0 < height < np.inf else _UNKNOWN for width, height in _pairs(sides)]
    kept.difficult, kept.truncated = ([thing.flag(which) for thing in chosen_objects] for which in range(2))

    def place(row: int) -> str:
        thing = objects[row]
        name = f" ({thing.name})" if thing.name else ""
        return f"{chosen.place(chosen.image_ids[thing.image])}, object {thing.number}{name}"

    first = int(odd.argmax()) if odd.any() else None
    truth = chosen.ground_truth(kept, corners[rows] - [1, 1, 0, 0], images)
    return truth, AnnotationFile(
        form="voc",
        split=chosen.name,
        ids=list(range(1, len(objects) + 1)),
        areas=np.full(len(objects), np.nan),
        boxes=corners,
        sizes=corners[:, 2:] - corners[:, :2] + 1,
        rows=rows,
        odd=odd,
        odd_boxes=odd_boxes,
        odd_areas=np.zeros(len(objects), np.bool_),
        image_order=np.arange(len(chosen.image_ids)),
        place=place,
        first_odd="" if first is None else f"{place(first)}: {objects[first].first_odd()}",
        numbered=False,
        parts=(_pictures([chosen.place(image_id) for image_id in chosen.image_ids], sides), ListedPart("classes", len(truth.class_names))),
    )


def _objects(image: int, annotation: ElementTree.Element) -> Iterator[_Object]:
    for number, thing in enumerate(annotation.iterfind("object"), 1):
        corners = tuple(thing.findtext(f"bndbox/{tag}", "") for tag in _CORNERS)
        yield _Object(image, number, thing.findtext("name", "").strip(), corners, tuple(thing.findtext(tag, "").strip() for tag in _FLAGS))


def _pairs(sides: Sequence[str]) -> list[tuple[float, float]]:
    return [(width, height) for width, height in spelt_numbers(sides)[0].reshape(-1, 2).tolist()]


def _pictures(places: Sequence[str], sides: Sequence[str]) -> ListedPart:
    """Return what is wrong with widths and heights of images, of which there are two each."""
    numbers, none = spelt_numbers(sides)
    said = np.array([text != "nan" for text in sides], np.bool_)

    def wrong(which: Flags) -> tuple[str, ...]:
        rows = np.flatnonzero(which & said).tolist()
        return tuple(f"{places[row // 2]}: <{('width', 'height')[row % 2]}> is {shown(sides[row])}" for row in rows)

    endless = ~np.isfinite(numbers)
    return ListedPart("images", len(places), wrong(none), wrong(endless & ~none), wrong(~endless & (numbers < 0)))


class _Label(NamedTuple):
    """One line of a YOLO label file."""

    image: int
    line: int
    """In its file, from 1."""
    text: str
    kind: float
    """What stands for the class; NaN where no class does."""
    shape: tuple[float, ...]
    """The values after it; NaN where they are none, or not as many as a box or a polygon has."""
    odd: bool
    """Whether these are none, or not as many."""

    @classmethod
    def of(cls, image: int, line: int, words: list[str]) -> _Label:
        """Read the words of a line."""
        numbers, none = spelt_numbers(words)
        odd = bool(none[1:].any()) or not is_shape(words[1:])
        whole = np.isfinite(numbers[0]) and numbers[0] >= 0 and numbers[0] == np.floor(numbers[0])
        return cls(
            image, line, " ".join(words), numbers[0] if whole else np.nan, (np.nan,) * 4 if odd else tuple(numbers[1:].tolist()), odd
        )


def read_yolo_annotations(data_yaml: Path, split: str | None, images: Path | None) -> tuple[GroundTruth, AnnotationFile]:
    """Read a split of a YOLO dataset; labels without a class that is named, or without a finite box, are counted and left out.

    InputError where the yaml, a picture or a label file cannot be read at all.
    """
    chosen = YoloSplit(data_yaml, split, images)
    labels = [label for image, file in enumerate(chosen.label_files) for label in _labels(image, Path(file))]
    boxes = np.array([box_of(list(label.shape)) for label in labels], np.float64).reshape(-1, 4)
    kinds = np.array([label.kind for label in labels], np.float64)
    odd_boxes = np.array([label.odd for label in labels], np.bool_)
    odd = odd_boxes | np.isnan(kinds)
    rows = np.flatnonzero((kinds < len(chosen.class_names)) & np.isfinite(boxes).all(axis=1))
    counts = np.bincount([labels[row].image for row in rows.tolist()], minlength=len(chosen.label_files)).tolist()

    def place(row: int) -> str:
        return f"{chosen.label_files[labels[row].image]}, line {labels[row].line}"

    first = int(odd.argmax()) if odd.any() else None
    return chosen.ground_truth(counts, kinds[rows].astype(np.int64).tolist(), boxes[rows]), AnnotationFile(
        form="yolo",
        split=chosen.name,
        ids=list(range(1, len(labels) + 1)),
        areas=np.full(len(labels), np.nan),
        boxes=boxes,
        sizes=boxes[:, 2:],
        rows=rows,
        odd=odd,
        odd_boxes=odd_boxes,
        odd_areas=np.zeros(len(labels), np.bool_),
        image_order=np.arange(len(chosen.label_files)),
        place=place,
        first_odd="" if first is None else f"{place(first)}: {shown(labels[first].text)}",
        numbered=False,
        parts=(ListedPart("images", len(chosen.label_files)), ListedPart("classes", len(chosen.class_names))),
        unknown_classes=int((kinds >= len(chosen.class_names)).sum()),
        beyond=np.array([any(value < -BORDER or value > 1 + BORDER for value in label.shape) for label in labels], np.bool_),
    )


def _labels(image: int, file: Path) -> Iterator[_Label]:
    if file.exists():
        for line, text in enumerate(read_bytes(file).decode(errors="replace").splitlines(), 1):
            if words := text.split():
                yield _Label.of(image, line, words)

"""YOLO labels read leniently: what can be an object becomes one, the rest is counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detbench.data.formats.lenient_files import AnnotationsFile, EntryList, first_fault
from detbench.data.formats.parsing.lenient_lines import lines_of
from detbench.data.formats.parsing.lenient_values import is_number_text, shortened
from detbench.data.formats.parsing.plain_text import parse_numbers
from detbench.data.formats.yolo.dataset import YoloSplit
from detbench.data.formats.yolo.labels import LABEL_SYNTAX, bounding_box, is_box_or_polygon
from detbench.data.ground_truth import GroundTruth


class _Label(NamedTuple):
    """One line of a label file."""

    image: int
    line: int
    """Its number in the file, from 1."""
    words: tuple[str, ...]
    class_number: float
    """NaN if the first word is not the number of a class."""
    shape: tuple[float, ...]
    """The numbers behind the class; NaN if they are not as many as a box or a polygon has."""
    malformed: bool
    """Whether a number is not spelled as one, or there are not as many as there should be."""

    @classmethod
    def parse(cls, image: int, line: int, words: Sequence[str]) -> _Label:
        """Parse the words of a line."""
        numbers, malformed = parse_numbers(words)
        first = float(numbers[0])
        is_class = 0 <= first < np.inf and first == int(first) and not malformed[0]
        is_shape = is_box_or_polygon(words[1:])
        return cls(
            image,
            line,
            tuple(words),
            class_number=first if is_class else np.nan,
            shape=tuple(numbers[1:].tolist()) if is_shape else (np.nan,) * 4,
            malformed=not is_shape or bool(malformed[1:].any()),
        )

    def fault(self) -> str:
        """Return the first word that is malformed, and what was expected."""
        if np.isnan(self.class_number):
            return f"class {shortened(self.words[0])} is not the number of a class"
        if not is_box_or_polygon(self.words[1:]):
            return f"{len(self.words)} values, expected {LABEL_SYNTAX}"
        word = next(word for word in self.words if not is_number_text(word))
        return f"{shortened(word)}, expected a number"

    def outside_unit_range(self) -> float:
        """Return the distance from 0..1 of the farthest finite value; 0 if all are inside."""
        finite = [value for value in self.shape if abs(value) < np.inf]
        return max([0.0, *(max(-value, value - 1) for value in finite)])


def read_yolo_leniently(
    data_yaml: Path, split: str | None, images: Path | None
) -> tuple[GroundTruth, AnnotationsFile]:
    """Read a split of a YOLO dataset, valid or not.

    Labels of a class without a name, and those without a finite box, are counted and left out.

    Raises:
        InputError: The YAML, an image or a label file cannot be read at all.
    """
    yolo_split = YoloSplit(data_yaml, split, images)
    n_images, n_classes = len(yolo_split.label_files), len(yolo_split.class_names)
    labels = [
        label
        for image, file in enumerate(yolo_split.label_files)
        for label in _labels(image, Path(file))
    ]
    boxes = np.array([bounding_box(list(label.shape)) for label in labels], np.float64)
    boxes = boxes.reshape(-1, 4)
    classes = np.array([label.class_number for label in labels], np.float64)
    kept = np.flatnonzero((classes < n_classes) & np.isfinite(boxes).all(axis=1))
    image_of_kept = np.array([labels[row].image for row in kept.tolist()], np.int64)
    ground_truth = yolo_split.ground_truth(
        np.bincount(image_of_kept, minlength=n_images).tolist(),
        classes[kept].astype(np.int64).tolist(),
        boxes[kept],
    )

    def location(row: int) -> str:
        return f"{yolo_split.label_files[labels[row].image]}, line {labels[row].line}"

    malformed_boxes = np.array([label.malformed for label in labels], np.bool_)
    malformed = malformed_boxes | np.isnan(classes)
    unnamed = np.flatnonzero(classes >= n_classes)
    first_unnamed = ""
    if len(unnamed):
        first_unnamed = f"{location(int(unnamed[0]))}: class {classes[unnamed[0]]:g}"
    return ground_truth, AnnotationsFile(
        format_name="yolo",
        ids=list(range(1, len(labels) + 1)),
        areas=np.full(len(labels), np.nan),
        box_numbers=boxes,
        sizes=boxes[:, 2:],
        object_annotations=kept,
        malformed=malformed,
        malformed_boxes=malformed_boxes,
        malformed_areas=np.zeros(len(labels), np.bool_),
        image_order=np.arange(n_images),
        location=location,
        images=EntryList("images", n_images),
        classes=EntryList("classes", n_classes),
        first_malformed=first_fault(malformed, location, lambda row: labels[row].fault()),
        numeric_image_ids=False,
        n_unknown_classes=len(unnamed),
        first_unknown_class=first_unnamed,
        outside_unit_range=np.array([label.outside_unit_range() for label in labels], np.float64),
        split=yolo_split.name,
        box_format="cxcywh",
        unit="fractions",
        has_class_numbers=True,
    )


def _labels(image: int, file: Path) -> list[_Label]:
    """Return the labels of an image; it has none without a label file."""
    if not file.exists():
        return []
    return [_Label.parse(image, line.number, line.words) for line in lines_of(file)]

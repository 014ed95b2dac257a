"""YOLO labels read leniently: what can be an object becomes one, the rest is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.formats.lenient_files import AnnotationsFile, EntryList, first_fault
from detbench.data.formats.parsing.lenient_values import is_number_text, shortened
from detbench.data.formats.yolo.dataset import YoloSplit
from detbench.data.formats.yolo.labels import Labels
from detbench.data.ground_truth import GroundTruth


def read_yolo_leniently(
    path: Path, split: str | None, images: Path | None
) -> tuple[GroundTruth, AnnotationsFile]:
    """Read a split of a YOLO dataset, valid or not.

    Labels of a class without a name, and those without a finite box, are counted and left out.

    Raises:
        InputError: See `YoloSplit`.
    """
    yolo_split = YoloSplit(path, split, images)
    labels, lines = yolo_split.labels, yolo_split.labels.lines
    n_images = len(yolo_split.description.images)
    n_classes = len(yolo_split.description.class_names)
    kept = np.flatnonzero((labels.classes < n_classes) & np.isfinite(labels.boxes).all(axis=1))

    def location(row: int) -> str:
        return f"{lines.path(row)}, {lines.place(row)}"

    malformed_boxes = ~labels.has_shape | lines.malformed_behind_class
    malformed = malformed_boxes | ~labels.has_class
    unnamed = np.flatnonzero(labels.classes >= n_classes)
    first_unnamed = ""
    if len(unnamed):
        first_unnamed = f"{location(int(unnamed[0]))}: class {labels.classes[unnamed[0]]:g}"
    return yolo_split.ground_truth(kept), AnnotationsFile(
        format_name="yolo",
        ids=list(range(1, len(lines) + 1)),
        areas=np.full(len(lines), np.nan),
        box_numbers=labels.boxes,
        sizes=labels.boxes[:, 2:],
        object_annotations=kept,
        malformed=malformed,
        malformed_boxes=malformed_boxes,
        malformed_areas=np.zeros(len(lines), np.bool_),
        image_order=np.arange(n_images),
        location=location,
        images=EntryList("images", n_images),
        classes=EntryList("classes", n_classes),
        first_malformed=first_fault(malformed, location, lambda row: _fault(labels, row)),
        numeric_image_ids=False,
        n_unknown_classes=len(unnamed),
        first_unknown_class=first_unnamed,
        outside_unit_range=labels.outside,
        split=yolo_split.description.split,
        box_format="cxcywh",
        unit="fractions",
        has_class_numbers=True,
    )


def _fault(labels: Labels, row: int) -> str:
    """Return the first word of a label that is malformed, and what was expected."""
    words = labels.lines.words(row)
    if not labels.has_class[row]:
        return f"class {shortened(words[0])} is not the number of a class"
    if not labels.has_shape[row]:
        return f"{len(words)} values, expected {labels.reading.syntax}"
    word = next(word for word in words if not is_number_text(word))
    return f"{shortened(word)}, expected a number"

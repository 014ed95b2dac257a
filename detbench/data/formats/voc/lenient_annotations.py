"""VOC annotations read leniently: what can be an object becomes one, the rest is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Flags
from detbench.data.formats.lenient_files import AnnotationsFile, EntryList, first_fault
from detbench.data.formats.parsing.lenient_values import shortened
from detbench.data.formats.voc.annotation_xml import SIDES
from detbench.data.formats.voc.annotations import (
    Annotations,
    corner_offsets,
    read_annotations,
    to_ground_truth,
)
from detbench.data.ground_truth import GroundTruth


def read_voc_leniently(
    path: Path, split: str | None, images: Path | None
) -> tuple[GroundTruth, AnnotationsFile]:
    """Read a split as `read_voc` does, valid or not.

    Objects without a name or a finite box are counted and left out.

    Raises:
        InputError: The split, or the annotation of one of its images, cannot be read at all.
    """
    annotations = read_annotations(path, split, images)
    voc_split, texts, columns = annotations
    n_objects = len(texts)
    named = np.array([bool(name) for name in texts.names], np.bool_)
    kept = np.flatnonzero(np.isfinite(columns.corners).all(axis=1) & named)
    offsets = corner_offsets(annotations)
    with np.errstate(over="ignore", invalid="ignore"):
        boxes = offsets.boxes(columns.corners)
        sizes = boxes[:, 2:] - boxes[:, :2]
    ground_truth = to_ground_truth(path, annotations, kept, boxes[kept], offsets)
    image_of_object = np.repeat(np.arange(len(texts.counts)), texts.counts).tolist()

    def location(row: int) -> str:
        file = voc_split.location(image_of_object[row])
        return f"{file}, {annotations.object_name(row)}"

    return ground_truth, AnnotationsFile(
        format_name="voc",
        ids=list(range(1, n_objects + 1)),
        areas=np.full(n_objects, np.nan),
        box_numbers=columns.corners,
        sizes=sizes,
        object_annotations=kept,
        malformed=columns.malformed,
        malformed_boxes=columns.malformed_boxes,
        malformed_areas=np.zeros(n_objects, np.bool_),
        image_order=np.arange(len(voc_split.image_ids)),
        location=location,
        images=_image_list(annotations),
        classes=EntryList("classes", len(ground_truth.class_names)),
        first_malformed=first_fault(
            columns.malformed, location, lambda row: texts.fault(row).problem
        ),
        numeric_image_ids=False,
        split=voc_split.name,
        corner_offsets=(offsets.first, offsets.last),
    )


def _image_list(annotations: Annotations) -> EntryList:
    """Return the faults of the images' widths and heights."""
    texts, columns = annotations.texts.sides, annotations.columns
    numbers, malformed = columns.image_sizes.ravel(), columns.malformed_sizes.ravel()

    def faults(wrong: Flags) -> tuple[str, ...]:
        return tuple(
            f"{annotations.split.location(row // 2)}: <{SIDES[row % 2]}> is {shortened(texts[row])}"
            for row in np.flatnonzero(wrong).tolist()
            if texts[row] is not None
        )

    not_finite = ~np.isfinite(numbers)
    return EntryList(
        "images",
        len(annotations.texts.counts),
        malformed=faults(malformed),
        not_finite=faults(not_finite & ~malformed),
        negative=faults(~not_finite & (numbers < 0)),
    )

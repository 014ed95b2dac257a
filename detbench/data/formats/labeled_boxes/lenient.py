"""Labeled boxes for the doctor: what can be scored, and what is wrong with the rest."""

from __future__ import annotations

from functools import partial

import numpy as np

from detbench.data.columns import Flags
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.labeled_boxes.faults import fault_of
from detbench.data.formats.labeled_boxes.labeled_boxes import NO_CLASS, LabeledBoxes
from detbench.data.formats.labeled_boxes.strict import (
    check_scored,
    ground_truth_of_rows,
    positions_in,
)
from detbench.data.formats.lenient_files import (
    AnnotationsFile,
    DetectionsFile,
    EntryList,
    Labels,
    first_fault,
)
from detbench.data.ground_truth import GroundTruth


def annotations_of(labeled: LabeledBoxes) -> tuple[GroundTruth, AnnotationsFile]:
    """Return the objects that can be scored, and what the file states beyond them.

    Raises:
        InputError: The size of an image is unknown, and the format's numbers are relative to it.
    """
    numbers, malformed_numbers = labeled.stated_numbers()
    malformed_boxes = np.asarray(malformed_numbers.any(axis=1))
    unnamed = _without_class(labeled)
    usable = np.isfinite(numbers).all(axis=1) & ~unnamed
    ground_truth, object_rows = ground_truth_of_rows(labeled, numbers, np.flatnonzero(usable))
    malformed = malformed_boxes | unnamed
    is_corners = labeled.box_format == "xyxy"
    sizes = numbers[:, 2:] - numbers[:, :2] if is_corners else numbers[:, 2:]
    n_rows = len(labeled)
    return ground_truth, AnnotationsFile(
        format_name=labeled.format_name,
        ids=list(range(1, n_rows + 1)),
        areas=np.full(n_rows, np.nan),
        box_numbers=numbers,
        sizes=sizes + labeled.corner_offsets[0] - labeled.corner_offsets[1],
        object_annotations=object_rows,
        malformed=malformed,
        malformed_boxes=malformed_boxes,
        malformed_areas=np.zeros(n_rows, np.bool_),
        image_order=np.arange(len(labeled.images)),
        location=partial(_location, labeled),
        images=EntryList("images", len(labeled.images)),
        classes=EntryList("classes", len(labeled.classes)),
        first_malformed=_first_fault(labeled, malformed),
        numeric_image_ids=False,
        split=labeled.source.split,
        box_format=labeled.box_format,
        unit=labeled.unit,
        corner_offsets=labeled.corner_offsets,
    )


def detections_of(
    labeled: LabeledBoxes, ground_truth: GroundTruth
) -> tuple[DetectionRows, DetectionsFile]:
    """Return every row as a detection, and what the file states beyond them.

    Raises:
        InputError: No row has a score.
    """
    check_scored(labeled)
    numbers, malformed_numbers = labeled.stated_numbers()
    scores, malformed_scores = labeled.stated_scores()
    unnamed = _without_class(labeled)
    malformed = malformed_numbers.any(axis=1) | malformed_scores | unnamed
    image_index, class_index = positions_in(labeled, ground_truth)
    # Index −1 picks the last size: on an unknown image, relative numbers stay as they are.
    sizes = np.vstack([ground_truth.image_sizes, [(1.0, 1.0)]])
    boxes, _ = labeled.boxes(numbers, sizes[image_index])
    image_ids, class_names = list(labeled.images), [*labeled.classes, ""]
    rows = DetectionRows.from_source(image_index, class_index, boxes, scores)
    return rows, DetectionsFile(
        path=labeled.source.path,
        format_name=labeled.format_name,
        images=Labels.of([image_ids[image] for image in labeled.image_index]),
        classes=Labels.of([class_names[max(number, -1)] for number in labeled.class_index]),
        box_numbers=numbers,
        malformed=malformed,
        unnamed=unnamed,
        first_malformed=_first_fault(labeled, malformed),
        box_format=labeled.box_format,
        unit=labeled.unit,
        corner_offsets=labeled.corner_offsets,
    )


def _without_class(labeled: LabeledBoxes) -> Flags:
    return np.asarray(np.array(labeled.class_index, np.int64) == NO_CLASS)


def _location(labeled: LabeledBoxes, row: int) -> str:
    return ", ".join(labeled.place(row))


def _first_fault(labeled: LabeledBoxes, malformed: Flags) -> str:
    return first_fault(malformed, partial(_location, labeled), partial(fault_of, labeled))

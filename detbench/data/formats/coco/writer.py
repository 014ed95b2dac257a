"""Writer of COCO annotations and results, from which the readers get the same boxes and areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.files import atomic_path
from detbench.data.formats.coco.structs import Annotation, Category, Id, Image, Result
from detbench.data.formats.parsing.exact_sizes import exact_sizes
from detbench.data.formats.parsing.image_ids import WHOLE_NUMBER
from detbench.data.ground_truth import GroundTruth

_CHUNK = 50_000
"""Rows that are encoded at once."""


def write_coco(ground_truth: GroundTruth, path: Path) -> None:
    """Write COCO annotations; annotation ids start at 1.

    Raises:
        InputError: The file cannot be written.
    """
    image_ids = _written_image_ids(ground_truth)
    images = [
        Image(image_id, file or None, *map(_written_side, size))
        for image_id, file, size in zip(
            image_ids, ground_truth.image_files, ground_truth.image_sizes.tolist(), strict=True
        )
    ]
    categories = [
        Category(category_id, name)
        for category_id, name in zip(
            ground_truth.category_ids.tolist(), ground_truth.class_names, strict=True
        )
    ]
    # One annotation list can be gigabytes as JSON, so it is written in chunks.
    with atomic_path(path) as hidden, hidden.open("wb") as file:
        file.write(b'{"images":' + msgspec.json.encode(images))
        file.write(b',\n"categories":' + msgspec.json.encode(categories))
        file.write(b',\n"annotations":[')
        for chunk in _encoded_annotations(ground_truth, image_ids):
            file.write(chunk)
        file.write(b"]}\n")


def write_coco_results(detections: Detections, ground_truth: GroundTruth, path: Path) -> None:
    """Write COCO results in the order of the detections' source.

    Raises:
        NotComparableError: The detections were loaded for another ground truth.
        InputError: The file cannot be written.
    """
    detections.check_same_images(ground_truth)
    with atomic_path(path) as hidden, hidden.open("wb") as file:
        file.write(b"[")
        for chunk in _encoded_results(detections, ground_truth):
            file.write(chunk)
        file.write(b"]\n")


def _written_image_ids(ground_truth: GroundTruth) -> Sequence[Id]:
    """Return the ids as numbers, as COCO's tools expect, if all are unique numbers."""
    ids = ground_truth.image_ids
    if all(WHOLE_NUMBER.fullmatch(image_id) for image_id in ids):
        numbers = [int(image_id) for image_id in ids]
        if len(set(numbers)) == len(numbers):
            return numbers
    return ids


def _written_side(side: float) -> float | None:
    """Return a width or height without a needless `.0`; None if it is unknown."""
    if np.isnan(side):
        return None
    return int(side) if side.is_integer() else side


def _encoded_annotations(ground_truth: GroundTruth, image_ids: Sequence[Id]) -> Iterator[bytes]:
    """Yield the entries of `annotations` as JSON, many at a time, without the list's brackets."""
    sizes = exact_sizes(ground_truth.boxes, ground_truth.box_areas)
    xywh = np.concatenate([ground_truth.boxes[:, :2], sizes], axis=1)
    image_index = groups_from_offsets(ground_truth.offsets)
    category_ids = ground_truth.category_ids[ground_truth.class_index]
    # COCO has no difficult or truncated objects, so a column of zeros is left out.
    absent = [None] * len(ground_truth)
    difficult, truncated = (
        column.astype(np.int8).tolist() if column.any() else absent
        for column in (ground_truth.difficult, ground_truth.truncated)
    )
    for start in range(0, len(ground_truth), _CHUNK):
        rows = slice(start, start + _CHUNK)
        columns = (
            (image_ids[image] for image in image_index[rows].tolist()),
            category_ids[rows].tolist(),
            map(tuple, xywh[rows].tolist()),
            ground_truth.areas[rows].tolist(),
            ground_truth.iscrowd[rows].astype(np.int8).tolist(),
            range(start + 1, min(start + _CHUNK, len(ground_truth)) + 1),
            difficult[rows],
            truncated[rows],
        )
        annotations = [Annotation(*row) for row in zip(*columns, strict=True)]
        yield (b",\n" if start else b"\n") + msgspec.json.encode(annotations)[1:-1]


def _encoded_results(detections: Detections, ground_truth: GroundTruth) -> Iterator[bytes]:
    """Yield the results as JSON, many at a time, without the list's brackets."""
    image_ids = _written_image_ids(ground_truth)
    image_index = groups_from_offsets(detections.offsets)
    # pycocotools breaks ties of scores by the order in the file, VOC's protocol by the source.
    order = np.arange(len(detections))
    if detections.source_rows is not None:
        order = np.argsort(detections.source_rows)
    for start in range(0, len(detections), _CHUNK):
        rows = order[start : start + _CHUNK]
        boxes = detections.boxes[rows]
        sizes = exact_sizes(boxes, detections.box_areas[rows])
        columns = (
            (image_ids[image] for image in image_index[rows].tolist()),
            ground_truth.category_ids[detections.class_index[rows]].tolist(),
            map(tuple, np.concatenate([boxes[:, :2], sizes], axis=1).tolist()),
            detections.scores[rows].tolist(),
        )
        results = [Result(*row) for row in zip(*columns, strict=True)]
        yield (b",\n" if start else b"") + msgspec.json.encode(results)[1:-1]

"""YOLO results: reads and writes a folder of text files, one per image, as Ultralytics' save_txt and save_conf leave them.

A line is `class cx cy w h confidence`, the box in fractions of the image; an image without a file has no detections.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.detections import Detections
from detbench.data.files import atomic_folder
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.formats.yolo.dataset import file_stems
from detbench.data.formats.yolo.label_lines import (
    BORDER,
    class_number,
    read_lines,
    to_fractions,
    to_pixels,
)
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import require_image_sizes
from detbench.errors import DetbenchWarning, InputError


def read_yolo_results(
    folder: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read the detections of every image, in the order of the ground truth's images; files are named after picture or image id.

    Sizes come from the ground truth, else from the pictures. `allow_unknown` drops detections on unknown images and of class
    numbers that the ground truth does not have, and warns how many.

    Raises InputError, naming file and line, for lines that are no detections and for unknown names; for an unknown image size;
    where more than half of the boxes are inverted or have values outside 0..1.
    """
    if not folder.is_dir():
        raise InputError(
            folder, "no such folder", fix="name the folder with one text file per image"
        )
    positions = _positions(ground_truth)
    files = {path.stem: str(path) for path in folder.glob("*.txt")}
    unknown = sorted(files.keys() - positions.keys())
    read = sorted((positions[stem], files[stem]) for stem in files.keys() & positions.keys())
    images, classes, rows, places = [], [], [], []
    for image, path in read:
        for line, values in read_lines(path):
            _check_length(values, path, line)
            images.append(image)
            classes.append(class_number(values[0], path, line))
            rows.append(values[1:])
            places.append((path, line))
    if unknown:
        dropped = sum(len(read_lines(files[stem])) for stem in unknown)
        check_unknown(
            folder,
            "image",
            unknown[0],
            dropped,
            len(places) + dropped,
            where=f"{unknown[0]}.txt",
            allow_unknown=allow_unknown,
        )
    class_index, table = np.array(classes, np.int64), np.array(rows, np.float64).reshape(-1, 5)
    known = np.flatnonzero(class_index < len(ground_truth.class_names))
    if len(known) < len(places):
        first = int(np.argmax(class_index >= len(ground_truth.class_names)))
        path, line = places[first]
        count = len(places) - len(known)
        check_unknown(
            path,
            "class",
            str(classes[first]),
            count,
            len(places),
            where=f"line {line}",
            allow_unknown=allow_unknown,
        )
    image_index, table = np.array(images, np.int64)[known], table[known]
    _check_fractions(folder, table[:, :4])
    sizes = require_image_sizes(ground_truth) if len(known) else ground_truth.image_sizes
    with np.errstate(over="ignore", invalid="ignore"):
        boxes, box_areas = to_pixels(table[:, :4], sizes[image_index])
    endless = np.flatnonzero(~(np.isfinite(boxes).all(axis=1) & np.isfinite(box_areas)))
    if len(endless):
        path, line = places[known[endless[0]]]
        found = f"no box in pixels: {table[endless[0], :4].tolist()}"
        raise InputError(path, found, where=f"line {line}", fix="values are fractions of the image")
    check_inverted(folder, boxes)
    if not len(boxes):
        warn_empty(folder)
    return Detections.from_rows(
        ground_truth,
        image_index=image_index,
        class_index=class_index[known],
        scores=table[:, 4],
        boxes=boxes,
        box_areas=box_areas,
        name=folder.resolve().name,
        source=f"yolo results {folder}",
    )


def write_yolo_results(detections: Detections, folder: Path, ground_truth: GroundTruth) -> None:
    """Write `folder` (new or empty) with a text file for every image of `ground_truth`, for which the detections were loaded.

    Lines keep their order within an image; an order across images, by which VOC breaks ties, has no place here.
    A warning counts the boxes with values outside 0..1: where they are most, they cannot be read back.
    Raises NotComparableError for another ground truth and InputError where the size of an image is unknown.
    """
    detections.check_same_images(ground_truth)
    sizes = np.repeat(require_image_sizes(ground_truth), np.diff(detections.offsets), axis=0)
    fractions = to_fractions(detections.boxes, sizes)
    if outside := _outside(fractions):
        warnings.warn(
            f"{folder}: {outside:,} of {len(fractions):,} boxes reach far out of their image; YOLO's fractions end at 1, and readers may "
            "refuse them",
            DetbenchWarning,
            stacklevel=2,
        )
    columns = np.column_stack([fractions, detections.scores]).tolist()
    lines = [
        f"{number} {' '.join(map(repr, row))}\n"
        for number, row in zip(detections.class_index.tolist(), columns, strict=True)
    ]
    offsets = detections.offsets.tolist()
    with atomic_folder(folder) as hidden:
        for image, stem in enumerate(file_stems(ground_truth)):
            (hidden / f"{stem}.txt").write_text(
                "".join(lines[offsets[image] : offsets[image + 1]]), encoding="utf-8"
            )


def is_yolo_results(folder: Path, ground_truth: GroundTruth) -> bool:
    """Tell whether a folder holds a text file that is named after an image."""
    positions = _positions(ground_truth)
    return any(path.stem in positions for path in folder.glob("*.txt"))


def _positions(ground_truth: GroundTruth) -> dict[str, int]:
    """Return the image that a file's name means: the one whose picture is called so, else the one with this id."""
    ids = {image_id: position for position, image_id in enumerate(ground_truth.image_ids)}
    return ids | {stem: position for position, stem in enumerate(file_stems(ground_truth))}


def _check_length(row: list[float], path: str, line: int) -> None:
    if len(row) == 6:
        return
    fix = (
        "predict again with save_txt=True and save_conf=True"
        if len(row) == 5
        else "one detection a line"
    )
    raise InputError(
        path,
        f"{len(row)} values, expected 6: `class cx cy w h confidence`",
        where=f"line {line}",
        fix=fix,
    )


def _check_fractions(folder: Path, fractions: Floats) -> None:
    outside = _outside(fractions)
    if 2 * outside > len(fractions):
        raise InputError(
            folder,
            f"{outside:,} of {len(fractions):,} boxes have values outside 0..1",
            fix="are these pixels? YOLO's boxes are fractions of the image",
        )


def _outside(fractions: Floats) -> int:
    """Return how many boxes (N, 4; cx, cy, w, h) have a value outside 0..1."""
    return int(((fractions < -BORDER) | (fractions > 1 + BORDER)).any(axis=1).sum())

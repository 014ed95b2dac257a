"""YOLO results: a folder of text files, one per image, into Detections.

A line is `class cx cy w h confidence` with the box as fractions of the image, as Ultralytics writes
it with save_txt and save_conf. An image without a file has no detections.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.detections import Detections
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.formats.yolo.file_stems import images_of_files
from detbench.data.formats.yolo.labels import class_number, count_outside, read_lines, to_pixels
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import require_image_sizes
from detbench.errors import InputError


class _Rows(NamedTuple):
    """The lines of all files on known images."""

    image_index: Ints
    """(N,)"""
    class_index: Ints
    """(N,) as written, so that a class may be unknown"""
    numbers: Floats
    """(N, 5) cx, cy, w, h, confidence"""
    locations: list[tuple[str, int]]
    """N files and line numbers"""


def read_yolo_results(
    folder: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read the detections of every image, in the order of the ground truth's images.

    Files are named after image files or image ids. Image sizes come from the ground truth, else
    from the image files. `allow_unknown` drops detections on unknown images and of unknown class
    numbers, with a warning.

    Raises:
        InputError: A line is malformed, an image or class or the size of an image is unknown, or
            more than half of the boxes are inverted or have values outside 0..1.
    """
    if not folder.is_dir():
        raise InputError(
            folder,
            "no such folder",
            fix="give the folder with one text file per image",
        )
    paths = sorted(folder.glob("*.txt"))
    images = images_of_files(folder, paths, ground_truth)
    files = {path.stem: str(path) for path in paths}
    rows = _read_rows([(images[stem], file) for stem, file in files.items() if stem in images])
    _check_images(folder, files, images, len(rows.locations), allow_unknown=allow_unknown)
    n_classes = len(ground_truth.class_names)
    _check_classes(rows, n_classes, allow_unknown=allow_unknown)

    # Fractions of the image become pixels.
    known_rows = np.flatnonzero(rows.class_index < n_classes)
    image_index, cxcywh = rows.image_index[known_rows], rows.numbers[known_rows, :4]
    _check_fractions(folder, cxcywh)
    # Without a detection, no size is needed.
    sizes = require_image_sizes(ground_truth) if len(known_rows) else ground_truth.image_sizes
    with np.errstate(over="ignore", invalid="ignore"):
        boxes, box_areas = to_pixels(cxcywh, sizes[image_index])
    finite = np.isfinite(boxes).all(axis=1) & np.isfinite(box_areas)
    if not finite.all():
        raise _not_a_box(rows, int(known_rows[finite.argmin()]))
    check_inverted(folder, boxes)
    if not len(boxes):
        warn_empty(folder)
    return Detections.from_rows(
        ground_truth,
        image_index=image_index,
        class_index=rows.class_index[known_rows],
        scores=rows.numbers[known_rows, 4],
        boxes=boxes,
        box_areas=box_areas,
        name=folder.resolve().name,
        source=f"yolo results {folder}",
    )


def is_yolo_results(folder: Path, ground_truth: GroundTruth) -> bool:
    """Return whether a folder holds a text file that is named after an image."""
    return bool(images_of_files(folder, folder.glob("*.txt"), ground_truth))


def _read_rows(files: list[tuple[int, str]]) -> _Rows:
    """Read the lines of files, given the image and the path of each."""
    image_index, class_index, numbers, locations = [], [], [], []
    for image, path in sorted(files):
        for line, values in read_lines(path):
            _check_length(values, path, line)
            image_index.append(image)
            class_index.append(class_number(values[0], path, line))
            numbers.append(values[1:])
            locations.append((path, line))
    return _Rows(
        np.array(image_index, np.int64),
        np.array(class_index, np.int64),
        np.array(numbers, np.float64).reshape(-1, 5),
        locations,
    )


def _check_images(
    folder: Path,
    files: dict[str, str],
    images: dict[str, int],
    n_known: int,
    *,
    allow_unknown: bool,
) -> None:
    """Apply the rule for unknown images; `n_known` is the number of lines on known ones."""
    unknown = sorted(files.keys() - images.keys())
    if unknown:
        n_dropped = sum(len(read_lines(files[stem])) for stem in unknown)
        check_unknown(
            folder,
            "image",
            unknown[0],
            n_dropped,
            n_known + n_dropped,
            where=f"{unknown[0]}.txt",
            allow_unknown=allow_unknown,
        )


def _check_classes(rows: _Rows, n_classes: int, *, allow_unknown: bool) -> None:
    """Apply the rule for unknown classes."""
    unknown = rows.class_index >= n_classes
    if unknown.any():
        first = int(unknown.argmax())
        path, line = rows.locations[first]
        check_unknown(
            path,
            "class",
            str(rows.class_index[first]),
            int(unknown.sum()),
            len(unknown),
            where=f"line {line}",
            allow_unknown=allow_unknown,
        )


def _not_a_box(rows: _Rows, row: int) -> InputError:
    path, line = rows.locations[row]
    return InputError(
        path,
        f"is not a box in pixels: {rows.numbers[row, :4].tolist()}",
        where=f"line {line}",
        fix="write fractions of the image",
    )


def _check_length(values: list[float], path: str, line: int) -> None:
    if len(values) == 6:
        return
    problem = f"{len(values)} values, expected 6: `class cx cy w h confidence`"
    # Ultralytics leaves the confidence out by default.
    if len(values) == 5:
        fix = "predict again with save_txt=True and save_conf=True"
    else:
        fix = "write one detection per line"
    raise InputError(path, problem, where=f"line {line}", fix=fix)


def _check_fractions(folder: Path, cxcywh: Floats) -> None:
    n_outside = count_outside(cxcywh)
    if 2 * n_outside > len(cxcywh):
        raise InputError(
            folder,
            f"{n_outside:,} of {len(cxcywh):,} boxes have values outside 0..1",
            fix="are these pixels? YOLO's boxes are fractions of the image",
        )

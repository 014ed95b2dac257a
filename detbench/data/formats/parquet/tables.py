"""Parquet, detbench's own format: ground truth or detections, read in hundredths of a second and bit for bit as they were written.

Columns that do not fit together are refused. The digest in the header is not compared with what was read, as computing it takes longer
than reading: `detbench.bench.runs.read_run` does that for the files of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from detbench.data.columns import Indices, Ints, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.formats.parquet.container import (
    Columns,
    Header,
    ImageColumns,
    Layout,
    opened,
    read_numbers,
    read_objects,
    read_texts,
    write_file,
)
from detbench.data.formats.parsing.image_ids import find_image, numeric_image_ids
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, InputError

_NUMBER = (np.float64, 1)
_FLAG = (np.bool_, 1)
_BOXES: Layout = {"class_index": (np.int32, 1), "box": (np.float64, 4), "box_area": _NUMBER}
_GROUND_TRUTH: Layout = {
    **_BOXES,
    "area": _NUMBER,
    "iscrowd": _FLAG,
    "difficult": _FLAG,
    "truncated": _FLAG,
}
_DETECTIONS: Layout = {**_BOXES, "score": _NUMBER}
_SOURCE_ROW: Layout = {"source_row": (np.int64, 1)}


def _check_class_index(path: Path, class_index: Indices, classes: int) -> None:
    """Raise InputError where a class index points at none of the classes; NumPy would take −1 for the last of them."""
    wrong = (class_index < 0) | (class_index >= classes)
    if wrong.any():
        problem = f"class_index {class_index[wrong.argmax()]} must lie within 0 and the number of classes, {classes}"
        raise InputError(
            path,
            problem,
            where="column 'class_index'",
            fix="it was damaged or edited: write it again",
        )


def read_parquet_header(path: Path) -> Header:
    """Return kind, names, provenance and digest of a file without reading its rows."""
    with opened(path) as (_, header):
        return header


def write_parquet_ground_truth(ground_truth: GroundTruth, path: Path) -> None:
    """Write ground truth; `read_parquet_ground_truth` gives every column back bit for bit."""
    header = Header(
        kind="ground_truth",
        objects=len(ground_truth),
        name=ground_truth.name,
        source=ground_truth.source,
        digest=ground_truth.digest,
        class_names=ground_truth.class_names,
        category_ids=tuple(ground_truth.category_ids.tolist()),
        protocol=ground_truth.protocol,
        image_folder=_written_folder(ground_truth.image_folder),
    )
    images: ImageColumns = {
        "image_id": ground_truth.image_ids,
        "file_name": ground_truth.image_files,
        "width": ground_truth.image_sizes[:, 0],
        "height": ground_truth.image_sizes[:, 1],
    }
    if ground_truth.groups is not None:
        images["group"] = ground_truth.groups
    objects: Columns = {
        "class_index": ground_truth.class_index,
        "box": ground_truth.boxes,
        "box_area": ground_truth.box_areas,
        "area": ground_truth.areas,
        "iscrowd": ground_truth.iscrowd,
        "difficult": ground_truth.difficult,
        "truncated": ground_truth.truncated,
    }
    write_file(path, header, images, ground_truth.offsets, objects)


def _written_folder(folder: Path | None) -> str | None:
    """Return the folder as text; None where its name is not UTF-8, which no metadata can hold."""
    try:
        return None if folder is None else str(folder).encode().decode()
    except UnicodeEncodeError:
        return None


def read_parquet_ground_truth(path: Path) -> GroundTruth:
    """Read ground truth written by `write_parquet_ground_truth`."""
    with opened(path, "ground_truth") as (file, header):
        image_ids, image_files = (
            read_texts(path, file, name) for name in ("image_id", "file_name")
        )
        width, height = (read_numbers(path, file, name) for name in ("width", "height"))
        groups = (
            read_numbers(path, file, "group", np.int64)
            if "group" in file.schema_arrow.names
            else None
        )
        offsets, columns = read_objects(path, file, _GROUND_TRUTH, header.objects)
    _check_class_index(path, columns["class_index"], len(header.class_names))
    with _named(path, image_ids, offsets, {"box": columns["box"]}):
        return GroundTruth(
            image_ids=image_ids,
            class_names=header.class_names,
            offsets=offsets,
            class_index=columns["class_index"],
            boxes=columns["box"],
            box_areas=columns["box_area"],
            areas=columns["area"],
            iscrowd=columns["iscrowd"],
            difficult=columns["difficult"],
            truncated=columns["truncated"],
            category_ids=np.array(header.category_ids, np.int64),
            image_sizes=np.stack([width, height], axis=1),
            image_files=image_files,
            groups=groups,
            image_folder=None if header.image_folder is None else Path(header.image_folder),
            name=header.name,
            protocol=header.protocol,
            source=header.source,
        )


def write_parquet_detections(detections: Detections, path: Path) -> None:
    """Write detections; for the same ground truth `read_parquet_detections` gives every column back bit for bit."""
    header = Header(
        kind="detections",
        objects=len(detections),
        name=detections.name,
        source=detections.source,
        digest=detections.digest,
        class_names=detections.class_names,
        settings=dict(detections.settings),
    )
    objects: Columns = {
        "class_index": detections.class_index,
        "box": detections.boxes,
        "box_area": detections.box_areas,
        "score": detections.scores,
    }
    if detections.source_rows is not None:
        objects["source_row"] = detections.source_rows
    write_file(path, header, {"image_id": detections.image_ids}, detections.offsets, objects)


def read_detection_columns(path: Path) -> tuple[Header, tuple[str, ...], Ints, Columns]:
    """Return header, image ids, offsets and columns of a file of detections as they stand, whatever their numbers are."""
    with opened(path, "detections") as (file, header):
        image_ids = read_texts(path, file, "image_id")
        layout = (
            _DETECTIONS | _SOURCE_ROW if "source_row" in file.schema_arrow.names else _DETECTIONS
        )
        offsets, columns = read_objects(path, file, layout, header.objects)
    return header, image_ids, offsets, columns


def read_parquet_detections(
    path: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read detections for `ground_truth`, by its image ids and class names; images the file does not have are without detections.

    Image ids match as text or, where all ids of the ground truth are numbers, by value (1 is "000001").

    Raises InputError for detections on images or of classes that the ground truth does not have (dropped with a warning under
    `allow_unknown`), and for a file that is not detbench's, cut off, of a newer version, or more than half inverted.
    """
    header, image_ids, offsets, columns = read_detection_columns(path)
    _check_class_index(path, columns["class_index"], len(header.class_names))
    if not header.objects:
        warn_empty(path)
    check_inverted(path, columns["box"])
    with _named(path, image_ids, offsets, {"score": columns["score"], "box": columns["box"]}):
        if image_ids != ground_truth.image_ids or header.class_names != ground_truth.class_names:
            return _aligned(
                path, header, image_ids, offsets, columns, ground_truth, allow_unknown=allow_unknown
            )
        return Detections(
            image_ids=ground_truth.image_ids,
            class_names=ground_truth.class_names,
            offsets=offsets,
            class_index=columns["class_index"],
            scores=columns["score"],
            boxes=columns["box"],
            box_areas=columns["box_area"],
            source_rows=columns.get("source_row"),
            name=header.name,
            source=header.source,
            settings=header.settings,
        )


def _aligned(
    path: Path,
    header: Header,
    image_ids: tuple[str, ...],
    offsets: Ints,
    columns: Columns,
    ground_truth: GroundTruth,
    *,
    allow_unknown: bool,
) -> Detections:
    """Bring rows of other images or classes into the ground truth's order, without those it does not have."""
    numbers = numeric_image_ids(ground_truth)
    images = np.array(
        [find_image(ground_truth, numbers, image_id) for image_id in image_ids], np.int64
    )
    places = {name: place for place, name in enumerate(ground_truth.class_names)}
    classes = np.array([places.get(name, -1) for name in header.class_names], np.int32)
    row_image = groups_from_offsets(offsets)
    image_index, class_index = images[row_image], classes[columns["class_index"]]
    no_image, no_class = image_index < 0, (class_index < 0) & (image_index >= 0)
    if no_image.any():
        first = image_ids[row_image[no_image.argmax()]]
        check_unknown(
            path, "image", first, int(no_image.sum()), len(no_image), allow_unknown=allow_unknown
        )
    if no_class.any():
        first = header.class_names[columns["class_index"][no_class.argmax()]]
        check_unknown(
            path, "class", first, int(no_class.sum()), len(no_class), allow_unknown=allow_unknown
        )
    known = np.flatnonzero(~(no_image | no_class))
    detections = Detections.from_rows(
        ground_truth,
        image_index=image_index[known],
        class_index=class_index[known],
        scores=columns["score"][known],
        boxes=columns["box"][known],
        box_areas=columns["box_area"][known],
        name=header.name,
        source=header.source,
        settings=header.settings,
    )
    if "source_row" not in columns:
        return detections
    order = np.argsort(image_index[known], kind="stable")
    return replace(detections, source_rows=columns["source_row"][known][order])


@contextmanager
def _named(
    path: Path, image_ids: tuple[str, ...], offsets: Ints, numbers: Columns
) -> Iterator[None]:
    """Name the file, and for `numbers` that are not finite the place in it, in what the constructors find wrong."""
    try:
        yield
    except InputError:
        raise
    except DetbenchError as error:
        for column, values in numbers.items():
            bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
            if len(bad):
                image = int(np.searchsorted(offsets, bad[0], side="right")) - 1
                where = f"image {image_ids[image]!r}, {column} {bad[0] - offsets[image] + 1} of {offsets[image + 1] - offsets[image]}"
                raise InputError(
                    path, f"is not finite: {values[bad[0]].tolist()}", where=where
                ) from None
        raise InputError(path, str(error)) from None

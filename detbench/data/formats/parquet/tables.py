"""Parquet, detbench's own format: ground truth and detections, read back bit for bit.

Reading takes hundredths of a second. Columns that do not fit together are refused. The digest in
the header is not compared with the rows, since computing it takes longer than reading them:
`detbench.bench.runs.read_run` does that for the files of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats, Ints, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.formats.parquet.columns import read_numbers, read_objects, read_texts
from detbench.data.formats.parquet.container import (
    WRITE_AGAIN,
    Columns,
    Header,
    ImageColumns,
    Layout,
    open_parquet,
)
from detbench.data.formats.parquet.writer import write_file
from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.formats.parsing.row_rules import (
    check_inverted,
    check_unknown,
    warn_empty,
    warn_negative_areas,
)
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
        image_folder=_utf_8(ground_truth.image_folder),
        voc_offsets=ground_truth.voc_offsets,
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


def read_parquet_ground_truth(path: Path) -> GroundTruth:
    """Read ground truth that `write_parquet_ground_truth` wrote.

    Raises:
        InputError: The file is not detbench's, is damaged, or is of a newer version.
    """
    with open_parquet(path, "ground_truth") as (file, header):
        # Columns of images, then columns of objects.
        image_ids = read_texts(path, file, "image_id")
        image_files = read_texts(path, file, "file_name")
        sizes = [read_numbers(path, file, side) for side in ("width", "height")]
        groups = None
        if "group" in file.schema_arrow.names:
            groups = read_numbers(path, file, "group", np.int64)
        offsets, columns = read_objects(path, file, _GROUND_TRUTH, header.objects)
    _check_sizes(path, image_ids, sizes)
    _check_objects(path, header, image_ids, offsets, columns)
    warn_negative_areas(path, columns["area"])
    with _input_errors(path):
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
            image_sizes=np.stack(sizes, axis=1),
            image_files=image_files,
            groups=groups,
            image_folder=None if header.image_folder is None else Path(header.image_folder),
            name=header.name,
            protocol=header.protocol,
            source=header.source,
            voc_offsets=header.voc_offsets,
        )


def write_parquet_detections(detections: Detections, path: Path) -> None:
    """Write detections.

    For the same ground truth, `read_parquet_detections` gives every column back bit for bit.
    """
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
    """Return header, image ids, offsets and columns of a file of detections, unchecked."""
    with open_parquet(path, "detections") as (file, header):
        image_ids = read_texts(path, file, "image_id")
        layout = _DETECTIONS
        if "source_row" in file.schema_arrow.names:
            layout = layout | _SOURCE_ROW
        offsets, columns = read_objects(path, file, layout, header.objects)
    return header, image_ids, offsets, columns


def read_parquet_detections(
    path: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read detections for `ground_truth`, by its image ids and class names.

    Images that the file does not have are without detections. `allow_unknown` drops detections on
    unknown images and of unknown classes, with a warning.

    Raises:
        InputError: The file is not detbench's, is damaged or of a newer version, has unknown images
            or classes, or more than half of its boxes are inverted.
    """
    header, image_ids, offsets, columns = read_detection_columns(path)
    _check_objects(path, header, image_ids, offsets, columns)
    if not header.objects:
        warn_empty(path)
    check_inverted(path, columns["box"])
    with _input_errors(path):
        # The usual case, a file for this very ground truth, needs no copies.
        if image_ids == ground_truth.image_ids and header.class_names == ground_truth.class_names:
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
        return _align(
            path, header, image_ids, offsets, columns, ground_truth, allow_unknown=allow_unknown
        )


def _align(
    path: Path,
    header: Header,
    image_ids: tuple[str, ...],
    offsets: Ints,
    columns: Columns,
    ground_truth: GroundTruth,
    *,
    allow_unknown: bool,
) -> Detections:
    """Bring rows of other images or classes into the ground truth's order; drop unknown ones."""
    # The file's images and classes → those of the ground truth, −1 if unknown.
    images = match_images(path, ground_truth, image_ids)
    positions = {name: position for position, name in enumerate(ground_truth.class_names)}
    classes = [positions.get(name, -1) for name in header.class_names]

    file_image, file_class = groups_from_offsets(offsets), columns["class_index"]
    image_index = np.array(images, np.int64)[file_image]
    class_index = np.array(classes, np.int32)[file_class]
    no_image = image_index < 0
    no_class = (class_index < 0) & ~no_image
    total = len(no_image)
    if no_image.any():
        first, count = image_ids[file_image[no_image.argmax()]], int(no_image.sum())
        check_unknown(path, "image", first, count, total, allow_unknown=allow_unknown)
    if no_class.any():
        first, count = header.class_names[file_class[no_class.argmax()]], int(no_class.sum())
        check_unknown(path, "class", first, count, total, allow_unknown=allow_unknown)

    known_rows = np.flatnonzero(~(no_image | no_class))
    detections = Detections.from_rows(
        ground_truth,
        image_index=image_index[known_rows],
        class_index=class_index[known_rows],
        scores=columns["score"][known_rows],
        boxes=columns["box"][known_rows],
        box_areas=columns["box_area"][known_rows],
        name=header.name,
        source=header.source,
        settings=header.settings,
    )
    if "source_row" not in columns:
        return detections
    # The file's own source order, in the order that grouping by image gave the rows.
    order = np.argsort(image_index[known_rows], kind="stable")
    return replace(detections, source_rows=columns["source_row"][known_rows][order])


def _utf_8(folder: Path | None) -> str | None:
    """Return the folder as text; None if its name is not UTF-8, which no metadata can hold."""
    try:
        return None if folder is None else str(folder).encode().decode()
    except UnicodeEncodeError:
        return None


def _check_sizes(path: Path, image_ids: tuple[str, ...], sizes: Sequence[Floats]) -> None:
    """Raise InputError for a width or height that is neither NaN, for unknown, nor a length."""
    for name, values in zip(("width", "height"), sizes, strict=True):
        wrong = (values < 0) | np.isinf(values)
        if wrong.any():
            image = int(wrong.argmax())
            problem = f"{name} {values[image]} is impossible for an image"
            raise InputError(path, problem, where=f"image {image_ids[image]!r}", fix=WRITE_AGAIN)


def _check_objects(
    path: Path, header: Header, image_ids: tuple[str, ...], offsets: Ints, columns: Columns
) -> None:
    """Raise InputError for an index of no class, and for numbers that are not finite."""
    class_index, n_classes = columns["class_index"], len(header.class_names)
    wrong = (class_index < 0) | (class_index >= n_classes)  # NumPy would take −1 for the last one
    if wrong.any():
        index = class_index[wrong.argmax()]
        raise InputError(
            path,
            f"class_index {index} must be at least 0 and less than {n_classes}",
            where="column 'class_index'",
            fix=WRITE_AGAIN,
        )
    for name in ("score", "box", "box_area", "area"):
        values = columns.get(name, np.zeros(0))
        finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        if not finite.all():
            row = int(finite.argmin())
            image = int(np.searchsorted(offsets, row, side="right")) - 1
            number, count = row - offsets[image] + 1, offsets[image + 1] - offsets[image]
            raise InputError(
                path,
                f"is not finite: {values[row].tolist()}",
                where=f"image {image_ids[image]!r}, {name} {number} of {count}",
            )


@contextmanager
def _input_errors(path: Path) -> Iterator[None]:
    """Name the file in errors of constructors."""
    try:
        yield
    except InputError:
        raise
    except DetbenchError as error:
        raise InputError(path, str(error)) from None

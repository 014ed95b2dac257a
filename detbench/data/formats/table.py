"""The table of all file formats. Loading, saving and converting follow it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from detbench.data.formats.coco import format as coco
from detbench.data.formats.format import (
    DetectionsFormat,
    DetectionsReader,
    GroundTruthFormat,
    GroundTruthReader,
)
from detbench.data.formats.parquet import format as parquet
from detbench.data.formats.voc import format as voc
from detbench.data.formats.yolo import format as yolo
from detbench.data.ground_truth import GroundTruth


class Format(NamedTuple):
    """A format that is read and written."""

    name: str
    ground_truth: GroundTruthFormat
    detections: DetectionsFormat


# Files are recognized in this order, so the formats that are surest of theirs come first.
# fmt: off
FORMATS = (
    #      name       ground truth          detections
    Format("parquet", parquet.GROUND_TRUTH, parquet.DETECTIONS),
    Format("coco",    coco.GROUND_TRUTH,    coco.DETECTIONS),
    Format("voc",     voc.GROUND_TRUTH,     voc.DETECTIONS),
    Format("yolo",    yolo.GROUND_TRUTH,    yolo.DETECTIONS),
)
# fmt: on
"""The formats that are read and written. Those that are only read are in `row_formats`, which is
imported only if none of these recognizes a file."""

GROUND_TRUTH_FORMATS = {row.name: row.ground_truth for row in FORMATS}
DETECTIONS_FORMATS = {row.name: row.detections for row in FORMATS}


def ground_truth_readers() -> Iterator[tuple[str, GroundTruthReader]]:
    """Yield the name and the reader of every format.

    One that has no ground truth has no description, and its reader says what the file is.
    """
    yield from GROUND_TRUTH_FORMATS.items()
    from detbench.data.formats.row_formats import ROW_FORMATS

    for row in ROW_FORMATS:
        yield row.name, row.ground_truth_reader()


def detections_readers() -> Iterator[tuple[str, DetectionsReader]]:
    """Yield the name and the reader of every format.

    One that has no detections has no description, and its reader says what the file is.
    """
    yield from DETECTIONS_FORMATS.items()
    from detbench.data.formats.row_formats import ROW_FORMATS

    for row in ROW_FORMATS:
        yield row.name, row.detections_reader()


def recognize_ground_truth(
    path: Path, columns: str | None = None
) -> tuple[str, GroundTruthReader] | None:
    """Return name and reader of the format of the ground truth at `path`; None if it has none.

    If the user states the `columns`, it is a CSV file. A folder of no other format is read as the
    COCO annotations in it, if it has just one .json file, or just one in its folder `annotations`.
    """
    if columns is not None:
        from detbench.data.formats.csv_files.generic import FORMAT

        return FORMAT.name, FORMAT.ground_truth_reader(columns)
    readers = ground_truth_readers()
    recognized = next((reader for reader in readers if reader[1].recognizes(path)), None)
    file = only_annotations(path) if recognized is None and path.is_dir() else None
    if file is None:
        return recognized
    reader = GROUND_TRUTH_FORMATS["coco"]
    return "coco", GroundTruthReader(
        reader.description,
        reader.recognizes,
        read=lambda _, split, images: reader.read(file, split, images),
        read_leniently=lambda _, split, images: reader.read_leniently(file, split, images),
    )


def only_annotations(folder: Path) -> Path | None:
    """Return the only .json file in a folder, if it is COCO annotations; None otherwise."""
    from detbench.data.formats.parsing.json_head import json_head

    files = list(folder.glob("annotations/*.json")) or list(folder.glob("*.json"))
    if len(files) != 1 or json_head(files[0]).root != "object":
        return None
    return files[0] if GROUND_TRUTH_FORMATS["coco"].recognizes(files[0]) else None


def recognize_detections(
    path: Path, ground_truth: GroundTruth, columns: str | None = None
) -> tuple[str, DetectionsReader] | None:
    """Return name and reader of the format of the detections at `path`; None if it has none.

    If the user states the `columns`, it is a CSV file.
    """
    if columns is not None:
        from detbench.data.formats.csv_files.generic import FORMAT

        return FORMAT.name, FORMAT.detections_reader(columns)
    readers = detections_readers()
    return next((reader for reader in readers if reader[1].recognizes(path, ground_truth)), None)

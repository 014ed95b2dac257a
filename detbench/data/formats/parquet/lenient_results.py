"""Parquet detections read leniently: unknown images and classes, and NaN, are rows, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Ints, groups_from_offsets
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.lenient_files import DetectionsFile, Labels
from detbench.data.formats.parquet.tables import read_detection_columns
from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.ground_truth import GroundTruth


def read_parquet_detections_leniently(
    path: Path, ground_truth: GroundTruth
) -> tuple[DetectionRows, DetectionsFile]:
    """Read a detections file of detbench, or that of a run folder, in the order of its source.

    Raises:
        InputError: The file is damaged as a Parquet file.
    """
    file = path / "detections.parquet" if path.is_dir() else path
    header, image_ids, offsets, columns = read_detection_columns(file)
    order = np.arange(header.objects)
    if "source_row" in columns:
        order = np.argsort(columns["source_row"], kind="stable")
    images = Labels(image_ids, groups_from_offsets(offsets).astype(np.int64)[order])
    classes = _class_labels(header.class_names, columns["class_index"][order].astype(np.int64))

    positions = match_images(file, ground_truth, images.names)
    class_index = {name: index for index, name in enumerate(ground_truth.class_names)}
    class_of_name = [class_index.get(name, -1) for name in classes.names]
    rows = DetectionRows.from_source(
        np.array(positions, np.int64)[images.codes],
        np.array(class_of_name, np.int64)[classes.codes],
        columns["box"][order],
        columns["score"][order],
    )
    none = np.zeros(len(rows), np.bool_)
    return rows, DetectionsFile(
        path, "parquet", images, classes, rows.boxes, malformed=none, unnamed=none
    )


def _class_labels(names: tuple[str, ...], index: Ints) -> Labels:
    """Return the class of each row; an index without a name is called after its number."""
    unnamed = np.unique(index[(index < 0) | (index >= len(names))]).tolist()
    code_of = {number: len(names) + position for position, number in enumerate(unnamed)}
    codes = [code_of.get(number, number) for number in index.tolist()] if unnamed else index
    return Labels(
        (*names, *(f"class_index {number}" for number in unnamed)), np.array(codes, np.int64)
    )

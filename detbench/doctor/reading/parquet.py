"""Parquet detections read leniently: unknown images and classes, NaN and inverted boxes are rows like others."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Ints, groups_from_offsets
from detbench.data.formats.parquet.tables import read_detection_columns
from detbench.data.formats.parsing.image_ids import numbers_of_images, place_of_image
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Labels, Source
from detbench.doctor.reading.rows import Rows


def read_parquet(path: Path, truth: GroundTruth) -> tuple[Rows, Source]:
    """Read detbench's own file, or that of a run folder, in the order of its source; InputError where it is damaged as a file."""
    header, image_ids, offsets, columns = read_detection_columns(
        path / "detections.parquet" if path.is_dir() else path
    )
    order = (
        np.argsort(columns["source_row"], kind="stable")
        if "source_row" in columns
        else np.arange(header.objects)
    )
    images = Labels(image_ids, groups_from_offsets(offsets).astype(np.int64)[order])
    classes = _classes(header.class_names, columns["class_index"][order].astype(np.int64))
    numbers = numbers_of_images(truth)
    kinds = {name: place for place, name in enumerate(truth.class_names)}
    rows = Rows(
        np.array([place_of_image(truth, numbers, name) for name in images.names], np.int64)[
            images.codes
        ],
        np.array([kinds.get(name, -1) for name in classes.names], np.int64)[classes.codes],
        columns["box"][order],
        columns["score"][order],
    )
    none = np.zeros(len(rows), np.bool_)
    return rows, Source(path, "parquet", images, classes, rows.boxes, none, none)


def _classes(names: tuple[str, ...], index: Ints) -> Labels:
    """Return the classes of the rows; an index that the file has no name for is called by its number."""
    stray = np.unique(index[(index < 0) | (index >= len(names))])
    place = {number: len(names) + n for n, number in enumerate(stray.tolist())}
    codes = (
        np.array([place.get(number, number) for number in index.tolist()], np.int64)
        if len(stray)
        else index
    )
    return Labels((*names, *(f"class_index {number}" for number in stray.tolist())), codes)

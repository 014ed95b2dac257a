"""YOLO results read leniently: every line becomes a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Ints
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.lenient_files import DetectionsFile, Labels
from detbench.data.formats.parsing.lenient_lines import (
    first_malformed_line,
    lines_of,
    number_table,
)
from detbench.data.formats.parsing.lenient_values import id_text
from detbench.data.formats.yolo.file_stems import images_of_files
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import require_image_sizes


def read_yolo_results_leniently(
    folder: Path, ground_truth: GroundTruth
) -> tuple[DetectionRows, DetectionsFile]:
    """Read `class cx cy w h confidence` lines; fractions become pixels if the image is known."""
    files = sorted(folder.glob("*.txt"))
    lines = [line for path in files for line in lines_of(path)]
    numbers, malformed = number_table(lines)
    images = Labels.of([line.path.stem for line in lines])
    classes = Labels.of([_class_text(line.words[0]) for line in lines])

    known_images = images_of_files(folder, files, ground_truth)
    positions = [known_images.get(name, -1) for name in images.names]
    image_index = np.array(positions, np.int64)[images.codes]
    sizes = require_image_sizes(ground_truth) if len(lines) else ground_truth.image_sizes
    # Index −1 picks the last row: on an unknown image the fractions stay as they are.
    size_of_row = np.vstack([sizes, [(1.0, 1.0)]])[image_index]
    cxcywh = numbers[:, :4] * np.tile(size_of_row, 2)
    half = cxcywh[:, 2:] / 2
    rows = DetectionRows.from_source(
        image_index,
        _class_index(ground_truth, classes),
        np.hstack([cxcywh[:, :2] - half, cxcywh[:, :2] + half]),
        numbers[:, 4],
    )
    return rows, DetectionsFile(
        folder,
        "yolo",
        images,
        classes,
        numbers[:, :4],
        malformed,
        unnamed=np.zeros(len(lines), np.bool_),
        first_malformed=first_malformed_line(lines, malformed, last_number="the confidence"),
        box_format="cxcywh",
        unit="fractions",
        score_position="last",
        has_class_numbers=True,
    )


def _class_index(ground_truth: GroundTruth, classes: Labels) -> Ints:
    n_classes = len(ground_truth.class_names)
    index = [
        int(name) if name.isdigit() and int(name) < n_classes else -1 for name in classes.names
    ]
    return np.array(index, np.int64)[classes.codes]


def _class_text(word: str) -> str:
    """Return the class of a line; "3.0" is class 3, as for the strict reader."""
    if word.isdigit():
        return word
    try:
        return id_text(float(word))
    except ValueError:
        return word

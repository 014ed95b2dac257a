"""VOC results read leniently: every line becomes a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.lenient_files import DetectionsFile, Labels
from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.formats.parsing.lenient_lines import (
    first_malformed_line,
    lines_of,
    number_table,
)
from detbench.data.ground_truth import GroundTruth


def read_voc_results_leniently(
    folder: Path, ground_truth: GroundTruth
) -> tuple[DetectionRows, DetectionsFile]:
    """Read comp3 or comp4 files, one per class.

    A file belongs to the class whose name ends the file's name, the longest such class.
    """
    class_names = ground_truth.class_names
    class_of = {path: _class_of(path.stem, class_names) for path in sorted(folder.glob("*.txt"))}
    lines = [line for path in class_of for line in lines_of(path)]
    numbers, malformed = number_table(lines)

    images = Labels.of([line.words[0] for line in lines])
    name_of = {path: class_names[k] if k >= 0 else path.stem for path, k in class_of.items()}
    classes = Labels.of([name_of[line.path] for line in lines])
    positions = match_images(folder, ground_truth, images.names)
    rows = DetectionRows.from_source(
        np.array(positions, np.int64)[images.codes],
        np.array([class_of[line.path] for line in lines], np.int64),
        # 1-based inclusive corners become continuous edges.
        numbers[:, 1:] - [1, 1, 0, 0],
        numbers[:, 0],
    )
    found_classes = set(class_of.values())
    return rows, DetectionsFile(
        folder,
        "voc",
        images,
        classes,
        numbers[:, 1:],
        malformed,
        _without_numbers(numbers),
        first_malformed_line(lines, malformed),
        classes_without_file=tuple(
            name for k, name in enumerate(class_names) if k not in found_classes
        ),
        is_one_based=True,
        score_position="first",
    )


def _without_numbers(numbers: Floats) -> Flags:
    """Return which lines (N,) have no number at all: a header, or a separator other than blanks."""
    return np.asarray(np.isnan(numbers).all(axis=1))


def _class_of(stem: str, class_names: tuple[str, ...]) -> int:
    matching = [
        k for k, name in enumerate(class_names) if stem == name or stem.endswith(f"_{name}")
    ]
    return max(matching, key=lambda k: len(class_names[k]), default=-1)

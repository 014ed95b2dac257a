"""YOLO results read leniently: every line becomes a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Flags, Ints
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.lenient_files import DetectionsFile, Labels
from detbench.data.formats.parsing.lenient_values import id_text, shortened
from detbench.data.formats.yolo.labels import are_class_numbers
from detbench.data.formats.yolo.results import YoloResults
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import require_image_sizes


def read_yolo_results_leniently(
    folder: Path, ground_truth: GroundTruth
) -> tuple[DetectionRows, DetectionsFile]:
    """Read the lines of a folder of results; fractions become pixels if the image is known.

    Raises:
        InputError: See `YoloResults`.
    """
    results = YoloResults(folder, ground_truth)
    lines, image_index = results.lines, results.image_index
    sizes = require_image_sizes(ground_truth, image_index[image_index >= 0])
    # Index −1 picks the last row: on an unknown image the fractions stay as they are.
    size_of_row = np.vstack([sizes, [(1.0, 1.0)]])[image_index]
    with np.errstate(over="ignore", invalid="ignore"):
        cxcywh = results.boxes * np.tile(size_of_row, 2)
        half = cxcywh[:, 2:] / 2
        corners = np.hstack([cxcywh[:, :2] - half, cxcywh[:, :2] + half])
    wrong_length = ~results.has_shape | results.lacks_confidence
    malformed = wrong_length | lines.malformed_behind_class
    names = Labels.of(results.files.names)
    classes = _classes(results)
    rows = DetectionRows.from_source(
        image_index, _class_index(ground_truth, results), corners, results.scores
    )
    return rows, DetectionsFile(
        folder,
        "yolo",
        Labels(names.names, names.codes[lines.file_index]),
        classes,
        results.boxes,
        malformed,
        unnamed=np.zeros(len(lines), np.bool_),
        first_malformed=_first_malformed(results, malformed),
        box_format="cxcywh",
        unit="fractions",
        wrong_length=np.asarray(wrong_length),
        score_position="last",
        has_class_numbers=True,
    )


def _classes(results: YoloResults) -> Labels:
    """Return the class of each line; "3.0" is class 3, as for the strict reader."""
    lines = results.lines
    numbers, rows = lines.first_numbers.tolist(), range(len(lines))
    are_numbers = are_class_numbers(lines).tolist()
    return Labels.of(
        [
            id_text(number) if is_number else lines.words(row)[0]
            for row, number, is_number in zip(rows, numbers, are_numbers, strict=True)
        ]
    )


def _class_index(ground_truth: GroundTruth, results: YoloResults) -> Ints:
    """Return the class of each line, −1 for one that the ground truth does not have."""
    numbers = results.lines.first_numbers
    has_class = are_class_numbers(results.lines) & (numbers < len(ground_truth.class_names))
    return np.where(has_class, numbers, -1).astype(np.int64)


def _first_malformed(results: YoloResults, malformed: Flags) -> str:
    """Return position and content of the first malformed line, empty if there is none."""
    if not malformed.any():
        return ""
    row = int(malformed.argmax())
    words = results.lines.words(row)
    name = Path(results.lines.path(row)).name
    position = f"{name}, {results.lines.place(row)}, {shortened(' '.join(words))}"
    if results.has_shape[row] and not results.lacks_confidence[row]:
        return position
    guess = "; the confidence seems to be missing" if results.lacks_confidence[row] else ""
    return f"{position}: {len(words)} values, expected {results.reading.length}{guess}"

"""VOC results read leniently: every line of the files that count becomes a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.lenient_files import DetectionsFile, Labels
from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.formats.parsing.lenient_values import shortened
from detbench.data.formats.voc.result_lines import N_VALUES, ResultLines, read_result_lines
from detbench.data.formats.voc.results import continuous, find_class_files
from detbench.data.ground_truth import GroundTruth


def read_voc_results_leniently(
    folder: Path, ground_truth: GroundTruth
) -> tuple[DetectionRows, DetectionsFile]:
    """Read the files that `read_voc_results` reads, and those of unknown classes after them.

    Raises:
        InputError: There is no such folder, no file of results, or there are two sets of them.
    """
    files = find_class_files(folder, ground_truth.class_names)
    named = [
        *zip(range(len(files.of_classes)), ground_truth.class_names, files.of_classes, strict=True),
        *((-1, name, file) for name, file in files.of_unknown_classes),
    ]
    existing = [(number, name, file) for number, name, file in named if file is not None]
    lines = read_result_lines([file for _, _, file in existing], ground_truth)
    numbers = lines.values

    positions = match_images(folder, ground_truth, lines.image_ids)
    class_numbers = np.array([number for number, _, _ in existing], np.int64)
    rows = DetectionRows.from_source(
        np.array(positions, np.int64)[lines.image_codes],
        np.repeat(class_numbers, lines.counts),
        continuous(numbers[:, 1:], ground_truth),
        numbers[:, 0],
    )
    with_lines = [
        (name, count)
        for (_, name, _), count in zip(existing, lines.counts.tolist(), strict=True)
        if count
    ]
    return rows, DetectionsFile(
        folder,
        "voc",
        Labels(tuple(lines.image_ids), lines.image_codes),
        Labels(
            tuple(name for name, _ in with_lines),
            np.repeat(np.arange(len(with_lines)), [count for _, count in with_lines]),
        ),
        numbers[:, 1:],
        lines.malformed,
        # No number at all: a header, or a separator other than blanks.
        np.asarray(np.isnan(numbers).all(axis=1)),
        _first_malformed(lines),
        classes_without_file=tuple(
            name
            for name, file in zip(ground_truth.class_names, files.of_classes, strict=True)
            if file is None
        ),
        corner_offsets=ground_truth.voc_offsets,
        wrong_length=lines.wrong_length,
        score_position="first",
    )


def _first_malformed(lines: ResultLines) -> str:
    """Return position and content of the first malformed line, empty if there is none."""
    if not lines.malformed.any():
        return ""
    row = int(lines.malformed.argmax())
    file, number, text = lines.locate(row)
    position = f"{file.name}, line {number}, {shortened(' '.join(text.split()))}"
    n_values = lines.n_values(row)
    if n_values == N_VALUES:
        return position
    return f"{position}: {n_values} values, expected {N_VALUES}"

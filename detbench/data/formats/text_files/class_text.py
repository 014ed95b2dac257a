"""Text per image with the class first: `class [score] left top right bottom`.

Cartucho/mAP reads `class left top right bottom [difficult]` and, as results, `class score left top
right bottom` (its README, "Create the ground-truth files"); many Darknet wrappers write them.
rafaelpadilla/Object-Detection-Metrics has the same lines, with `left top width height` by default
(`-gtformat xywh` in its pascalvoc.py). Corners are read as continuous edges from 0, since both
tools take the numbers as they are; results for VOC annotations count pixels as these do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.labeled_boxes.labeled_boxes import Flagged, LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.plain_text import is_number, parse_number, parse_numbers
from detbench.data.formats.parsing.text_lines import Line
from detbench.data.formats.text_files.class_lines import LABEL, RESULT, Layout, choose_layout
from detbench.data.formats.text_files.label_folder import (
    class_names_of,
    label_folder,
    lines_by_image,
    most_lines,
)
from detbench.data.image_headers import read_image_size, with_sizes_of_files
from detbench.errors import InputError
from detbench.wording import plural

FOLDERS = ("groundtruths", "ground-truth", "input/ground-truth", "gts", "labels")
_DIFFICULT = "difficult"


class _ClassLine(NamedTuple):
    image: int
    line: Line
    class_words: Sequence[str]
    numbers: Sequence[str]
    is_difficult: bool


def recognizes(path: Path) -> bool:
    """Tell whether the first lines of a folder's files are a class and a box in pixels.

    A class number needs numbers beyond 1 behind it, since lines of fractions are YOLO's.
    """
    return path.is_dir() and most_lines(label_folder(path, FOLDERS), _fits)


def _fits(line: str) -> bool:
    words = line.split()
    if not words or words[0].startswith("%"):
        return False
    parsed = _parse(0, Line(Path(), 1, words))
    if len(parsed.numbers) not in (4, 5) or not parsed.class_words:
        return False
    if not any(map(is_number, parsed.class_words)):
        return True
    if len(parsed.class_words) > 1:
        return False
    # Behind the number of a class, YOLO has fractions, and the score last.
    numbers, _ = parse_numbers(parsed.numbers)
    is_score_first = len(numbers) == 4 or 0 <= numbers[0] <= 1
    return bool(is_score_first and (np.abs(numbers[-4:]) > 1).sum() >= 2)


def _parse(image: int, line: Line) -> _ClassLine:
    """Split a line into the words of its class and the numbers behind it, at most five."""
    words = line.words
    if "," in words[-1]:
        cells = [cell.strip() for cell in " ".join(words).split(",")]
        words = cells[0].split() + cells[1:]
    if len(words) in (5, 6):
        # The usual line, in one step: a file may have a million of them.
        with suppress(ValueError):
            for word in words[1:]:
                float(word)
            return _ClassLine(image, line, words[:1], words[1:], False)
    is_difficult = len(words) > 1 and words[-1].lower() == _DIFFICULT
    if is_difficult:
        words = words[:-1]
    n_numbers = 0
    while n_numbers < min(len(words) - 1, 5) and is_number(words[-1 - n_numbers]):
        n_numbers += 1
    start = len(words) - n_numbers
    return _ClassLine(image, line, words[:start], words[start:], is_difficult)


def read(source: Source) -> LabeledBoxes:
    """Read a folder of text files.

    Raises:
        InputError: The lines are not what the source asks for, or fit several readings.
    """
    folder = label_folder(source.path, FOLDERS)
    labeled = LabeledBoxes("class-text", source, texts=True, names_files=True)
    lines = [_parse(image, line) for image, line in lines_by_image(labeled, folder, fits=_fits)]
    counts = Counter(len(line.numbers) for line in lines if len(line.numbers) >= 4)
    n_numbers = counts.most_common(1)[0][0] if counts else 4 + source.scored
    layout = _layout(labeled, lines, n_numbers)
    labeled.box_format, labeled.unit = layout.box_format, layout.unit
    if layout.box_format == "xyxy" and _counts_as_voc(source):
        labeled.corner_offsets = (1, 0)
    if layout.note:
        labeled.notes.append(layout.note)
    _add_class_lines(labeled, folder, lines, layout)
    return labeled


def _counts_as_voc(source: Source) -> bool:
    """Tell whether the ground truth counts pixels from 1, with the last ones inside the boxes."""
    truth = source.ground_truth
    return truth is not None and truth.protocol.startswith("voc") and truth.voc_offsets == (1, 0)


def _layout(labeled: LabeledBoxes, lines: Sequence[_ClassLine], n_numbers: int) -> Layout:
    source = labeled.source
    complete = [line for line in lines if len(line.numbers) >= n_numbers]
    words = [word for line in complete for word in line.numbers[-n_numbers:]]
    numbers = parse_numbers(words)[0].reshape(-1, n_numbers)
    is_finite = np.isfinite(numbers).all(axis=1)
    if not is_finite.any():
        return Layout(5, 1, score=0) if source.scored else Layout(4)

    def image_sizes() -> Floats:
        return _image_sizes(labeled)[[line.image for line in complete]][is_finite]

    return choose_layout(source, numbers[is_finite], image_sizes)


def _image_sizes(labeled: LabeledBoxes) -> Floats:
    """Return the size (I, 2) of each image: of its file, or as the ground truth knows it."""
    sizes = np.full((len(labeled.images), 2), np.nan)
    truth, folder = labeled.source.ground_truth, labeled.image_folder
    size_of_name: dict[str, Sequence[float]] = {}
    if truth is not None:
        sizes_of_truth = with_sizes_of_files(truth).image_sizes.tolist()
        size_of_name = {
            Path(name).stem: size
            for name, size in zip(truth.image_names, sizes_of_truth, strict=True)
        }
    for image_id, image in labeled.images.items():
        file = labeled.files[image]
        if folder is not None and file:
            with suppress(InputError):
                sizes[image] = read_image_size(folder / file)
        elif image_id in size_of_name:
            sizes[image] = size_of_name[image_id]
    return sizes


def _add_class_lines(
    labeled: LabeledBoxes, folder: Path, lines: Sequence[_ClassLine], layout: Layout
) -> None:
    """Add the box of each line."""
    surplus = [max(len(line.numbers) - layout.n_numbers, 0) for line in lines]
    # A number in front of the box belongs to a name such as "class 1".
    words = [
        " ".join([*line.class_words, *line.numbers[:extra]])
        for line, extra in zip(lines, surplus, strict=True)
    ]
    names = class_names_of(labeled, folder, words)
    numbers_of_words = {word: labeled.class_number(name) for word, name in names.items()}
    for path, group in groupby(range(len(lines)), lambda k: lines[k].line.path):
        rows = list(group)
        numbers = [lines[k].numbers[surplus[k] :] for k in rows]
        for position, values in enumerate(numbers):
            # The flag of a label may be missing.
            if len(values) != layout.n_numbers and (len(values), layout.difficult) != (4, 4):
                labeled.faults[len(labeled) + position] = _wrong_length(labeled, values)
                numbers[position] = ()
        labeled.add_rows(
            [lines[k].image for k in rows],
            [numbers_of_words[words[k]] for k in rows],
            [layout.box(values) for values in numbers],
            [_value(values, layout.score) for values in numbers],
            [
                Flagged(difficult=lines[k].is_difficult or _is_set(values, layout.difficult))
                for k, values in zip(rows, numbers, strict=True)
            ],
            file=path,
            places=[lines[k].line.number for k in rows],
        )


def _wrong_length(labeled: LabeledBoxes, values: Sequence[str]) -> str:
    expected = RESULT if labeled.source.scored else LABEL
    return f"{plural(len(values), 'number')} at the end of the line, expected {expected}"


def _value(values: Sequence[str], position: int | None) -> str | None:
    return values[position] if position is not None and position < len(values) else None


def _is_set(values: Sequence[str], position: int | None) -> bool:
    text = _value(values, position)
    return text is not None and parse_number(text) != 0


FORMAT = RowFormat(
    name="class-text",
    recognizes=recognizes,
    read=read,
    ground_truth="a folder of text files per image with lines of class left top right bottom",
    detections="a folder of text files per image with lines of class score left top right bottom",
)

"""DOTA: a text file per image with lines `x1 y1 x2 y2 x3 y3 x4 y4 class difficult`.

Corners of the oriented box are in pixels from 0; its bounding box is taken, as in DOTA's own task
of horizontal boxes. Files of version 1.0 begin with `imagesource:` and `gsd:`. Results are a file
per class, `Task1_CLASS.txt` with lines `image score x1 y1 … x4 y4`, or `Task2_CLASS.txt` with lines
`image score xmin ymin xmax ymax`. Source: https://captain-whu.github.io/DOTA/dataset.html and
tasks.html, and CAPTAIN-WHU/DOTA_devkit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detbench.data.formats.labeled_boxes.labeled_boxes import (
    READ_AS_BOXES,
    LabeledBoxes,
    Source,
)
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.labeled_boxes.shapes import bounding_box
from detbench.data.formats.parsing.plain_text import is_number, parse_number
from detbench.data.formats.parsing.text_lines import Line, lines_of
from detbench.data.formats.text_files.label_folder import (
    label_folder,
    lines_by_image,
    most_lines,
    not_detections,
    not_ground_truth,
)

LABEL = "`x1 y1 x2 y2 x3 y3 x4 y4 class difficult`"
RESULT = "`image score x1 y1 … x4 y4` in Task1_CLASS.txt, or four numbers in Task2_CLASS.txt"
_FOLDERS = ("labelTxt", "labelTxt-v1.0", "labelTxt-v1.5", "labelTxt-v2.0", "annfiles")
_HEADERS = ("imagesource:", "gsd:")
_TASKS = ("Task1_", "Task2_")
_N_CORNERS = 8


def recognizes(path: Path) -> bool:
    """Tell whether a folder has Task1_ or Task2_ files, or lines of four corners and a class."""
    return path.is_dir() and (
        bool(result_files(path)) or most_lines(label_folder(path, _FOLDERS), _fits)
    )


def result_files(path: Path) -> list[Path]:
    """Return the results of each class."""
    return sorted(file for task in _TASKS for file in path.glob(f"{task}*.txt"))


def _fits(line: str) -> bool:
    words = line.split()
    if line.startswith(_HEADERS):
        return True
    if len(words) not in (_N_CORNERS + 1, _N_CORNERS + 2) or is_number(words[_N_CORNERS]):
        return False
    return all(map(is_number, words[:_N_CORNERS])) and words[_N_CORNERS + 1 :] in ([], ["0"], ["1"])


def read(source: Source) -> LabeledBoxes:
    """Read a folder `labelTxt`, the folder above it, or a folder of results.

    Raises:
        InputError: The lines are not what the source asks for.
    """
    labeled = LabeledBoxes("dota", source, texts=True, names_files=True)
    results = result_files(source.path)
    if results and not source.scored:
        raise not_ground_truth(source.path, LABEL)
    if source.scored and not results:
        raise not_detections(source.path, RESULT)
    if source.scored:
        for file in results:
            labeled.class_number(_class_of(file))
            for line in lines_of(file):
                _add_result(labeled, _class_of(file), line)
        return labeled
    folder = label_folder(source.path, _FOLDERS)
    for image, line in lines_by_image(labeled, folder):
        if not line.words[0].startswith(_HEADERS):
            _add_label(labeled, image, line)
    return labeled


def _class_of(file: Path) -> str:
    return file.stem[len(_TASKS[0]) :]


def _add_label(labeled: LabeledBoxes, image: int, line: Line) -> None:
    words = line.words
    file, where = line.path, f"line {line.number}"
    if len(words) not in (_N_CORNERS + 1, _N_CORNERS + 2):
        problem = f"{len(words)} values, expected 10: {LABEL}"
        labeled.add_malformed(image, words[0], problem, file=file, where=where)
        return
    box = _bounding_box(labeled, words[:_N_CORNERS])
    # The class comes after the corners; files of some tools end there.
    flag = words[_N_CORNERS + 1] if len(words) > _N_CORNERS + 1 else "0"
    name = words[_N_CORNERS]
    if not is_number(flag):
        problem = f"difficult is {flag!r}, expected 0 or 1"
        labeled.add_malformed(image, name, problem, file=file, where=where)
        return
    labeled.add(image, name, box, file=file, where=where, difficult=parse_number(flag) != 0)


def _add_result(labeled: LabeledBoxes, class_name: str, line: Line) -> None:
    file, where = line.path, f"line {line.number}"
    image_id, *numbers = line.words
    image = labeled.add_image(image_id)
    score, *corners = numbers or ["nan"]
    if len(corners) == _N_CORNERS:
        box: Sequence[object] = _bounding_box(labeled, corners)
    elif len(corners) == 4:
        box = corners
    else:
        problem = f"{len(line.words)} values, expected {RESULT}"
        labeled.add_malformed(image, class_name, problem, file=file, where=where)
        return
    labeled.add(image, class_name, box, file=file, where=where, score=score)


def _bounding_box(labeled: LabeledBoxes, corners: Sequence[str]) -> Sequence[object]:
    """Return the corners of the bounding box; of malformed ones, the first four as they are."""
    if not all(map(is_number, corners)):
        return [word for word in corners if not is_number(word)][:1] * 4
    numbers = [parse_number(word) for word in corners]
    if len({*numbers[::2]}) > 2 or len({*numbers[1::2]}) > 2:
        labeled.count_change("rotated box", READ_AS_BOXES)
    return bounding_box(numbers)


FORMAT = RowFormat(
    name="dota",
    recognizes=recognizes,
    read=read,
    ground_truth="DOTA: labelTxt with lines of four corners, class and difficult per image",
    detections="DOTA results: a folder with Task1_CLASS.txt or Task2_CLASS.txt",
)

"""VisDrone-DET: `left,top,width,height,score,category,truncation,occlusion` in a file per image.

Boxes are in pixels. In annotations a score of 0 marks an object that does not count, and category 0
a region in which nothing counts. The VisDrone2018-DET toolkit scores categories 1 to 10
(utils/calcAccuracy.m), so `others`, category 11, is left out on both sides. Its README.md describes
the format. It drops objects and detections that lie in ignored regions by half; here such a region
is a crowd region of every class, as in COCO.
"""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.plain_text import is_number, parse_number
from detbench.data.formats.parsing.text_lines import Line
from detbench.data.formats.text_files.label_folder import (
    label_folder,
    lines_by_image,
    most_lines,
    not_detections,
    not_ground_truth,
)

CLASS_NAMES = (
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
)
"""Categories 1 to 10."""
_LINE = "`left,top,width,height,score,category,truncation,occlusion`"
LABEL = f"{_LINE} and a score of 0 or 1"
RESULT = f"{_LINE}, the last two −1"
_FOLDERS = ("annotations",)
_N_VALUES = 8
_IGNORED_REGION, _OTHERS = 0, 11


def recognizes(path: Path) -> bool:
    """Tell whether the first lines of a folder's files are eight numbers with commas between."""
    return path.is_dir() and most_lines(label_folder(path, _FOLDERS), _fits)


def _fits(line: str) -> bool:
    values = _values(line)
    if len(values) != _N_VALUES or not all(map(is_number, values)):
        return False
    category = parse_number(values[5])
    return category in range(_OTHERS + 1)


def _values(line: str) -> list[str]:
    # Some annotations end with a comma.
    return [value.strip() for value in line.strip().removesuffix(",").split(",")]


def read(source: Source) -> LabeledBoxes:
    """Read a folder `annotations`, the folder above it, or a folder of results.

    Raises:
        InputError: The lines are not what the source asks for.
    """
    folder = label_folder(source.path, _FOLDERS)
    labeled = LabeledBoxes("visdrone", source, box_format="xywh", texts=True, names_files=True)
    labeled.list_classes(CLASS_NAMES)
    lines = [
        (image, line, _values(" ".join(line.words)))
        for image, line in lines_by_image(labeled, folder, fits=_fits)
    ]
    _check_scores(source, [values for _, _, values in lines])
    for image, line, values in lines:
        _add_line(labeled, image, line, values)
    return labeled


def _check_scores(source: Source, lines: list[list[str]]) -> None:
    """Raise InputError if annotations are given as results, or results as annotations."""
    complete = [values for values in lines if len(values) == _N_VALUES]
    if not complete:
        return
    scores = {values[4] for values in complete}
    are_flags = scores <= {"0", "1"}
    # Results have −1 for truncation and occlusion.
    are_results = all(values[6:] == ["-1", "-1"] for values in complete)
    if source.scored and are_flags and not are_results:
        raise not_detections(source.path, RESULT)
    if not source.scored and (are_results or not are_flags):
        raise not_ground_truth(source.path, LABEL)


def _add_line(labeled: LabeledBoxes, image: int, line: Line, values: list[str]) -> None:
    file, where = line.path, f"line {line.number}"
    if len(values) != _N_VALUES:
        problem = f"{len(values)} values, expected {_N_VALUES}: {_LINE}"
        labeled.add_malformed(image, CLASS_NAMES[0], problem, file=file, where=where)
        return
    number = parse_number(values[5]) if is_number(values[5]) else -1
    box, scored = values[:4], labeled.source.scored
    if number == _OTHERS:
        labeled.count_change("object" if not scored else "detection", "of category 11 left out")
    elif number == _IGNORED_REGION:
        if scored:
            labeled.count_change("detection", "of category 0 left out")
        else:
            labeled.add_ignored_region(image, box, file=file, where=where)
    elif number not in range(1, _OTHERS):
        problem = f"category {values[5]}, expected a number from 0 to {_OTHERS}"
        labeled.add_malformed(image, CLASS_NAMES[0], problem, file=file, where=where)
    else:
        labeled.add(
            image,
            CLASS_NAMES[int(number) - 1],
            box,
            file=file,
            where=where,
            score=values[4] if scored else None,
            iscrowd=not scored and values[4] == "0",
            truncated=not scored and values[6] not in ("0", "-1"),
        )


FORMAT = RowFormat(
    name="visdrone",
    recognizes=recognizes,
    read=read,
    ground_truth="VisDrone-DET: annotations with a text file of 8 numbers and commas per image",
    detections="VisDrone-DET results: a folder with a text file of 8 numbers and commas per image",
)

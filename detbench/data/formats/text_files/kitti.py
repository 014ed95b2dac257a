"""KITTI object labels: `type truncated occluded alpha left top right bottom` and seven 3D values.

Results have a sixteenth value, the score. Corners are pixels from 0, and KITTI's evaluation takes
right − left as the width. `DontCare` is a region in which nothing counts. Source: readme.txt of
KITTI's object development kit, "Data Format Description".
"""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.plain_text import is_number, parse_number
from detbench.data.formats.parsing.text_lines import Line
from detbench.data.formats.parsing.text_lists import read_list
from detbench.data.formats.text_files.label_folder import (
    label_files,
    label_folder,
    lines_by_image,
    most_lines,
    not_detections,
    not_ground_truth,
)
from detbench.errors import InputError

LABEL = "`type truncated occluded alpha left top right bottom` and seven 3D values"
RESULT = f"{LABEL}, then the score"
_FOLDERS = ("label_2", "training/label_2", "default/label_2", "data", "labels")
_N_VALUES = 15
_DONT_CARE = "DontCare"


def recognizes(path: Path) -> bool:
    """Tell whether the first lines of a folder's files are a type and 14 or 15 numbers."""
    return path.is_dir() and most_lines(label_folder(path, _FOLDERS), _fits)


def _fits(line: str) -> bool:
    words = line.split()
    has_length = len(words) in (_N_VALUES, _N_VALUES + 1)
    return has_length and not is_number(words[0]) and all(map(is_number, words[1:]))


def read(source: Source) -> LabeledBoxes:
    """Read a folder `label_2`, the folder above it, or a folder of results.

    Raises:
        InputError: The lines are not what the source asks for, or there is no such split.
    """
    folder = label_folder(source.path, _FOLDERS)
    files = None if source.split is None else _split_files(folder, source.split)
    labeled = LabeledBoxes("kitti", source, texts=True, names_files=True)
    lines = list(lines_by_image(labeled, folder, files, fits=_fits))
    # Datumaro writes a score of 1.0 for every label.
    scores = {line.words[-1] for _, line in lines if len(line.words) == _N_VALUES + 1}
    has_constant_score = not source.scored and scores <= {"1", "1.0"}
    for image, line in lines:
        if has_constant_score and len(line.words) == _N_VALUES + 1:
            line.words.pop()
        _add_line(labeled, image, line)
    return labeled


def _split_files(folder: Path, split: str) -> list[Path]:
    """Return the label files of the images that `ImageSets/SPLIT.txt` lists."""
    parents = folder.absolute().parents[:2]
    lists = [parent / "ImageSets" / f"{split}.txt" for parent in parents]
    image_set = next((path for path in lists if path.is_file()), None)
    if image_set is None:
        problem = f"has no split {split!r}: there is no {lists[-1]}"
        raise InputError(folder, problem, fix="leave --split out, or write that list")
    files = {path.stem: path for path in label_files(folder)}
    listed = read_list(image_set)
    missing = next((name for name in listed if name not in files), None)
    if missing is not None:
        raise InputError(image_set, f"image {missing!r} has no label file in {folder}")
    return [files[name] for name in listed]


def _add_line(labeled: LabeledBoxes, image: int, line: Line) -> None:
    words, scored = line.words, labeled.source.scored
    file, where = line.path, f"line {line.number}"
    expected_length = _N_VALUES + scored
    if len(words) == _N_VALUES and scored:
        raise not_detections(file, RESULT)
    if len(words) == _N_VALUES + 1 and not scored:
        raise not_ground_truth(file, LABEL)
    if len(words) != expected_length:
        expected = RESULT if scored else LABEL
        problem = f"{len(words)} values, expected {expected_length}: {expected}"
        labeled.add_malformed(image, words[0], problem, file=file, where=where)
    elif words[0] == _DONT_CARE:
        if scored:
            labeled.count_change("detection", f"of {_DONT_CARE} left out")
        else:
            labeled.add_ignored_region(image, words[4:8], file=file, where=where)
    else:
        labeled.add(
            image,
            words[0],
            words[4:8],
            file=file,
            where=where,
            score=words[-1] if scored else None,
            truncated=is_number(words[1]) and parse_number(words[1]) > 0,
        )


FORMAT = RowFormat(
    name="kitti",
    recognizes=recognizes,
    read=read,
    ground_truth="KITTI: label_2 with a text file of 15 columns per image, or the folder above it",
    detections="KITTI results: a folder with a text file of 16 columns per image",
)

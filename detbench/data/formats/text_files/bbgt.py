"""bbGt of Piotr's toolbox, as KAIST, Caltech and ExDark have it: text per image after a head line.

Lines are `class left top width height occluded visible-left visible-top visible-width
visible-height ignore angle`, in pixels. `people` (a group) and `person?` (unclear) are regions in
which persons do not count, as in the evaluations of Caltech and KAIST; other classes stay as they
are. Source: http://pdollar.github.io/toolbox/detector/bbGt.html, and version 3 of its files.
"""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.plain_text import is_number, parse_number
from detbench.data.formats.parsing.text_lines import Line
from detbench.data.formats.text_files.label_folder import (
    first_line,
    lines_by_image,
    not_detections,
)

LABEL = "`class left top width height occluded` and six more values"
_HEAD = "% bbGt version="
_N_VALUES = (11, 12)
_PERSON = "person"
_UNCLEAR = ("people", "person?")


def recognizes(path: Path) -> bool:
    """Tell whether the first text file of a folder, or below it, has the head line."""
    if not path.is_dir():
        return False
    first = next(path.rglob("*.txt"), None)
    return first is not None and first_line(first).startswith(_HEAD)


def read(source: Source) -> LabeledBoxes:
    """Read the annotations of a folder and its subfolders.

    Raises:
        InputError: Detections are asked for, or a file has no head line.
    """
    if source.scored:
        raise not_detections(source.path, "COCO results, whose image ids may be paths")
    annotations = source.path / "annotations"
    folder = annotations if annotations.is_dir() else source.path
    labeled = LabeledBoxes("bbgt", source, box_format="xywh", texts=True, names_files=True)
    files = sorted(folder.rglob("*.txt"))
    lines = [
        (image, line)
        for image, line in lines_by_image(labeled, folder, files)
        if not line.words[0].startswith("%")
    ]
    names = sorted({line.words[0] for _, line in lines})
    has_person = _PERSON in names
    # Results number the classes, and number 1 is the person.
    order = [name for name in names if not (has_person and name in _UNCLEAR)]
    labeled.list_classes(sorted(order, key=_PERSON.__ne__))
    for image, line in lines:
        _add_line(labeled, image, line)
    return labeled


def _add_line(labeled: LabeledBoxes, image: int, line: Line) -> None:
    words, file, where = line.words, line.path, f"line {line.number}"
    if len(words) not in _N_VALUES:
        problem = f"{len(words)} values, expected 12: {LABEL}"
        labeled.add_malformed(image, words[0], problem, file=file, where=where)
        return
    name, ignored = words[0], words[10]
    if not is_number(ignored):
        problem = f"its flag to ignore is {ignored!r}, expected 0 or 1"
        labeled.add_malformed(image, name, problem, file=file, where=where)
        return
    is_unclear = name in _UNCLEAR and _PERSON in labeled.classes
    if is_unclear:
        labeled.count_change(f"{name} box", "ignored: persons there do not count")
    labeled.add(
        image,
        _PERSON if is_unclear else name,
        words[1:5],
        file=file,
        where=where,
        iscrowd=is_unclear or parse_number(ignored) != 0,
    )


FORMAT = RowFormat(
    name="bbgt",
    recognizes=recognizes,
    read=read,
    ground_truth="bbGt (KAIST, Caltech, ExDark): text files that begin with % bbGt version=",
)

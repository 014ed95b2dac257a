"""Rows of a CSV file as labeled boxes: separators, boxes, flags, and what the numbers count."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.csv_files.columns import Columns
from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes
from detbench.data.formats.parsing.plain_text import is_number, parse_numbers, read_text
from detbench.data.formats.text_files.label_folder import class_names_of
from detbench.errors import InputError

SEPARATORS = (",", ";", "\t")
SUFFIXES = frozenset({".csv", ".tsv"})
_HEAD_BYTES = 1 << 16
_FLAG_TEXTS = {
    **dict.fromkeys(("0", "0.0", "-1", "false", "no", ""), False),
    **dict.fromkeys(("1", "1.0", "true", "yes"), True),
}
"""The spellings of a flag; −1 stands for unknown in Open Images."""
_MANY = 0.01
"""Share of rows that must contradict a reading before the other one is chosen."""
_TOLERANCE = 1e-3

Row = tuple[int, list[str]]
"""Line number and cells."""


def separator_of(line: str) -> str:
    """Return the separator of a line: the most frequent of comma, semicolon and tab."""
    return max(SEPARATORS, key=line.count)


def first_row(path: Path) -> list[str]:
    """Return the cells of the first line of a file that is not blank; none for other files."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        text = file.read(_HEAD_BYTES).decode("utf-8", "replace").removeprefix("\ufeff")
    line = next((line for line in text.splitlines() if line.strip()), "")
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator_of(line)), [])]


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file that are not empty, without blanks around its cells.

    The first row decides on the separator.

    Raises:
        InputError: The file cannot be read as CSV.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise InputError(path, "no such file") from None
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(text.splitlines(), delimiter=separator_of(first))
    rows = []
    try:
        for cells in reader:
            if any(cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        where = f"line {reader.line_num}"
        raise InputError(path, f"cannot be read as CSV: {error}", where=where) from error
    return rows


def is_header(row: Sequence[str], columns: Columns) -> bool:
    """Tell whether a row holds names: none of its coordinates is a number, nor are all empty."""
    cells = [row[position] for position in columns.box if position < len(row)]
    return any(cells) and not any(map(is_number, cells))


def add_rows(
    labeled: LabeledBoxes,
    path: Path,
    rows: Sequence[Row],
    columns: Columns,
    *,
    image: int | None = None,
) -> None:
    """Add the box of each row; rows with an image alone are images without objects.

    Args:
        labeled: What to add the boxes to; its box format and unit are set by the first file.
        path: The file.
        rows: Its rows without the header.
        columns: What the columns are.
        image: The image of all rows; None if a column names it.
    """
    words = [cells[columns.class_name] for _, cells in rows if len(cells) > columns.class_name]
    names = class_names_of(labeled, path.parent, filter(None, words))
    for number, cells in rows:
        _add_row(labeled, path, number, cells, columns, names, image)


def _add_row(
    labeled: LabeledBoxes,
    path: Path,
    number: int,
    cells: list[str],
    columns: Columns,
    names: Mapping[str, str],
    image: int | None,
) -> None:
    where = f"line {number}"
    if len(cells) <= columns.last:
        if image is None:
            image = labeled.add_image(cells[columns.image or 0] if cells else "")
        problem = f"{len(cells)} values, expected at least {columns.last + 1}"
        labeled.add_malformed(image, None, problem, file=path, where=where)
        return
    if columns.image is not None:
        name = cells[columns.image]
        if not name:
            raise InputError(path, "names no image", where=where)
        image = labeled.add_image(name, file=name)
        if columns.size is not None:
            _state_size(labeled, image, cells, columns.size)
    elif image is None:
        raise InputError(path, "names no image", where=where)
    box = [cells[position] for position in columns.box]
    if not any(box) and not cells[columns.class_name]:
        return
    flags = {}
    for flag, position in columns.flags:
        text = cells[position] if position < len(cells) else ""
        value = _FLAG_TEXTS.get(text.lower())
        if value is None:
            problem = f"{flag} is {text!r}, expected 0 or 1"
            labeled.add_malformed(image, None, problem, file=path, where=where)
            return
        flags[flag] = value
    labeled.add(
        image,
        names.get(cells[columns.class_name]),
        box,
        file=path,
        where=where,
        score=cells[columns.score] if columns.score is not None else None,
        **flags,
    )


def _state_size(
    labeled: LabeledBoxes, image: int, cells: Sequence[str], size: tuple[int, int]
) -> None:
    if np.isnan(labeled.image_sizes[image][0]):
        texts = [cells[position] if position < len(cells) else "" for position in size]
        width, height = (number if number > 0 else np.nan for number in parse_numbers(texts)[0])
        labeled.state_size(image, float(width), float(height))


def settle(labeled: LabeledBoxes, columns: Columns) -> None:
    """Decide by the numbers what the columns leave open: fractions or pixels, corner or center.

    Raises:
        InputError: x and y can be the upper left corner as well as the center.
    """
    labeled.box_format, labeled.unit = columns.box_format, columns.unit or "pixels"
    numbers, _ = labeled.stated_numbers()
    finite = np.isfinite(numbers).all(axis=1)
    boxes = numbers[finite]
    if not len(boxes):
        return
    if columns.unit is None and _are_fractions(boxes):
        labeled.unit = "fractions"
        labeled.notes.append("boxes are read as fractions of the image: all numbers lie in 0..1")
    if not columns.is_certain:
        images = np.array([row.image for row in labeled.rows], np.int64)[finite]
        sizes = np.array(labeled.image_sizes, np.float64).reshape(-1, 2)[images]
        _settle_center(labeled, boxes, np.ones_like(sizes) if labeled.unit != "pixels" else sizes)


def _are_fractions(boxes: Floats) -> bool:
    within = (boxes >= -_TOLERANCE) & (boxes <= 1 + _TOLERANCE)
    return bool(within.all() and (boxes % 1 != 0).any())


def _settle_center(labeled: LabeledBoxes, boxes: Floats, sizes: Floats) -> None:
    """Choose between upper left corner and center by the boxes that would leave the image."""
    first, lengths = boxes[:, :2], boxes[:, 2:]
    tolerance = _TOLERANCE if labeled.unit != "pixels" else 1.0
    with np.errstate(invalid="ignore"):
        beyond_as_corner = (first + lengths > sizes + tolerance).any(axis=1).mean()
        outside = (first < lengths / 2 - tolerance) | (first + lengths / 2 > sizes + tolerance)
    beyond_as_center = outside.any(axis=1).mean()
    if beyond_as_center >= _MANY > beyond_as_corner:
        return
    if beyond_as_corner >= _MANY > beyond_as_center:
        labeled.box_format = "cxcywh"
        labeled.notes.append(
            f"x and y are read as the center: as the upper left corner, {beyond_as_corner:.0%} of "
            "the boxes would leave their image"
        )
        return
    raise InputError(
        labeled.source.path,
        "its x and y can be the upper left corner or the center of a box",
        fix='state it: --columns "x=x,y=y,w=…" for the corner, "cx=x,cy=y,w=…" for the center',
    )


def uncertain(columns: Columns) -> Columns:
    """Return columns whose x and y may be the center."""
    return replace(columns, is_certain=columns.box_format != "xywh")

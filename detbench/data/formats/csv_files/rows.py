"""Rows of a CSV file as labeled boxes: separators, boxes, flags, and what the numbers count."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.csv_files.columns import Columns, box_positions, columns_option
from detbench.data.formats.labeled_boxes.labeled_boxes import NO_CLASS, Flagged, LabeledBoxes
from detbench.data.formats.lenient_files import BoxFormat
from detbench.data.formats.parsing.csv_table import Row, csv_lines, parse_csv
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
_POINTS: dict[BoxFormat, str] = {
    "xyxy": "for two corners",
    "xywh": "for the upper left corner and the size",
    "cxcywh": "for the center and the size",
}


def separator_of(line: str) -> str:
    """Return the separator of a line: the most frequent of comma, semicolon and tab."""
    return max(SEPARATORS, key=line.count)


def first_row(path: Path) -> list[str]:
    """Return the cells of the first line of a file that is not blank; none for other files."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        text = file.read(_HEAD_BYTES).decode("utf-8", "replace").removeprefix("\ufeff")
    line = next((line for line in csv_lines(text) if line.strip()), "")
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
    first = next((line for line in csv_lines(text) if line.strip()), "")
    return parse_csv(path, text, separator_of(first))


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
    class_names: Mapping[str, str] | None = None,
) -> None:
    """Add the box of each row; rows with an image alone are images without objects.

    Args:
        labeled: What to add the boxes to.
        path: The file.
        rows: Its rows without the header.
        columns: What the columns are.
        image: The image of all rows; None if a column names it.
        class_names: Word → class name; None for what the words of these rows show.

    Raises:
        InputError: A row names no image.
    """
    n_values = columns.last + 1
    complete = [row for row in rows if len(row[1]) >= n_values]
    if complete:
        _add_complete_rows(labeled, path, complete, columns, image, class_names)
    for number, cells in rows if len(complete) < len(rows) else ():
        if len(cells) < n_values:
            has_name = columns.image is not None and columns.image < len(cells)
            name = cells[columns.image or 0] if has_name else ""
            position = labeled.add_image(name) if image is None else image
            problem = f"{len(cells)} values, expected at least {n_values}"
            where = f"line {number}"
            labeled.add_malformed(position, None, problem, file=path, where=where)


def _add_complete_rows(
    labeled: LabeledBoxes,
    path: Path,
    rows: Sequence[Row],
    columns: Columns,
    image: int | None,
    class_names: Mapping[str, str] | None,
) -> None:
    # Columns at once: files may have a million rows.
    n_values = columns.last + 1
    cells = list(zip(*(cells[:n_values] for _, cells in rows), strict=True))
    words = cells[columns.class_name]
    boxes: list[Sequence[str]] = list(zip(*(cells[place] for place in columns.box), strict=True))
    names = class_names
    if names is None:
        names = class_names_of(labeled, path.parent, filter(None, words))
    numbers = {word: labeled.class_number(names[word]) for word in dict.fromkeys(words) if word}
    if image is None:
        images = _add_images(labeled, path, rows, cells, columns)
    else:
        images = [image] * len(rows)
    flags, faults = _flags(cells, columns)
    for k in faults:
        boxes[k] = ()
    scores: Sequence[object] = [None] * len(rows)
    if columns.score is not None:
        scores = cells[columns.score]
    keep = list(range(len(rows)))
    if "" in words:
        keep = [k for k in keep if words[k] or any(boxes[k]) or k in faults]
        faults = {position: faults[k] for position, k in enumerate(keep) if k in faults}
    labeled.faults |= {len(labeled) + position: problem for position, problem in faults.items()}
    labeled.add_rows(
        [images[k] for k in keep],
        [numbers.get(words[k], NO_CLASS) for k in keep],
        [boxes[k] for k in keep],
        [scores[k] for k in keep],
        [flags[k] for k in keep],
        file=path,
        places=[rows[k][0] for k in keep],
    )


def _add_images(
    labeled: LabeledBoxes,
    path: Path,
    rows: Sequence[Row],
    cells: Sequence[tuple[str, ...]],
    columns: Columns,
) -> list[int]:
    """Add the image of each row, with its size; return their positions (N,)."""
    names = cells[columns.image or 0]
    if "" in names:
        raise InputError(path, "names no image", where=f"line {rows[names.index('')][0]}")
    positions = {name: labeled.add_image(name, file=name) for name in dict.fromkeys(names)}
    if columns.size is not None:
        sizes = zip(names, *(cells[place] for place in columns.size), strict=True)
        for name, width, height in dict.fromkeys(sizes):
            sides = [side if side > 0 else np.nan for side in parse_numbers([width, height])[0]]
            labeled.state_size(positions[name], float(sides[0]), float(sides[1]))
    return [positions[name] for name in names]


def _flags(
    cells: Sequence[tuple[str, ...]], columns: Columns
) -> tuple[list[Flagged], dict[int, str]]:
    """Return the flags of each row, and row → problem for those that are malformed."""
    n_rows = len(cells[columns.class_name])
    if not columns.flags:
        return [Flagged()] * n_rows, {}
    faults: dict[int, str] = {}
    values = {}
    for flag, place in columns.flags:
        texts = {text: _FLAG_TEXTS.get(text.lower()) for text in set(cells[place])}
        if None in texts.values():
            for row, text in enumerate(cells[place]):
                if texts[text] is None:
                    faults[row] = f"{flag} is {text!r}, expected 0 or 1"
        values[flag] = [bool(texts[text]) for text in cells[place]]
    missing = [False] * n_rows
    named = [values.get(flag, missing) for flag in Flagged._fields]
    return [Flagged(*row) for row in zip(*named, strict=True)], faults


def settle(labeled: LabeledBoxes, columns: Columns, header: Sequence[str] = ()) -> None:
    """Decide by the numbers what the columns leave open: fractions or pixels, corner or center.

    Args:
        labeled: The boxes.
        columns: Their columns.
        header: The names of all columns, for messages; needed if x and y may be the center.

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
    if columns.may_be_center:
        images = np.array(labeled.image_index, np.int64)[finite]
        sizes = np.array(labeled.image_sizes, np.float64).reshape(-1, 2)[images]
        sizes = np.ones_like(sizes) if labeled.unit != "pixels" else sizes
        if not _settle_center(labeled, boxes, sizes):
            raise InputError(
                labeled.source.path,
                "its x and y can be the upper left corner or the center of a box",
                fix=f"state it: {box_options(labeled, columns, header, ('xywh', 'cxcywh'))}",
            )


def box_options(
    labeled: LabeledBoxes,
    columns: Columns,
    header: Sequence[str],
    box_formats: Sequence[BoxFormat],
) -> str:
    """Return the options that state each of several readings of a box, and what each means."""
    options = [
        columns_option(
            header,
            columns.positions | box_positions(box_format, columns.box),
            box_format,
            scored=labeled.source.scored,
        )
        for box_format in box_formats
    ]
    texts = [f"{option} {_POINTS[name]}" for option, name in zip(options, box_formats, strict=True)]
    return ", or ".join(texts)


def _are_fractions(boxes: Floats) -> bool:
    within = (boxes >= -_TOLERANCE) & (boxes <= 1 + _TOLERANCE)
    return bool(within.all() and (boxes % 1 != 0).any())


def _settle_center(labeled: LabeledBoxes, boxes: Floats, sizes: Floats) -> bool:
    """Choose between upper left corner and center by the boxes that would leave the image.

    Returns:
        Whether the boxes settle it.
    """
    first, lengths = boxes[:, :2], boxes[:, 2:]
    tolerance = _TOLERANCE if labeled.unit != "pixels" else 1.0
    with np.errstate(invalid="ignore"):
        beyond_as_corner = (first + lengths > sizes + tolerance).any(axis=1).mean()
        outside = (first < lengths / 2 - tolerance) | (first + lengths / 2 > sizes + tolerance)
    beyond_as_center = outside.any(axis=1).mean()
    if beyond_as_center >= _MANY > beyond_as_corner:
        return True
    if beyond_as_corner >= _MANY > beyond_as_center:
        labeled.box_format = "cxcywh"
        labeled.notes.append(
            f"x and y are read as the center: as the upper left corner, {beyond_as_corner:.0%} of "
            "the boxes would leave their image"
        )
        return True
    return False

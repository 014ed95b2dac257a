"""CSV with a box per row, whose columns are recognized by their header or stated by `--columns`.

The TF Object Detection API's tutorials (xml_to_csv.py) and Roboflow's "Tensorflow Object Detection
CSV" have `filename,width,height,class,xmin,ymin,xmax,ymax`. Corners are continuous edges in pixels
from 0, as create_tf_record divides them by width and height as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.csv_files.columns import (
    Columns,
    box_positions,
    columns_of_header,
    columns_option,
    stated_columns,
    unclear_columns,
)
from detbench.data.formats.csv_files.rows import (
    SUFFIXES,
    add_rows,
    box_options,
    first_row,
    is_header,
    read_rows,
    settle,
)
from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.csv_table import Row
from detbench.data.formats.parsing.plain_text import is_number, parse_numbers
from detbench.data.formats.text_files.label_folder import class_names_of, lines_by_image
from detbench.errors import InputError

NAME = "csv"
_IN_FOLDER = "_annotations.csv"
_BOX_COLUMNS = ("bbox", "box", "bounding_box", "boundingbox")
_MANY = 0.1
"""Share of boxes that must be inverted before their numbers are no corners."""


def recognizes(path: Path) -> bool:
    """Tell whether a file is CSV by its suffix or header, or a folder holds Roboflow's CSV.

    Files whose columns are unclear are recognized, too; the reader asks for their columns.
    """
    if path.is_dir():
        return any(path.glob(_IN_FOLDER)) or any(path.glob(f"*/{_IN_FOLDER}"))
    if path.suffix.lower() in SUFFIXES:
        return len(first_row(path)) > 1
    return path.suffix.lower() == ".txt" and columns_of_header(first_row(path)) is not None


def read(source: Source) -> LabeledBoxes:
    """Read a file, a split of Roboflow's folder, or a folder of text files with stated columns.

    Raises:
        InputError: The columns are not clear, or the file is not what the source asks for.
    """
    labeled = LabeledBoxes(NAME, source, texts=True, names_files=True)
    if source.path.is_dir() and source.columns is not None:
        settle(labeled, _read_folder(labeled, source.columns))
    else:
        _read_file(labeled, _file(source))
    return labeled


def _file(source: Source) -> Path:
    """Return the CSV file of a source; in a folder, that of the split."""
    if not source.path.is_dir():
        return source.path
    files = {file.parent.name: file for file in sorted(source.path.glob(f"*/{_IN_FOLDER}"))}
    own = source.path / _IN_FOLDER
    if own.is_file() and source.split is None:
        return own
    split = source.split or ("valid" if "valid" in files else "")
    split = "valid" if split == "val" and "valid" in files else split
    if split not in files and not (len(files) == 1 and not split):
        problem = f"there is no split {split!r}" if split else "has several splits"
        raise InputError(source.path, problem, fix=f"choose one with --split: {', '.join(files)}")
    return files[split or next(iter(files))]


def _read_file(labeled: LabeledBoxes, path: Path) -> None:
    source = labeled.source
    rows, box = _with_split_boxes(read_rows(path))
    header = rows[0][1] if rows else []
    if source.columns is not None:
        columns = stated_columns(source.columns, header, path, has_image=True, scored=source.scored)
        has_header = bool(rows) and is_header(header, columns)
    else:
        named = header if box is None else [*header[:box], "xmin", "ymin", "xmax", "ymax"]
        recognized = columns_of_header(named)
        if recognized is None or any(map(is_number, header)):
            raise unclear_columns(path, header, scored=source.scored, first_of_box=box)
        _check_side(source, path, recognized, header)
        columns = _with_class_names(source, recognized, header, rows[1:])
        if box is not None:
            columns = _with_box_format(labeled, columns, rows)
        # A header with x and y says where a box is, and not which of its points that is.
        columns = replace(columns, may_be_center=columns.box_format == "xywh")
        has_header = True
    add_rows(labeled, path, rows[has_header:], columns)
    labeled.image_folder = source.images or path.parent
    settle(labeled, columns, header)


def _with_split_boxes(rows: list[Row]) -> tuple[list[Row], int | None]:
    """Append `bbox1` to `bbox4` where a column `bbox` has four numbers, as in Kaggle's sets.

    Returns:
        The rows, and the position of the first of these columns; None without them.
    """
    header = rows[0][1] if rows else []
    place = next((k for k, cell in enumerate(header) if cell.lower() in _BOX_COLUMNS), None)
    if place is None:
        return rows, None
    n_columns = len(header)
    split: list[Row] = [(rows[0][0], [*header, *(f"{header[place]}{k}" for k in (1, 2, 3, 4))])]
    n_boxes = 0
    for number, cells in rows[1:]:
        padded = [*cells, *[""] * n_columns][:n_columns]
        values = re.findall(r"[^\s,;\[\](){}]+", padded[place])
        n_boxes += len(values) == 4
        # What is no box stays as it is, for the message about its row.
        split.append(
            (number, [*padded, *(values if len(values) == 4 else [padded[place], "", "", ""])])
        )
    return (split, n_columns) if n_boxes else (rows, None)


def _with_box_format(labeled: LabeledBoxes, columns: Columns, rows: list[Row]) -> Columns:
    """Decide by the numbers of a column `bbox` whether they are corners, or a point and a size.

    Raises:
        InputError: They can be both.
    """
    from detbench.data.formats.text_files.class_lines import fit_as_sizes

    header, places = rows[0][1], [*columns.box, *(columns.size or ())]
    words = [cells[place] for _, cells in rows[1:] for place in places]
    numbers = parse_numbers(words)[0].reshape(-1, len(places))
    numbers = numbers[np.isfinite(numbers).all(axis=1)]
    boxes, sizes = numbers[:, :4], numbers[:, 4:]
    n_inverted = int((boxes[:, 2:] < boxes[:, :2]).any(axis=1).sum())
    name = header[columns.box[0]].removesuffix("1")
    if n_inverted > _MANY * len(boxes):
        labeled.notes.append(
            f"{name} is read as x, y, width, height: as corners, {n_inverted:,} of "
            f"{len(boxes):,} boxes would be inverted"
        )
        return replace(columns, box_format="xywh")

    def image_sizes() -> Floats:
        return sizes if columns.size else np.full((len(boxes), 2), np.nan)

    if not len(boxes) or not fit_as_sizes(boxes, image_sizes):
        labeled.notes.append(f"{name} is read as x1, y1, x2, y2: its numbers fit no width, height")
        return columns
    raise InputError(
        labeled.source.path,
        f"the four numbers of {name!r} can be corners, or x, y, width, height",
        fix=f"state it: {box_options(labeled, columns, header, ('xyxy', 'xywh'))}",
    )


def _with_class_names(
    source: Source, columns: Columns, header: Sequence[str], rows: Sequence[Row]
) -> Columns:
    """Take the column `name` for the class where the class is a number, as Ultralytics writes it.

    Each number must have one name, and each name one number. Numbers stay the class if they are the
    names of classes of the ground truth.
    """
    if "name" not in header or header.index("name") in columns.positions.values():
        return columns
    place = header.index("name")
    longer = max(place, columns.class_name)
    pairs = {(cells[columns.class_name], cells[place]) for _, cells in rows if len(cells) > longer}
    numbers, names = {number for number, _ in pairs}, {name for _, name in pairs}
    truth = source.ground_truth
    is_class_number = all(map(is_number, numbers)) and not any(map(is_number, names))
    if truth is not None and numbers & set(truth.class_names):
        return columns
    if not pairs or not is_class_number or not len(pairs) == len(numbers) == len(names):
        return columns
    return replace(columns, class_name=place)


def _check_side(source: Source, path: Path, columns: Columns, header: list[str]) -> None:
    """Raise InputError for detections in the place of ground truth, or the other way round."""
    listed = ", ".join(header)
    positions = columns.positions | box_positions(columns.box_format, columns.box)
    if source.scored and columns.score is None:
        raise InputError(
            path,
            f"has no column of scores among {listed}: these are annotations",
            fix="give the file of the detections, or name the column: "
            f"{columns_option(header, positions, columns.box_format, scored=True)}",
        )
    if not source.scored and columns.score is not None:
        raise InputError(
            path,
            f"has scores in column {header[columns.score]!r}: these are detections",
            fix="give the file of the annotations, or state the columns of a box with --columns",
        )


def _read_folder(labeled: LabeledBoxes, stated: str) -> Columns:
    """Read a text file per image, with blanks or separators between the stated columns."""
    source = labeled.source
    columns = stated_columns(stated, None, source.path, has_image=False, scored=source.scored)
    rows = []
    for image, line in lines_by_image(labeled, source.path):
        cells = [cell for word in line.words for cell in word.replace(";", ",").split(",")]
        rows.append((image, line.path, line.number, [cell for cell in cells if cell]))
    # All files number their classes alike.
    place = columns.class_name
    words = [cells[place] for *_, cells in rows if place < len(cells)]
    names = class_names_of(labeled, source.path, words)
    for image, path, number, cells in rows:
        add_rows(labeled, path, [(number, cells)], columns, image=image, class_names=names)
    return columns


FORMAT = RowFormat(
    name=NAME,
    recognizes=recognizes,
    read=read,
    ground_truth="CSV with a box per row: filename, class, xmin, ymin, xmax, ymax",
    detections="CSV with a box per row: filename, class, score, xmin, ymin, xmax, ymax",
)

"""CSV with a box per row, whose columns are recognized by their header or stated by `--columns`.

The TF Object Detection API's tutorials (xml_to_csv.py) and Roboflow's "Tensorflow Object Detection
CSV" have `filename,width,height,class,xmin,ymin,xmax,ymax`. Corners are continuous edges in pixels
from 0, as create_tf_record divides them by width and height as they are.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from detbench.data.formats.csv_files.columns import (
    Columns,
    columns_of_header,
    stated_columns,
    unclear_columns,
)
from detbench.data.formats.csv_files.rows import (
    SUFFIXES,
    add_rows,
    first_row,
    is_header,
    read_rows,
    settle,
)
from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.plain_text import is_number
from detbench.data.formats.text_files.label_folder import class_names_of, lines_by_image
from detbench.errors import InputError

NAME = "csv"
_IN_FOLDER = "_annotations.csv"


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
        columns = _read_folder(labeled, source.columns)
    else:
        columns = _read_file(labeled, _file(source))
    settle(labeled, columns)
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


def _read_file(labeled: LabeledBoxes, path: Path) -> Columns:
    source = labeled.source
    rows = read_rows(path)
    header = rows[0][1] if rows else []
    if source.columns is not None:
        columns = stated_columns(source.columns, header, path, has_image=True, scored=source.scored)
        has_header = bool(rows) and is_header(header, columns)
    else:
        recognized = columns_of_header(header)
        if recognized is None or any(map(is_number, header)):
            raise unclear_columns(path, header)
        # A header with x and y says where a box is, and not which of its points that is.
        columns = replace(recognized, may_be_center=recognized.box_format == "xywh")
        has_header = True
        _check_side(source, path, columns, header)
    add_rows(labeled, path, rows[has_header:], columns)
    labeled.image_folder = source.images or path.parent
    return columns


def _check_side(source: Source, path: Path, columns: Columns, header: list[str]) -> None:
    """Raise InputError for detections in the place of ground truth, or the other way round."""
    listed = ", ".join(header)
    if source.scored and columns.score is None:
        raise InputError(
            path,
            f"has no column of scores among {listed}: these are annotations",
            fix="give the file of the detections, or name the column: --columns …,score=COLUMN",
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

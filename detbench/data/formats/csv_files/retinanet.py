"""CSV of keras-retinanet and pytorch-retinanet: `path,x1,y1,x2,y2,class` without a header.

A row with a path alone is an image without objects. Corners are continuous edges in pixels from 0.
Source: the README of fizyr/keras-retinanet, "CSV datasets".
"""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.csv_files.columns import Columns
from detbench.data.formats.csv_files.rows import add_rows, first_row, read_rows, settle
from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.plain_text import is_number
from detbench.data.image_headers import IMAGE_SUFFIXES
from detbench.errors import InputError

_COLUMNS = Columns(image=0, class_name=5, box=(1, 2, 3, 4), box_format="xyxy", unit="pixels")


def recognizes(path: Path) -> bool:
    """Tell whether the first row is the path of an image, four numbers and a class."""
    row = first_row(path)
    if len(row) != 6 or Path(row[0].replace("\\", "/")).suffix.lower() not in IMAGE_SUFFIXES:
        return False
    return all(map(is_number, row[1:5])) or not any(row[1:])


def read(source: Source) -> LabeledBoxes:
    """Read a file.

    Raises:
        InputError: Detections are asked for, or many boxes are inverted, as in files with sizes in
            place of the second corner.
    """
    if source.scored:
        raise InputError(
            source.path,
            "has no scores: these are annotations of RetinaNet",
            fix="give the file of the detections, with its columns: --columns "
            "detections:image,xmin,ymin,xmax,ymax,class,score",
        )
    labeled = LabeledBoxes("retinanet-csv", source, texts=True, names_files=True)
    add_rows(labeled, source.path, read_rows(source.path), _COLUMNS)
    labeled.image_folder = source.images or source.path.parent
    settle(labeled, _COLUMNS)
    numbers, _ = labeled.stated_numbers()
    n_inverted = int((numbers[:, 2:] < numbers[:, :2]).any(axis=1).sum())
    if 10 * n_inverted > len(numbers):
        raise InputError(
            source.path,
            f"{n_inverted:,} of {len(numbers):,} rows have x2 < x1 or y2 < y1",
            fix="if these are sizes: --columns ground-truth:image,x,y,w,h,class, or cx,cy for "
            "centers",
        )
    return labeled


FORMAT = RowFormat(
    name="retinanet-csv",
    recognizes=recognizes,
    read=read,
    ground_truth="RetinaNet CSV without a header: path,x1,y1,x2,y2,class",
)

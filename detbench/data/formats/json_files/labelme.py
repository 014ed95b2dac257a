"""LabelMe: a JSON file per image with shapes, as labelme and X-AnyLabeling write it.

Points are in pixels with continuous edges from 0. Of rectangles, polygons, circles and masks the
bounding box is taken; lines and single points have no extent and are left out.
Source: the writer `labelme/_label_file.py` of github.com/wkentaro/labelme, and the documentation of
X-AnyLabeling, which adds `difficult` and `score` to a shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detbench.data.formats.json_files.json_values import (
    JsonObject,
    as_object,
    as_objects,
    is_true,
    json_files_of,
    object_of,
    read_json,
    size_of,
    text_of,
)
from detbench.data.formats.labeled_boxes.labeled_boxes import (
    LEFT_OUT,
    READ_AS_BOXES,
    LabeledBoxes,
    Source,
)
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.labeled_boxes.shapes import (
    NOT_A_SHAPE,
    bounding_box,
    ellipse_box,
    numbers_of,
)
from detbench.data.formats.parsing.json_head import json_head
from detbench.wording import first_few

_WITHOUT_EXTENT = ("line", "linestrip", "point", "points")


_KEYS = frozenset({"imagePath", "imageData", "imageHeight", "version"})
_MAX_PROBED = 8
"""How many JSON files of a folder are looked at; one of another kind may come first."""


def recognizes(path: Path) -> bool:
    """Tell whether one of the first JSON files has the keys of LabelMe."""
    heads = map(json_head, json_files_of(path)[:_MAX_PROBED])
    return any("shapes" in head.keys and bool(head.keys & _KEYS) for head in heads)


def read(source: Source) -> LabeledBoxes:
    """Read one file or all of a folder; a note names files of a folder that are not of LabelMe.

    Raises:
        InputError: A file is not JSON.
    """
    labeled = LabeledBoxes("labelme", source, names_files=True)
    ignored: list[str] = []
    for file in json_files_of(source.path):
        content = read_json(file)
        if source.path.is_dir() and not object_of(content).keys() & {"shapes", *_KEYS}:
            ignored.append(file.name)
            continue
        document = as_object(content, file, "document")
        image_path = text_of(document.get("imagePath")).replace("\\", "/")
        name = Path(image_path).name or file.stem
        image = labeled.add_new_image(
            # Equal names in several folders need their folders.
            image_path if name in labeled.images else name,
            path=file,
            where="imagePath",
            width=size_of(document.get("imageWidth")),
            height=size_of(document.get("imageHeight")),
            file=image_path,
        )
        for where, shape in as_objects(document.get("shapes"), file, "shapes"):
            _add_shape(labeled, image, shape, file, where)
    if ignored:
        labeled.notes.append(f"ignored {first_few(ignored, 3)}: not of LabelMe")
    folder = source.path if source.path.is_dir() else source.path.parent
    labeled.image_folder = source.images or folder
    return labeled


def _add_shape(
    labeled: LabeledBoxes, image: int, shape: JsonObject, file: Path, where: str
) -> None:
    shape_type = text_of(shape.get("shape_type")) or "polygon"
    if shape_type in _WITHOUT_EXTENT:
        labeled.count_change(shape_type, LEFT_OUT)
        return
    if shape_type not in ("rectangle", "mask"):
        labeled.count_change(shape_type, READ_AS_BOXES)
    stated = {**object_of(shape.get("flags")), **shape}
    labeled.add(
        image,
        text_of(shape.get("label")),
        _box(shape_type, shape.get("points")),
        file=file,
        where=where,
        score=shape.get("score"),
        iscrowd=is_true(stated.get("iscrowd")),
        difficult=is_true(stated.get("difficult")),
        truncated=is_true(stated.get("truncated")),
    )


def _box(shape_type: str, points: Any) -> Sequence[object]:
    if shape_type != "circle":
        return bounding_box(points)
    # A circle is its center and a point on it.
    is_pairs = isinstance(points, list) and all(isinstance(point, list) for point in points)
    numbers = numbers_of([value for point in points for value in point]) if is_pairs else None
    if numbers is None or len(numbers) != 4:
        return NOT_A_SHAPE
    x, y, edge_x, edge_y = numbers
    radius = math.hypot(edge_x - x, edge_y - y)
    return ellipse_box(x, y, radius, radius)


FORMAT = RowFormat(
    name="labelme",
    recognizes=recognizes,
    read=read,
    ground_truth="LabelMe: a folder with a .json file per image, or one such file",
    detections="LabelMe files whose shapes have a score",
)

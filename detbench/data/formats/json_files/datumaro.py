"""Datumaro: items with annotations in a JSON file per subset.

Boxes are x, y, width, height in pixels; of polygons the bounding box is taken. Source: the exporter
`datumaro/plugins/data_formats/datumaro/exporter.py` of github.com/openvinotoolkit/datumaro.
"""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.json_files.json_values import (
    JsonObject,
    as_object,
    as_objects,
    is_true,
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
from detbench.data.formats.labeled_boxes.shapes import bounding_box, numbers_of, rotated_box
from detbench.data.formats.parsing.json_head import json_head
from detbench.errors import InputError

_SHAPES = ("bbox", "polygon", "rotated_bbox")
"""The types of annotations that have a box, or become one."""


def recognizes(path: Path) -> bool:
    """Tell whether a file, or one in `annotations`, has the keys of Datumaro."""
    files = _subset_files(path)
    return bool(files) and _is_datumaro(files[0])


def _is_datumaro(file: Path) -> bool:
    head = json_head(file)
    return head.root == "object" and ("dm_format_version" in head.keys or "items" in head.keys)


def _subset_files(path: Path) -> list[Path]:
    return sorted(path.glob("annotations/*.json")) if path.is_dir() else [path]


def read(source: Source) -> LabeledBoxes:
    """Read a subset.

    Raises:
        InputError: The file is not JSON, an item has no id, a label is unknown, or a folder has
            several subsets and none was chosen.
    """
    file = _chosen_subset(source)
    document = as_object(read_json(file), file, "document")
    labeled = LabeledBoxes("datumaro", source, box_format="xywh")
    class_names = _class_names(document, file)
    labeled.list_classes(class_names)
    for where, item in as_objects(document.get("items"), file, "items"):
        image = _add_item(labeled, item, file, where)
        annotations = item.get("annotations")
        for place, annotation in as_objects(annotations, file, f"{where}.annotations"):
            _add_annotation(labeled, image, annotation, class_names, file, place)
    in_dataset = file.parent.name == "annotations"
    folder = file.parent.parent / "images" / file.stem if in_dataset else file.parent
    labeled.image_folder = source.images or (folder if folder.is_dir() else None)
    dataset = file.parent.parent.resolve().name if in_dataset else ""
    labeled.name = f"{dataset} {file.stem}".strip()
    return labeled


def _chosen_subset(source: Source) -> Path:
    files = {file.stem: file for file in _subset_files(source.path)}
    if source.path.is_file() or (len(files) == 1 and source.split is None):
        return next(iter(files.values()))
    names = ", ".join(files)
    if source.split not in files:
        problem = f"there is no subset {source.split!r}" if source.split else "has several subsets"
        raise InputError(source.path, problem, fix=f"choose one with --split: {names}")
    return files[source.split]


def _class_names(document: JsonObject, file: Path) -> list[str]:
    categories = as_object(document.get("categories") or {}, file, "categories")
    labels = as_object(categories.get("label") or {}, file, "categories.label")
    entries = as_objects(labels.get("labels"), file, "categories.label.labels")
    return [text_of(entry.get("name")) for _, entry in entries]


def _add_item(labeled: LabeledBoxes, item: JsonObject, file: Path, where: str) -> int:
    item_id = text_of(item.get("id"))
    if not item_id:
        raise InputError(file, "names no image, expected an id", where=where)
    entry = object_of(item.get("image"))
    # Datumaro writes height before width.
    size = entry.get("size")
    height, width = size if isinstance(size, list) and len(size) == 2 else (None, None)
    return labeled.add_new_image(
        item_id,
        path=file,
        where=where,
        width=size_of(width),
        height=size_of(height),
        file=text_of(entry.get("path")),
    )


def _add_annotation(
    labeled: LabeledBoxes,
    image: int,
    annotation: JsonObject,
    class_names: list[str],
    file: Path,
    where: str,
) -> None:
    kind = text_of(annotation.get("type"))
    if kind not in _SHAPES:
        labeled.count_change(kind or "annotation", LEFT_OUT)
        return
    flags = object_of(annotation.get("attributes"))
    label = annotation.get("label_id")
    is_known = isinstance(label, int) and 0 <= label < len(class_names)
    if kind != "bbox":
        labeled.count_change(kind, READ_AS_BOXES)
    labeled.add(
        image,
        class_names[label] if is_known and isinstance(label, int) else None,
        _xywh(kind, annotation),
        file=file,
        where=where,
        score=flags.get("score"),
        iscrowd=is_true(flags.get("is_crowd")),
        difficult=is_true(flags.get("difficult")),
        truncated=is_true(flags.get("truncated")),
    )


def _xywh(kind: str, annotation: JsonObject) -> list[object]:
    """Return x, y, width and height; malformed values stay as they are."""
    key = "points" if kind == "polygon" else "bbox"
    values = annotation.get(key)
    numbers = list(values) if isinstance(values, list) else []
    if kind == "bbox":
        return numbers
    if kind == "polygon":
        corners = bounding_box(numbers)
    elif len(numbers) == 5 and (rotated := numbers_of(numbers)) is not None:
        center_x, center_y, width, height, degrees = rotated
        x, y = center_x - width / 2, center_y - height / 2
        corners = rotated_box(x, y, width, height, degrees, about_center=True)
    else:
        return numbers
    x1, y1, x2, y2 = corners
    if x1 is None:
        return [None] * 4
    return [x1, y1, x2 - x1, y2 - y1]  # type: ignore[operator]


FORMAT = RowFormat(
    name="datumaro",
    recognizes=recognizes,
    read=read,
    ground_truth="Datumaro: its folder with annotations/SUBSET.json, or one such file",
    detections="Datumaro files whose annotations have a score",
)

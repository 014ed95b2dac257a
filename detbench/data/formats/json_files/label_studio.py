"""Label Studio: tasks with regions in percent of the image, in its JSON and JSON-MIN exports.

A region is x, y, width, height in percent of the original image, rotated about its upper left
corner by `rotation`. Of rotated boxes, polygons and ellipses the bounding box is taken; other
regions are left out. Ground truth is in `annotations`, detections are in `predictions`.
Source: Label Studio's documentation, "Export annotations" and "Units of image annotations".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from detbench.data.formats.json_files.json_values import (
    JsonObject,
    as_objects,
    file_name,
    is_true,
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
    bounding_box,
    ellipse_box,
    numbers_of,
    rotated_box,
)
from detbench.data.formats.parsing.json_head import json_head
from detbench.data.image_headers import IMAGE_SUFFIXES
from detbench.errors import InputError

_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an uploaded file."""


def recognizes(path: Path) -> bool:
    """Tell whether a file is a list of tasks."""
    head = json_head(path)
    if head.root != "list":
        return False
    is_task = "data" in head.keys and bool(head.keys & {"annotations", "predictions"})
    is_minimal = {"annotation_id", "annotator"} <= head.keys
    return is_task or is_minimal


def read(source: Source) -> LabeledBoxes:
    """Read the regions of all tasks.

    Raises:
        InputError: The file is not JSON, a task names no image, or has several annotations.
    """
    labeled = LabeledBoxes("label-studio", source, unit="percent", names_files=True)
    file = source.path
    for where, task in as_objects(read_json(file), file, "tasks"):
        data = task.get("data")
        image = _add_image(labeled, data if isinstance(data, dict) else task, file, where)
        for place, region, score in _regions(task, source, where):
            _add_region(labeled, image, region, score, file, place)
    if source.scored and not len(labeled):
        raise InputError(
            file, "has no predictions with regions", fix="import predictions and export them"
        )
    labeled.image_folder = source.images
    return labeled


def _add_image(labeled: LabeledBoxes, data: JsonObject, file: Path, where: str) -> int:
    """Add the image of a task, which has its name without what Label Studio puts before it."""
    texts = [data.get("image"), *data.values()]
    names = [_local_path(text) for text in texts if isinstance(text, str)]
    images = [name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    name = next(iter(images or names), "")
    if not name:
        raise InputError(file, "names no image", where=where, fix="expected data.image")
    original = _UPLOAD_PREFIX.sub("", file_name(name)) if "/upload/" in name else file_name(name)
    # Equal names in several folders need their folders.
    image_id = name if original in labeled.images else original
    return labeled.add_new_image(image_id, path=file, where=where, file=image_id)


def _local_path(address: str) -> str:
    """Return the path of an image: `/data/local-files/?d=a/b.jpg` is `a/b.jpg`."""
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d", [""])[0]
    return unquote(local or parts.path).lstrip("/")


def _regions(
    task: JsonObject, source: Source, where: str
) -> Iterator[tuple[str, JsonObject, object]]:
    """Yield where each region of a task is, the region, and its score."""
    key = "predictions" if source.scored else "annotations"
    if "annotations" not in task and "predictions" not in task:
        yield from _minimal_regions(task, source, where)
        return
    results = [
        (place, result)
        for place, result in as_objects(task.get(key), source.path, f"{where}.{key}")
        if not is_true(result.get("was_cancelled"))
    ]
    if len(results) > 1:
        results = [entry for entry in results if is_true(entry[1].get("ground_truth"))] or results
    if len(results) > 1:
        fix = "mark one of them as ground truth"
        raise InputError(
            source.path,
            f"has {len(results)} {key}, of which only one can be scored",
            where=where,
            fix="export one model version" if source.scored else fix,
        )
    for place, result in results:
        for region_place, region in as_objects(result.get("result"), source.path, place):
            value = region.get("value")
            own_score = value.get("score") if isinstance(value, dict) else None
            scores = (region.get("score"), own_score, result.get("score"))
            yield region_place, region, next((s for s in scores if s is not None), None)


def _minimal_regions(
    task: JsonObject, source: Source, where: str
) -> Iterator[tuple[str, JsonObject, object]]:
    """Yield the regions of a task of JSON-MIN, whose values stand in the task itself."""
    for key, value in task.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for place, region in as_objects(value, source.path, f"{where}.{key}"):
                yield place, {"value": region, **region}, region.get("score")


def _add_region(
    labeled: LabeledBoxes, image: int, region: JsonObject, score: object, file: Path, where: str
) -> None:
    value = region.get("value")
    if not isinstance(value, dict):
        return
    labels = next((value[key] for key in value if key.endswith("labels")), None)
    kind = _kind(value)
    if kind == "":
        if labels is not None:
            labeled.count_change("region", LEFT_OUT)
        return
    if kind != "box":
        labeled.count_change(kind, READ_AS_BOXES)
    width, height = size_of(region.get("original_width")), size_of(region.get("original_height"))
    labeled.state_size(image, width, height)
    class_names = labels if isinstance(labels, list) and labels else [None]
    for class_name in class_names:
        if kind == "rotated box" and math.isnan(width * height):
            problem = "has no original_width and original_height, which a rotated box needs"
            labeled.add_malformed(image, text_of(class_name), problem, file=file, where=where)
            continue
        labeled.add(
            image,
            text_of(class_name),
            _corners(kind, value, width, height),
            file=file,
            where=where,
            score=score,
        )


def _kind(value: JsonObject) -> str:
    """Return what a region is; empty if it has no extent that is read."""
    if "points" in value:
        return "polygon"
    if "radiusX" in value:
        return "ellipse"
    if "width" not in value or "x" not in value or "keypointlabels" in value:
        return ""
    angle = numbers_of([value.get("rotation")])
    return "rotated box" if angle and angle[0] else "box"


def _corners(kind: str, value: JsonObject, width: float, height: float) -> Sequence[object]:
    """Return x1, y1, x2, y2 in percent; malformed values stay as they are."""
    if kind == "polygon":
        return bounding_box(value["points"])
    keys = ("x", "y", "radiusX", "radiusY") if kind == "ellipse" else ("x", "y", "width", "height")
    stated = [value.get(key) for key in keys]
    numbers = numbers_of(stated)
    if numbers is None:
        return stated
    if kind == "ellipse":
        return ellipse_box(*numbers)
    x, y, box_width, box_height = numbers
    if kind == "box":
        return x, y, x + box_width, y + box_height
    # Percent of width and of height differ in length, so it is rotated in pixels.
    x1, y1, x2, y2 = rotated_box(
        x * width / 100,
        y * height / 100,
        box_width * width / 100,
        box_height * height / 100,
        float(value["rotation"]),
        about_center=False,
    )
    return x1 * 100 / width, y1 * 100 / height, x2 * 100 / width, y2 * 100 / height


FORMAT = RowFormat(
    name="label-studio",
    recognizes=recognizes,
    read=read,
    ground_truth="Label Studio: its JSON or JSON-MIN export",
    detections="Label Studio tasks with predictions",
)

"""CrowdHuman .odgt: a JSON object per line, with `ID` and `gtboxes` or `dtboxes`.

`fbox`, the box of the whole body, is read: x, y, width, height in pixels; it may leave the image.
A `mask` is a region in which persons do not count, and so is a person with `extra.ignore`. Source:
https://www.crowdhuman.org/download.html, and mmdet/evaluation/metrics/crowdhuman_metric.py of
MMDetection (`Image.load` takes fbox, and ignores everything but persons without extra.ignore).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from detbench.data.formats.json_files.json_values import (
    as_object,
    as_objects,
    object_of,
    text_of,
)
from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.labeled_boxes.shapes import NOT_A_SHAPE
from detbench.data.formats.parsing.json_head import json_head
from detbench.data.formats.parsing.json_text import JsonLines, decode
from detbench.data.formats.parsing.plain_text import read_bytes
from detbench.errors import InputError

_PERSON = "person"


def recognizes(path: Path) -> bool:
    """Tell whether a file has objects with ID and gtboxes or dtboxes, one per line."""
    head = json_head(path)
    has_lines = head.root in ("lines", "object")
    return has_lines and "ID" in head.keys and bool(head.keys & {"gtboxes", "dtboxes"})


def read(source: Source) -> LabeledBoxes:
    """Read the lines of a file.

    Raises:
        InputError: A line is not a JSON object with ID and boxes of the kind that is asked for.
    """
    labeled = LabeledBoxes("crowdhuman", source, box_format="xywh", names_files=True)
    labeled.list_classes([_PERSON])
    labeled.image_folder = source.images
    lines = JsonLines(msgspec.json.Decoder(Any))
    for number, value in enumerate(decode(source.path, read_bytes(source.path), lines, root=""), 1):
        where = f"image {number}"
        _add_image(labeled, as_object(value, source.path, where), where)
    return labeled


def _add_image(labeled: LabeledBoxes, entry: dict[str, Any], where: str) -> None:
    path, scored = labeled.source.path, labeled.source.scored
    image_id = text_of(entry.get("ID"))
    if not image_id:
        raise InputError(path, "names no image, expected an ID", where=where)
    image = labeled.add_image(image_id, file=f"{image_id}.jpg")
    key, other = ("dtboxes", "gtboxes") if scored else ("gtboxes", "dtboxes")
    if key not in entry:
        kind = "labels and not detections" if scored else "detections and not ground truth"
        problem = f"has {other} and no {key}: these are {kind}"
        raise InputError(path, problem, where=where, fix=f"give a file with {key}")
    for place, box in as_objects(entry[key], path, f"{where}, {key}"):
        values = box.get("box") if scored else box.get("fbox")
        numbers = values if isinstance(values, list) else NOT_A_SHAPE
        if scored and box.get("tag", 1) not in (1, _PERSON):
            labeled.count_change("detection", "of another tag than person left out")
            continue
        labeled.add(
            image,
            _PERSON,
            numbers,
            file=path,
            where=place,
            score=box.get("score") if scored else None,
            iscrowd=not scored and _is_ignored(box),
        )


def _is_ignored(box: dict[str, Any]) -> bool:
    return box.get("tag") != _PERSON or bool(object_of(box.get("extra")).get("ignore"))


FORMAT = RowFormat(
    name="crowdhuman",
    recognizes=recognizes,
    read=read,
    ground_truth="CrowdHuman: an .odgt file with ID and gtboxes in each line",
    detections="CrowdHuman results: a file with ID and dtboxes in each line",
)

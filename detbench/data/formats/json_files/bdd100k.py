"""BDD100K and Scalabel: frames with labels that have a `box2d`, in a JSON list or file per image.

The corners of a box are pixels that belong to it, counted from 0, so that continuous edges end one
further right and below: `box2d_to_bbox` in `scalabel/label/transforms.py` adds 1 to width and
height, and so does the evaluation of BDD100K.

Its results before Scalabel are a list with an entry per box: `name`, `category`, `bbox` and
`score`. The corners are of the same kind: `bdd_data/evaluate.py` of the first release scores them
so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detbench.data.formats.json_files.json_values import (
    JsonObject,
    as_object,
    as_objects,
    head_of_first,
    is_true,
    json_files_of,
    object_of,
    read_json,
    size_of,
    text_of,
)
from detbench.data.formats.labeled_boxes.labeled_boxes import (
    LEFT_OUT,
    LabeledBoxes,
    Source,
)
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.labeled_boxes.shapes import NOT_A_SHAPE
from detbench.errors import InputError

_CORNERS = ("x1", "y1", "x2", "y2")
_ENTRY_KEYS = {"name", "category", "bbox"}
"""What an entry per box has."""


def recognizes(path: Path) -> bool:
    """Tell whether the first JSON file has frames with a name and labels."""
    head = head_of_first(path)
    if head.root == "list":
        labels = head.inner.get("labels", frozenset())
        is_frame = {"name", "labels"} <= head.keys and ("category" in labels or not labels)
        return is_frame or head.keys >= _ENTRY_KEYS
    frame = head.inner.get("frames", frozenset())
    return bool(frame & {"labels", "objects"}) and bool(frame & {"name", "timestamp"})


def read(source: Source) -> LabeledBoxes:
    """Read the frames of one file, or of all files of a folder.

    Raises:
        InputError: A file is not JSON, or a frame has no name.
    """
    labeled = LabeledBoxes("bdd100k", source, corner_offsets=(0, -1), names_files=True)
    for file in json_files_of(source.path):
        document = read_json(file)
        config = document.get("config") if isinstance(document, dict) else None
        for where, frame, name in _frames(document, file):
            if frame.keys() >= _ENTRY_KEYS:
                _add_entry(labeled, name, frame, file, where)
                continue
            size = _size(frame) or _size(as_object(config or {}, file, "config"))
            width, height = size or (float("nan"), float("nan"))
            image = labeled.add_new_image(
                name, path=file, where=where, width=width, height=height, file=name
            )
            key = "labels" if "labels" in frame else "objects"
            for place, label in as_objects(frame.get(key), file, f"{where}.{key}"):
                _add_label(labeled, image, label, file, place)
    folder = source.path if source.path.is_dir() else source.path.parent
    labeled.image_folder = source.images or folder
    return labeled


def _frames(document: object, file: Path) -> Iterator[tuple[str, JsonObject, str]]:
    """Yield where each frame is, the frame and its name."""
    whole = document if isinstance(document, dict) else {}
    entries = whole.get("frames") if whole else document
    for where, frame in as_objects(entries, file, "frames"):
        # A file per image has the name outside its frame.
        name = text_of(frame.get("name")) or text_of(whole.get("name"))
        if not name:
            raise InputError(file, "names no image, expected a file name in 'name'", where=where)
        yield where, frame, name


def _size(entry: JsonObject) -> tuple[float, float] | None:
    size = entry.get("size") or entry.get("imageSize")
    if not isinstance(size, dict):
        return None
    return size_of(size.get("width")), size_of(size.get("height"))


def _add_label(
    labeled: LabeledBoxes, image: int, label: JsonObject, file: Path, where: str
) -> None:
    box = label.get("box2d")
    if box is None:
        labeled.count_change("label", LEFT_OUT)
        return
    flags = object_of(label.get("attributes"))
    labeled.add(
        image,
        text_of(label.get("category")),
        [box.get(corner) for corner in _CORNERS] if isinstance(box, dict) else NOT_A_SHAPE,
        file=file,
        where=where,
        score=label.get("score"),
        iscrowd=any(is_true(flags.get(key)) for key in ("crowd", "Crowd", "ignored", "Ignored")),
        truncated=any(is_true(flags.get(key)) for key in ("truncated", "Truncated")),
    )


def _add_entry(labeled: LabeledBoxes, name: str, entry: JsonObject, file: Path, where: str) -> None:
    box = entry["bbox"]
    labeled.add(
        labeled.add_image(name, file=name),
        text_of(entry["category"]),
        box if isinstance(box, list) else (),
        file=file,
        where=where,
        score=entry.get("score"),
    )


FORMAT = RowFormat(
    name="bdd100k",
    recognizes=recognizes,
    read=read,
    ground_truth="BDD100K or Scalabel: a .json of frames with labels and box2d, or a folder",
    detections="BDD100K or Scalabel frames whose labels have a score",
)

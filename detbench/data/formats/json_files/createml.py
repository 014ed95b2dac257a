"""CreateML: a JSON list of images, each with its annotations, as Apple's Create ML reads it.

Coordinates are the center, width and height in pixels. Source: Apple's documentation of
`MLObjectDetector.DataSource`.
"""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.json_files.json_values import (
    as_object,
    as_objects,
    json_files_of,
    read_json,
    text_of,
)
from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.json_head import json_head
from detbench.errors import InputError

_IMAGE_KEYS = ("image", "imagefilename")
_ANNOTATION_KEYS = ("annotations", "annotation")
_SIDES = ("x", "y", "width", "height")


def recognizes(path: Path) -> bool:
    """Tell whether a file is a list of images with labels and coordinates."""
    head = json_head(path)
    inner = [head.inner.get(key, frozenset()) for key in _ANNOTATION_KEYS]
    has_annotations = any({"label", "coordinates"} <= keys for keys in inner)
    # An image without objects may come first.
    has_keys = any(key in head.keys for key in _ANNOTATION_KEYS) and len(head.keys) == 2
    has_image = any(key in head.keys for key in _IMAGE_KEYS)
    return head.root == "list" and has_image and (has_annotations or has_keys)


def read(source: Source) -> LabeledBoxes:
    """Read a list of images.

    Raises:
        InputError: The file is not JSON, or an image has no name.
    """
    labeled = LabeledBoxes("createml", source, box_format="cxcywh", names_files=True)
    for file in json_files_of(source.path):
        for where, entry in as_objects(read_json(file), file, "images"):
            name = next((text_of(entry[key]) for key in _IMAGE_KEYS if key in entry), "")
            if not name:
                problem = "names no image, expected a file name in 'image'"
                raise InputError(file, problem, where=where)
            image = labeled.add_new_image(name, path=file, where=where, file=name)
            key = next((key for key in _ANNOTATION_KEYS if key in entry), "annotations")
            for place, annotation in as_objects(entry.get(key), file, f"{where}.{key}"):
                coordinates = as_object(annotation.get("coordinates"), file, place)
                labeled.add(
                    image,
                    text_of(annotation.get("label")),
                    [coordinates.get(side) for side in _SIDES],
                    file=file,
                    where=place,
                    score=annotation.get("confidence"),
                )
    labeled.image_folder = source.images or source.path.parent
    return labeled


FORMAT = RowFormat(
    name="createml",
    recognizes=recognizes,
    read=read,
    ground_truth="CreateML: a .json list of images with annotations of label and coordinates",
    detections="CreateML files whose annotations have a confidence",
)

"""CVAT: one XML file for all images of a task, or for the tracks of a video.

Corners are in pixels with continuous edges from 0. Of rotated boxes, polygons, ellipses and masks
the bounding box is taken; lines, points, skeletons, cuboids and tags are left out. Source: CVAT's
documentation, "CVAT for images" and "CVAT for video", format version 1.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from detbench.data.formats.json_files.json_values import is_true, size_of
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
    rotated_box,
)
from detbench.data.formats.parsing.plain_text import parse_number, read_bytes
from detbench.data.formats.parsing.xml_text import parse_xml
from detbench.errors import InputError

_HEAD_BYTES = 4096
_SHAPES = ("box", "polygon", "ellipse", "mask")
_NUMBERS = {
    "box": ("xtl", "ytl", "xbr", "ybr"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "mask": ("left", "top", "width", "height"),
}
_CROWD_NAMES = ("iscrowd", "is_crowd", "crowd")


def recognizes(path: Path) -> bool:
    """Tell whether a file has the root of CVAT."""
    file = _file(path)
    if file.suffix.lower() != ".xml" or not file.is_file():
        return False
    with file.open("rb") as stream:
        return b"<annotations>" in stream.read(_HEAD_BYTES)


def _file(path: Path) -> Path:
    return path / "annotations.xml" if path.is_dir() else path


def read(source: Source) -> LabeledBoxes:
    """Read the shapes of all images, or of all frames of a video.

    Raises:
        InputError: The file is not XML, or an image has no name.
    """
    file = _file(source.path)
    root = parse_xml(read_bytes(file), str(file), root="annotations", what="a CVAT file")
    labeled = LabeledBoxes("cvat", source, texts=True, names_files=True)
    labels = root.iterfind("meta//labels/label")
    labeled.list_classes([name for label in labels if (name := label.findtext("name", "").strip())])
    for number, element in enumerate(root.iterfind("image"), 1):
        name = element.get("name", "")
        if not name:
            problem = "names no image, expected a file name in the attribute name"
            raise InputError(file, problem, where=f"image {number}")
        width, height = (size_of(_number(element.get(side))) for side in ("width", "height"))
        image = labeled.add_new_image(
            name, path=file, where=f"image {number}", width=width, height=height, file=name
        )
        for index, shape in enumerate(element, 1):
            label = shape.get("label", "")
            _add_shape(labeled, image, shape, label, file, f"{name}, shape {index}")
    _add_tracks(labeled, root, file)
    folders = (file.parent / "images", file.parent)
    labeled.image_folder = source.images or next(filter(Path.is_dir, folders), None)
    labeled.name = root.findtext("meta/task/name", "").strip()
    return labeled


def _add_tracks(labeled: LabeledBoxes, root: ElementTree.Element, file: Path) -> None:
    """Add the shapes of a video: CVAT numbers its frames and names images after them."""
    tracks = list(root.iterfind("track"))
    if not tracks:
        return
    size = root.find("meta//original_size")
    n_frames = _frame_number(root.findtext("meta//size", "0"), file, "meta, size")
    sides = [size.findtext(side) if size is not None else None for side in ("width", "height")]
    width, height = (size_of(_number(side)) for side in sides)

    def image_of(frame: int) -> int:
        return labeled.add_image(f"frame_{frame:06d}", width=width, height=height)

    # Frames without objects are images, too.
    for frame in range(n_frames):
        image_of(frame)
    for number, track in enumerate(tracks, 1):
        for shape in track:
            if shape.tag in _SHAPES and not is_true(shape.get("outside")):
                where = f"track {number}, frame {shape.get('frame')}"
                image = image_of(_frame_number(shape.get("frame", "0"), file, where))
                _add_shape(labeled, image, shape, track.get("label", ""), file, where)


def _frame_number(text: str, file: Path, where: str) -> int:
    if not text.strip().isdecimal():
        raise InputError(file, f"is {text!r}, expected a whole number of frames", where=where)
    return int(text)


def _add_shape(
    labeled: LabeledBoxes,
    image: int,
    shape: ElementTree.Element,
    label: str,
    file: Path,
    where: str,
) -> None:
    if shape.tag not in _SHAPES:
        labeled.count_change(shape.tag, LEFT_OUT)
        return
    is_rotated = shape.get("rotation", "0") not in ("0", "0.0", "0.00")
    if shape.tag != "box" or is_rotated:
        noun = "rotated box" if shape.tag == "box" else shape.tag
        labeled.count_change(noun, READ_AS_BOXES)
    attributes = {
        attribute.get("name", "").lower(): attribute.text for attribute in shape.iter("attribute")
    }
    labeled.add(
        image,
        label,
        _corners(shape, is_rotated=is_rotated),
        file=file,
        where=where,
        iscrowd=any(is_true(attributes.get(name)) for name in _CROWD_NAMES),
        difficult=is_true(attributes.get("difficult")),
        truncated=is_true(attributes.get("truncated")),
    )


def _corners(shape: ElementTree.Element, *, is_rotated: bool) -> Sequence[object]:
    """Return x1, y1, x2, y2; malformed texts stay as they are."""
    if shape.tag == "polygon":
        pairs = [point.split(",") for point in shape.get("points", "").split(";")]
        numbers = [_number(text) for pair in pairs for text in pair]
        return bounding_box(numbers)
    texts = [shape.get(name) for name in _NUMBERS[shape.tag]]
    values = [_number(text) for text in texts]
    angle = _number(shape.get("rotation", "0"))
    a, b, c, d = values
    if a is None or b is None or c is None or d is None or angle is None:
        return texts if shape.tag == "box" else NOT_A_SHAPE
    if shape.tag == "mask":
        return a, b, a + c, b + d
    if shape.tag == "ellipse":
        x1, y1, x2, y2 = ellipse_box(a, b, c, d)
        return rotated_box(x1, y1, x2 - x1, y2 - y1, angle, about_center=True)
    if is_rotated:
        return rotated_box(a, b, c - a, d - b, angle, about_center=True)
    return texts


def _number(text: str | None) -> float | None:
    try:
        return parse_number(text or "")
    except ValueError:
        return None


FORMAT = RowFormat(
    name="cvat",
    recognizes=recognizes,
    read=read,
    ground_truth="CVAT: its .xml for images or for video, or the folder with annotations.xml",
)

"""The XML of VOC annotations: the texts of all objects of a split, and what they mean.

One reading serves both readers: the strict one refuses the first fault, the lenient one counts
them. The rules for absent tags are those of the devkit's `VOCreadrecxml.m`.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.data.formats.parsing.plain_text import is_number, parse_numbers

CORNERS = ("xmin", "ymin", "xmax", "ymax")
SIDES = ("width", "height")
FLAGS = ("difficult", "truncated")
FLAG_VALUES = {
    **dict.fromkeys(("1", "True", "true"), True),
    **dict.fromkeys(("0", "False", "false", "", "None", "Unspecified"), False),
}
"""What the texts of `<difficult>` and `<truncated>` mean; an absent tag is an empty text.

FiftyOne writes None for an attribute that an object lacks.
"""
WRITTEN_BY_DETBENCH = "detbench"
"""The first word of `<source><annotation>` in annotations that detbench wrote, before the
protocol."""
_NO_CORNERS = (None, None, None, None)
_POLYGON_TAG = re.compile(r"([xy])[0-9]+")
_MAX_SHOWN = 40
_FOREIGN_SHAPES = {
    "robndbox": "has a <robndbox>, a rotated box of roLabelImg, and no <bndbox>",
    "polygon/pt": "has a <polygon> of <pt>, as LabelMe writes it, and no <bndbox>",
}
"""Path in an object → what is wrong with an object that has this in place of a box."""


class Fault(NamedTuple):
    """What is wrong with an object, and what to do."""

    problem: str
    fix: str = ""


class AnnotationColumns(NamedTuple):
    """The values of all objects and images, with NaN or False in place of malformed ones."""

    corners: Floats
    """(N, 4) xmin, ymin, xmax, ymax as written"""
    malformed_boxes: Flags
    """(N,) objects that have no four numbers."""
    malformed: Flags
    """(N,) objects without four numbers, without a name, or with malformed flags."""
    difficult: Flags
    truncated: Flags
    image_sizes: Floats
    """(I, 2) width and height as written; NaN if absent."""
    malformed_sizes: Flags
    """(I, 2) texts that are no numbers."""


class AnnotationTexts:
    """The texts of the annotations of a split, one image after the other."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        """Number of objects per image."""
        self.names: list[str] = []
        self.corners: list[str | None] = []
        """Four per object; None for a missing tag."""
        self.flags: tuple[list[str], list[str]] = ([], [])
        """Difficult and truncated, one each per object."""
        self.sides: list[str | None] = []
        """Width and height of each image; None for a missing tag."""
        self.files: list[str] = []
        """What `<filename>` states for each image; empty without the tag."""
        self.folder = ""
        """The first `<folder>` that is not empty."""
        self.origin = ""
        """The `<source><annotation>` of the first annotation that states a source."""
        self.database = ""
        """The `<source><database>` of the same."""
        self.n_polygons = 0
        """Number of objects whose polygon stands in for a missing box."""
        self._foreign: dict[int, str] = {}
        """Object → what it has in place of a box."""

    def __len__(self) -> int:
        return len(self.names)

    def add(self, annotation: ElementTree.Element | None) -> None:
        """Append one image; None is an image without an annotation, so without objects."""
        if annotation is None:
            self.counts.append(0)
            self.sides += (None, None)
            self.files.append("")
            return
        objects = annotation.findall("object")
        difficult, truncated = self.flags
        for element in objects:
            box = element.find("bndbox")
            if box is None:
                self.corners += self._corners_without_box(element)
            else:
                # Spelled out: a loop over the tags is slower, and this is most of the time.
                self.corners += (
                    box.findtext("xmin"),
                    box.findtext("ymin"),
                    box.findtext("xmax"),
                    box.findtext("ymax"),
                )
            self.names.append(element.findtext("name", "").strip())
            difficult.append(element.findtext("difficult", "").strip())
            truncated.append(element.findtext("truncated", "").strip())
        self.counts.append(len(objects))
        self.sides += (
            annotation.findtext("size/width") or None,
            annotation.findtext("size/height") or None,
        )
        self.files.append(annotation.findtext("filename", "").strip())
        self.folder = self.folder or annotation.findtext("folder", "").strip()
        if not self.database:
            self.database = annotation.findtext("source/database", "").strip()
            self.origin = annotation.findtext("source/annotation", "").strip()

    def _corners_without_box(self, element: ElementTree.Element) -> tuple[str | None, ...]:
        """Return the corners of an object's polygon of x1, y1, x2, y2, … if it has one."""
        corners = _polygon_corners(element.find("polygon"))
        if corners is not None:
            self.n_polygons += 1
            return corners
        for path, problem in _FOREIGN_SHAPES.items():
            if element.find(path) is not None:
                self._foreign[len(self.names)] = problem
        return _NO_CORNERS

    def columns(self) -> AnnotationColumns:
        """Return the values of the texts."""
        corners, malformed = parse_numbers(self.corners)
        malformed_boxes = np.asarray(malformed.reshape(-1, 4).any(axis=1))
        malformed_flags = [
            difficult not in FLAG_VALUES or truncated not in FLAG_VALUES
            for difficult, truncated in zip(*self.flags, strict=True)
        ]
        unnamed = [not name for name in self.names]
        difficult, truncated = (
            np.array([_flag(text) for text in texts], np.bool_) for texts in self.flags
        )
        stated = np.array([text is not None for text in self.sides], np.bool_)
        sizes = np.full(len(self.sides), np.nan)
        malformed_sizes = np.zeros(len(self.sides), np.bool_)
        sizes[stated], malformed_sizes[stated] = parse_numbers(
            [text for text in self.sides if text is not None]
        )
        return AnnotationColumns(
            corners=corners.reshape(-1, 4),
            malformed_boxes=malformed_boxes,
            malformed=malformed_boxes
            | np.array(malformed_flags, np.bool_)
            | np.array(unnamed, np.bool_),
            difficult=difficult,
            truncated=truncated,
            image_sizes=sizes.reshape(-1, 2),
            malformed_sizes=malformed_sizes.reshape(-1, 2),
        )

    def fault(self, row: int) -> Fault:
        """Return the first text of a malformed object that cannot be read."""
        if not self.names[row]:
            return Fault("has no <name>")
        if row in self._foreign:
            return Fault(self._foreign[row], "export boxes as <bndbox>")
        for tag, text in zip(CORNERS, self.corners[4 * row : 4 * row + 4], strict=True):
            if text is None:
                fix = "every object needs xmin, ymin, xmax and ymax"
                return Fault(f"has no <{tag}> in <bndbox>", fix)
            if not is_number(text):
                return Fault(f"<{tag}> is {_shortened(text)}, expected a number")
        texts = [flag[row] for flag in self.flags]
        pairs = zip(FLAGS, texts, strict=True)
        tag, text = next((tag, text) for tag, text in pairs if text not in FLAG_VALUES)
        return Fault(f"<{tag}> is {_shortened(text)}, expected 0 or 1")

    def decimals(self) -> int:
        """Return how many coordinates are written with a decimal point."""
        return sum("." in text for text in self.corners if text)


def _polygon_corners(polygon: ElementTree.Element | None) -> tuple[str, ...] | None:
    """Return the least and greatest x and y of a polygon of numbered points, as texts."""
    if polygon is None:
        return None
    texts: dict[str, list[str]] = {"x": [], "y": []}
    for point in polygon:
        tag = _POLYGON_TAG.fullmatch(point.tag)
        if tag:
            texts[tag[1]].append(point.text or "")
    if not texts["x"] or len(texts["x"]) != len(texts["y"]):
        return None
    if not all(is_number(text) for axis in texts.values() for text in axis):
        return None
    least = [min(axis, key=float) for axis in texts.values()]
    greatest = [max(axis, key=float) for axis in texts.values()]
    return (*least, *greatest)


def _flag(text: str) -> bool:
    """Return a flag, or what a malformed flag seems to mean: a text that is not 0 or no is true."""
    value = FLAG_VALUES.get(text)
    return text.lower() not in ("0.0", "no") if value is None else value


def _shortened(text: str) -> str:
    quoted = repr(text)
    return quoted if len(quoted) <= _MAX_SHOWN else f"{quoted[: _MAX_SHOWN - 1]}…"

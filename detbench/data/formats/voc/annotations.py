"""VOC annotations: one split of a devkit into a GroundTruth.

VOC's boxes are 1-based and inclusive: `xmin, ymin, xmax, ymax` become `xmin − 1, ymin − 1, xmax,
ymax` with continuous edges, so that the width is the devkit's `xmax − xmin + 1`. The rules for
absent tags are those of the devkit's `VOCreadrecxml.m`.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.parsing.plain_text import parse_number
from detbench.data.formats.parsing.xml_text import parse_xml
from detbench.data.formats.voc.annotation_xml import (
    CORNERS,
    FLAG_VALUES,
    explain_fault,
)
from detbench.data.formats.voc.devkit import open_devkit, year_in
from detbench.data.formats.voc.image_sets import choose_split, find_splits, read_image_set
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)
# fmt: on


class VocObjects:
    """The contents of the annotations of a split, one image after the other."""

    def __init__(self) -> None:
        self.folder = ""
        """The first `<folder>` that is not empty."""
        self.files: list[str] = []
        self.sizes: list[tuple[float, float]] = []
        self.counts: list[int] = []
        """Number of objects per image."""
        self.names: list[str] = []
        self.corners: list[tuple[float, float, float, float]] = []
        """xmin, ymin, xmax, ymax as written"""
        self.difficult: list[bool] = []
        self.truncated: list[bool] = []

    def add(self, image_id: str, annotation: ElementTree.Element) -> None:
        """Append one image.

        Raises:
            KeyError, ValueError: A tag is absent or malformed; `explain_fault` finds it.
        """
        objects = annotation.findall("object")
        for element in objects:
            box = element.find("bndbox")
            if box is None:
                raise ValueError
            # Spelled out: a loop over the tags is slower, and this is most of the reader's time.
            corners = (
                parse_number(box.findtext("xmin", "")),
                parse_number(box.findtext("ymin", "")),
                parse_number(box.findtext("xmax", "")),
                parse_number(box.findtext("ymax", "")),
            )
            self.corners.append(corners)
            name = element.findtext("name", "").strip()
            if not name:
                raise ValueError
            self.names.append(name)
            self.difficult.append(FLAG_VALUES[element.findtext("difficult", "").strip()])
            self.truncated.append(FLAG_VALUES[element.findtext("truncated", "").strip()])
        self.counts.append(len(objects))
        width = _parse_side(annotation.findtext("size/width"))
        height = _parse_side(annotation.findtext("size/height"))
        # A size of 0, or of one side only, is as good as none.
        self.sizes.append((width, height) if width > 0 and height > 0 else (np.nan, np.nan))
        self.add_image(image_id, annotation)

    def add_image(self, image_id: str, annotation: ElementTree.Element) -> None:
        """Append the name of the image's file, and note the folder."""
        file = annotation.findtext("filename", "").strip()
        # Some annotations name the file without its suffix.
        self.files.append(file if "." in file else f"{image_id}.jpg")
        self.folder = self.folder or annotation.findtext("folder", "")


class VocSplit:
    """One split of a VOC devkit: its images, and the annotation of each.

    Args:
        path: A folder or an official tar.
        split: See `choose_split`.

    Raises:
        InputError: The split is unknown, or its list of images is malformed.
    """

    def __init__(self, path: Path, split: str | None) -> None:
        self._path, self._devkit = path, open_devkit(path)
        splits, self._listed_classes = find_splits(self._devkit)
        self.name = choose_split(self._devkit, splits, split)
        self.image_ids = read_image_set(self._devkit, self.name)

    def location(self, image_id: str) -> str:
        """Return what messages call the annotation of an image."""
        return self._devkit.location(f"Annotations/{image_id}.xml")

    def annotation(self, image_id: str) -> ElementTree.Element:
        """Return the annotation of an image.

        Raises:
            InputError: It is missing, or is not an annotation.
        """
        location = self.location(image_id)
        try:
            content = self._devkit.read(f"Annotations/{image_id}.xml")
        except FileNotFoundError:
            raise InputError(
                location,
                f"is missing, but image {image_id!r} is in split {self.name!r}",
                fix=f"add it, or remove the image from ImageSets/Main/{self.name}.txt",
            ) from None
        return parse_xml(content, location, root="annotation", what="a VOC annotation")

    def ground_truth(self, objects: VocObjects, boxes: Floats, images: Path | None) -> GroundTruth:
        """Return the objects of all images with their boxes (N, 4; x1, y1, x2, y2).

        `images` is the folder of the images. Default: JPEGImages, except for a tar.
        """
        devkit = self._devkit
        class_names = self._class_names(set(objects.names))
        index = {name: number for number, name in enumerate(class_names)}
        # The name of the folder decides about the year, and the annotations if it says nothing.
        year = devkit.year or year_in(objects.folder)
        is_voc = year and set(objects.names) <= set(VOC_CLASSES)
        dataset = f"VOC{year}" if is_voc else devkit.dataset_name
        folder = Path(devkit.root, "JPEGImages")
        has_folder = devkit.members is None and folder.is_dir()
        return GroundTruth.from_rows(
            image_ids=self.image_ids,
            class_names=class_names,
            image_index=np.repeat(np.arange(len(self.image_ids)), objects.counts),
            class_index=np.array([index[name] for name in objects.names], np.int32),
            boxes=boxes,
            difficult=np.array(objects.difficult, np.bool_),
            truncated=np.array(objects.truncated, np.bool_),
            image_sizes=np.array(objects.sizes, np.float64).reshape(-1, 2),
            image_files=objects.files,
            image_folder=images or (folder if has_folder else None),
            name=f"{dataset} {self.name}",
            protocol="voc2007" if year == 2007 else "voc2012",
            source=f"voc devkit {self._path} split {self.name}",
        )

    def _class_names(self, names: set[str]) -> tuple[str, ...]:
        """Return the classes for objects of these names, in the devkit's order: sorted."""
        listed = self._listed_classes
        if listed or not names <= set(VOC_CLASSES):
            return tuple(sorted(names | listed))
        return VOC_CLASSES


def read_voc(path: Path, *, split: str | None = None, images: Path | None = None) -> GroundTruth:
    """Read one split of a VOC devkit: a folder or an official tar, as `open_devkit` finds it.

    - Classes are those of the per-class lists in ImageSets/Main and of the objects. Without such
      lists they are the twenty of VOC, unless an object has another name.
    - The protocol is `voc2007` for the year 2007 (in the folder's name, else in the `<folder>`
      tag), `voc2012` for any other.
    - Absent `difficult` and `truncated` tags are 0. Sizes that are absent or 0 are NaN. Parts of
      objects are not objects.
    - Image files have the name in `<filename>`, else `{image id}.jpg`.

    Args:
        path: A year's folder, its parent, the folder above that, or a tar of any of these.
        split: The image set. Default: `test`, or the only one.
        images: The folder of the images. Default: JPEGImages, except for a tar.

    Raises:
        InputError: The split is unknown, image ids repeat, an annotation is missing or malformed,
            or a box is impossible.
    """
    voc_split = VocSplit(path, split)
    objects = VocObjects()
    for image_id in voc_split.image_ids:
        annotation = voc_split.annotation(image_id)
        try:
            objects.add(image_id, annotation)
        except (KeyError, ValueError):
            explain_fault(annotation, voc_split.location(image_id))
    # 1-based inclusive corners become continuous edges: only the upper left corner moves.
    boxes = np.array(objects.corners, np.float64).reshape(-1, 4)
    _check_boxes(voc_split, objects, boxes)
    boxes[:, :2] -= 1
    return voc_split.ground_truth(objects, boxes, images)


def _parse_side(text: str | None) -> float:
    """Return the width or height of an image, NaN if absent; raise ValueError if impossible."""
    if not text:
        return np.nan
    side = parse_number(text)
    if not 0 <= side < np.inf:
        raise ValueError
    return side


def _check_boxes(split: VocSplit, objects: VocObjects, corners: Floats) -> None:
    """Raise for the first object whose corners, as written, are not finite or enclose nothing.

    The pixels are inclusive: a box of half a pixel has an xmax below its xmin, and one without
    width an xmax of xmin − 1.
    """
    # An overflow is what is looked for here, so NumPy must not warn of it.
    with np.errstate(all="ignore"):
        extents = corners[:, 2:] - (corners[:, :2] - 1)
        finite = np.isfinite(corners).all(axis=1) & np.isfinite(extents[:, 0] * extents[:, 1])
    ordered = (extents > 0).all(axis=1)
    impossible = np.flatnonzero(~(finite & ordered))
    if not len(impossible):
        return
    row = int(impossible[0])
    starts = np.cumsum([0, *objects.counts])
    image = int(np.searchsorted(starts, row, side="right")) - 1
    written = zip(CORNERS, corners[row], strict=True)
    if finite[row]:
        fix = "xmax and ymax must not be smaller than xmin and ymin"
    else:
        fix = "coordinates and width · height must be finite"
    raise InputError(
        split.location(split.image_ids[image]),
        f"is not a box: {', '.join(f'{tag} {value:g}' for tag, value in written)}",
        where=f"object {row - starts[image] + 1} ({objects.names[row]})",
        fix=fix,
    )

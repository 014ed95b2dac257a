"""VOC ground truth: reads a devkit's annotations into a GroundTruth and writes them back, exactly.

VOC's boxes are 1-based and inclusive: `xmin, ymin, xmax, ymax` become `xmin − 1, ymin − 1, xmax, ymax`, continuous edges, so that
the width is the devkit's `xmax − xmin + 1`. The rules for absent tags are those of the devkit's `VOCreadrecxml.m`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree

import numpy as np

from detbench.data.columns import Floats
from detbench.data.formats.parsing.plain_text import parse_number
from detbench.data.formats.parsing.plain_text import read_error
from detbench.data.formats.voc.devkit import Devkit, open_devkit, year_in
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
VOC_FLAGS = {"1": True, "0": False, "": False, "Unspecified": False}
"""What the texts of `<difficult>` and `<truncated>` mean."""


class VocObjects:
    """What the annotations of a split say, one after the other."""

    def __init__(self) -> None:
        self.folder = ""
        self.files: list[str] = []
        self.sizes: list[tuple[float, float]] = []
        self.counts: list[int] = []
        self.names: list[str] = []
        self.corners: list[tuple[float, float, float, float]] = []
        self.difficult: list[bool] = []
        self.truncated: list[bool] = []

    def add(self, image_id: str, annotation: ElementTree.Element) -> None:
        """Take in one annotation; raises KeyError, TypeError, ValueError or AttributeError where `_explain` finds the fault."""
        objects = annotation.findall("object")
        for thing in objects:
            corners = thing.find("bndbox").findtext  # type: ignore[union-attr]
            self.corners.append(
                (
                    parse_number(corners("xmin")),  # type: ignore[arg-type]
                    parse_number(corners("ymin")),  # type: ignore[arg-type]
                    parse_number(corners("xmax")),  # type: ignore[arg-type]
                    parse_number(corners("ymax")),  # type: ignore[arg-type]
                )
            )
            self.names.append(thing.findtext("name", "").strip())
            self.difficult.append(VOC_FLAGS[thing.findtext("difficult", "").strip()])
            self.truncated.append(VOC_FLAGS[thing.findtext("truncated", "").strip()])
        self.counts.append(len(objects))
        if "" in self.names[len(self.names) - len(objects) :]:
            raise ValueError
        width, height = (
            _side(annotation.findtext("size/width")),
            _side(annotation.findtext("size/height")),
        )
        self.sizes.append((width, height) if width > 0 and height > 0 else (np.nan, np.nan))
        self.add_picture(image_id, annotation)

    def add_picture(self, image_id: str, annotation: ElementTree.Element) -> None:
        """Take in what an annotation calls its picture and its folder."""
        file = annotation.findtext("filename", "").strip()
        self.files.append(file if "." in file else f"{image_id}.jpg")
        self.folder = self.folder or annotation.findtext("folder", "")


class VocSplit:
    """One split of a VOC devkit: its images, and the annotation of each."""

    def __init__(self, path: Path, split: str | None) -> None:
        """Open a folder or an official tar; InputError for an unknown split and for repeated image ids."""
        self._path, self._devkit = path, open_devkit(path)
        splits, self._listed_classes = _splits(self._devkit)
        self.name = _choose_split(self._devkit, splits, split)
        self.image_ids = _image_set(self._devkit, self.name)

    def place(self, image_id: str) -> str:
        """Return how messages call the annotation of an image."""
        return self._devkit.place(f"Annotations/{image_id}.xml")

    def annotation(self, image_id: str) -> ElementTree.Element:
        """Return the annotation of an image; InputError where it is missing or no annotation."""
        name = f"Annotations/{image_id}.xml"
        try:
            content = self._devkit.read(name)
        except FileNotFoundError:
            raise InputError(
                self.place(image_id),
                f"is missing, but image {image_id!r} is in split {self.name!r}",
                fix=f"add it, or take the image out of ImageSets/Main/{self.name}.txt",
            ) from None
        return _parse(content, self._devkit, name)

    def ground_truth(self, objects: VocObjects, boxes: Floats, images: Path | None) -> GroundTruth:
        """Return the objects of all images with their boxes (G, 4; xyxy)."""
        names = set(objects.names)
        listed = self._listed_classes
        class_names = (
            sorted(names | listed) if listed or not names <= set(VOC_CLASSES) else VOC_CLASSES
        )
        index = {name: number for number, name in enumerate(class_names)}
        devkit = self._devkit
        year = devkit.year or year_in(objects.folder)
        folder = Path(devkit.root, "JPEGImages")
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
            image_folder=images or (folder if devkit.members is None and folder.is_dir() else None),
            name=f"VOC{year} {self.name}"
            if year and names <= set(VOC_CLASSES)
            else f"{devkit.dataset_name} {self.name}",
            protocol="voc2007" if year == 2007 else "voc2012",
            source=f"voc devkit {self._path} split {self.name}",
        )


def read_voc(path: Path, *, split: str | None = None, images: Path | None = None) -> GroundTruth:
    """Read one split of a VOC devkit: a folder or an official tar, as `open_devkit` finds it.

    Without `split` it is `test` where there is one, or the only one there is. Classes are those of the per-class lists in
    ImageSets/Main and of the objects; without such lists, the twenty of VOC where no object has another name. They are sorted,
    which is the devkit's order. The protocol is `voc2007` for the year 2007 (the folder's name, else the `<folder>` tag),
    `voc2012` for any other. Absent `difficult` and `truncated` tags are 0; parts of objects are not objects; sizes that are absent
    or 0 are NaN. Pictures are called as `<filename>` says, `{image id}.jpg` where it says nothing.

    Raises InputError for an unknown split, repeated image ids, annotations that are missing or malformed, and boxes that are not boxes.
    """
    chosen = VocSplit(path, split)
    objects = VocObjects()
    for image_id in chosen.image_ids:
        annotation = chosen.annotation(image_id)
        try:
            objects.add(image_id, annotation)
        except (KeyError, TypeError, ValueError, AttributeError):
            _explain(annotation, chosen.place(image_id))
    boxes = np.array(objects.corners, np.float64).reshape(-1, 4)
    _check_boxes(chosen, objects, boxes)
    boxes[:, :2] -= 1
    return chosen.ground_truth(objects, boxes, images)


def _side(text: str | None) -> float:
    """Return the width or height of an image, NaN where it is not said; ValueError for what no image can have."""
    if not text:
        return np.nan
    side = parse_number(text)
    if not 0 <= side < np.inf:
        raise ValueError
    return side


def _splits(devkit: Devkit) -> tuple[list[str], set[str]]:
    """Tell image sets from per-class lists (`dog_test` where there is a `test`); return both, the latter as class names."""
    splits: list[str] = []
    classes: set[str] = set()
    for name in sorted(devkit.lists(), key=len):
        heads = [
            head for split in splits if (head := name.removesuffix(f"_{split}")) not in ("", name)
        ]
        if heads:
            classes.add(min(heads, key=len))
        else:
            splits.append(name)
    return sorted(splits), classes


def _choose_split(devkit: Devkit, splits: list[str], split: str | None) -> str:
    listed = ", ".join(splits) or "none"
    if split in splits:
        return split
    if split is not None:
        raise InputError(
            devkit.place("ImageSets/Main"),
            f"there is no split {split!r}",
            fix=f"choose one of: {listed}",
        )
    if "test" in splits:
        return "test"
    if len(splits) != 1:
        raise InputError(
            devkit.place("ImageSets/Main"),
            f"which split is meant? There are: {listed}",
            fix="choose one with --split",
        )
    return splits[0]


def _image_set(devkit: Devkit, split: str) -> list[str]:
    name = f"ImageSets/Main/{split}.txt"
    place = devkit.place(name)
    lines: dict[str, int] = {}
    try:
        content = devkit.read(name)
    except FileNotFoundError:
        raise InputError(
            place, "is a link to a file that is not there", fix="put the list itself there"
        ) from None
    for number, line in enumerate(_text(content, place).splitlines(), 1):
        image_id = line.strip()
        if not image_id.isprintable():
            raise InputError(
                place,
                f"{image_id!r} cannot be the name of an image",
                where=f"line {number}",
                fix="list one image id a line",
            )
        if len(image_id.split()) > 1:
            raise InputError(
                place, f"expected one image id, found {image_id!r}", where=f"line {number}"
            )
        if image_id in lines:
            raise InputError(
                place,
                f"image {image_id!r} is already in line {lines[image_id]}",
                where=f"line {number}",
                fix="list every image once",
            )
        if image_id:
            lines[image_id] = number
    return list(lines)


def _parse(content: bytes, devkit: Devkit, name: str) -> ElementTree.Element:
    """Parse XML that may not declare anything: without a document type there are no entities to expand or to fetch.

    The text is decoded here, so that an encoding named inside the file cannot hide a declaration from the check.
    """
    try:
        text = _text(content, devkit.place(name))
        if "<!DOCTYPE" not in text and "<!ENTITY" not in text:
            root = ElementTree.fromstring(text)  # noqa: S314  it declares nothing, see above
            if root.tag == "annotation":
                return root
            raise InputError(
                devkit.place(name),
                f"is no VOC annotation: it is a <{root.tag}>, expected <annotation>",
                fix="export or fetch it again",
            )
    except ElementTree.ParseError as error:
        line, column = error.position
        raise InputError(
            devkit.place(name),
            f"is not well-formed XML ({error})",
            where=f"line {line}, column {column + 1}",
            fix="repair it or fetch it again",
        ) from error
    raise InputError(
        devkit.place(name),
        "declares a document type or entities, which no VOC annotation does",
        fix="remove the declaration",
    )


def _text(content: bytes, place: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise read_error(place, error) from None


def _explain(annotation: ElementTree.Element, place: str) -> NoReturn:
    """Name the first tag that `VocObjects.add` could not take."""
    for number, thing in enumerate(annotation.findall("object"), 1):
        name = thing.findtext("name", "").strip()
        where = f"object {number} ({name})" if name else f"object {number}"
        if not name:
            raise InputError(place, "has no <name>", where=where)
        for tag in ("xmin", "ymin", "xmax", "ymax"):
            text = thing.findtext(f"bndbox/{tag}")
            if text is None:
                raise InputError(
                    place,
                    f"has no <{tag}> in <bndbox>",
                    where=where,
                    fix="every object needs xmin, ymin, xmax and ymax",
                )
            if not _is_number(text):
                raise InputError(place, f"<{tag}> is {text!r}, expected a number", where=where)
        for tag in ("difficult", "truncated"):
            text = thing.findtext(tag, "").strip()
            if text not in VOC_FLAGS:
                raise InputError(place, f"<{tag}> is {text!r}, expected 0 or 1", where=where)
    width, height = annotation.findtext("size/width"), annotation.findtext("size/height")
    raise InputError(place, f"<size> is {width!r} × {height!r}, expected two numbers, not negative")


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def _check_boxes(split: VocSplit, objects: VocObjects, corners: Floats) -> None:
    """Raise for the first object whose corners, as written, are not finite, span no finite area, or bound nothing.

    The pixels are inclusive: a box of half a pixel has an xmax below its xmin, and one of no width an xmax of xmin − 1.
    """
    with np.errstate(all="ignore"):
        extents = corners[:, 2:] - (corners[:, :2] - 1)
        finite = np.isfinite(corners).all(axis=1) & np.isfinite(extents[:, 0] * extents[:, 1])
    ordered = (extents > 0).all(axis=1)
    bad = np.flatnonzero(~(finite & ordered))
    if not len(bad):
        return
    row = int(bad[0])
    starts = np.cumsum([0, *objects.counts])
    image = int(np.searchsorted(starts, row, side="right")) - 1
    box = ", ".join(
        f"{tag} {value:g}"
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners[row], strict=True)
    )
    raise InputError(
        split.place(split.image_ids[image]),
        f"is no box: {box}",
        where=f"object {row - starts[image] + 1} ({objects.names[row]})",
        fix="xmax and ymax must not be smaller than xmin and ymin"
        if finite[row]
        else "coordinates and width · height must be finite",
    )

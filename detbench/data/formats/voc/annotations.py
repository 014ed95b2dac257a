"""VOC annotations: one split of a dataset in VOC's layout into a GroundTruth.

VOC's boxes are 1-based and inclusive: `xmin, ymin, xmax, ymax` become `xmin − 1, ymin − 1, xmax,
ymax` with continuous edges, so that the width is the devkit's `xmax − xmin + 1`. Other programs
write the same tags with positions from 0; `corner_offsets` tells which of these a dataset has.
"""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.parsing.xml_text import parse_xml
from detbench.data.formats.voc.annotation_xml import (
    CORNERS,
    SIDES,
    WRITTEN_BY_DETBENCH,
    AnnotationColumns,
    AnnotationTexts,
)
from detbench.data.formats.voc.devkit import is_devkit, year_in
from detbench.data.formats.voc.image_sets import Split, open_image_set
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError
from detbench.wording import plural

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)
# fmt: on
VOC_OFFSETS = (1, 0)
"""VOC's own corners: 1-based and inclusive."""
_VOC_IMAGE = re.compile(r"([0-9]{4}_)?[0-9]{6}")
"""The ids of VOC's images: 000001 in 2007, 2008_000001 later."""
_VOC_DATABASE = re.compile(r"VOC ?[0-9]{4}")


class Annotations(NamedTuple):
    """The annotations of a split, faults included."""

    split: Split
    texts: AnnotationTexts
    columns: AnnotationColumns

    def image_of(self, row: int) -> int:
        """Return the position of the image of an object."""
        starts = np.cumsum([0, *self.texts.counts])
        return int(np.searchsorted(starts, row, side="right")) - 1

    def number_of(self, row: int) -> int:
        """Return the number, from 1, of an object in its annotation."""
        return row - sum(self.texts.counts[: self.image_of(row)]) + 1

    def object_name(self, row: int) -> str:
        """Return what messages call an object."""
        name = self.texts.names[row]
        return f"object {self.number_of(row)}" + (f" ({name})" if name else "")


class Offsets(NamedTuple):
    """What first and last corners exceed continuous edges by, and why it is not what VOC's do."""

    first: int
    last: int
    reason: str = ""

    def boxes(self, corners: Floats) -> Floats:
        """Return continuous boxes (N, 4; x1, y1, x2, y2) of corners as written."""
        return corners - [self.first, self.first, self.last, self.last]


def read_voc(path: Path, *, split: str | None = None, images: Path | None = None) -> GroundTruth:
    """Read one split of a VOC devkit, or of XML annotations in VOC's format.

    - Splits are the image sets. Without any, all XML of a folder is one: see `xml_folders`.
    - It is VOC itself if its year is stated, images are numbered as VOC's, and all classes are
      VOC's: see `_voc_year`. Its classes are then the twenty. Otherwise they are those of the
      per-class lists in ImageSets/Main, of `labelmap.txt`, and of the objects, sorted.
    - The protocol is `voc2007` for VOC 2007 and for folders called VOC2007, `voc2012` for any
      other.
    - Absent `difficult` and `truncated` tags are 0. Sizes that are absent or 0 are NaN. Parts of
      objects are not objects. A polygon without a box becomes its bounding box.
    - For image files, see `ImageFiles.find`.

    Args:
        path: A year's folder, its parent, the folder above that, a tar of any of these, or a folder
            with XML files at most three levels down.
        split: The image set or folder. Default: `test`, or the only one.
        images: The folder of the images. Default: JPEGImages, except for a tar; without image sets,
            where the images lie.

    Raises:
        InputError: The split is unknown, image ids repeat, an annotation is missing or malformed,
            or a box is impossible.
    """
    annotations = read_annotations(path, split, images)
    columns = annotations.columns
    _check_texts(annotations)
    offsets = corner_offsets(annotations)
    boxes = offsets.boxes(columns.corners)
    _check_boxes(annotations, offsets)
    everything = np.arange(len(boxes))
    return to_ground_truth(path, annotations, everything, boxes, offsets)


def read_annotations(path: Path, split: str | None, images: Path | None) -> Annotations:
    """Read the annotations of a split, whatever their texts are.

    Raises:
        InputError: The split is unknown, or an annotation is missing or no XML of VOC's.
    """
    voc_split, texts = _open_split(path, split, images), AnnotationTexts()
    for image in range(len(voc_split.image_ids)):
        content = voc_split.read(image)
        location = voc_split.location(image)
        texts.add(
            None
            if content is None
            else parse_xml(content, location, root="annotation", what="a VOC annotation")
        )
    return Annotations(voc_split, texts, texts.columns())


def _open_split(path: Path, split: str | None, images: Path | None) -> Split:
    # Path.exists raises for names that no file can have; os.path.exists does not.
    if os.path.exists(path) and not is_devkit(path):  # noqa: PTH110
        from detbench.data.formats.voc.xml_folders import find_xml_folders, open_xml_folder

        folders = find_xml_folders(path)
        if folders:
            return open_xml_folder(path, folders, split, images)
    return open_image_set(path, split, images)


def to_ground_truth(
    path: Path, annotations: Annotations, rows: Ints, boxes: Floats, offsets: Offsets
) -> GroundTruth:
    """Return some objects of annotations as a ground truth, with a warning of what is unusual.

    Args:
        path: What the user gave.
        annotations: The annotations.
        rows: (M,) the objects to take, sorted; each has a name.
        boxes: (M, 4) their boxes with continuous edges.
        offsets: How they were numbered.
    """
    split, texts, columns = annotations.split, annotations.texts, annotations.columns
    all_names = np.array(texts.names, object)
    names = all_names[rows].tolist()
    year = _voc_year(annotations, set(names))
    is_voc_2007 = year == 2007 or split.devkit.year == 2007
    was_voc_2007 = texts.origin == f"{WRITTEN_BY_DETBENCH} voc2007"
    listed = split.listed_classes
    class_names = tuple(sorted({*names, *listed})) if listed or not year else VOC_CLASSES
    index = {name: number for number, name in enumerate(class_names)}
    image_index = np.repeat(np.arange(len(split.image_ids)), texts.counts)[rows]
    files = list(map(split.images.find, split.image_stems, texts.files))
    _warn_unusual(path, annotations, files, offsets)
    dataset = f"VOC{year}" if year else split.dataset_name
    sizes = columns.image_sizes
    # A size of 0, or of one side only, is as good as none.
    has_size = np.asarray((np.isfinite(sizes) & (sizes > 0)).all(axis=1, keepdims=True))
    return GroundTruth.from_rows(
        image_ids=split.image_ids,
        class_names=class_names,
        image_index=image_index,
        class_index=np.array([index[name] for name in names], np.int32),
        boxes=boxes,
        difficult=columns.difficult[rows],
        truncated=columns.truncated[rows],
        image_sizes=np.where(has_size, sizes, np.nan),
        image_files=files,
        image_folder=split.images.folder,
        name=dataset if dataset == split.name else f"{dataset} {split.name}",
        protocol="voc2007" if is_voc_2007 or was_voc_2007 else "voc2012",
        source=f"voc devkit {path} split {split.name}",
        voc_offsets=(offsets.first, offsets.last),
    )


def _voc_year(annotations: Annotations, names: set[str]) -> int | None:
    """Return the year if a dataset is VOC itself, and not only in its layout.

    The year must be stated: by the name of the folder, else by `<folder>`. All classes must be
    VOC's, all images numbered as VOC's, and `<source><database>`, if there is one, must name VOC.
    """
    texts, split = annotations.texts, annotations.split
    year = split.devkit.year or year_in(texts.folder)
    is_voc = (
        names <= set(VOC_CLASSES)
        and (not texts.database or _VOC_DATABASE.search(texts.database))
        and all(map(_VOC_IMAGE.fullmatch, split.image_ids))
    )
    return year if is_voc else None


def corner_offsets(annotations: Annotations) -> Offsets:
    """Return how corners are numbered: VOC's way unless the numbers contradict it.

    1. Annotations that detbench or VOC wrote are 1-based and inclusive.
    2. Pixels are whole numbers. If most coordinates have a decimal point, they are positions, with
       0 at the edge of the image: CVAT, Datumaro, globox and labelme2voc write them.
    3. There is no pixel 0 if pixels count from 1. If more boxes begin at 0 than at 1, they count
       from 0. Their last corner is inclusive if more boxes end a pixel before the end of the image
       than at it.
    """
    texts, corners = annotations.texts, annotations.columns.corners
    if texts.origin.startswith((WRITTEN_BY_DETBENCH, "PASCAL VOC")) or not len(texts):
        return Offsets(*VOC_OFFSETS)
    if 2 * texts.decimals() > corners.size:
        reason = "coordinates are written with a decimal point, so they are positions from 0"
        return Offsets(0, 0, reason)
    n_at = {pixel: int((corners[:, :2] == pixel).any(axis=1).sum()) for pixel in (0, 1)}
    if n_at[0] <= n_at[1]:
        return Offsets(*VOC_OFFSETS)
    images = np.repeat(np.arange(len(texts.counts)), texts.counts)
    distance = corners[:, 2:] - annotations.columns.image_sizes[images]
    is_inclusive = int((distance == -1).any(axis=1).sum()) > int((distance == 0).any(axis=1).sum())
    return Offsets(
        0,
        -1 if is_inclusive else 0,
        f"more boxes begin at 0 ({n_at[0]:,}) than at 1 ({n_at[1]:,}), so they count from 0, with "
        f"xmax and ymax {'inclusive' if is_inclusive else 'exclusive'}",
    )


def _warn_unusual(path: Path, annotations: Annotations, files: list[str], offsets: Offsets) -> None:
    """Warn of another numbering than VOC's, of polygons, and of images without an annotation."""
    messages = []
    if offsets.reason:
        messages.append(
            f"{offsets.reason}; VOC counts from 1. VOC results are read like these annotations"
        )
    n_polygons = annotations.texts.n_polygons
    if n_polygons:
        messages.append(f"{plural(n_polygons, 'object')} without <bndbox>: polygons became boxes")
    split = annotations.split
    images = {
        f"{folder}/{name}" if folder else name
        for folder in split.unlisted_folders
        for stem, names in split.images.stems(folder).items()
        if stem not in split.other_stems
        for name in names
    }
    n_left_out = len(images.difference(files))
    if n_left_out:
        messages.append(
            f"{n_left_out:,} of {plural(len(images), 'image')} have no XML file and are left out; "
            "if they show no object, add an <annotation> without objects for each"
        )
    for message in messages:
        warnings.warn(f"{path}: {message}", DetbenchWarning, stacklevel=4)


def _check_texts(annotations: Annotations) -> None:
    """Raise for the first text that cannot be read: of the objects of an image, then its size."""
    split, columns = annotations.split, annotations.columns
    sizes = columns.image_sizes
    # An absent size is no fault.
    wrong_sizes = columns.malformed_sizes | (sizes < 0) | np.isinf(sizes)
    wrong_sizes |= np.isnan(sizes) & _stated(annotations)
    images = np.flatnonzero(wrong_sizes.any(axis=1))
    rows = np.flatnonzero(columns.malformed)
    first_image = int(images[0]) if len(images) else len(split.image_ids)
    if len(rows) and annotations.image_of(int(rows[0])) <= first_image:
        row = int(rows[0])
        fault = annotations.texts.fault(row)
        raise InputError(
            split.location(annotations.image_of(row)),
            fault.problem,
            where=annotations.object_name(row),
            fix=fault.fix,
        )
    if len(images):
        width, height = annotations.texts.sides[2 * first_image : 2 * first_image + 2]
        problem = f"<size> is {width!r} × {height!r}, expected two numbers that are not negative"
        raise InputError(split.location(first_image), problem)


def _stated(annotations: Annotations) -> Flags:
    """Return which widths and heights (I, 2) have a text."""
    texts = annotations.texts.sides
    return np.array([text is not None for text in texts], np.bool_).reshape(-1, len(SIDES))


def _check_boxes(annotations: Annotations, offsets: Offsets) -> None:
    """Raise for the first object whose corners, as written, are not finite or enclose nothing.

    VOC's pixels are inclusive: a box of half a pixel has an xmax below its xmin, and one without
    width an xmax of xmin − 1.
    """
    corners = annotations.columns.corners
    # An overflow is what is looked for here, so NumPy must not warn of it.
    with np.errstate(all="ignore"):
        boxes = offsets.boxes(corners)
        extents = boxes[:, 2:] - boxes[:, :2]
        finite = np.isfinite(corners).all(axis=1) & np.isfinite(extents[:, 0] * extents[:, 1])
    ordered = (extents > 0).all(axis=1)
    is_box = np.asarray(finite & ordered)
    if is_box.all():
        return
    row = int(is_box.argmin())
    written = zip(CORNERS, corners[row], strict=True)
    if finite[row]:
        fix = "xmax and ymax must not be smaller than xmin and ymin"
    else:
        fix = "coordinates and width · height must be finite"
    raise InputError(
        annotations.split.location(annotations.image_of(row)),
        f"is not a box: {', '.join(f'{tag} {value:g}' for tag, value in written)}",
        where=annotations.object_name(row),
        fix=fix,
    )

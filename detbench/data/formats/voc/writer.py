"""Writer of VOC devkits and results, in numbers from which the readers get the same boxes back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.files import atomic_folder
from detbench.data.formats.parsing.file_names import check_file_name
from detbench.data.formats.voc.annotation_xml import WRITTEN_BY_DETBENCH
from detbench.data.formats.voc.devkit import year_in
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchWarning, InputError
from detbench.wording import plural

_ROUNDING = 1e-9
"""Pixels by which a width of 1 may be short because its corners are rounded."""

_ANNOTATION = """\
<annotation>
\t<folder>{folder}</folder>
\t<filename>{file}</filename>
\t<source>
\t\t<database>{name}</database>
\t\t<annotation>{origin}</annotation>
\t</source>
{size}\t<segmented>0</segmented>
{objects}</annotation>
"""
_SIZE = """\
\t<size>
\t\t<width>{}</width>
\t\t<height>{}</height>
\t\t<depth>3</depth>
\t</size>
"""
_OBJECT = """\
\t<object>
\t\t<name>{}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>{:d}</truncated>
\t\t<difficult>{:d}</difficult>
\t\t<bndbox>
\t\t\t<xmin>{}</xmin>
\t\t\t<ymin>{}</ymin>
\t\t\t<xmax>{}</xmax>
\t\t\t<ymax>{}</ymax>
\t\t</bndbox>
\t</object>
"""


def write_voc(ground_truth: GroundTruth, folder: Path, *, split: str = "test") -> None:
    """Write a year of a devkit: Annotations, ImageSets/Main with class lists, an empty JPEGImages.

    Images are not copied. Crowd regions become difficult objects, which are not scored either.
    COCO's `areas` and category ids are lost. Warnings count crowd regions, boxes narrower than a
    pixel (their xmax is below their xmin), and boxes without width or height (no reader takes
    them). `<source><annotation>` says that detbench wrote it and for which protocol, so that the
    reader takes the numbers as 1-based, whatever they are.

    Args:
        ground_truth: The ground truth.
        folder: The year's folder, which must be new or empty.
        split: The name of the image set.

    Raises:
        DetbenchError: An image id or class cannot name a file.
        InputError: An image id has a space, or the folder cannot be written.
    """
    with atomic_folder(folder) as hidden:
        write_split(ground_truth, hidden, split)


def write_split(ground_truth: GroundTruth, root: Path, split: str) -> None:
    """Write one split into a year's folder, which may hold other splits; this is not atomic."""
    for name in (*ground_truth.image_ids, *ground_truth.class_names, split):
        check_file_name(name)
    _check_ids(root, ground_truth.image_ids)
    if ground_truth.iscrowd.any():
        count = plural(int(ground_truth.iscrowd.sum()), "crowd region")
        message = f"{count} written as difficult: VOC has no crowds"
        warnings.warn(message, DetbenchWarning, stacklevel=2)
    _warn_narrow(ground_truth.boxes)
    for part in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / part).mkdir(parents=True, exist_ok=True)
    _write_annotations(ground_truth, root / "Annotations")
    _write_lists(ground_truth, root / "ImageSets" / "Main", split)


def write_voc_results(
    detections: Detections,
    folder: Path,
    *,
    split: str = "test",
    offsets: tuple[int, int] = (1, 0),
) -> None:
    """Write a `comp4_det_{split}_{class}.txt` for every class, the exact inverse of reading.

    Lines keep the order of the detections' source, which breaks ties of scores.

    Args:
        detections: The detections.
        folder: The folder, which must be new or empty.
        split: The name of the image set.
        offsets: `GroundTruth.voc_offsets` of their ground truth.

    Raises:
        DetbenchError: A class or split cannot name a file.
        InputError: An image id has a space, or the folder cannot be written.
    """
    for name in (*detections.class_names, *detections.image_ids, split):
        check_file_name(name)
    _check_ids(folder, detections.image_ids)
    # Sort by class, and within a class in the order of the source.
    order = np.arange(len(detections))
    if detections.source_rows is not None:
        order = np.argsort(detections.source_rows, kind="stable")
    order = order[np.argsort(detections.class_index[order], kind="stable")]
    image_index = groups_from_offsets(detections.offsets)[order].tolist()
    columns = (
        [detections.image_ids[image] for image in image_index],
        _decimals(detections.scores[order].tolist()),
        *_voc_numbers(detections.boxes[order], offsets),
    )
    lines = list(map("{} {} {} {} {} {}\n".format, *columns))
    counts = np.bincount(detections.class_index, minlength=len(detections.class_names))
    ends = np.cumsum(counts).tolist()
    with atomic_folder(folder) as hidden:
        for name, start, end in zip(detections.class_names, [0, *ends], ends, strict=False):
            file = hidden / f"comp4_det_{split}_{name}.txt"
            file.write_text("".join(lines[start:end]), encoding="utf-8")


def _check_ids(path: Path, image_ids: Sequence[str]) -> None:
    """Raise InputError for an image id with a space, which separates the values of a line."""
    for image_id in image_ids:
        if len(image_id.split()) > 1:
            problem = f"image id {image_id!r} has a space, which separates the values of a line"
            raise InputError(path, problem, fix="rename the image, or write COCO files")


def _warn_narrow(boxes: Floats) -> None:
    """Count the boxes whose inclusive pixels are in no order: a width below 1 makes xmax < xmin."""
    narrow = (boxes[:, 2:] < boxes[:, :2] + (1 - _ROUNDING)).any(axis=1)
    empty = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    for rows, problem in (
        (narrow & ~empty, "are narrower than a pixel, so xmax < xmin; other tools may refuse them"),
        (empty, "have no width or no height: written, but readers will refuse them"),
    ):
        if rows.any():
            message = f"{int(rows.sum()):,} of {len(boxes):,} boxes {problem}"
            warnings.warn(message, DetbenchWarning, stacklevel=4)


def _voc_numbers(boxes: Floats, offsets: tuple[int, int] = (1, 0)) -> list[list[str]]:
    """Return boxes (N, 4; x1, y1, x2, y2) as the columns xmin, ymin, xmax, ymax of text.

    They are the shortest decimals from which the reader gets these very boxes by computing
    xmin − 1, or what else the offsets of first and last corners are. Below 1 this loses digits that
    x1 + 1 cannot bring back; rounding to 15 decimals does, for every number written with at most so
    many. An x1 that no decimal minus 1 gives (1e-20) becomes the nearest one that does.
    """
    corners: list[Floats] = []
    for edges, offset in ((boxes[:, :2], offsets[0]), (boxes[:, 2:], offsets[1])):
        corner = edges + offset
        with np.errstate(over="ignore", invalid="ignore"):  # numbers near the largest
            rounded = np.round(corner, 15)
        is_exact = (offset != 0) & (np.abs(corner) < 1) & (rounded - offset == edges)
        corners += [*np.where(is_exact, rounded, corner).T]
    return [_decimals(column.tolist()) for column in corners]


def _decimals(values: Sequence[float]) -> list[str]:
    """Return numbers as their shortest exact decimals, integers without a point."""
    return [repr(value).removesuffix(".0") for value in values]


def _write_annotations(ground_truth: GroundTruth, folder: Path) -> None:
    difficult = ground_truth.difficult | ground_truth.iscrowd
    columns = (
        [escape(ground_truth.class_names[index]) for index in ground_truth.class_index],
        ground_truth.truncated.tolist(),
        difficult.tolist(),
        *_voc_numbers(ground_truth.boxes),
    )
    # Formatting all objects in one go is several times faster than an XML library.
    objects = list(map(_OBJECT.format, *columns))
    offsets = ground_truth.offsets.tolist()
    for image, image_id in enumerate(ground_truth.image_ids):
        size = ground_truth.image_sizes[image].tolist()
        text = _ANNOTATION.format(
            folder=_stated_folder(ground_truth),
            file=escape(ground_truth.image_files[image] or f"{image_id}.jpg"),
            name=escape(ground_truth.name),
            origin=f"{WRITTEN_BY_DETBENCH} {ground_truth.protocol}",
            size=_SIZE.format(*_decimals(size)) if np.isfinite(size).all() else "",
            objects="".join(objects[offsets[image] : offsets[image + 1]]),
        )
        (folder / f"{image_id}.xml").write_text(text, encoding="utf-8")


def _stated_folder(ground_truth: GroundTruth) -> str:
    """Return the `<folder>`: the year if the dataset is VOC itself, else that of the images."""
    name = ground_truth.name.partition(" ")[0]
    return "JPEGImages" if year_in(name) is None else name


def _write_lists(ground_truth: GroundTruth, folder: Path, split: str) -> None:
    """Write the image set and the list of each class.

    A class list says of each image: 1 if it has such an object, 0 if it has only difficult ones,
    −1 if it has none.
    """
    _write_lines(folder / f"{split}.txt", ground_truth.image_ids)
    # −1 everywhere, raised to 0 by difficult objects and to 1 by others.
    presence = np.full((len(ground_truth.class_names), len(ground_truth.image_ids)), -1)
    image_index = groups_from_offsets(ground_truth.offsets)
    counts = np.where(ground_truth.difficult | ground_truth.iscrowd, 0, 1)
    np.maximum.at(presence, (ground_truth.class_index, image_index), counts)
    for name, flags in zip(ground_truth.class_names, presence.tolist(), strict=True):
        lines = map("{} {:2d}".format, ground_truth.image_ids, flags)
        _write_lines(folder / f"{name}_{split}.txt", lines)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

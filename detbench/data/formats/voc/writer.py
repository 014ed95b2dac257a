"""Writes ground truth as a VOC devkit: the layout of VOC 2007, in numbers from which the reader gets the same boxes back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from detbench.data.columns import Floats
from detbench.data.files import atomic_folder
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning

_ROUNDING = 1e-9
"""Pixels by which a width of 1 may be short because its corners are rounded."""

_ANNOTATION = """\
<annotation>
\t<folder>{folder}</folder>
\t<filename>{file}</filename>
\t<source>
\t\t<database>{name}</database>
\t</source>
{size}\t<segmented>0</segmented>
{objects}</annotation>
"""
_SIZE = (
    "\t<size>\n\t\t<width>{}</width>\n\t\t<height>{}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
)
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
    """Write `folder` (new or empty) as one year of a devkit: Annotations, ImageSets/Main with per-class lists, JPEGImages (empty).

    Pictures are not copied. VOC has no crowds: they are written as difficult, which are not counted either, and a warning says how many.
    A warning counts the boxes narrower than a pixel, whose xmax is below their xmin, and those without width or height, which no
    reader takes. COCO's `areas` and category ids have no place in VOC. Raises DetbenchError for ids or classes that cannot name a file.
    """
    with atomic_folder(folder) as hidden:
        write_split(ground_truth, hidden, split)


def write_split(ground_truth: GroundTruth, root: Path, split: str) -> None:
    """Write annotations and lists of one split into a year's folder, which may hold other splits; not atomic."""
    for name in (*ground_truth.image_ids, *ground_truth.class_names, split):
        check_file_name(name)
    if ground_truth.iscrowd.any():
        crowds = f"{ground_truth.iscrowd.sum():,} crowd regions"
        warnings.warn(
            f"{crowds} are written as difficult objects: VOC has no crowds",
            DetbenchWarning,
            stacklevel=2,
        )
    _warn_of_narrow(ground_truth.boxes)
    for part in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / part).mkdir(parents=True, exist_ok=True)
    _write_annotations(ground_truth, root / "Annotations")
    _write_lists(ground_truth, root / "ImageSets" / "Main", split)


def _warn_of_narrow(boxes: Floats) -> None:
    """Count the boxes that VOC's inclusive pixels cannot say in order: a width below 1 makes xmax smaller than xmin."""
    narrow = (boxes[:, 2:] < boxes[:, :2] + (1 - _ROUNDING)).any(axis=1)
    empty = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    for count, what in (
        (
            int((narrow & ~empty).sum()),
            "are narrower than one pixel: written with xmax < xmin or ymax < ymin, which others may refuse",
        ),
        (
            int(empty.sum()),
            "have no width or no height, which VOC cannot say: they are written, but readers will refuse them",
        ),
    ):
        if count:
            warnings.warn(
                f"{count:,} of {len(boxes):,} boxes {what}", DetbenchWarning, stacklevel=4
            )


def check_file_name(name: str) -> None:
    """Raise DetbenchError for an image id, class or split that cannot be part of a file's name and of a line of text."""
    if (
        not name
        or name != name.strip()
        or any(c in "/\\" or not c.isprintable() for c in name)
        or name in {".", ".."}
    ):
        raise DetbenchError(
            f"{name!r} cannot be the name of a file; rename this image, class or split"
        )


def voc_numbers(boxes: Floats) -> list[list[str]]:
    """Return boxes (N, 4; xyxy) as the four columns of VOC's texts: the shortest decimals the reader turns into these very boxes.

    The reader computes `xmin − 1`. Below 1 this loses digits that `x1 + 1` cannot bring back; rounding to 15 decimals does, for
    every number written with so many or fewer. An `x1` that no decimal minus 1 gives (1e-20) becomes the nearest that one gives.
    """
    corner = boxes[:, :2] + 1
    short = np.round(corner, 15)
    corner = np.where((np.abs(corner) < 1) & (short - 1 == boxes[:, :2]), short, corner)
    return [decimals(column.tolist()) for column in (*corner.T, *boxes[:, 2:].T)]


def decimals(values: Sequence[float]) -> list[str]:
    """Return numbers as their shortest exact decimals, integers without a point."""
    return [repr(value).removesuffix(".0") for value in values]


def _write_annotations(ground_truth: GroundTruth, folder: Path) -> None:
    year = "VOC2007" if ground_truth.protocol == "voc2007" else "VOC2012"
    difficult = (ground_truth.difficult | ground_truth.iscrowd).tolist()
    names = [escape(ground_truth.class_names[index]) for index in ground_truth.class_index]
    objects = list(
        map(
            _OBJECT.format,
            names,
            ground_truth.truncated.tolist(),
            difficult,
            *voc_numbers(ground_truth.boxes),
        )
    )
    offsets = ground_truth.offsets.tolist()
    for image, image_id in enumerate(ground_truth.image_ids):
        size = ground_truth.image_sizes[image].tolist()
        text = _ANNOTATION.format(
            folder=year,
            file=escape(ground_truth.image_files[image] or f"{image_id}.jpg"),
            name=escape(ground_truth.name),
            size=_SIZE.format(*decimals(size)) if np.isfinite(size).all() else "",
            objects="".join(objects[offsets[image] : offsets[image + 1]]),
        )
        (folder / f"{image_id}.xml").write_text(text, encoding="utf-8")


def _write_lists(ground_truth: GroundTruth, folder: Path, split: str) -> None:
    """Write the image set and, per class, 1 for images with such an object, 0 with difficult ones only, −1 without."""
    _write_lines(folder / f"{split}.txt", ground_truth.image_ids)
    images, classes = len(ground_truth.image_ids), len(ground_truth.class_names)
    image = np.repeat(np.arange(images), np.diff(ground_truth.offsets))
    presence = np.full((classes, images), -1)
    np.maximum.at(
        presence,
        (ground_truth.class_index, image),
        np.where(ground_truth.difficult | ground_truth.iscrowd, 0, 1),
    )
    for name, flags in zip(ground_truth.class_names, presence.tolist(), strict=True):
        _write_lines(
            folder / f"{name}_{split}.txt", map("{} {:2d}".format, ground_truth.image_ids, flags)
        )


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

"""The objects in COCO's JSON files: msgspec checks their types and writes their keys in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

import msgspec

from detbench.data.ground_truth import GroundTruth

Id = int | float | str
"""An id of an image or annotation. Some tools write whole numbers as 1.0, or use strings."""
Flag = int | float | bool | None


class Image(msgspec.Struct, gc=False, omit_defaults=True):
    """An entry of `images`."""

    id: Id
    file_name: str | None = None
    width: float | None = None
    height: float | None = None
    neg_category_ids: Any = None
    """LVIS: the classes that are known to be absent."""
    not_exhaustive_category_ids: Any = None
    """LVIS: the classes of which not all objects are annotated."""


class Category(msgspec.Struct, gc=False, omit_defaults=True):
    """An entry of `categories`."""

    id: int | float
    name: str | None = None
    frequency: Any = None
    """LVIS: `r`, `c` or `f`, for rare, common or frequent."""


class Annotation(msgspec.Struct, gc=False, omit_defaults=True):
    """An entry of `annotations`; `difficult` and `truncated` are what converters from VOC add."""

    image_id: Id
    category_id: int | float
    bbox: tuple[float, float, float, float]
    """x, y, width, height"""
    area: float | None = None
    iscrowd: Flag = None
    id: Id | None = None
    difficult: Flag = None
    truncated: Flag = None


class AnnotationFile(msgspec.Struct, gc=False):
    """A file of annotations."""

    images: list[Image]
    categories: list[Category]
    annotations: list[Annotation]


class Result(msgspec.Struct, gc=False, omit_defaults=True):
    """An entry of a results file."""

    image_id: Id
    category_id: int | float
    bbox: tuple[float, float, float, float]
    """x, y, width, height"""
    score: float
    file_name: Any = None
    """The image's file, as Ultralytics states it beside an id made of it."""


def protocol_of(
    image_lists: Iterable[object], frequencies: Iterable[object]
) -> Literal["coco", "lvis"]:
    """Return the protocol of annotations: that of LVIS if anything says that they are LVIS's.

    Args:
        image_lists: The lists of classes that LVIS's images have, None where an image lacks one.
        frequencies: The frequency of each category, None where it lacks one.
    """
    rated = list(frequencies)
    if any(each is not None for each in image_lists):
        return "lvis"
    return "lvis" if rated and all(each in ("r", "c", "f") for each in rated) else "coco"


class StatedNames(NamedTuple):
    """What the images and categories in a file of results are called."""

    files: Mapping[str, str]
    """Image id → file name."""
    classes: Mapping[str, str]
    """Category id → class name."""

    def image_labels(self, ground_truth: GroundTruth, ids: Sequence[str]) -> list[str]:
        """Return ids if they name the same files as in the ground truth, else their file names."""
        for image_id in ids:
            position = ground_truth.image_position(image_id)
            own = self.files.get(image_id, "")
            # The ground truth may not know the name of its file.
            other = own if position is None else ground_truth.image_files[position] or own
            if own and (position is None or _file_stem(own) != _file_stem(other)):
                return [self.files.get(name, name) for name in ids]
        return list(ids)

    def class_labels(self, ground_truth: GroundTruth, ids: Sequence[str]) -> list[str] | None:
        """Return the names of categories; None if ids mean the same as in the ground truth."""
        names = dict(
            zip(map(str, ground_truth.category_ids.tolist()), ground_truth.class_names, strict=True)
        )
        if all(self.classes.get(each, names.get(each)) == names.get(each) for each in ids):
            return None
        return [self.classes.get(category_id, category_id) for category_id in ids]


NO_NAMES = StatedNames({}, {})


def _file_stem(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).stem

"""The objects in COCO's JSON files: msgspec checks their types and writes their keys in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

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


class Result(msgspec.Struct, gc=False):
    """An entry of a results file."""

    image_id: Id
    category_id: int | float
    bbox: tuple[float, float, float, float]
    """x, y, width, height"""
    score: float


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

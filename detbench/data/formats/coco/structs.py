"""The objects in COCO's JSON files: msgspec checks their types and writes their keys in order."""

from __future__ import annotations

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


class Category(msgspec.Struct, gc=False):
    """An entry of `categories`."""

    id: int | float
    name: str | None = None


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

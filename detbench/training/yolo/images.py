"""The pictures of a dataset as the model sees them, with their objects: read, prepared and checked once, before training begins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.counting import counted
from detbench.adapters.images import read_picture
from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.yolo.targets import NONE, Objects
from detbench.data.columns import Floats
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, InputError

_IN_MEMORY = 2**30
"""Bytes of prepared pictures that are kept in memory; more go to a temporary file that is mapped into it."""
_SMALLEST = 1.0
"""Pixels of the input that an object must be wide and high to be learned from."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Every picture of a dataset in the model's size, with its objects."""

    images: NDArray[np.uint8]
    """(I, height, width, 3)"""
    objects: tuple[Objects, ...]
    """I, in pixels of the input."""

    @property
    def sizes(self) -> Floats:
        """Widths and heights (n, 2) in pixels of the objects to be found."""
        boxes: Floats = np.concatenate([each.boxes[each.labels != NONE] for each in self.objects])
        return boxes[:, 2:] - boxes[:, :2]

    @property
    def room(self) -> int:
        """The most objects in a picture, at least 1."""
        return max(1, *(len(each.labels) for each in self.objects))


def prepare(
    truth: GroundTruth,
    preparation: Preprocessing,
    on_picture: Callable[[int], None] = lambda _: None,
) -> Prepared:
    """Read every picture and place its objects in the input.

    Args:
        truth: whose `image_folder` and `image_files` say where the pictures are.
        preparation: how a picture becomes the input; values and layout do not count here, the pictures stay 8-bit RGB.
        on_picture: called with the number of pictures done.

    Raises:
        InputError: for a picture that is missing, cannot be read or has another size than annotated, and where no picture has an object.
    """
    check_present(truth)
    plain = replace(
        preparation,
        layout="nhwc",
        colour="rgb",
        dtype="uint8",
        scale=1.0,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
    width, height = preparation.size
    images = _room_for((len(truth.image_ids), height, width, 3))
    objects = []
    for image in range(len(truth.image_ids)):
        batch = plain.apply([_read(truth, image)])
        images[image] = batch.inputs[0]
        rows = slice(truth.offsets[image], truth.offsets[image + 1])
        boxes = np.clip(
            batch.placements[0].to_input(truth.boxes[rows]), 0, [width, height, width, height]
        )
        objects.append(
            _objects(boxes, truth.class_index[rows], truth.difficult[rows] | truth.iscrowd[rows])
        )
        on_picture(image + 1)
    if all((each.labels == NONE).all() for each in objects):
        raise InputError(
            truth.source or truth.name,
            "has no object to learn from in any picture",
            fix="choose another split or dataset",
        )
    return Prepared(images, tuple(objects))


def _objects(boxes: Floats, classes: NDArray[np.int32], excused: NDArray[np.bool_]) -> Objects:
    """Return objects that are not smaller than a pixel of the input; excused ones without a label."""
    kept = (boxes[:, 2:] - boxes[:, :2] >= _SMALLEST).all(axis=1)
    return Objects(boxes[kept], np.where(excused, NONE, classes)[kept].astype(np.int64))


def _room_for(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if math.prod(shape) <= _IN_MEMORY:
        return np.empty(shape, np.uint8)
    with TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def check_present(truth: GroundTruth) -> None:
    """Raise InputError that names the first missing picture and counts the others; DetbenchError where it is not known where they are."""
    if truth.image_folder is None:
        raise DetbenchError(
            f"{truth.name}: it is not known where the pictures are; give their folder (--images)"
        )
    missing = [
        path for name in truth.picture_names if not (path := truth.image_folder / name).is_file()
    ]
    if missing:
        more = len(missing) - 1
        share = (
            f"missing, as {'are' if more > 1 else 'is'} {counted(more, 'other')}"
            if more
            else "missing"
        )
        raise InputError(
            missing[0],
            f"this picture is {share} of {len(truth.image_ids):,}",
            fix="give their folder (--images) or --only-present",
        )


def _path(truth: GroundTruth, image: int) -> Path:
    assert truth.image_folder is not None  # noqa: S101  checked before
    return truth.image_folder / truth.picture_names[image]


def _read(truth: GroundTruth, image: int) -> NDArray[np.uint8]:
    path = _path(truth, image)
    picture = read_picture(path).picture
    height, width = picture.shape[:2]
    stated = truth.image_sizes[image]
    if not np.isnan(stated).any() and tuple(stated) != (width, height):
        problem = (
            f"has {width} × {height} pixels, its annotations say {stated[0]:g} × {stated[1]:g}"
        )
        raise InputError(path, problem, fix="are these the pictures that were annotated?")
    return picture

"""The images of a dataset as the model sees them, with their objects.

They are read, resized and checked once, before training begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.images import read_image
from detbench.adapters.prefetch import check_image_size, image_tasks
from detbench.adapters.preprocessing import Preprocessing
from detbench.data.columns import Floats
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError
from detbench.training.yolo.targets import IGNORED, ImageObjects
from detbench.wording import plural

_MAX_MEMORY = 2**30
"""Bytes of prepared images kept in memory; more go into a memory-mapped temporary file."""
_MIN_SIDE = 1.0
"""Pixels of the input that an object must be wide and high; smaller ones are dropped."""


@dataclass(frozen=True, eq=False)
class PreparedImages:
    """Every image of a dataset at the model's input size, with its objects."""

    images: NDArray[np.uint8]
    """(I, height, width, 3) RGB."""
    objects: tuple[ImageObjects, ...]
    """I, in pixels of the input."""

    @property
    def object_sizes(self) -> Floats:
        """Widths and heights (n, 2) in pixels of the input, without ignored objects."""
        boxes: Floats = np.concatenate(
            [objects.boxes[objects.labels != IGNORED] for objects in self.objects]
        )
        return boxes[:, 2:] - boxes[:, :2]

    @property
    def max_objects(self) -> int:
        """Largest number of objects in an image, at least 1."""
        return max(1, *(len(objects.labels) for objects in self.objects))


def prepare(
    ground_truth: GroundTruth,
    preprocessing: Preprocessing,
    on_image: Callable[[int], None] = lambda _: None,
) -> PreparedImages:
    """Read every image of a dataset and map its objects into the model's input.

    Args:
        ground_truth: with the files of its images.
        preprocessing: how an image becomes the input. Scaling and layout are left out: prepared
            images stay 8-bit RGB.
        on_image: called with the number of images prepared so far.

    Raises:
        InputError: if an image is missing, cannot be read, or has another size than annotated; and
            if no image has an object to learn.
    """
    check_images_exist(ground_truth)
    as_rgb = replace(
        preprocessing,
        layout="nhwc",
        color="rgb",
        dtype="uint8",
        scale=1.0,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
    width, height = preprocessing.size
    tasks = image_tasks(ground_truth)
    images = _allocate((len(tasks), height, width, 3))
    objects = []
    for position, task in enumerate(tasks):
        image = read_image(task.path)
        check_image_size(task, image)
        batch = as_rgb.apply([image.pixels])
        images[position] = batch.inputs[0]
        rows = slice(ground_truth.offsets[position], ground_truth.offsets[position + 1])
        boxes = batch.placements[0].to_input(ground_truth.boxes[rows])
        is_ignored = ground_truth.difficult[rows] | ground_truth.iscrowd[rows]
        clipped = np.clip(boxes, 0, [width, height, width, height])
        objects.append(_image_objects(clipped, ground_truth.class_index[rows], is_ignored))
        on_image(position + 1)
    if all((image_objects.labels == IGNORED).all() for image_objects in objects):
        raise InputError(
            ground_truth.source or ground_truth.name,
            "has no objects to learn from",
            fix="choose another split or dataset",
        )
    return PreparedImages(images, tuple(objects))


def check_images_exist(ground_truth: GroundTruth) -> None:
    """Raise InputError naming the first missing image and counting the others.

    Raises DetbenchError if the folder of the images is unknown.
    """
    paths = [task.path for task in image_tasks(ground_truth)]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            missing[0],
            f"image not found; {len(missing):,} of {plural(len(paths), 'image')} are missing",
            fix="set their folder (--images), or use --only-present",
        )


def _image_objects(
    boxes: Floats, classes: NDArray[np.int32], is_ignored: NDArray[np.bool_]
) -> ImageObjects:
    """Return the objects that are large enough; ignored ones have no label."""
    is_large = (boxes[:, 2:] - boxes[:, :2] >= _MIN_SIDE).all(axis=1)
    labels = np.where(is_ignored, IGNORED, classes)
    return ImageObjects(boxes[is_large], labels[is_large].astype(np.int64))


def _allocate(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return an array in memory, or in a temporary file if it is too large."""
    if math.prod(shape) <= _MAX_MEMORY:
        return np.empty(shape, np.uint8)
    with TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)

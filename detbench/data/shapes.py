"""The shapes dataset: small random images in the exact layout of VOC 2007, for demos and tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.files import atomic_folder
from detbench.data.formats.voc.writer import write_split
from detbench.data.ground_truth import GroundTruth
from detbench.data.shapes_image import SHAPES, DrawnImage, draw_image

_FIRST_ID = {"train": 0, "val": 100_000, "test": 200_000}
"""What is added to the number of an image in its split to make its id."""
_JPEG_QUALITY = 90


def make_shapes(
    folder: Path, *, seed: int = 2007, train: int = 800, val: int = 100, test: int = 200
) -> Path:
    """Write the shapes dataset into `folder` and return its devkit, `folder/VOCdevkit/VOC2007`.

    Each image depends on the seed, its split and its number alone. So annotations, and pixels
    before JPEG coding, are the same in every run, whatever the sizes of the splits. A split of size
    0 is left out.

    Raises:
        InputError: The folder exists and is not empty.
    """
    with atomic_folder(folder) as hidden:
        year = hidden / "VOCdevkit" / "VOC2007"
        for split, count in (("train", train), ("val", val), ("test", test)):
            if count:
                seeds = ([seed, _FIRST_ID[split], number] for number in range(count))
                images = [draw_image(np.random.default_rng(key)) for key in seeds]
                _write_images(year, split, images)
    return folder / "VOCdevkit" / "VOC2007"


def _write_images(year: Path, split: str, images: list[DrawnImage]) -> None:
    from PIL import Image

    ids = [f"{_FIRST_ID[split] + number:06d}" for number in range(1, len(images) + 1)]
    write_split(_ground_truth(ids, images, f"shapes {split}"), year, split)
    for image_id, image in zip(ids, images, strict=True):
        path = year / "JPEGImages" / f"{image_id}.jpg"
        Image.fromarray(image.pixels).save(path, quality=_JPEG_QUALITY)


def _ground_truth(ids: list[str], images: list[DrawnImage], name: str) -> GroundTruth:
    counts = [len(image.classes) for image in images]
    return GroundTruth.from_rows(
        image_ids=ids,
        class_names=SHAPES,
        image_index=np.repeat(np.arange(len(images)), counts),
        class_index=np.array([index for image in images for index in image.classes], np.int32),
        boxes=np.array([box for image in images for box in image.boxes], np.float64),
        difficult=np.array([flag for image in images for flag in image.difficult], np.bool_),
        truncated=np.array([flag for image in images for flag in image.truncated], np.bool_),
        image_sizes=np.array([image.pixels.shape[1::-1] for image in images], np.float64),
        name=name,
        protocol="voc2007",
    )

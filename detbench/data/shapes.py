"""The embedded shapes dataset: small seeded pictures in the exact layout of VOC 2007, and simulated detections on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Floats
from detbench.data.detections import Detections
from detbench.data.files import atomic_folder
from detbench.data.formats.voc.writer import write_split
from detbench.data.ground_truth import GroundTruth
from detbench.data.shapes_image import SHAPES, Picture, draw_image

_SPLITS = {"train": 0, "val": 100_000, "test": 200_000}
"""What is added to the number of an image to make its id."""
_JPEG_QUALITY = 90


def make_shapes(
    folder: Path, *, seed: int = 2007, train: int = 800, val: int = 100, test: int = 200
) -> Path:
    """Write the shapes dataset into `folder` (new or empty) and return its year's folder, `folder/VOCdevkit/VOC2007`.

    Each image depends on the seed, its split and its number alone: annotations, and pixels before JPEG coding, are the same in every run
    and whatever the sizes of the splits. A split of size 0 is left out. Raises InputError for a folder in use.
    """
    with atomic_folder(folder) as hidden:
        year = hidden / "VOCdevkit" / "VOC2007"
        for split, count in (("train", train), ("val", val), ("test", test)):
            if count:
                _write_split(
                    year,
                    split,
                    [
                        draw_image(np.random.default_rng([seed, _SPLITS[split], i]))
                        for i in range(count)
                    ],
                )
    return folder / "VOCdevkit" / "VOC2007"


def shapes_detections(ground_truth: GroundTruth, quality: float, seed: int = 0) -> Detections:
    """Return SIMULATED detections on a ground truth: made from its boxes with random faults, not by any model.

    They show what tables and plots look like; they say nothing about any detector. `quality` in 0..1 governs how many objects are
    missed, mistaken for another class or found twice, how far boxes are off, how many are found where nothing is, and how well
    the scores (in 0..1, four decimals) tell these apart. The same arguments give the same detections. Image sizes must be known.
    """
    rng = np.random.default_rng([seed, round(quality * 1000)])
    fault = 1 - quality
    image = np.repeat(np.arange(len(ground_truth.image_ids)), np.diff(ground_truth.offsets))
    hard = ground_truth.difficult | (ground_truth.box_areas < 300)
    found = np.flatnonzero(rng.random(len(image)) > fault * 0.35 + hard * (0.15 + 0.35 * fault))
    twice = found[rng.random(len(found)) < 0.3 * fault]
    source = np.concatenate([found, twice])
    again = np.arange(len(source)) >= len(found)
    off = np.abs(rng.normal(0, 1, len(source))) * (0.02 + 0.16 * fault) * (1 + again)
    boxes = _jitter(rng, ground_truth.boxes[source], off)
    confused = rng.random(len(source)) < 0.25 * fault
    classes = (
        ground_truth.class_index[source]
        + confused * rng.integers(1, max(2, len(SHAPES)), len(source))
    ) % len(ground_truth.class_names)
    surety = (
        1.4
        + 2 * quality
        - 6 * off
        - 1.2 * again
        - 1.5 * confused
        - hard[source]
        + rng.normal(0, 0.9, len(source))
    )
    blank = rng.integers(
        0,
        max(1, len(ground_truth.image_ids)),
        rng.poisson((0.3 + 2 * fault) * len(ground_truth.image_ids)),
    )
    image = np.concatenate([image[source], blank])
    boxes = np.vstack([boxes, _anywhere(rng, ground_truth.image_sizes[blank])])
    surety = np.concatenate([surety, -2.2 + 0.8 * fault + rng.normal(0, 1.0, len(blank))])
    order = np.lexsort((-surety, image))
    return Detections.from_rows(
        ground_truth,
        image_index=image[order],
        class_index=np.concatenate(
            [classes, rng.integers(0, len(ground_truth.class_names), len(blank))]
        )[order],
        scores=np.clip(1 / (1 + np.exp(-surety)), 1e-4, 1 - 1e-4).round(4)[order],
        boxes=_inside(boxes, ground_truth.image_sizes[image])[order],
        name=f"simulated-{quality:g}",
        source=f"simulated, not a model: quality {quality:g}, seed {seed}",
    )


def _write_split(year: Path, split: str, pictures: list[Picture]) -> None:
    ids = [f"{_SPLITS[split] + number:06d}" for number in range(1, len(pictures) + 1)]
    truth = _truth(ids, pictures, f"shapes {split}")
    write_split(truth, year, split)
    for image_id, picture in zip(ids, pictures, strict=True):
        _save(picture, year / "JPEGImages" / f"{image_id}.jpg")


def _save(picture: Picture, path: Path) -> None:
    from PIL import Image

    Image.fromarray(picture.pixels).save(path, quality=_JPEG_QUALITY)


def _truth(ids: list[str], pictures: list[Picture], name: str) -> GroundTruth:
    return GroundTruth.from_rows(
        image_ids=ids,
        class_names=SHAPES,
        image_index=np.repeat(
            np.arange(len(pictures)), [len(picture.classes) for picture in pictures]
        ),
        class_index=np.array(
            [number for picture in pictures for number in picture.classes], np.int32
        ),
        boxes=np.array([box for picture in pictures for box in picture.boxes], np.float64),
        difficult=np.array([flag for picture in pictures for flag in picture.difficult], np.bool_),
        truncated=np.array([flag for picture in pictures for flag in picture.truncated], np.bool_),
        image_sizes=np.array([picture.pixels.shape[1::-1] for picture in pictures], np.float64),
        name=name,
        protocol="voc2007",
    )


def _jitter(rng: np.random.Generator, boxes: Floats, off: Floats) -> Floats:
    """Move each edge by about `off` times the box's extent."""
    extent = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + extent * off[:, None] * rng.uniform(-1, 1, boxes.shape)


def _anywhere(rng: np.random.Generator, sizes: Floats) -> Floats:
    """Return one random box in each image."""
    extent = rng.uniform(0.08, 0.45, sizes.shape) * sizes
    corner = rng.uniform(0, 1, sizes.shape) * (sizes - extent)
    return np.hstack([corner, corner + extent])


def _inside(boxes: Floats, sizes: Floats) -> Floats:
    """Cut boxes to their images, at least a pixel wide, in hundredths of a pixel."""
    corner = np.clip(boxes[:, :2], 0, sizes - 1)
    return np.hstack([corner, np.clip(boxes[:, 2:], corner + 1, sizes)]).round(2)

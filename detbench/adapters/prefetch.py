"""Prefetch: reads images and makes them into batches on other threads, ahead of the model."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detbench.adapters.detector import Batch, Detector, ImageArray
from detbench.adapters.images import DecodedImage, read_image
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError
from detbench.threads import ThreadPool

_MAX_PREFETCHED = 4
"""Batches read ahead of the model."""


@dataclass(frozen=True)
class ImageTask:
    """An image to run a model on."""

    path: Path
    size: tuple[float, float]
    """Width and height stated by the annotations, NaN if unknown."""


@dataclass(frozen=True)
class PreparedBatch:
    """The images of a batch, ready for the model."""

    paths: tuple[Path, ...]
    batch: Batch | None
    """The readable images; None if there is none."""
    errors: tuple[str, ...]
    """Why each image could not be read; empty for readable images."""
    notes: tuple[tuple[str, ...], ...]
    """Unusual properties of each image."""


def image_tasks(ground_truth: GroundTruth) -> list[ImageTask]:
    """Return the images of a dataset; raises DetbenchError if their folder is unknown."""
    folder = ground_truth.require_image_folder()
    sizes = ground_truth.image_sizes.tolist()
    return [
        ImageTask(folder / name, (width, height))
        for name, (width, height) in zip(ground_truth.image_names, sizes, strict=True)
    ]


def prefetch_batches(
    detector: Detector, batches: Sequence[Sequence[ImageTask]], readers: int
) -> Generator[PreparedBatch, None, None]:
    """Yield batches in order while `readers` threads read and preprocess the next ones."""
    with ThreadPool(readers) as pool:
        pending: deque[Future[PreparedBatch]] = deque()
        for tasks in batches:
            pending.append(pool.submit(_prepare, detector, tasks))
            if len(pending) > _MAX_PREFETCHED:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _prepare(detector: Detector, tasks: Sequence[ImageTask]) -> PreparedBatch:
    images: list[ImageArray] = []
    errors: list[str] = []
    notes: list[tuple[str, ...]] = []
    for task in tasks:
        try:
            image = read_image(task.path)
        except InputError as error:
            errors.append(str(error))
            notes.append(())
            continue
        check_image_size(task, image)
        errors.append("")
        notes.append(image.notes)
        images.append(image.pixels)
    batch = detector.preprocess(images) if images else None
    return PreparedBatch(tuple(task.path for task in tasks), batch, tuple(errors), tuple(notes))


def check_image_size(task: ImageTask, image: DecodedImage) -> None:
    """Raise InputError if the annotations state another size: their boxes would be elsewhere."""
    height, width = image.pixels.shape[:2]
    stated = task.size
    if np.isnan(stated).any() or stated == (width, height):
        return
    fix = "check that these are the annotated images"
    if stated == (height, width) and any("EXIF" in note for note in image.notes):
        fix = "the annotations refer to the image rotated by its EXIF; store it rotated"
    raise InputError(
        task.path,
        f"has {width} × {height} pixels, but its annotations state {stated[0]:g} × {stated[1]:g}",
        fix=fix,
    )

"""Preparation: pictures read, checked and made into batches on other threads, ahead of the model."""

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
from detbench.errors import DetbenchError, InputError
from detbench.threads import ThreadPool

_PREPARED_BATCHES = 4


@dataclass(frozen=True)
class ImageTask:
    """A picture to look at."""

    path: Path
    size: tuple[float, float]
    """Width and height that the annotations state, NaN where they do not."""


@dataclass(frozen=True)
class PreparedBatch:
    """A batch ready for the model; None where none of its pictures could be read."""

    paths: tuple[Path, ...]
    batch: Batch | None
    broken: tuple[str, ...]
    """Why each picture could not be read; empty for those that could."""
    notes: tuple[tuple[str, ...], ...]


def image_tasks(ground_truth: GroundTruth) -> list[ImageTask]:
    """Return the pictures of a dataset; DetbenchError where it is not known in which folder they lie."""
    folder = ground_truth.image_folder
    if folder is None:
        raise DetbenchError(
            f"{ground_truth.name}: it is not known where the pictures are; give their folder (--images)"
        )
    sizes = ground_truth.image_sizes.tolist()
    return [
        ImageTask(folder / name, (width, height))
        for name, (width, height) in zip(ground_truth.image_names, sizes, strict=True)
    ]


def prefetch_batches(
    detector: Detector, batches: Sequence[Sequence[ImageTask]], readers: int
) -> Generator[PreparedBatch, None, None]:
    """Yield batches in order, with the next ones read and prepared on other threads meanwhile."""
    with ThreadPool(readers) as pool:
        pending: deque[Future[PreparedBatch]] = deque()
        for tasks in batches:
            pending.append(pool.submit(_prepare, detector, tasks))
            if len(pending) > _PREPARED_BATCHES:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _prepare(detector: Detector, tasks: Sequence[ImageTask]) -> PreparedBatch:
    pictures: list[ImageArray] = []
    broken: list[str] = []
    notes: list[tuple[str, ...]] = []
    for task in tasks:
        try:
            image = read_image(task.path)
        except InputError as error:
            broken.append(str(error))
            notes.append(())
            continue
        _check_size(task, image)
        broken.append("")
        notes.append(image.notes)
        pictures.append(image.pixels)
    batch = detector.preprocess(pictures) if pictures else None
    return PreparedBatch(tuple(task.path for task in tasks), batch, tuple(broken), tuple(notes))


def _check_size(task: ImageTask, image: DecodedImage) -> None:
    """Refuse a picture of another size than its annotations state: its boxes would lie elsewhere."""
    height, width = image.pixels.shape[:2]
    stated = task.size
    if np.isnan(stated).any() or stated == (width, height):
        return
    fix = "are these the pictures that were annotated?"
    if stated == (height, width) and any("EXIF" in note for note in image.notes):
        fix = "these annotations see it turned as its EXIF says: store it turned"
    raise InputError(
        task.path,
        f"has {width} × {height} pixels, its annotations say {stated[0]:g} × {stated[1]:g}",
        fix=fix,
    )

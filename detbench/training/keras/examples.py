"""Examples: the images in which a callback detects objects, and their ground truth."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.detector import Batch, Detector, ImageDetections
from detbench.adapters.images import read_image
from detbench.adapters.prefetch import image_tasks, prefetch_batches
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.threads import ThreadPool

_READERS = 2
"""Threads that read images ahead of the model."""


@dataclass(frozen=True, eq=False)
class Example:
    """One image and its objects."""

    image: NDArray[Any]
    """(height, width, 3) 8-bit RGB, or numbers as the model takes them."""
    boxes: NDArray[np.float64]
    """(n, 4) x1, y1, x2, y2 in pixels of `image`."""
    classes: NDArray[np.int64]
    """(n,) index into the class names of the examples."""


class Examples(Protocol):
    """Images in which objects are detected again and again while a model trains."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the class indices."""

    def adapt(self, detector: Detector, model: Any) -> Detector:
        """Return the model's detector with the preprocessing that these examples need."""

    def batch(self, detector: Detector, images: Sequence[NDArray[Any]]) -> Batch:
        """Return images of examples as a batch for a detector that `adapt` returned."""

    def sample(self, count: int) -> list[Example]:
        """Return `count` examples, the same ones each time, or all if there are fewer."""

    def detect(
        self, detector: Detector, batch_size: int
    ) -> tuple[GroundTruth, list[ImageDetections]]:
        """Return the ground truth of all images, and the detections in each of them."""


class GroundTruthExamples:
    """The images of a ground truth, read from their files."""

    def __init__(self, ground_truth: GroundTruth) -> None:
        """Take a ground truth.

        Raises DetbenchError if it has no objects, or if the folder of its images is unknown.
        """
        image_tasks(ground_truth)
        if not len(ground_truth):
            raise DetbenchError(f"{ground_truth.name}: has no objects, so nothing can be scored")
        self.ground_truth = ground_truth

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the ground truth."""
        return self.ground_truth.class_names

    def adapt(self, detector: Detector, model: Any) -> Detector:
        """Return the detector unchanged: it preprocesses images itself."""
        return detector

    def batch(self, detector: Detector, images: Sequence[NDArray[Any]]) -> Batch:
        """Preprocess images."""
        return detector.preprocess(images)

    def sample(self, count: int) -> list[Example]:
        """Return examples spread evenly over the dataset."""
        n_images = len(self.ground_truth.image_ids)
        positions = np.linspace(0, n_images - 1, min(count, n_images)).round().astype(np.int64)
        chosen = self.ground_truth.select_images(np.unique(positions))
        examples = []
        for position, task in enumerate(image_tasks(chosen)):
            rows = slice(chosen.offsets[position], chosen.offsets[position + 1])
            classes = chosen.class_index[rows].astype(np.int64)
            examples.append(Example(read_image(task.path).pixels, chosen.boxes[rows], classes))
        return examples

    def detect(
        self, detector: Detector, batch_size: int
    ) -> tuple[GroundTruth, list[ImageDetections]]:
        """Run the detector over all images, which are read ahead of it.

        Raises DetbenchError naming the first image that cannot be read.
        """
        with closing(self._batches(detector, batch_size)) as batches:
            return self.ground_truth, detect_in_batches(detector, batches)

    def _batches(self, detector: Detector, size: int) -> Generator[Batch, None, None]:
        tasks = image_tasks(self.ground_truth)
        chunks = [tasks[first : first + size] for first in range(0, len(tasks), size)]
        with closing(prefetch_batches(detector, chunks, _READERS)) as stream:
            for prepared in stream:
                for problem in filter(None, prepared.errors):
                    raise DetbenchError(problem)
                if prepared.batch is not None:
                    yield prepared.batch


def detect_in_batches(detector: Detector, batches: Iterable[Batch]) -> list[ImageDetections]:
    """Return the detections in each image of the batches.

    Another thread postprocesses a batch while the next one runs.
    """
    detections: list[ImageDetections] = []
    with ThreadPool(1) as pool:
        pending: deque[Future[list[ImageDetections]]] = deque()
        for batch in batches:
            outputs = detector.infer(detector.to_device(batch))
            detector.synchronize()
            pending.append(pool.submit(_postprocess, detector, outputs, batch))
            if len(pending) > 1:
                detections += pending.popleft().result()
        while pending:
            detections += pending.popleft().result()
    return detections


def _postprocess(detector: Detector, outputs: Any, batch: Batch) -> list[ImageDetections]:
    return detector.postprocess(detector.to_host(outputs), batch)

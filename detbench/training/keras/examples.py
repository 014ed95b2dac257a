"""Examples: the pictures a callback looks at and what is in them, from a dataset of ours or from what `fit()` is fed with."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.detector import Batch, Detector, Found
from detbench.adapters.images import read_picture
from detbench.adapters.preparation import prepared_ahead, tasks_of
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.threads import Threads

_READERS = 2


@dataclass(frozen=True, eq=False)
class Example:
    """One picture and the objects in it."""

    image: NDArray[Any]
    """(height, width, 3): a picture of 8 bits, or numbers as the model takes them."""
    boxes: NDArray[np.float64]
    """(n, 4) x1, y1, x2, y2 in pixels of `image`."""
    classes: NDArray[np.int64]
    """(n,) index into the class names of the examples."""


class Examples(Protocol):
    """Pictures that are looked at again and again, while a model trains."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the class indices stand for."""

    def adapted(self, detector: Detector, model: Any) -> Detector:
        """Return the model's detector so that it takes these examples."""

    def batch(self, detector: Detector, images: Sequence[NDArray[Any]]) -> Batch:
        """Return images of examples as a batch for the detector that `adapted` gave."""

    def sample(self, count: int) -> list[Example]:
        """Return `count` of them, the same ones each time, or all where there are fewer."""

    def look(self, detector: Detector, batch_size: int) -> tuple[GroundTruth, list[Found]]:
        """Return what is in each picture, and what the detector finds in it."""


class DatasetExamples:
    """The pictures of a ground truth, read from their files."""

    def __init__(self, ground_truth: GroundTruth) -> None:
        """Check that there is something to score; DetbenchError for no objects, and where it is not known where the pictures are."""
        tasks_of(ground_truth)
        if not len(ground_truth):
            raise DetbenchError(
                f"{ground_truth.name}: there are no objects in it, so that nothing can be scored"
            )
        self.ground_truth = ground_truth

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the dataset calls its classes."""
        return self.ground_truth.class_names

    def adapted(self, detector: Detector, model: Any) -> Detector:
        """Return the detector as it is: it prepares pictures itself."""
        return detector

    def batch(self, detector: Detector, images: Sequence[NDArray[Any]]) -> Batch:
        """Let the detector prepare pictures."""
        return detector.preprocess(images)

    def sample(self, count: int) -> list[Example]:
        """Return pictures spread over the dataset."""
        images = len(self.ground_truth.image_ids)
        chosen = self.ground_truth.select_images(
            np.unique(np.linspace(0, images - 1, min(count, images)).round().astype(np.int64))
        )
        rows = [
            slice(*bounds) for bounds in zip(chosen.offsets[:-1], chosen.offsets[1:], strict=True)
        ]
        pictures = [read_picture(task.path).picture for task in tasks_of(chosen)]
        return [
            Example(picture, chosen.boxes[row], chosen.class_index[row].astype(np.int64))
            for picture, row in zip(pictures, rows, strict=True)
        ]

    def look(self, detector: Detector, batch_size: int) -> tuple[GroundTruth, list[Found]]:
        """Read the pictures ahead while the model runs; raises DetbenchError naming the first that cannot be read."""
        with closing(self._batches(detector, batch_size)) as batches:
            return self.ground_truth, found_in(detector, batches)

    def _batches(self, detector: Detector, size: int) -> Generator[Batch, None, None]:
        tasks = tasks_of(self.ground_truth)
        chunks = [tasks[first : first + size] for first in range(0, len(tasks), size)]
        with closing(prepared_ahead(detector, chunks, _READERS)) as stream:
            for prepared in stream:
                for problem in filter(None, prepared.broken):
                    raise DetbenchError(problem)
                if prepared.batch is not None:
                    yield prepared.batch


def found_in(detector: Detector, batches: Iterable[Batch]) -> list[Found]:
    """Return what a detector finds in each picture; a batch is postprocessed on another thread while the next one runs."""
    found: list[Found] = []
    with Threads(1) as finisher:
        finishing: deque[Future[list[Found]]] = deque()
        for batch in batches:
            outputs = detector.infer(detector.to_device(batch))
            detector.synchronize()
            finishing.append(finisher.submit(_finish, detector, outputs, batch))
            if len(finishing) > 1:
                found += finishing.popleft().result()
        while finishing:
            found += finishing.popleft().result()
    return found


def _finish(detector: Detector, outputs: Any, batch: Batch) -> list[Found]:
    return detector.postprocess(detector.to_host(outputs), batch)

"""Replay: detections from a file in a model's place, so that what another program found passes the same way as a model of ours.

A detector sees pixels, and pixels do not tell which image of a dataset they are. A replay therefore has no steps: `predict` recognises it
and asks `detections_for` by image id; whatever asks it to look at a picture, to time it for example, gets a clear error. It is also the way
to bring stored detections onto a dataset with other class names, since they pass the class mapping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.detector import Batch, ImageArray, ImageDetections
from detbench.data.formats.parquet.container import (
    Columns,
    Header,
    opened,
    read_objects,
    read_texts,
)
from detbench.errors import DetbenchError, InputError


class ReplayDetector:
    """The detections of a Parquet file that detbench wrote, by image id."""

    def __init__(
        self,
        path: Path,
        header: Header,
        image_ids: Sequence[str],
        offsets: NDArray[np.int64],
        columns: Columns,
    ) -> None:
        self._path, self._header = path, header
        self._places = {image_id: place for place, image_id in enumerate(image_ids)}
        self._offsets, self._columns = offsets, columns

    @property
    def name(self) -> str:
        """What the file calls the detector, else the file's own name."""
        return self._header.name or self._path.stem

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the file."""
        return self._header.class_names

    @property
    def input_size(self) -> tuple[int, int]:
        """Raises DetbenchError: there is no model."""
        self._no_model()

    @property
    def batch_size(self) -> int | None:
        """None: it does not matter."""
        return None

    @property
    def settings(self) -> Mapping[str, Any]:
        """Where the detections come from, with the settings of the model that found them, as far as the file knows."""
        header = self._header
        return {
            "adapter": "replay",
            "detections_digest": header.digest,
            "source": header.source,
            "replayed": header.settings,
        }

    def detections_for(self, image_id: str) -> ImageDetections:
        """Return what was found in an image, by falling score, ties in stored order.

        Raises InputError for an image the file does not have: nobody looked at it, which is not the same as finding nothing.
        """
        place = self._places.get(image_id)
        if place is None:
            fix = "these detections were made for another dataset or split"
            raise InputError(
                self._path,
                f"image {image_id!r} is not among its {len(self._places):,} images",
                fix=fix,
            )
        rows = slice(self._offsets[place], self._offsets[place + 1])
        scores = self._columns["score"][rows]
        order = np.argsort(-scores, kind="stable")
        classes = self._columns["class_index"][rows][order].astype(np.int64)
        return ImageDetections(self._columns["box"][rows][order], scores[order], classes)

    def preprocess(self, pictures: Sequence[ImageArray]) -> Batch:
        """Raises DetbenchError: there is no model."""
        self._no_model()

    def to_device(self, batch: Batch) -> Any:
        """Raises DetbenchError: there is no model."""
        self._no_model()

    def infer(self, inputs: Any) -> Any:
        """Raises DetbenchError: there is no model."""
        self._no_model()

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Raises DetbenchError: there is no model."""
        self._no_model()

    def postprocess(self, outputs: list[NDArray[Any]], batch: Batch) -> list[ImageDetections]:
        """Raises DetbenchError: there is no model."""
        self._no_model()

    def synchronize(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to free."""

    def _no_model(self) -> NoReturn:
        raise DetbenchError(
            f"{self._path} holds stored detections: it can be scored, but there is no model to run on pictures or to time"
        )


def load(path: Path, options: Mapping[str, str]) -> ReplayDetector:
    """Read detections to replay; raises InputError for a file that is none of ours or cut off, DetbenchError for any option."""
    if options:
        raise DetbenchError(
            f"replay takes no options, not {next(iter(options))}=: the detections are what they are"
        )
    with opened(path, "detections") as (file, header):
        image_ids = read_texts(path, file, "image_id")
        offsets, columns = read_objects(
            path,
            file,
            {"class_index": (np.int32, 1), "box": (np.float64, 4), "score": (np.float64, 1)},
            header.objects,
        )
    if not (np.isfinite(columns["score"]).all() and np.isfinite(columns["box"]).all()):
        raise InputError(
            path, "holds scores or boxes that are NaN or infinite", fix="write it again"
        )
    classes = columns["class_index"]
    if len(classes) and not 0 <= classes.min() <= classes.max() < len(header.class_names):
        raise InputError(path, "holds class indices without a name", fix="write it again")
    return ReplayDetector(path, header, image_ids, offsets, columns)

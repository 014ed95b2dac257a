"""Replay: stored detections in the place of a model, to bring other programs' results into a run.

A detector sees pixels, which do not identify an image of a dataset. So a replay has no steps:
`predict` calls `detections_for` with each image id instead, and every step raises an error. A
replay also brings stored detections onto a dataset with other class names, because they pass the
class mapping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.detector import Batch, ImageArray, ImageDetections
from detbench.data.formats.parquet.columns import read_objects, read_texts
from detbench.data.formats.parquet.container import Columns, Header, Layout, open_parquet
from detbench.errors import DetbenchError, InputError

_COLUMNS: Layout = {"class_index": (np.int32, 1), "box": (np.float64, 4), "score": (np.float64, 1)}
"""Type and width of each column of the file."""


class ReplayDetector:
    """The detections of a Parquet file written by detbench, by image id."""

    def __init__(
        self,
        path: Path,
        header: Header,
        image_ids: Sequence[str],
        offsets: NDArray[np.int64],
        columns: Columns,
    ) -> None:
        self._path, self._header = path, header
        self._positions = {image_id: position for position, image_id in enumerate(image_ids)}
        self._offsets, self._columns = offsets, columns

    @property
    def name(self) -> str:
        """The name of the detector in the file, else the file's own name."""
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
        """None for any."""
        return None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The origin of the detections, with the settings of their model if the file has them."""
        header = self._header
        return {
            "adapter": "replay",
            "detections_digest": header.digest,
            "source": header.source,
            "replayed": header.settings,
        }

    def detections_for(self, image_id: str) -> ImageDetections:
        """Return the detections in an image, by falling score, ties in stored order.

        Raises InputError for an image that the file does not list. An image without detections is
        listed; for one that is not, no detector was run.
        """
        position = self._positions.get(image_id)
        if position is None:
            raise InputError(
                self._path,
                f"image {image_id!r} is not among its {len(self._positions):,} images",
                fix="use detections that were made for this dataset and split",
            )
        rows = slice(self._offsets[position], self._offsets[position + 1])
        scores = self._columns["score"][rows]
        order = np.argsort(-scores, kind="stable")
        classes = self._columns["class_index"][rows][order].astype(np.int64)
        return ImageDetections(self._columns["box"][rows][order], scores[order], classes)

    def preprocess(self, images: Sequence[ImageArray]) -> Batch:
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
        """Do nothing: there is no device."""

    def close(self) -> None:
        """Do nothing: there is no model to free."""

    def _no_model(self) -> NoReturn:
        raise DetbenchError(
            f"{self._path} holds stored detections: they can be scored, "
            "but there is no model to run on images or to time"
        )


def load(path: Path, options: Mapping[str, str]) -> ReplayDetector:
    """Load detections to replay.

    Raises:
        InputError: the file was not written by detbench, is cut off, or holds invalid values.
        DetbenchError: for any option.
    """
    if options:
        raise DetbenchError(
            f"unknown option {next(iter(options))!r} of replay; stored detections have no options"
        )
    with open_parquet(path, "detections") as (file, header):
        image_ids = read_texts(path, file, "image_id")
        offsets, columns = read_objects(path, file, _COLUMNS, header.objects)
    if not (np.isfinite(columns["score"]).all() and np.isfinite(columns["box"]).all()):
        raise InputError(
            path, "holds scores or boxes that are NaN or infinite", fix="write it again"
        )
    classes = columns["class_index"]
    if len(classes) and not 0 <= classes.min() <= classes.max() < len(header.class_names):
        raise InputError(path, "holds class indices without a name", fix="write it again")
    return ReplayDetector(path, header, image_ids, offsets, columns)

"""Detector: the protocol of every model adapter, in separate steps so that each can be timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.geometry import Placement

ImageArray = NDArray[np.uint8]
"""(height, width, 3) RGB, 0–255, pixels as stored in the file (an EXIF rotation is not applied)."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Images ready for a model, with the position of each image in its input."""

    inputs: NDArray[Any]
    """(B, …) in the model's layout and data type."""
    placements: tuple[Placement, ...]
    """B placements, which map boxes back to the original images. Padding of a batch has none."""


@dataclass(frozen=True, eq=False)
class ImageDetections:
    """The detections in one image: n boxes, by falling score."""

    boxes: NDArray[np.float64]
    """(n, 4) x1, y1, x2, y2 in pixels of the original image, continuous edges."""
    scores: NDArray[np.float64]
    """(n,)"""
    classes: NDArray[np.int64]
    """(n,) index into the detector's own class names."""


@runtime_checkable
class Detector(Protocol):
    """An object detection model.

    Its steps are called in this order: preprocess, to_device, infer, to_host, postprocess.
    """

    @property
    def name(self) -> str:
        """The name shown in tables and records."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the model's classes."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input in pixels."""

    @property
    def batch_size(self) -> int | None:
        """The only batch size the model takes, or None for any."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Effective settings as JSON-ready values.

        They hold everything that decides the detections: the digest of the model, decoder,
        preprocessing, thresholds, NMS, provider.
        """

    def preprocess(self, images: Sequence[ImageArray]) -> Batch:
        """Resize, pad and scale images into a batch on the host."""

    def to_device(self, batch: Batch) -> Any:
        """Move the batch to the device that runs the model."""

    def infer(self, inputs: Any) -> Any:
        """Run the model; may return before the device has finished."""

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Move the raw outputs back to the host."""

    def postprocess(self, outputs: list[NDArray[Any]], batch: Batch) -> list[ImageDetections]:
        """Decode, threshold, suppress and map boxes back to the original images."""

    def synchronize(self) -> None:
        """Wait until the device has finished."""

    def close(self) -> None:
        """Free the model."""


def detect(detector: Detector, images: Sequence[ImageArray]) -> list[ImageDetections]:
    """Run all steps on images that fit into one batch."""
    batch = detector.preprocess(images)
    outputs = detector.infer(detector.to_device(batch))
    return detector.postprocess(detector.to_host(outputs), batch)

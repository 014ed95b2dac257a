"""Detector: what every model adapter is, as separate steps so that they can be timed apart."""

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
    """Pictures ready for a model: what it eats, and where each picture lies in it."""

    inputs: NDArray[Any]
    """(B, …) in the model's layout and type."""
    placements: tuple[Placement, ...]
    """B, for mapping boxes back."""


@dataclass(frozen=True, eq=False)
class ImageDetections:
    """What a detector found in one picture: n boxes, by falling score."""

    boxes: NDArray[np.float64]
    """(n, 4) x1, y1, x2, y2 in pixels of the original picture, continuous edges."""
    scores: NDArray[np.float64]
    """(n,)"""
    classes: NDArray[np.int64]
    """(n,) index into the detector's own class names."""


@runtime_checkable
class Detector(Protocol):
    """A model that finds objects. The steps are called in this order: preprocess, to_device, infer, to_host, postprocess."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the model's classes."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height in pixels of what the model sees."""

    @property
    def batch_size(self) -> int | None:
        """The only batch size the model takes, or None for any."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Effective settings as JSON-ready values: digest of the model, decoder, preprocessing, thresholds, NMS, provider."""

    def preprocess(self, pictures: Sequence[ImageArray]) -> Batch:
        """Resize, pad and scale pictures into a batch on the host."""

    def to_device(self, batch: Batch) -> Any:
        """Move the batch to where the model runs."""

    def infer(self, inputs: Any) -> Any:
        """Run the model; may return before the device is done."""

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Move the raw outputs back."""

    def postprocess(self, outputs: list[NDArray[Any]], batch: Batch) -> list[ImageDetections]:
        """Decode, threshold, suppress and map back to the original pictures."""

    def synchronize(self) -> None:
        """Wait until the device is done."""

    def close(self) -> None:
        """Free the model."""


def detect(detector: Detector, pictures: Sequence[ImageArray]) -> list[ImageDetections]:
    """Run all steps on pictures that fit into one batch."""
    batch = detector.preprocess(pictures)
    outputs = detector.infer(detector.to_device(batch))
    return detector.postprocess(detector.to_host(outputs), batch)

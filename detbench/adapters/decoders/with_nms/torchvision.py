"""Outputs of torchvision's detectors: `boxes (n, 4)`, `labels (n)`, `scores (n)` of one picture, label 0 the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.decoder import (
    UNKNOWN,
    Candidates,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    reaching,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing


@dataclass(frozen=True)
class Torchvision:
    """Three outputs without a batch axis: boxes x1, y1, x2, y2 in input pixels, whole-number labels, scores; suppressed by the model.

    Labels are classes as they are, so that the names begin with the background, as torchvision's own lists of categories do;
    `names=coco91` is the list of models trained on COCO. What is labelled background is left out. The model itself cuts at
    its `box_score_thresh`, .05 unless it was exported with another, which costs AP.
    """

    name: ClassVar[str] = "torchvision"
    layout: ClassVar[str] = (
        "boxes (n, 4), labels (n), scores (n) of one picture; label 0 is the background"
    )
    source: ClassVar[str] = (
        "torchvision.models.detection: https://docs.pytorch.org/vision/stable/models.html"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Left upper corner of black, RGB / 255; the model itself resizes and normalises."""
        return Preprocessing(size, "letterbox-corner", pad_value=0)

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Labels hold any number of classes."""
        found = sorted(shapes.outputs.values(), key=len)
        fits = [len(shape) for shape in found] == [1, 1, 2] and found[2][1] == 4
        return LayoutMatch(UNKNOWN) if fits else None

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return what scores at least `floor`."""
        boxes = next(values for values in raw.outputs.values() if values.ndim == 2)
        labels = next(
            values
            for values in raw.outputs.values()
            if values.ndim == 1 and values.dtype.kind in "iu"
        )
        scores = next(
            values
            for values in raw.outputs.values()
            if values.ndim == 1 and values.dtype.kind == "f"
        )
        rows = reaching(np.where(labels > 0, scores, -np.inf), floor)
        return [
            Candidates(
                boxes[rows].astype(np.float64),
                scores[rows].astype(np.float64),
                labels[rows].astype(np.int64),
            )
        ]

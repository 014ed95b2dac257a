"""Outputs of DETR and RT-DETR: `logits (B, q, …)` and `boxes (B, q, 4)` of q queries, nothing to suppress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    above,
    corners,
    sigmoid,
    softmax,
)
from detbench.adapters.decoders.heads import class_head, classes_and_boxes
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing

_MOST_QUERIES = 1000


@dataclass(frozen=True)
class Detr:
    """`logits (B, q, C + 1)` with "no object" last, taken through a softmax, and `boxes (B, q, 4)`: center and size, 0–1.

    Each query gives its best class.
    """

    name: ClassVar[str] = "detr"
    layout: ClassVar[str] = (
        "logits (B, q, C + 1), no object last, and boxes (B, q, 4); q at most 1000"
    )
    source: ClassVar[str] = "PostProcess of https://github.com/facebookresearch/detr"
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.0, nms_iou=None, class_agnostic=False, top_k=100
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB, mean and deviation of ImageNet; its authors resize the shorter side to 800 instead."""
        return Preprocessing(size, "stretch", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns of the logits but the last; sure with no more queries than anybody uses."""
        queries, columns = class_head(shapes)
        return LayoutMatch(columns - 1, queries <= _MOST_QUERIES) if columns > 1 else None

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return the best class of every query that scores at least `floor`."""
        logits, boxes = classes_and_boxes(raw)
        return [
            _found(softmax(one)[:, :-1], box, raw.scale, floor, every=False)
            for one, box in zip(logits, boxes, strict=True)
        ]


@dataclass(frozen=True)
class RtDetr:
    """`logits (B, q, C)` taken through a sigmoid and `boxes (B, q, 4)`: center and size, 0–1; every class above the floor counts."""

    name: ClassVar[str] = "rtdetr"
    layout: ClassVar[str] = "logits (B, q, C) and boxes (B, q, 4); q at most 1000"
    source: ClassVar[str] = (
        "RTDETRPostProcessor of https://github.com/lyuwenyu/RT-DETR; Deformable DETR and D-FINE do the same"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB / 255."""
        return Preprocessing(size, "stretch")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns of the logits; sure with no more queries than anybody uses."""
        queries, columns = class_head(shapes)
        return LayoutMatch(columns, queries <= _MOST_QUERIES) if columns else None

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every query that scores at least `floor`."""
        logits, boxes = classes_and_boxes(raw)
        return [
            _found(sigmoid(one), box, raw.scale, floor, every=True)
            for one, box in zip(logits, boxes, strict=True)
        ]


def _found(
    scores: NDArray[np.float64], boxes: NDArray[Any], scale: Floats, floor: float, *, every: bool
) -> Candidates:
    rows, classes, kept = above(scores, floor, multi_label=every)
    return Candidates(corners(boxes[rows].astype(np.float64)) * scale, kept, classes)

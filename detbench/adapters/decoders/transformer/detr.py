"""DETR and RT-DETR: `logits (B, q, …)` and `boxes (B, q, 4)` of q queries, no NMS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.arithmetic import cxcywh_to_xyxy, select_scores, sigmoid, softmax
from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
)
from detbench.adapters.decoders.heads import class_head, classes_and_boxes
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing

_MAX_QUERIES = 1000
"""More than any published model has."""


@dataclass(frozen=True)
class Detr:
    """`logits (B, q, C + 1)` with "no object" last, and `boxes (B, q, 4)`: center and size, 0–1.

    score = softmax(logits) without "no object"; only the best class of a query counts.
    """

    name: ClassVar[str] = "detr"
    layout: ClassVar[str] = (
        "logits (B, q, C + 1), no object last, and boxes (B, q, 4); q at most 1000"
    )
    source: ClassVar[str] = (
        "PostProcess in models/detr.py of https://github.com/facebookresearch/detr"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.0, nms_iou=None, class_agnostic=False, top_k=100
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB, ImageNet's mean and deviation.

        The authors resize the shorter side to 800 instead of stretching.
        """
        return Preprocessing(size, "stretch", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns of the logits except the last are classes; certain up to 1000 queries."""
        queries, columns = class_head(shapes)
        return LayoutMatch(columns - 1, queries <= _MAX_QUERIES) if columns > 1 else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return the best class of every query that scores at least `min_score`."""
        logits, boxes = classes_and_boxes(raw)
        return [
            _candidates(
                softmax(image_logits)[:, :-1], image_boxes, raw.scale, min_score, multi_label=False
            )
            for image_logits, image_boxes in zip(logits, boxes, strict=True)
        ]


@dataclass(frozen=True)
class RtDetr:
    """`logits (B, q, C)` and `boxes (B, q, 4)`: center and size, 0–1.

    score = sigmoid(logits); every class of at least the minimum score counts.
    """

    name: ClassVar[str] = "rtdetr"
    layout: ClassVar[str] = "logits (B, q, C) and boxes (B, q, 4); q at most 1000"
    source: ClassVar[str] = (
        "RTDETRPostProcessor of https://github.com/lyuwenyu/RT-DETR; "
        "Deformable DETR and D-FINE do the same"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB / 255."""
        return Preprocessing(size, "stretch")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns of the logits are classes; certain up to 1000 queries."""
        queries, columns = class_head(shapes)
        return LayoutMatch(columns, queries <= _MAX_QUERIES) if columns else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every query that scores at least `min_score`."""
        logits, boxes = classes_and_boxes(raw)
        return [
            _candidates(sigmoid(image_logits), image_boxes, raw.scale, min_score, multi_label=True)
            for image_logits, image_boxes in zip(logits, boxes, strict=True)
        ]


def _candidates(
    scores: Floats, boxes: NDArray[Any], scale: Floats, min_score: float, *, multi_label: bool
) -> Candidates:
    """Select by score, then bring boxes (q, 4) from 0–1 to pixels of the input."""
    rows, classes, selected = select_scores(scores, min_score, multi_label=multi_label)
    corners = cxcywh_to_xyxy(boxes[rows].astype(np.float64)) * scale
    return Candidates(corners, selected, classes)

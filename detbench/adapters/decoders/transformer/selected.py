"""Outputs of RT-DETR's and D-FINE's own exports: `labels (B, q)`, `boxes (B, q, 4)`, `scores (B, q)`, selected inside the model."""

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
class Selected:
    """Three outputs: whole-number labels from 0, boxes x1, y1, x2, y2 in the size the model was told (the input's), scores."""

    name: ClassVar[str] = "selected"
    layout: ClassVar[str] = (
        "labels (B, q), boxes (B, q, 4), scores (B, q) of a batch; label 0 is a class"
    )
    source: ClassVar[str] = (
        "tools/export_onnx.py of https://github.com/lyuwenyu/RT-DETR and tools/deployment of https://github.com/Peterande/D-FINE"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB / 255."""
        return Preprocessing(size, "stretch")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Labels hold any number of classes; a confidence instead of scores is KerasCV's."""
        found = sorted(shapes.outputs.values(), key=len)
        fits = (
            [len(shape) for shape in found] == [2, 2, 3]
            and found[2] == (*found[0], 4)
            and "confidence" not in shapes.outputs
        )
        return LayoutMatch(UNKNOWN) if fits else None

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every row that scores at least `floor`."""
        labels = next(
            values
            for values in raw.outputs.values()
            if values.ndim == 2 and values.dtype.kind in "iu"
        )
        scores = next(
            values
            for values in raw.outputs.values()
            if values.ndim == 2 and values.dtype.kind == "f"
        )
        found = []
        for label, box, score in zip(labels, raw.only(3), scores, strict=True):
            rows = reaching(score, floor)
            found.append(
                Candidates(
                    box[rows].astype(np.float64),
                    score[rows].astype(np.float64),
                    label[rows].astype(np.int64),
                )
            )
        return found

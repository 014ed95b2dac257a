"""RT-DETR's and D-FINE's own exports: `labels (B, q)`, `boxes (B, q, 4)`, `scores (B, q)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.arithmetic import rows_at_least
from detbench.adapters.decoders.decoder import (
    UNKNOWN,
    Candidates,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing


@dataclass(frozen=True)
class Selected:
    """Three outputs of rows that the model itself has selected: labels, boxes and scores.

    Labels are whole numbers from 0. Boxes are x1, y1, x2, y2 in pixels of the size passed to the
    model as its second input, which is here always the input's own.
    """

    name: ClassVar[str] = "selected"
    layout: ClassVar[str] = (
        "labels (B, q), boxes (B, q, 4), scores (B, q) of a batch; label 0 is a class"
    )
    source: ClassVar[str] = (
        "tools/export_onnx.py of https://github.com/lyuwenyu/RT-DETR and tools/deployment of "
        "https://github.com/Peterande/D-FINE"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB / 255."""
        return Preprocessing(size, "stretch")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Labels can hold any number of classes; an output `confidence` belongs to KerasCV."""
        by_rank = sorted(shapes.outputs.values(), key=len)
        matches = (
            [len(shape) for shape in by_rank] == [2, 2, 3]
            and by_rank[2] == (*by_rank[0], 4)
            and "confidence" not in shapes.outputs
        )
        return LayoutMatch(UNKNOWN) if matches else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every row that scores at least `min_score`."""
        tables = [values for values in raw.outputs.values() if values.ndim == 2]
        labels = next(values for values in tables if values.dtype.kind in "iu")
        scores = next(values for values in tables if values.dtype.kind == "f")
        candidates = []
        for image_labels, image_boxes, image_scores in zip(
            labels, raw.only(3), scores, strict=True
        ):
            rows = rows_at_least(image_scores, min_score)
            candidates.append(
                Candidates(
                    image_boxes[rows].astype(np.float64),
                    image_scores[rows].astype(np.float64),
                    image_labels[rows].astype(np.int64),
                )
            )
        return candidates

"""YOLOX: one raw output `(B, n, 5 + C)` with offsets from the cells and logarithms of sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.arithmetic import (
    cell_count,
    cell_grid,
    check_strides,
    cxcywh_to_xyxy,
    rows_at_least,
    select_scores,
)
from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_MAX_LOG_SIZE = 20.0
"""No object has exp(20) strides a side: such numbers are sizes in pixels."""


@dataclass(frozen=True)
class YoloX:
    """`(B, n, 5 + C)`: x, y, log width, log height, objectness, class probabilities.

    xy = (raw + cell) · stride, wh = exp(raw) · stride, score = objectness · class. Only the best
    class of a row counts.

    On 80 images of COCO YOLOX-nano has AP 0.302 with these settings (0.304 with minimum score
    0.001), 0.296 with antialiased resizing and 0.283 with RGB; 99% of the boxes of another
    decoder's results are found with an IoU above 0.9. Its authors cut resized sides to whole
    pixels (`rounding=down`): AP is 0.307 then, but only 93% instead of 99.5% of those boxes with
    a score of at least 0.3 are found.
    """

    name: ClassVar[str] = "yolox"
    layout: ClassVar[str] = (
        "(B, n, 5 + C): raw offset, log size, objectness, classes; "
        "n = 1 per cell of strides 8, 16, 32"
    )
    source: ClassVar[str] = (
        "tools/export_onnx.py, tools/eval.py and exps of "
        "https://github.com/Megvii-BaseDetection/YOLOX"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.01, nms_iou=0.65, class_agnostic=False, top_k=300
    )

    strides: tuple[int, ...] = (8, 16, 32)

    def __post_init__(self) -> None:
        check_strides(self.strides)

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """In the upper left corner of gray 114, BGR, 0–255."""
        return Preprocessing(size, "letterbox-corner", color="bgr", scale=1.0)

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """One row per cell; all columns except the five of box and objectness are classes."""
        _, rows, columns = shapes.only(3)
        is_grid = rows == cell_count(shapes.input_size, self.strides)
        return LayoutMatch(columns - 5) if columns > 5 and is_grid else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return the best class of every cell that scores at least `min_score`.

        Raises DetbenchError for boxes that are already decoded.
        """
        points, strides = cell_grid(raw.input_size, self.strides)
        candidates = []
        for values in raw.only(3):
            _check_log_sizes(float(values[:, 2:4].max()))
            # A class cannot score more than the objectness, which drops most cells early.
            likely = rows_at_least(values[:, 4], min_score)
            cells = values[likely].astype(np.float64)
            rows, classes, scores = select_scores(
                cells[:, 5:] * cells[:, 4:5], min_score, multi_label=False
            )
            kept = likely[rows]
            boxes = _boxes(cells[rows, :4], points[kept], strides[kept, None])
            candidates.append(Candidates(boxes, scores, classes))
        return candidates


def _boxes(raw: Floats, cells: Floats, strides: Floats) -> Floats:
    """Return corners (k, 4) in input pixels for raw x, y, log w, log h (k, 4)."""
    centers = (raw[:, :2] + cells) * strides
    return cxcywh_to_xyxy(np.concatenate([centers, np.exp(raw[:, 2:]) * strides], axis=1))


def _check_log_sizes(largest: float) -> None:
    if largest > _MAX_LOG_SIZE:
        raise DetbenchError(
            f"decoder yolox expects logarithms of sizes, but the output holds {largest:g}: "
            "this export has already decoded its boxes; "
            "use decoder=yolov5 with fit=letterbox-corner,color=bgr,scale=1"
        )

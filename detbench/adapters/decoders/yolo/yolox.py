"""Raw outputs of YOLOX: one `(B, n, 5 + C)`, boxes as offsets from the cells and logarithms of sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    above,
    cells,
    check_strides,
    corners,
    grid,
    reaching,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_LARGEST_LOGARITHM = 20.0
"""exp(20) cells is no size of an object: such numbers are sizes in pixels."""


@dataclass(frozen=True)
class YoloX:
    """`(B, n, 5 + C)`: x, y in cells from the cell's corner, log of width and height in strides, objectness, class probabilities.

    xy = (offset + cell) · stride, wh = exp(raw) · stride, score = objectness · class; a row gives its best class only.

    On 80 images of COCO YOLOX-nano has AP .302 so (.304 from score .001), and 99 % of the boxes of another decoder's results come back with
    IoU above .9; with antialiased resizing it has .296 and with RGB .283.
    Its authors cut resized sides to whole pixels (`rounding=down`): AP .307, and 93 % of those boxes with a score from .3, not 99.5 %.
    """

    name: ClassVar[str] = "yolox"
    layout: ClassVar[str] = (
        "(B, n, 5 + C): raw offset, log size, objectness, classes; n = 1 per cell of strides 8, 16, 32"
    )
    source: ClassVar[str] = (
        "tools/export_onnx.py, tools/eval.py and exps of https://github.com/Megvii-BaseDetection/YOLOX"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.01, nms_iou=0.65, class_agnostic=False, top_k=300
    )

    strides: tuple[int, ...] = (8, 16, 32)

    def __post_init__(self) -> None:
        check_strides(self.strides)

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Left upper corner of gray 114, BGR, 0–255."""
        return Preprocessing(size, "letterbox-corner", color="bgr", scale=1.0)

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns but the five of box and objectness, if there is a row per cell."""
        _, rows, columns = shapes.only(3)
        return (
            LayoutMatch(columns - 5)
            if columns > 5 and rows == cells(shapes.input_size, self.strides)
            else None
        )

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return the best class of every cell that scores at least `floor`; raises DetbenchError for boxes that are decoded already."""
        points, strides = grid(raw.input_size, self.strides)
        found = []
        for picture in raw.only(3):
            if picture[:, 2:4].max() > _LARGEST_LOGARITHM:
                raise DetbenchError(
                    f"decoder yolox expects logarithms of sizes, and the output holds {picture[:, 2:4].max():g}: "
                    "this export decodes its boxes already; use decoder=yolov5 with fit=letterbox-corner,color=bgr,scale=1"
                )
            likely = reaching(picture[:, 4], floor)
            values = picture[likely].astype(np.float64)
            rows, classes, scores = above(values[:, 5:] * values[:, 4:5], floor, multi_label=False)
            boxes = self._boxes(values[rows, :4], points[likely[rows]], strides[likely[rows], None])
            found.append(Candidates(boxes, scores, classes))
        return found

    def _boxes(self, raw: Floats, points: Floats, strides: Floats) -> Floats:
        return corners(
            np.concatenate([(raw[:, :2] + points) * strides, np.exp(raw[:, 2:]) * strides], axis=1)
        )

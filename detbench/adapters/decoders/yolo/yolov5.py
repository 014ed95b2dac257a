"""Outputs of YOLOv5 and YOLOv7 exports, and of others that decode boxes and keep an objectness: one `(B, n, 5 + C)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.decoder import (
    GRIDS,
    Candidates,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    above,
    cells,
    corners,
    reaching,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing


@dataclass(frozen=True)
class YoloV5:
    """`(B, n, 5 + C)`: center x, center y, width, height in input pixels, objectness, class probabilities; score = objectness · class.

    Recognised by three anchors per cell. YOLOv6 and YOLOX exported with its decoding have one box per cell, which is also what a raw
    YOLOX head has: name `decoder=yolov5` for them.
    """

    name: ClassVar[str] = "yolov5"
    layout: ClassVar[str] = (
        "(B, n, 5 + C): decoded center, size, objectness, classes; n = 3 anchors per cell of strides 8, 16, 32"
    )
    source: ClassVar[str] = (
        "export.py and val.py of https://github.com/ultralytics/yolov5 and https://github.com/WongKinYiu/yolov7"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.6, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox in the middle of gray 114, RGB / 255."""
        return Preprocessing(size, "letterbox")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns but the five of box and objectness; sure with three rows per cell."""
        _, rows, columns = shapes.only(3)
        return (
            LayoutMatch(columns - 5, rows in {3 * cells(shapes.input_size, strides) for strides in GRIDS})
            if columns > 5
            else None
        )

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every row that scores at least `floor`."""
        found = []
        for picture in raw.only(3):
            likely = picture[reaching(picture[:, 4], floor)].astype(np.float64)
            rows, classes, scores = above(likely[:, 5:] * likely[:, 4:5], floor, multi_label=True)
            found.append(Candidates(corners(likely[rows, :4]), scores, classes))
        return found

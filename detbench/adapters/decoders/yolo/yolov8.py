"""Outputs of YOLOv8, v9 and v11 heads: one `(B, 4 + C, n)`, boxes decoded, no objectness."""

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
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing


@dataclass(frozen=True)
class YoloV8:
    """`(B, 4 + C, n)`: center x, y, width, height in input pixels, then a probability per class; every class above the floor counts."""

    name: ClassVar[str] = "yolov8"
    layout: ClassVar[str] = "(B, 4 + C, n): center, size, classes; n cells of strides 8, 16, 32"
    source: ClassVar[str] = (
        "Ultralytics' export and `yolo val`: https://docs.ultralytics.com/modes/val/"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.7, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox in the middle of gray 114, RGB / 255; `yolo val` pads less, to the shape of its batch."""
        return Preprocessing(size, "letterbox")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All rows but the four of the box; sure with a column per cell."""
        _, rows, columns = shapes.only(3)
        return (
            LayoutMatch(rows - 4, columns in {cells(shapes.input_size, strides) for strides in GRIDS})
            if rows > 4
            else None
        )

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every cell that scores at least `floor`."""
        found = []
        for picture in raw.only(3):
            rows, classes, scores = above(picture[4:].T, floor, multi_label=True)
            found.append(
                Candidates(corners(picture[:4, rows].T.astype(np.float64)), scores, classes)
            )
        return found

"""YOLOv8, YOLOv9 and YOLOv11: one output `(B, 4 + C, n)` of decoded boxes, no objectness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.arithmetic import (
    YOLO_STRIDES,
    cell_count,
    cxcywh_to_xyxy,
    select_scores,
)
from detbench.adapters.decoders.decoder import Candidates, LayoutMatch, OutputShapes, RawOutputs
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing


@dataclass(frozen=True)
class YoloV8:
    """`(B, 4 + C, n)`: center x, center y, width, height in input pixels, class probabilities.

    Every class of at least the minimum score counts.
    """

    name: ClassVar[str] = "yolov8"
    layout: ClassVar[str] = "(B, 4 + C, n): center, size, classes; n cells of strides 8, 16, 32"
    source: ClassVar[str] = (
        "Ultralytics' export and `yolo val`: https://docs.ultralytics.com/modes/val/"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.7, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox on gray 114, RGB / 255; `yolo val` pads less, to the shape of its batch."""
        return Preprocessing(size, "letterbox")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All rows except the four of the box are classes; certain with a column per cell."""
        _, rows, columns = shapes.only(3)
        grid_columns = {cell_count(shapes.input_size, strides) for strides in YOLO_STRIDES}
        return LayoutMatch(rows - 4, columns in grid_columns) if rows > 4 else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every cell that scores at least `min_score`."""
        candidates = []
        for values in raw.only(3):
            cells, classes, scores = select_scores(values[4:].T, min_score, multi_label=True)
            # The export has decoded the boxes (DFL, anchor points); only the format changes.
            boxes = cxcywh_to_xyxy(values[:4, cells].T.astype(np.float64))
            candidates.append(Candidates(boxes, scores, classes))
        return candidates

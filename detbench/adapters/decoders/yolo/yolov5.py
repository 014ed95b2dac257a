"""YOLOv5, YOLOv7 and other exports of decoded boxes with an objectness: one `(B, n, 5 + C)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.arithmetic import (
    YOLO_STRIDES,
    cell_count,
    cxcywh_to_xyxy,
    rows_at_least,
    select_scores,
)
from detbench.adapters.decoders.decoder import Candidates, LayoutMatch, OutputShapes, RawOutputs
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing


@dataclass(frozen=True)
class YoloV5:
    """`(B, n, 5 + C)`: center x, center y, width, height, objectness, class probabilities.

    Boxes are in input pixels; score = objectness · class; every class of at least the minimum
    score counts.

    Chosen by itself for three anchors per cell. YOLOv6 and YOLOX exported with decoding have one
    box per cell, like a raw YOLOX head: name `decoder=yolov5` for them.
    """

    name: ClassVar[str] = "yolov5"
    layout: ClassVar[str] = (
        "(B, n, 5 + C): decoded center, size, objectness, classes; "
        "n = 3 anchors per cell of strides 8, 16, 32"
    )
    source: ClassVar[str] = (
        "export.py and val.py of https://github.com/ultralytics/yolov5 and "
        "https://github.com/WongKinYiu/yolov7"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.6, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox on gray 114, RGB / 255."""
        return Preprocessing(size, "letterbox")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns except the five of box and objectness are classes.

        Certain with three rows per cell.
        """
        _, rows, columns = shapes.only(3)
        grid_rows = {3 * cell_count(shapes.input_size, strides) for strides in YOLO_STRIDES}
        return LayoutMatch(columns - 5, rows in grid_rows) if columns > 5 else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every row that scores at least `min_score`."""
        candidates = []
        for values in raw.only(3):
            # A class cannot score more than the objectness, which drops most rows early.
            likely = values[rows_at_least(values[:, 4], min_score)].astype(np.float64)
            class_scores = likely[:, 5:] * likely[:, 4:5]
            rows, classes, scores = select_scores(class_scores, min_score, multi_label=True)
            candidates.append(Candidates(cxcywh_to_xyxy(likely[rows, :4]), scores, classes))
        return candidates

"""FastestDet: one raw grid `(B, 5 + C, h, w)` with a cell per 16 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.arithmetic import cell_grid, cxcywh_to_xyxy, select_scores, sigmoid
from detbench.adapters.decoders.decoder import Candidates, LayoutMatch, OutputShapes, RawOutputs
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_STRIDE = 16


@dataclass(frozen=True)
class FastestDet:
    """`(B, 5 + C, h, w)`: objectness, x, y, width, height, class probabilities.

    xy = (tanh(raw) + cell) · 16, wh = sigmoid(raw) · input size,
    score = objectness^0.6 · class^0.4 (`objectness_power`). Only the best class of a cell counts.

    The powers are those of the authors' examples; their own evaluation multiplies without them.
    On 80 images of COCO the public model has AP 0.197 with these settings, 0.195 with equal
    powers, 0.199 with antialiased resizing, 0.180 letterboxed, and 0.167 with RGB.
    """

    name: ClassVar[str] = "fastestdet"
    layout: ClassVar[str] = "(B, 5 + C, H/16, W/16): objectness, raw box, classes"
    source: ClassVar[str] = (
        "example/onnx-runtime/runtime.py, utils/tool.py and utils/evaluation.py of "
        "https://github.com/dog-qiuqiu/FastestDet"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.45, class_agnostic=False, top_k=300
    )

    objectness_power: float = 0.6

    def __post_init__(self) -> None:
        if not 0 <= self.objectness_power <= 1:
            raise DetbenchError(
                f"option objectness_power={self.objectness_power}: must be from 0 to 1"
            )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, BGR / 255."""
        return Preprocessing(size, "stretch", color="bgr")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All channels except the five of box and objectness are classes."""
        _, channels, height, width = shapes.only(4)
        is_grid = (width * _STRIDE, height * _STRIDE) == shapes.input_size
        return LayoutMatch(channels - 5) if channels > 5 and is_grid else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return the best class of every cell that scores at least `min_score`."""
        points, _ = cell_grid(raw.input_size, (_STRIDE,))
        candidates = []
        for grid in raw.only(4):
            values = grid.reshape(len(grid), -1).T.astype(np.float64)
            # 1. Score the cells. Values that rounding left below 0 have no power.
            objectness = np.clip(values[:, :1], 0, None) ** self.objectness_power
            probabilities = np.clip(values[:, 5:], 0, None) ** (1 - self.objectness_power)
            rows, classes, scores = select_scores(
                objectness * probabilities, min_score, multi_label=False
            )
            # 2. Decode the boxes of the selected cells only.
            centers = (np.tanh(values[rows, 1:3]) + points[rows]) * _STRIDE
            sizes = sigmoid(values[rows, 3:5]) * raw.scale[:2]
            boxes = cxcywh_to_xyxy(np.concatenate([centers, sizes], axis=1))
            candidates.append(Candidates(boxes, scores, classes))
        return candidates

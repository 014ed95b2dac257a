"""Raw grid of FastestDet: one `(B, 5 + C, h, w)`, a cell per 16 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.decoder import (
    Candidates,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    above,
    corners,
    grid,
    sigmoid,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_STRIDE = 16


@dataclass(frozen=True)
class FastestDet:
    """`(B, 5 + C, h, w)`: objectness, x, y, width, height, class probabilities.

    xy = (tanh + cell) · 16, wh = sigmoid · input size, score = objectness^.6 · class^.4 (`objectness_power`); best class only.

    The powers are those of the authors' examples; their own evaluation multiplies. On 80 images of COCO the public model has AP .197
    so, .195 with equal powers, .199 with antialiased resizing (nearest to another decoder's boxes), .180 letterboxed and .167 with RGB.
    """

    name: ClassVar[str] = "fastestdet"
    layout: ClassVar[str] = "(B, 5 + C, H/16, W/16): objectness, raw box, classes"
    source: ClassVar[str] = (
        "example/onnx-runtime/runtime.py, utils/tool.py and utils/evaluation.py of https://github.com/dog-qiuqiu/FastestDet"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.45, class_agnostic=False, top_k=300
    )

    objectness_power: float = 0.6

    def __post_init__(self) -> None:
        if not 0 <= self.objectness_power <= 1:
            raise DetbenchError(
                f"option objectness_power={self.objectness_power}: must lie within 0 and 1"
            )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, BGR / 255."""
        return Preprocessing(size, "stretch", color="bgr")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All channels but the five of box and objectness."""
        _, channels, height, width = shapes.only(4)
        return (
            LayoutMatch(channels - 5)
            if channels > 5 and (width * _STRIDE, height * _STRIDE) == shapes.input_size
            else None
        )

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return the best class of every cell that scores at least `floor`."""
        points, _ = grid(raw.input_size, (_STRIDE,))
        found = []
        for picture in raw.only(4):
            values = picture.reshape(len(picture), -1).T.astype(np.float64)
            powers = np.clip(values[:, :1], 0, None) ** self.objectness_power
            rows, classes, scores = above(
                powers * np.clip(values[:, 5:], 0, None) ** (1 - self.objectness_power),
                floor,
                multi_label=False,
            )
            centers = (np.tanh(values[rows, 1:3]) + points[rows]) * _STRIDE
            boxes = np.concatenate([centers, sigmoid(values[rows, 3:5]) * raw.scale[:2]], axis=1)
            found.append(Candidates(corners(boxes), scores, classes))
        return found

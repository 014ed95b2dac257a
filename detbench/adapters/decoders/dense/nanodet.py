"""Outputs of NanoDet-Plus: one `(B, n, C + 4 · (reg_max + 1))`, edges as distributions over distances from the cell."""

from __future__ import annotations

import math
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
    grid,
    softmax,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError


@dataclass(frozen=True)
class NanoDet:
    """`(B, n, C + 4 · (reg_max + 1))`: class probabilities, then a distribution over 0…reg_max strides for left, top, right, bottom.

    The distance is the distribution's mean (softmax) times the stride, measured from (cell + `center`) · stride; boxes are cut at the
    input's edges; every class above the floor counts. The authors' score floor of .05
    costs AP; the default here is .001.
    """

    name: ClassVar[str] = "nanodet"
    layout: ClassVar[str] = (
        "(B, n, C + 4 · (reg_max + 1)): classes, distances; n = 1 per cell of strides 8, 16, 32, 64"
    )
    source: ClassVar[str] = (
        "nanodet/model/head/nanodet_plus_head.py and config/nanodet-plus-m_416.yml of https://github.com/RangiLyu/nanodet"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.6, class_agnostic=False, top_k=100
    )

    strides: tuple[int, ...] = (8, 16, 32, 64)
    reg_max: int = 7
    center: float = 0.0
    """Where distances start, in cells from its corner: 0 in NanoDet-Plus, .5 in the first NanoDet (strides 8, 16, 32)."""

    def __post_init__(self) -> None:
        check_strides(self.strides)
        if self.reg_max < 1:
            raise DetbenchError(f"option reg_max={self.reg_max}: must be a whole number from 1")
        if not math.isfinite(self.center):
            raise DetbenchError(f"option center={self.center}: must be a finite number")

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, BGR, 0–255 with the means and deviations of ImageNet in that order."""
        return Preprocessing(
            size,
            "stretch",
            color="bgr",
            scale=1.0,
            mean=(103.53, 116.28, 123.675),
            std=(57.375, 57.12, 58.395),
        )

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns but those of the distances, if there is a row per cell."""
        _, rows, columns = shapes.only(3)
        count = columns - 4 * (self.reg_max + 1)
        return LayoutMatch(count) if count > 0 and rows == cells(shapes.input_size, self.strides) else None

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every cell that scores at least `floor`."""
        points, strides = grid(raw.input_size, self.strides)
        edges = 4 * (self.reg_max + 1)
        found = []
        for picture in raw.only(3):
            rows, classes, scores = above(picture[:, :-edges], floor, multi_label=True)
            distances = self._distances(picture[rows, -edges:]) * strides[rows, None]
            centers = (points[rows] + self.center) * strides[rows, None]
            boxes = np.concatenate([centers - distances[:, :2], centers + distances[:, 2:]], axis=1)
            found.append(Candidates(np.clip(boxes, 0.0, raw.scale), scores, classes))
        return found

    def _distances(self, raw: Floats) -> Floats:
        """Return (k, 4) left, top, right, bottom in strides."""
        return np.asarray(
            softmax(raw.reshape(len(raw), 4, self.reg_max + 1)) @ np.arange(self.reg_max + 1.0)
        )

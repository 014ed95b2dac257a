"""NanoDet-Plus: one output `(B, n, C + 4 · (reg_max + 1))` with distributions over distances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.arithmetic import (
    cell_count,
    cell_grid,
    check_strides,
    select_scores,
    softmax,
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


@dataclass(frozen=True)
class NanoDet:
    """`(B, n, C + 4 · (reg_max + 1))`: class probabilities, then four distributions.

    A distribution gives the distance to the left, top, right or bottom edge as logits over
    0…reg_max strides (Generalized Focal Loss, arXiv:2006.04388). The distance is its mean times
    the stride, measured from (cell + `center`) · stride; boxes are clipped to the input. Every
    class of at least the minimum score counts. The authors' own minimum of 0.05 costs AP; the
    default here is 0.001.
    """

    name: ClassVar[str] = "nanodet"
    layout: ClassVar[str] = (
        "(B, n, C + 4 · (reg_max + 1)): classes, distances; n = 1 per cell of strides 8, 16, 32, 64"
    )
    source: ClassVar[str] = (
        "nanodet/model/head/nanodet_plus_head.py and config/nanodet-plus-m_416.yml of "
        "https://github.com/RangiLyu/nanodet"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=0.6, class_agnostic=False, top_k=100
    )

    strides: tuple[int, ...] = (8, 16, 32, 64)
    reg_max: int = 7
    center: float = 0.0
    """Where distances start, in cells from the cell's corner.

    0 in NanoDet-Plus, 0.5 in the first NanoDet (which has strides 8, 16, 32).
    """

    def __post_init__(self) -> None:
        check_strides(self.strides)
        if self.reg_max < 1:
            raise DetbenchError(f"option reg_max={self.reg_max}: must be a whole number from 1")
        if not math.isfinite(self.center):
            raise DetbenchError(f"option center={self.center}: must be a finite number")

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, BGR, 0–255 normalized by ImageNet's means and deviations in that order."""
        return Preprocessing(
            size,
            "stretch",
            color="bgr",
            scale=1.0,
            mean=(103.53, 116.28, 123.675),
            std=(57.375, 57.12, 58.395),
        )

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """One row per cell; all columns except those of the distances are classes."""
        _, rows, columns = shapes.only(3)
        class_count = columns - 4 * (self.reg_max + 1)
        is_grid = rows == cell_count(shapes.input_size, self.strides)
        return LayoutMatch(class_count) if class_count > 0 and is_grid else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every cell that scores at least `min_score`."""
        points, strides = cell_grid(raw.input_size, self.strides)
        n_bins = 4 * (self.reg_max + 1)
        candidates = []
        for values in raw.only(3):
            # 1. Select by score, before the costly softmax.
            rows, classes, scores = select_scores(values[:, :-n_bins], min_score, multi_label=True)
            # 2. Distances in pixels from the cell's reference point to the four edges.
            distances = self._distances(values[rows, -n_bins:]) * strides[rows, None]
            centers = (points[rows] + self.center) * strides[rows, None]
            boxes = np.concatenate([centers - distances[:, :2], centers + distances[:, 2:]], axis=1)
            candidates.append(Candidates(np.clip(boxes, 0.0, raw.scale), scores, classes))
        return candidates

    def _distances(self, logits: Floats) -> Floats:
        """Return (k, 4) left, top, right, bottom in strides: the means of the distributions."""
        probabilities = softmax(logits.reshape(len(logits), 4, self.reg_max + 1))
        return np.asarray(probabilities @ np.arange(self.reg_max + 1.0))

"""Exports with built-in selection: one output `(B, n, 6)` of box, score and class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.arithmetic import rows_at_least
from detbench.adapters.decoders.decoder import (
    UNKNOWN,
    Candidates,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing

_MAX_ROWS = 1000
"""More than any published export returns."""


@dataclass(frozen=True)
class EndToEnd:
    """`(B, n, 6)`: x1, y1, x2, y2 in input pixels, score, class.

    Rows of padding have score 0. NMS is not repeated.
    """

    name: ClassVar[str] = "end2end"
    layout: ClassVar[str] = "(B, n, 6): x1, y1, x2, y2, score, class; n at most 1000"
    source: ClassVar[str] = (
        "YOLOv10, https://github.com/THU-MIG/yolov10, and Ultralytics' exports with "
        "`nms=True` or `end2end`"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox on gray 114, RGB / 255."""
        return Preprocessing(size, "letterbox")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Six columns can hold any number of classes; certain up to 1000 rows."""
        _, rows, columns = shapes.only(3)
        return LayoutMatch(UNKNOWN, rows <= _MAX_ROWS) if columns == 6 else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every row that scores at least `min_score`."""
        candidates = []
        for values in raw.only(3):
            rows = values[rows_at_least(values[:, 4], min_score)].astype(np.float64)
            # Class numbers are floats in the joint output.
            classes = np.rint(rows[:, 5]).astype(np.int64)
            candidates.append(Candidates(rows[:, :4], rows[:, 4], classes))
        return candidates

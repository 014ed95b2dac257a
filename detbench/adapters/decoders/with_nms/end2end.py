"""Outputs of exports that select their boxes themselves: one `(B, n, 6)` of box, score and class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detbench.adapters.decoders.decoder import (
    UNKNOWN,
    Candidates,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    reaching,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing

_MOST_ROWS = 1000


@dataclass(frozen=True)
class EndToEnd:
    """`(B, n, 6)`: x1, y1, x2, y2 in input pixels, score, class; rows beyond what was found have score 0. Nothing is suppressed again."""

    name: ClassVar[str] = "end2end"
    layout: ClassVar[str] = "(B, n, 6): x1, y1, x2, y2, score, class; n at most 1000"
    source: ClassVar[str] = (
        "YOLOv10, https://github.com/THU-MIG/yolov10, and Ultralytics' `nms=True` or `end2end` exports"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox in the middle of gray 114, RGB / 255."""
        return Preprocessing(size, "letterbox")

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Six columns hold any number of classes; sure with no more rows than anybody keeps."""
        _, rows, columns = shapes.only(3)
        return LayoutMatch(UNKNOWN, rows <= _MOST_ROWS) if columns == 6 else None

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every row that scores at least `floor`."""
        kept = [
            picture[reaching(picture[:, 4], floor)].astype(np.float64) for picture in raw.only(3)
        ]
        return [
            Candidates(rows[:, :4], rows[:, 4], np.rint(rows[:, 5]).astype(np.int64))
            for rows in kept
        ]

"""torchvision's detectors: `boxes (n, 4)`, `labels (n)` and `scores (n)` of one image."""

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


@dataclass(frozen=True)
class Torchvision:
    """Three outputs without a batch axis, suppressed by the model: boxes, labels and scores.

    Boxes are x1, y1, x2, y2 in input pixels. Labels are class numbers with 0 for the background,
    so the class names begin with the background, like torchvision's own lists of categories;
    `names=coco91` is the list of models trained on COCO. Boxes labeled background are left out.
    The model itself cuts at its `box_score_thresh` (0.05 unless exported with another value),
    which costs AP.
    """

    name: ClassVar[str] = "torchvision"
    layout: ClassVar[str] = (
        "boxes (n, 4), labels (n), scores (n) of one image; label 0 is the background"
    )
    source: ClassVar[str] = (
        "torchvision.models.detection: https://docs.pytorch.org/vision/stable/models.html"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """In the upper left corner of black, RGB / 255; the model itself resizes and normalizes."""
        return Preprocessing(size, "letterbox-corner", pad_value=0)

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Labels can hold any number of classes."""
        by_rank = sorted(shapes.outputs.values(), key=len)
        matches = [len(shape) for shape in by_rank] == [1, 1, 2] and by_rank[2][1] == 4
        return LayoutMatch(UNKNOWN) if matches else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every object that scores at least `min_score`."""
        boxes = next(values for values in raw.outputs.values() if values.ndim == 2)
        columns = [values for values in raw.outputs.values() if values.ndim == 1]
        labels = next(values for values in columns if values.dtype.kind in "iu")
        scores = next(values for values in columns if values.dtype.kind == "f")
        # Label 0 is the background: it never counts, whatever its score.
        rows = rows_at_least(np.where(labels > 0, scores, -np.inf), min_score)
        return [
            Candidates(
                boxes[rows].astype(np.float64),
                scores[rows].astype(np.float64),
                labels[rows].astype(np.int64),
            )
        ]

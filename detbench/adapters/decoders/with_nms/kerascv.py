"""Outputs in KerasCV's convention: `boxes (B, n, 4)`, `confidence (B, n)`, `classes (B, n)`, suppressed by the model, padded with −1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from detbench.adapters.decoders.decoder import (
    UNKNOWN,
    Candidates,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    reaching,
)
from detbench.adapters.keras.box_format import check_box_format, to_xyxy
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_CENTRED = {"cxcywh": "center_xywh", "rel_cxcywh": "rel_center_xywh"}
"""What everybody but Keras calls it."""
_PARTS = (("boxes",), ("confidence", "scores"), ("classes", "labels"))
"""Names of boxes, scores and classes."""


@dataclass(frozen=True)
class KerasCv:
    """A dict of boxes, confidence (or scores) and classes (or labels), whole numbers from 0, in a box format that must be told.

    `xyxy` and `yxyx` are corners, `xywh` the left upper corner and size, `cxcywh` (Keras says `center_xywh`) and `center_yxhw` center and
    size; in pixels of the input, or with `rel_` before them as shares of its sides. Rows beyond `num_detections` and those with a class
    or score below 0 are padding. The model's own confidence threshold cuts the curve before anybody sees it: set it to .01 or lower.
    """

    name: ClassVar[str] = "kerascv"
    layout: ClassVar[str] = (
        "boxes (B, n, 4), confidence (B, n), classes (B, n), perhaps num_detections (B), in a stated format="
    )
    source: ClassVar[str] = (
        "MultiClassNonMaxSuppression of https://github.com/keras-team/keras-cv, whose models scale pictures themselves"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    format: str = ""
    """One of xyxy, yxyx, xywh, cxcywh, center_xywh, center_yxhw, each also with rel_ before it."""

    def __post_init__(self) -> None:
        if self.format:
            check_box_format(_CENTRED.get(self.format, self.format))

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Left upper corner of black, RGB, 0–255."""
        return Preprocessing(size, "letterbox-corner", pad_value=0, scale=1.0)

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Classes hold any number; sure where the format of the boxes is told or there is a confidence, as KerasCV says for a score."""
        rows = {shape[1] for shape in shapes.outputs.values() if len(shape) in (2, 3)}
        ranks = [len(shape) for shape in _parts(shapes.outputs)]
        return (
            LayoutMatch(UNKNOWN, bool(self.format) or "confidence" in shapes.outputs)
            if ranks == [3, 2, 2] and len(rows) == 1
            else None
        )

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every row that scores at least `floor` and is no padding."""
        if not self.format:
            raise DetbenchError(
                "the model does not say in which format its boxes are; say it with format=xyxy, yxyx, xywh, rel_xyxy, …"
            )
        boxes, scores, classes = _parts(raw.outputs)
        counts = raw.outputs.get("num_detections", np.full(len(boxes), boxes.shape[1]))
        found = []
        for box, score, label, count in zip(
            boxes, scores, classes, counts.reshape(-1).astype(int), strict=True
        ):
            rows = reaching(np.where(label[:count] >= 0, score[:count], -np.inf), floor)
            corners = to_xyxy(box[rows], _CENTRED.get(self.format, self.format), raw.input_size)
            found.append(
                Candidates(corners, score[rows].astype(np.float64), label[rows].astype(np.int64))
            )
        return found


def _parts(outputs: Mapping[str, Any]) -> list[Any]:
    """Return boxes, scores and classes, fewer where one is not there."""
    return [
        next(outputs[name] for name in names if name in outputs)
        for names in _PARTS
        if outputs.keys() & names
    ]

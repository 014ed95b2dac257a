"""KerasCV's convention: `boxes (B, n, 4)`, `confidence (B, n)` and `classes (B, n)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from detbench.adapters.box_formats import check_box_format, to_xyxy
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
from detbench.errors import DetbenchError

_KERAS_NAMES = {"cxcywh": "center_xywh", "rel_cxcywh": "rel_center_xywh"}
"""Keras' name by the usual name."""
_OUTPUT_NAMES = (("boxes",), ("confidence", "scores"), ("classes", "labels"))
"""Names of the outputs with boxes, scores and classes."""


@dataclass(frozen=True)
class KerasCv:
    """A dict of boxes, confidence (or scores) and classes (or labels), suppressed by the model.

    The box format has to be given. `xyxy` and `yxyx` are corners, `xywh` the upper left corner
    and size, `cxcywh` (in Keras `center_xywh`) and `center_yxhw` center and size, in pixels of the
    input; with `rel_` in front they are fractions of its sides.

    Classes are whole numbers from 0. Rows after `num_detections` and rows with a class or score
    below 0 are padding. The model's own confidence threshold cuts the precision-recall curve: set
    it to 0.01 or lower.
    """

    name: ClassVar[str] = "kerascv"
    layout: ClassVar[str] = (
        "boxes (B, n, 4), confidence (B, n), classes (B, n), optionally num_detections (B), "
        "in the box format of format="
    )
    source: ClassVar[str] = (
        "MultiClassNonMaxSuppression of https://github.com/keras-team/keras-cv, "
        "whose models scale images themselves"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.001, nms_iou=None, class_agnostic=False, top_k=300
    )

    format: str = ""
    """One of xyxy, yxyx, xywh, cxcywh, center_xywh, center_yxhw, also with rel_ in front."""

    def __post_init__(self) -> None:
        if self.format:
            check_box_format(self._keras_format)

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """In the upper left corner of black, RGB, 0–255."""
        return Preprocessing(size, "letterbox-corner", pad_value=0, scale=1.0)

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Class numbers can hold any number of classes.

        Certain if the box format is given, or for an output `confidence`, KerasCV's own name.
        """
        n_rows = {shape[1] for shape in shapes.outputs.values() if len(shape) in (2, 3)}
        ranks = [len(shape) for shape in _parts(shapes.outputs)]
        if ranks != [3, 2, 2] or len(n_rows) != 1:
            return None
        return LayoutMatch(UNKNOWN, bool(self.format) or "confidence" in shapes.outputs)

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every row that scores at least `min_score` and is not padding."""
        if not self.format:
            raise DetbenchError(
                "the model does not state the format of its boxes; "
                "give it with format=xyxy, yxyx, xywh, rel_xyxy, …"
            )
        boxes, scores, classes = _parts(raw.outputs)
        counts = raw.outputs.get("num_detections", np.full(len(boxes), boxes.shape[1]))
        candidates = []
        for image_boxes, image_scores, image_classes, count in zip(
            boxes, scores, classes, counts.reshape(-1).astype(int), strict=True
        ):
            # Padding: rows after num_detections, and rows of class −1.
            is_object = image_classes[:count] >= 0
            rows = rows_at_least(np.where(is_object, image_scores[:count], -np.inf), min_score)
            candidates.append(
                Candidates(
                    to_xyxy(image_boxes[rows], self._keras_format, raw.input_size),
                    image_scores[rows].astype(np.float64),
                    image_classes[rows].astype(np.int64),
                )
            )
        return candidates

    @property
    def _keras_format(self) -> str:
        return _KERAS_NAMES.get(self.format, self.format)


def _parts(outputs: Mapping[str, Any]) -> list[Any]:
    """Return boxes, scores and classes, without those that are missing."""
    return [
        next(outputs[name] for name in names if name in outputs)
        for names in _OUTPUT_NAMES
        if outputs.keys() & names
    ]

"""YOLOv2 and tiny YOLOv2: a raw grid with boxes relative to anchors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.arithmetic import (
    cell_grid,
    cxcywh_to_xyxy,
    rows_at_least,
    select_scores,
    sigmoid,
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

_VOC = (1.3221, 1.73145, 3.19275, 4.00944, 5.05587, 8.09892, 9.47112, 4.84053, 11.2364, 10.0071)
_COCO = (0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, 3.52778, 9.77052, 9.16828)
_TINY_VOC = (1.08, 1.19, 3.42, 4.41, 6.63, 11.38, 9.42, 5.11, 16.62, 10.52)


@dataclass(frozen=True)
class YoloV2:
    """`(B, A · (5 + C), h, w)`, or `(B, h, w, A, 5 + C)` as Keras models give it.

    Values per anchor and cell: x, y, width, height, objectness and C class logits.
    xy = (sigmoid(raw) + cell) · stride, wh = anchor · exp(raw) · stride,
    score = sigmoid(objectness) · softmax(classes); every class of at least the minimum score
    counts.
    """

    name: ClassVar[str] = "yolov2"
    layout: ClassVar[str] = (
        "(B, A · (5 + C), H/stride, W/stride) or (B, H/stride, W/stride, A, 5 + C): "
        "raw grid, A anchors, stride 32"
    )
    source: ClassVar[str] = (
        "region layer, cfg/yolov2-voc.cfg, cfg/yolov2.cfg and `detector valid` of "
        "https://github.com/pjreddie/darknet"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.005, nms_iou=0.45, class_agnostic=False, top_k=1000
    )

    anchors: tuple[float, ...] = ()
    """Width and height of each anchor in cells.

    Empty: those of yolov2-voc for 20 classes, else those of yolov2 (COCO).
    """
    stride: int = 32
    """Input pixels per cell."""

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise DetbenchError(f"option stride={self.stride}: must be at least 1")
        if len(self.anchors) % 2 or not all(
            math.isfinite(side) and side > 0 for side in self.anchors
        ):
            text = "|".join(map(str, self.anchors))
            raise DetbenchError(
                f"option anchors={text}: must be pairs of width and height, positive numbers"
            )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox on gray 127, RGB / 255."""
        return Preprocessing(size, "letterbox", pad_value=127)

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """The values per anchor after box and objectness are classes."""
        if any(shapes.only(4)):
            _, channels, height, width = shapes.only(4)
            n_values, rest = divmod(channels, self._anchor_count)
        else:
            _, height, width, n_anchors, n_values = shapes.only(5)
            rest = n_anchors - self._anchor_count
        is_grid = (width * self.stride, height * self.stride) == shapes.input_size
        return LayoutMatch(n_values - 5) if is_grid and n_values > 5 and not rest else None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every anchor of every cell that scores at least `min_score`."""
        return [self._decode(grid, raw.input_size, min_score) for grid in self._grids(raw)]

    def _grids(self, raw: RawOutputs) -> Iterator[NDArray[Any]]:
        """Yield for each image the values (A, cells, 5 + C)."""
        if any(values.ndim == 4 for values in raw.outputs.values()):
            for values in raw.only(4):
                n_cells = values.shape[1] * values.shape[2]
                yield values.reshape(self._anchor_count, -1, n_cells).transpose(0, 2, 1)
        else:
            for values in raw.only(5):
                yield values.reshape(-1, *values.shape[2:]).transpose(1, 0, 2)

    def _decode(
        self, grid: NDArray[Any], input_size: tuple[int, int], min_score: float
    ) -> Candidates:
        points, _ = cell_grid(input_size, (self.stride,))
        values = grid.reshape(-1, grid.shape[2])

        # 1. A class cannot score more than the objectness, which drops most rows early.
        objectness = sigmoid(values[:, 4])
        likely = rows_at_least(objectness, min_score)
        class_scores = softmax(values[likely, 5:]) * objectness[likely, None]
        selected, classes, scores = select_scores(class_scores, min_score, multi_label=True)

        # 2. Rows run over the cells of the first anchor, then over those of the next.
        rows = likely[selected]
        anchors = self._anchors(values.shape[1] - 5)[rows // len(points)]
        cells = points[rows % len(points)]
        boxes = self._boxes(values[rows, :4].astype(np.float64), cells, anchors)
        return Candidates(boxes, scores, classes)

    @property
    def _anchor_count(self) -> int:
        return len(self.anchors) // 2 or 5

    def _anchors(self, class_count: int) -> Floats:
        """Return width and height (A, 2) in cells."""
        anchors = self.anchors or (_VOC if class_count == 20 else _COCO)
        return np.array(anchors, np.float64).reshape(-1, 2)

    def _boxes(self, raw: Floats, cells: Floats, anchors: Floats) -> Floats:
        """Return corners (k, 4) in input pixels for raw x, y, w, h (k, 4)."""
        centers = sigmoid(raw[:, :2]) + cells
        sizes = np.exp(raw[:, 2:]) * anchors
        return cxcywh_to_xyxy(np.concatenate([centers, sizes], axis=1) * self.stride)


@dataclass(frozen=True)
class TinyYoloV2(YoloV2):
    """The same grid with the anchors of tiny-yolo-voc.

    This is the model of the ONNX model zoo, whose graph divides by 255 itself.
    """

    name: ClassVar[str] = "tinyyolov2"
    layout: ClassVar[str] = (
        "(B, A · (5 + C), H/32, W/32): raw grid, anchors of tiny-yolo-voc, values 0–255"
    )
    source: ClassVar[str] = (
        "tiny YOLOv2 of https://github.com/onnx/models, anchors of Darknet's "
        "cfg/yolov2-tiny-voc.cfg"
    )

    anchors: tuple[float, ...] = _TINY_VOC

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """As YOLOv2. Certain for 20 classes: tiny-yolo for COCO has the anchors of yolov2."""
        match = super().match_layout(shapes)
        return match and LayoutMatch(match.class_count, certain=match.class_count == 20)

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB, 0–255."""
        return Preprocessing(size, "stretch", scale=1.0)

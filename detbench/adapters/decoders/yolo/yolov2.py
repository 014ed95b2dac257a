"""Raw grids of YOLOv2 and tiny YOLOv2: one `(B, A · (5 + C), h, w)` or `(B, h, w, A, 5 + C)`, boxes relative to anchors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
    above,
    corners,
    grid,
    reaching,
    sigmoid,
    softmax,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_VOC = (1.3221, 1.73145, 3.19275, 4.00944, 5.05587, 8.09892, 9.47112, 4.84053, 11.2364, 10.0071)
_COCO = (0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, 3.52778, 9.77052, 9.16828)
_TINY_VOC = (1.08, 1.19, 3.42, 4.41, 6.63, 11.38, 9.42, 5.11, 16.62, 10.52)


@dataclass(frozen=True)
class YoloV2:
    """`(B, A · (5 + C), h, w)`, or `(B, h, w, A, 5 + C)` as Keras models give it: x, y, width, height, objectness and class logits.

    xy = (sigmoid + cell) · stride, wh = anchor · exp · stride, score = sigmoid(objectness) · softmax(classes); every class above the floor
    counts.
    """

    name: ClassVar[str] = "yolov2"
    layout: ClassVar[str] = (
        "(B, A · (5 + C), H/stride, W/stride) or (B, H/stride, W/stride, A, 5 + C): raw grid, A anchors, stride 32"
    )
    source: ClassVar[str] = (
        "region layer, cfg/yolov2-voc.cfg, cfg/yolov2.cfg and `detector valid` of https://github.com/pjreddie/darknet"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.005, nms_iou=0.45, class_agnostic=False, top_k=1000
    )

    anchors: tuple[float, ...] = ()
    """Width and height of each in cells; none: those of yolov2-voc for 20 classes, else those of yolov2 (COCO)."""
    stride: int = 32
    """Input pixels per cell."""

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise DetbenchError(f"option stride={self.stride}: must be at least 1")
        if len(self.anchors) % 2 or not all(
            math.isfinite(side) and side > 0 for side in self.anchors
        ):
            shown = "|".join(map(str, self.anchors))
            raise DetbenchError(
                f"option anchors={shown}: must be pairs of width and height, positive numbers"
            )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox in the middle of gray 127, RGB / 255."""
        return Preprocessing(size, "letterbox", pad_value=127)

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """What is left of an anchor's channels after box and objectness."""
        _, channels, height, width = shapes.only(4)
        count, rest = divmod(channels, self._anchor_count)
        if not any(shapes.only(4)):
            _, height, width, anchors, count = shapes.only(5)
            rest = anchors - self._anchor_count
        cell_each = (width * self.stride, height * self.stride) == shapes.input_size
        return LayoutMatch(count - 5) if cell_each and count > 5 and not rest else None

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every anchor of every cell that scores at least `floor`."""
        return [self._decoded(values, raw.input_size, floor) for values in self._grids(raw)]

    def _grids(self, raw: RawOutputs) -> Iterator[NDArray[Any]]:
        """Yield for each picture the values (A, cells, 5 + C)."""
        if any(values.ndim == 4 for values in raw.outputs.values()):
            for picture in raw.only(4):
                yield picture.reshape(
                    self._anchor_count, -1, picture.shape[1] * picture.shape[2]
                ).transpose(0, 2, 1)
        else:
            for picture in raw.only(5):
                yield picture.reshape(-1, *picture.shape[2:]).transpose(1, 0, 2)

    def _decoded(
        self, grids: NDArray[Any], input_size: tuple[int, int], floor: float
    ) -> Candidates:
        points, _ = grid(input_size, (self.stride,))
        values = grids.reshape(-1, grids.shape[2])
        objectness = sigmoid(values[:, 4])
        likely = reaching(objectness, floor)
        rows, classes, scores = above(
            softmax(values[likely, 5:]) * objectness[likely, None], floor, multi_label=True
        )
        where = likely[rows]
        anchors = self._anchors(values.shape[1] - 5)[where // len(points)]
        return Candidates(
            self._boxes(values[where, :4].astype(np.float64), points[where % len(points)], anchors),
            scores,
            classes,
        )

    @property
    def _anchor_count(self) -> int:
        return len(self.anchors) // 2 or 5

    def _anchors(self, class_count: int) -> Floats:
        return np.array(self.anchors or (_VOC if class_count == 20 else _COCO), np.float64).reshape(
            -1, 2
        )

    def _boxes(self, raw: Floats, points: Floats, anchors: Floats) -> Floats:
        return corners(
            np.concatenate([sigmoid(raw[:, :2]) + points, np.exp(raw[:, 2:]) * anchors], axis=1)
            * self.stride
        )


@dataclass(frozen=True)
class TinyYoloV2(YoloV2):
    """The same grid with the anchors of tiny-yolo-voc, as in the ONNX model zoo, whose graph divides by 255 itself."""

    name: ClassVar[str] = "tinyyolov2"
    layout: ClassVar[str] = (
        "(B, A · (5 + C), H/32, W/32): raw grid, anchors of tiny-yolo-voc, values 0–255"
    )
    source: ClassVar[str] = (
        "tiny YOLOv2 of https://github.com/onnx/models, anchors of cfg/yolov2-tiny-voc.cfg of Darknet"
    )

    anchors: tuple[float, ...] = _TINY_VOC

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """As YOLOv2; sure with VOC's 20 classes only, because tiny-yolo for COCO has the anchors of yolov2."""
        fit = super().match_layout(shapes)
        return fit and LayoutMatch(fit.class_count, sure=fit.class_count == 20)

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB, 0–255."""
        return Preprocessing(size, "stretch", scale=1.0)

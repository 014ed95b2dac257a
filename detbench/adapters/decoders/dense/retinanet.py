"""Raw heads of RetinaNet as KerasHub builds it: `(B, n, 4)` shifts of n anchors and `(B, n, C)` class logits without a background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

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
    reaching,
    sigmoid,
)
from detbench.adapters.decoders.heads import class_head, classes_and_boxes
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_MOST_QUERIES = 1000
"""With as many rows outputs may be the queries of a DETR; only the name of the boxes tells then."""
_SLACK = 1e-3
"""In logits, far more than the rounding of the floor's own logit."""


@dataclass(frozen=True)
class RetinaNet:
    """Shifts of the anchors (center in anchor sizes, logarithm of size) and logits taken through a sigmoid; every class counts.

    center = anchor + shift · anchor size, size = anchor size · exp(shift), neither clipped, as KerasHub's `decode_predictions`, which
    takes no box variance either. Its `NonMaxSuppression` gives an anchor its best class only and suppresses across classes:
    `class_agnostic=yes` gives the same boxes, since the weaker classes of an anchor share its box. It also drops boxes that lie left
    of or above the input altogether; here they stay and match nothing. The authors' .05 score floor and 1,000 candidates per level
    are not applied: they cut the curve.
    """

    name: ClassVar[str] = "retinanet"
    layout: ClassVar[str] = (
        "(B, n, 4) shifts and (B, n, C) logits of n anchors, levels 3 to 7 with 9 each unless told otherwise"
    )
    source: ClassVar[str] = (
        "T.-Y. Lin et al., Focal Loss (2017), evaluated with per-class NMS at .5; AnchorGenerator and RetinaNetObjectDetector of "
        "https://github.com/keras-team/keras-hub"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.01, nms_iou=0.5, class_agnostic=False, top_k=300
    )

    min_level: int = 3
    """The finest level; a cell of level l has 2^l pixels a side."""
    max_level: int = 7
    num_scales: int = 3
    """Anchor sizes per octave."""
    aspect_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width."""
    anchor_size: float = 4.0
    """Side of the smallest anchor, in cells."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_level <= self.max_level:
            raise DetbenchError(
                f"options min_level={self.min_level} and max_level={self.max_level}: must be 0 or more, and rise"
            )
        if self.num_scales < 1:
            raise DetbenchError(f"option num_scales={self.num_scales}: must be at least 1")
        if not self.aspect_ratios or not all(
            math.isfinite(one) and one > 0 for one in (*self.aspect_ratios, self.anchor_size)
        ):
            raise DetbenchError("options aspect_ratios and anchor_size: must be positive numbers")

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox in the middle of black, RGB, mean and deviation of ImageNet, as the weights ported from torchvision."""
        return Preprocessing(
            size, "letterbox", pad_value=0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
        )

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns of the logits, if there is a row per anchor; sure with more rows than queries, or boxes named a regression."""
        rows, columns = class_head(shapes)
        if not columns or rows != len(self._anchors(shapes.input_size)):
            return None
        return LayoutMatch(
            columns,
            rows > _MOST_QUERIES or any("regression" in name.lower() for name in shapes.outputs),
        )

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every anchor that scores at least `floor`."""
        logits, shifts = classes_and_boxes(raw)
        anchors, found = self._anchors(raw.input_size), []
        for picture, shift in zip(logits, shifts, strict=True):
            likely = reaching(picture.max(axis=1, initial=-np.inf), _logit(floor) - _SLACK)
            rows, classes, scores = above(sigmoid(picture[likely]), floor, multi_label=True)
            rows = likely[rows]
            found.append(
                Candidates(_shifted(anchors[rows], shift[rows].astype(np.float64)), scores, classes)
            )
        return found

    def _anchors(self, input_size: tuple[int, int]) -> Floats:
        return anchors(
            input_size,
            self.min_level,
            self.max_level,
            self.num_scales,
            self.aspect_ratios,
            self.anchor_size,
        )


@lru_cache(maxsize=16)
def anchors(
    input_size: tuple[int, int],
    min_level: int,
    max_level: int,
    num_scales: int,
    aspect_ratios: tuple[float, ...],
    anchor_size: float,
) -> Floats:
    """Return KerasHub's anchors (n, 4) cx, cy, w, h in input pixels: level by level, row by row, ratio by ratio, scale by scale.

    As its AnchorGenerator computes them: centers at the cells' left upper corners, half sizes rounded to whole pixels in float32.
    """
    levels = []
    for level in range(min_level, max_level + 1):
        cell = 2**level
        columns, rows = (-(-side // cell) for side in input_size)
        x = np.arange(columns, dtype=np.float32) * (input_size[0] // columns)
        y = np.arange(rows, dtype=np.float32) * (input_size[1] // rows)
        centers = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
        sizes = np.array(
            [int(cell * anchor_size * 2 ** (scale / num_scales)) for scale in range(num_scales)],
            np.float32,
        )
        halves = _half_sizes(sizes, np.sqrt(np.array(aspect_ratios, np.float32)))
        pair = np.broadcast_arrays(centers, 2 * halves)
        levels.append(np.concatenate(pair, axis=2).reshape(-1, 4))
    table = np.concatenate(levels).astype(np.float64)
    table.flags.writeable = False
    return table


def _half_sizes(sizes: NDArray[np.float32], roots: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return half of width and height (k, 2) for the square roots of the ratios."""
    widths, heights = (1 / roots)[:, None] * sizes, roots[:, None] * sizes
    return np.round(np.stack([widths.ravel(), heights.ravel()], axis=1) / 2)


def _shifted(boxes: Floats, shifts: Floats) -> Floats:
    sizes = boxes[:, 2:]
    return corners(
        np.concatenate(
            [boxes[:, :2] + shifts[:, :2] * sizes, sizes * np.exp(shifts[:, 2:])], axis=1
        )
    )


def _logit(share: float) -> float:
    return math.log(share / (1 - share)) if 0 < share < 1 else math.copysign(math.inf, share - 0.5)

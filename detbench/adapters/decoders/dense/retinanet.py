"""RetinaNet as KerasHub builds it: `(B, n, 4)` shifts of anchors and `(B, n, C)` class logits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.arithmetic import (
    cxcywh_to_xyxy,
    rows_at_least,
    select_scores,
    sigmoid,
)
from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
)
from detbench.adapters.decoders.heads import class_head, classes_and_boxes
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

_MAX_QUERIES = 1000
"""Outputs of up to so many rows may be the queries of a DETR; then only the boxes' name decides."""
_LOGIT_SLACK = 1e-3
"""Far more than the rounding error of the minimum score's own logit."""


@dataclass(frozen=True)
class RetinaNet:
    """Shifts of n anchors (center and logarithm of size) and logits of C classes, no background.

    center = anchor + shift · anchor size, size = anchor size · exp(shift), score = sigmoid(logit);
    every class of at least the minimum score counts.

    Differences from KerasHub, which does not clip the boxes either and has no box variance:

    - KerasHub's `NonMaxSuppression` keeps the best class of an anchor and suppresses across
      classes. `class_agnostic=yes` gives the same boxes, because the weaker classes of an anchor
      share its box.
    - KerasHub drops boxes entirely left of or above the input. Here they stay and match nothing.
    - Its minimum score of 0.05 and its 1,000 candidates per level are not applied: they cut the
      precision-recall curve.
    """

    name: ClassVar[str] = "retinanet"
    layout: ClassVar[str] = (
        "(B, n, 4) shifts and (B, n, C) logits of n anchors, by default 9 per cell of levels 3 to 7"
    )
    source: ClassVar[str] = (
        "T.-Y. Lin et al., Focal Loss (2017), evaluated with per-class NMS at 0.5; "
        "AnchorGenerator and RetinaNetObjectDetector of https://github.com/keras-team/keras-hub"
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
                f"options min_level={self.min_level} and max_level={self.max_level}: "
                "must be from 0, and max_level at least min_level"
            )
        if self.num_scales < 1:
            raise DetbenchError(f"option num_scales={self.num_scales}: must be at least 1")
        sizes = (*self.aspect_ratios, self.anchor_size)
        if not self.aspect_ratios or not all(math.isfinite(size) and size > 0 for size in sizes):
            raise DetbenchError("options aspect_ratios and anchor_size: must be positive numbers")

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Letterbox on black, RGB with ImageNet's mean and deviation (weights of torchvision)."""
        return Preprocessing(
            size, "letterbox", pad_value=0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
        )

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """One row per anchor; all columns of the logits are classes.

        Certain with more rows than a DETR has queries, or if an output is called a regression.
        """
        rows, columns = class_head(shapes)
        if not columns or rows != len(self._anchors(shapes.input_size)):
            return None
        is_regression = any("regression" in name.lower() for name in shapes.outputs)
        return LayoutMatch(columns, certain=rows > _MAX_QUERIES or is_regression)

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every anchor that scores at least `min_score`."""
        logits, shifts = classes_and_boxes(raw)
        anchors = self._anchors(raw.input_size)
        min_logit = _logit(min_score) - _LOGIT_SLACK
        candidates = []
        for image_logits, image_shifts in zip(logits, shifts, strict=True):
            # Logits drop the background before any sigmoid; the exact comparison follows.
            likely = rows_at_least(image_logits.max(axis=1, initial=-np.inf), min_logit)
            rows, classes, scores = select_scores(
                sigmoid(image_logits[likely]), min_score, multi_label=True
            )
            rows = likely[rows]
            # Boxes are decoded for selected anchors only.
            boxes = _shift_anchors(anchors[rows], image_shifts[rows].astype(np.float64))
            candidates.append(Candidates(boxes, scores, classes))
        return candidates

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
    """Return KerasHub's anchors (n, 4) cx, cy, w, h in input pixels, read-only.

    In the order and with the rounding of its AnchorGenerator: level by level, row by row, ratio by
    ratio, scale by scale; centers at the upper left corners of the cells, half sizes rounded to
    whole pixels in float32.
    """
    levels = []
    for level in range(min_level, max_level + 1):
        cell = 2**level
        n_columns, n_rows = (-(-side // cell) for side in input_size)
        x = np.arange(n_columns, dtype=np.float32) * (input_size[0] // n_columns)
        y = np.arange(n_rows, dtype=np.float32) * (input_size[1] // n_rows)
        centers = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
        sides = [int(cell * anchor_size * 2 ** (scale / num_scales)) for scale in range(num_scales)]
        half_sizes = _half_sizes(
            np.array(sides, np.float32), np.sqrt(np.array(aspect_ratios, np.float32))
        )
        # Every cell (first axis) has every shape (second axis).
        pair = np.broadcast_arrays(centers, 2 * half_sizes)
        levels.append(np.concatenate(pair, axis=2).reshape(-1, 4))
    table = np.concatenate(levels).astype(np.float64)
    table.flags.writeable = False
    return table


def _half_sizes(sides: NDArray[np.float32], roots: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return half of width and height (k, 2) for sides and the square roots of the ratios."""
    widths, heights = (1 / roots)[:, None] * sides, roots[:, None] * sides
    return np.round(np.stack([widths.ravel(), heights.ravel()], axis=1) / 2)


def _shift_anchors(boxes: Floats, shifts: Floats) -> Floats:
    """Return corners (k, 4) of anchors (k, 4) cx, cy, w, h moved and scaled by shifts (k, 4)."""
    sizes = boxes[:, 2:]
    centers = boxes[:, :2] + shifts[:, :2] * sizes
    return cxcywh_to_xyxy(np.concatenate([centers, sizes * np.exp(shifts[:, 2:])], axis=1))


def _logit(probability: float) -> float:
    """Return the logit of a probability, −∞ for 0 and ∞ for 1."""
    if 0 < probability < 1:
        return math.log(probability / (1 - probability))
    return math.copysign(math.inf, probability - 0.5)

"""Outputs of SSD: `(B, n, 4)` shifts of n default boxes and `(B, n, 1 + C)` class scores with the background first."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
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
    softmax,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError, InputError

_SIDE = 300
_MAPS = ((38, 8), (19, 16), (10, 32), (5, 64), (3, 100), (1, 300))
"""Cells along a side and pixels per cell of SSD300's feature maps."""
_RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
_VOC_SIZES = (30, 60, 111, 162, 213, 264, 315)
_COCO_SIZES = (21, 45, 99, 153, 207, 261, 315)


@dataclass(frozen=True)
class Ssd:
    """Two outputs of n rows: shifts of the default boxes (center, size; divided by the variances) and scores, class 0 the background.

    center = default + shift · variance · default size, size = default size · exp(shift · variance); every class above the floor counts.
    Scores are taken through a softmax unless each row already sums to 1. SSD300's default boxes are built in; others come from a file.
    """

    name: ClassVar[str] = "ssd"
    layout: ClassVar[str] = (
        "(B, n, 4) and (B, n, 1 + C): shifts of n default boxes (8732 in SSD300) and scores, background first"
    )
    source: ClassVar[str] = (
        "W. Liu et al., SSD (2016); data/config.py, prior_box.py and detection.py of https://github.com/amdegroot/ssd.pytorch"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.01, nms_iou=0.45, class_agnostic=False, top_k=200
    )

    default_boxes: str = field(default="", metadata={"file": True})
    """A text file of n lines `cx cy w h`, each 0–1; none: SSD300's, with VOC's sizes for 20 classes, else COCO's."""
    variances: tuple[float, ...] = (0.1, 0.2)
    """Of center and size."""

    def __post_init__(self) -> None:
        if len(self.variances) != 2 or not all(
            math.isfinite(one) and one > 0 for one in self.variances
        ):
            raise DetbenchError(
                f"option variances={'|'.join(map(str, self.variances))}: must be two positive numbers"
            )

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB, 0–255 less the mean color of ImageNet."""
        return Preprocessing(size, "stretch", scale=1.0, mean=(123.0, 117.0, 104.0))

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """All columns of the scores but the background's, if there is a row per default box."""
        heads = [shape for shape in shapes.outputs.values() if len(shape) == 3]
        if len(heads) != 2 or heads[0][1] != heads[1][1] or 4 not in {heads[0][2], heads[1][2]}:
            return None
        columns = heads[0][2] if heads[1][2] == 4 else heads[1][2]
        return (
            LayoutMatch(columns - 1)
            if columns > 1 and heads[0][1] == len(self._boxes(columns - 1))
            else None
        )

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return every class of every default box that scores at least `floor`, the background left out."""
        shifts, scores = _heads(raw)
        defaults = self._boxes(scores.shape[2] - 1)
        found = []
        for shift, probabilities in zip(shifts, map(_probabilities, scores), strict=True):
            rows, classes, kept = above(probabilities[:, 1:], floor, multi_label=True)
            boxes = self._shifted(defaults[rows], shift[rows].astype(np.float64))
            found.append(Candidates(corners(boxes) * raw.scale, kept, classes))
        return found

    def _shifted(self, defaults: Floats, shifts: Floats) -> Floats:
        size = defaults[:, 2:]
        centers = defaults[:, :2] + shifts[:, :2] * self.variances[0] * size
        return np.concatenate([centers, size * np.exp(shifts[:, 2:] * self.variances[1])], axis=1)

    @cached_property
    def _own_boxes(self) -> Floats:
        """The boxes of the file, read once per decoder, so that another decoder sees what the file holds by then."""
        return _read(self.default_boxes)

    def _boxes(self, class_count: int) -> Floats:
        return (
            self._own_boxes
            if self.default_boxes
            else ssd300(_VOC_SIZES if class_count == 20 else _COCO_SIZES)
        )


@lru_cache(maxsize=2)
def ssd300(sizes: tuple[int, ...]) -> Floats:
    """Return SSD300's 8732 default boxes (cx, cy, w, h; 0–1, cut at 1) for the sizes in pixels of its six maps and the end of the last."""
    boxes = []
    for level, ((side, step), ratios) in enumerate(zip(_MAPS, _RATIOS, strict=True)):
        small, large = sizes[level] / _SIDE, np.sqrt(sizes[level] * sizes[level + 1]) / _SIDE
        wide = [(small * np.sqrt(ratio), small / np.sqrt(ratio)) for ratio in ratios]
        shapes = [
            (small, small),
            (large, large),
            *(shape for w, h in wide for shape in ((w, h), (h, w))),
        ]
        centers = (np.arange(side) + 0.5) * step / _SIDE
        y, x = np.repeat(centers, side), np.tile(centers, side)
        boxes.append(
            np.stack(
                [
                    np.column_stack([x, y, np.full(x.size, w), np.full(x.size, h)])
                    for w, h in shapes
                ],
                axis=1,
            ).reshape(-1, 4)
        )
    return np.asarray(np.clip(np.concatenate(boxes), 0.0, 1.0))


def _heads(raw: RawOutputs) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the shifts and the scores: where both have four columns, shifts come first."""
    one, other = (values for values in raw.outputs.values() if values.ndim == 3)
    return (one, other) if one.shape[2] == 4 else (other, one)


def _probabilities(scores: NDArray[Any]) -> Floats:
    values: Floats = scores.astype(np.float64)
    ready = bool((values >= 0).all()) and bool((np.abs(values.sum(axis=1) - 1) < 0.01).all())
    return values if ready else softmax(values)


def _read(path: str) -> Floats:
    try:
        boxes = np.loadtxt(Path(path), np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise DetbenchError(
            f"default_boxes={path}: cannot be read as lines of four numbers ({error})"
        ) from error
    if boxes.shape[1:] != (4,):
        raise InputError(path, f"a default box has four numbers, cx cy w h, not {boxes.shape[1]}")
    return boxes

"""SSD: `(B, n, 4)` shifts of n default boxes and `(B, n, 1 + C)` scores, the background first."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.arithmetic import cxcywh_to_xyxy, select_scores, softmax
from detbench.adapters.decoders.decoder import (
    Candidates,
    Floats,
    LayoutMatch,
    OutputShapes,
    RawOutputs,
)
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError, InputError

_SIDE = 300
_MAPS = ((38, 8), (19, 16), (10, 32), (5, 64), (3, 100), (1, 300))
"""Cells along a side and pixels per cell of SSD300's feature maps."""
_RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
"""Aspect ratios of each map's boxes besides 1; the inverse ratios are there, too."""
_VOC_SIZES = (30, 60, 111, 162, 213, 264, 315)
_COCO_SIZES = (21, 45, 99, 153, 207, 261, 315)


@dataclass(frozen=True)
class Ssd:
    """Two outputs of n rows: shifts of the default boxes, and scores with class 0 the background.

    center = default + shift · variance · default size,
    size = default size · exp(shift · variance); every class of at least the minimum score counts.

    Scores go through a softmax unless each row already sums to 1. The default boxes of SSD300 are
    built in; others come from a file.
    """

    name: ClassVar[str] = "ssd"
    layout: ClassVar[str] = (
        "(B, n, 4) and (B, n, 1 + C): shifts of n default boxes (8732 in SSD300) and scores, "
        "background first"
    )
    source: ClassVar[str] = (
        "W. Liu et al., SSD (2016); data/config.py, prior_box.py and detection.py of "
        "https://github.com/amdegroot/ssd.pytorch"
    )
    postprocessing: ClassVar[Postprocessing] = Postprocessing(
        score=0.01, nms_iou=0.45, class_agnostic=False, top_k=200
    )

    default_boxes: str = field(default="", metadata={"file": True})
    """A text file of n lines `cx cy w h`, each from 0 to 1.

    Without it SSD300's boxes, with VOC's sizes for 20 classes, else COCO's.
    """
    variances: tuple[float, ...] = (0.1, 0.2)
    """Of center and size."""

    def __post_init__(self) -> None:
        if len(self.variances) != 2 or not all(
            math.isfinite(variance) and variance > 0 for variance in self.variances
        ):
            text = "|".join(map(str, self.variances))
            raise DetbenchError(f"option variances={text}: must be two positive numbers")

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Stretched, RGB, 0–255 minus the mean color of ImageNet."""
        return Preprocessing(size, "stretch", scale=1.0, mean=(123.0, 117.0, 104.0))

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """One row per default box; all columns of the scores except the background are classes."""
        heads = [shape for shape in shapes.outputs.values() if len(shape) == 3]
        if len(heads) != 2 or heads[0][1] != heads[1][1] or 4 not in {heads[0][2], heads[1][2]}:
            return None
        rows = heads[0][1]
        class_count = (heads[0][2] if heads[1][2] == 4 else heads[1][2]) - 1
        if class_count > 0 and rows == len(self._boxes(class_count)):
            return LayoutMatch(class_count)
        return None

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return every class of every default box that scores at least `min_score`."""
        shifts, scores = _heads(raw)
        defaults = self._boxes(scores.shape[2] - 1)
        candidates = []
        for image_shifts, image_scores in zip(shifts, scores, strict=True):
            # 1. Probabilities without the background, which is class 0.
            foreground = _probabilities(image_scores)[:, 1:]
            rows, classes, selected = select_scores(foreground, min_score, multi_label=True)
            # 2. Shift the default boxes, then scale from 0–1 to pixels of the input.
            boxes = self._shift_defaults(defaults[rows], image_shifts[rows].astype(np.float64))
            corners = cxcywh_to_xyxy(boxes) * raw.scale
            candidates.append(Candidates(corners, selected, classes))
        return candidates

    def _shift_defaults(self, defaults: Floats, shifts: Floats) -> Floats:
        """Return default boxes (k, 4) cx, cy, w, h moved and scaled by shifts (k, 4)."""
        size = defaults[:, 2:]
        centers = defaults[:, :2] + shifts[:, :2] * self.variances[0] * size
        return np.concatenate([centers, size * np.exp(shifts[:, 2:] * self.variances[1])], axis=1)

    @cached_property
    def _boxes_of_file(self) -> Floats:
        """The boxes of the file, read once per decoder: another decoder sees a changed file."""
        return _read_boxes(self.default_boxes)

    def _boxes(self, class_count: int) -> Floats:
        if self.default_boxes:
            return self._boxes_of_file
        return ssd300(_VOC_SIZES if class_count == 20 else _COCO_SIZES)


@lru_cache(maxsize=2)
def ssd300(sizes: tuple[int, ...]) -> Floats:
    """Return SSD300's 8732 default boxes (cx, cy, w, h), from 0 to 1 and clipped at 1.

    Args:
        sizes: sides of the small square of each of the six maps in pixels, and of a seventh.
    """
    boxes = []
    for level, ((side, step), ratios) in enumerate(zip(_MAPS, _RATIOS, strict=True)):
        # Per cell: a small square, a large one (the geometric mean of two levels), then each
        # ratio and its inverse, in the order of prior_box.py.
        small = sizes[level] / _SIDE
        large = np.sqrt(sizes[level] * sizes[level + 1]) / _SIDE
        shapes = [(small, small), (large, large)]
        for ratio in ratios:
            wide = (small * np.sqrt(ratio), small / np.sqrt(ratio))
            shapes += [wide, wide[::-1]]
        centers = (np.arange(side) + 0.5) * step / _SIDE
        y, x = np.repeat(centers, side), np.tile(centers, side)
        per_shape = [
            np.column_stack([x, y, np.full(x.size, width), np.full(x.size, height)])
            for width, height in shapes
        ]
        boxes.append(np.stack(per_shape, axis=1).reshape(-1, 4))
    return np.asarray(np.clip(np.concatenate(boxes), 0.0, 1.0))


def _heads(raw: RawOutputs) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return shifts and scores; if both have four columns, the shifts come first."""
    first, second = (values for values in raw.outputs.values() if values.ndim == 3)
    return (first, second) if first.shape[2] == 4 else (second, first)


def _probabilities(scores: NDArray[Any]) -> Floats:
    values: Floats = scores.astype(np.float64)
    sums = values.sum(axis=1)
    normalized = bool((values >= 0).all()) and bool((np.abs(sums - 1) < 0.01).all())
    return values if normalized else softmax(values)


def _read_boxes(path: str) -> Floats:
    try:
        boxes = np.loadtxt(Path(path), np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise DetbenchError(
            f"default_boxes={path}: cannot be read as lines of four numbers ({error})"
        ) from error
    if boxes.shape[1:] != (4,):
        raise InputError(path, f"a default box has four numbers, cx cy w h, not {boxes.shape[1]}")
    return boxes

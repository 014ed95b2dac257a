"""Arithmetic that decoders share: selection by score, box conversion, grids, activations."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.decoder import Floats, Integers
from detbench.errors import DetbenchError

YOLO_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
"""Input pixels per cell of a YOLO model's levels.

The usual ones, with an extra level for large objects (P6 models), and for small ones (P2 models).
"""


def select_scores(
    scores: NDArray[Any], min_score: float, *, multi_label: bool
) -> tuple[Integers, Integers, Floats]:
    """Return row, class and score of the entries of dense scores (n, C) of at least `min_score`.

    With `multi_label` every class of a row counts (`multi_label=True` in Ultralytics' NMS, as in
    `yolo val`); otherwise only the best class of a row, the first of equal ones.
    """
    # Most rows are background: their best score alone drops them before anything is copied.
    rows = rows_at_least(scores.max(axis=1, initial=-np.inf), min_score)
    candidates = scores[rows].astype(np.float64)
    if multi_label:
        row, classes = np.nonzero(candidates >= min_score)
        return rows[row], classes, candidates[row, classes]
    return rows, candidates.argmax(axis=1), candidates.max(axis=1, initial=-np.inf)


def rows_at_least(scores: NDArray[Any], min_score: float) -> Integers:
    """Return the rows of scores (n,) of at least `min_score`.

    The comparison is in float64, like that of `Postprocessing`.
    """
    return np.flatnonzero(scores.astype(np.float64) >= min_score)


def cxcywh_to_xyxy(boxes: Floats) -> Floats:
    """Convert boxes (n, 4) from center x, center y, width, height to x1, y1, x2, y2."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def check_strides(strides: tuple[int, ...]) -> None:
    """Raise DetbenchError for strides that are no positive numbers."""
    if not strides or min(strides) < 1:
        raise DetbenchError(
            f"option strides={'|'.join(map(str, strides))}: must be whole numbers from 1"
        )


def cell_count(input_size: tuple[int, int], strides: tuple[int, ...]) -> int:
    """Return the number of cells in the grids of all strides; partial cells count."""
    width, height = input_size
    return sum(-(-width // stride) * -(-height // stride) for stride in strides)


@lru_cache(maxsize=16)
def cell_grid(input_size: tuple[int, int], strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return column and row (n, 2) of every cell and the stride (n,) of its level, read-only.

    Cells are in the order of YOLO's exports: level by level, row by row.
    """
    width, height = input_size
    points, cell_strides = [], []
    for stride in strides:
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]
        points.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
        cell_strides.append(np.full(x.size, float(stride)))
    grid = np.concatenate(points), np.concatenate(cell_strides)
    for values in grid:
        values.flags.writeable = False
    return grid


def sigmoid(values: NDArray[Any]) -> Floats:
    """Return 1 / (1 + exp(−x)) in float64, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values.astype(np.float64))))


def softmax(values: NDArray[Any]) -> Floats:
    """Return the softmax over the last axis in float64."""
    powers = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

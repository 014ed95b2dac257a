"""Decoder: what turns a model's raw outputs into boxes, scores and classes; one layout each, with what its authors evaluate with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNKNOWN = 0
"""A number of classes that the shapes of the outputs do not tell."""
GRIDS = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
"""Input pixels per cell of the levels that YOLO models predict on: the usual ones, with a level for large and for small objects."""


class Candidates(NamedTuple):
    """What the decoder found in one picture above the score floor, before any suppression; k rows in no particular order."""

    boxes: Floats
    """(k, 4) x1, y1, x2, y2 in pixels of the input."""
    scores: Floats
    """(k,)"""
    classes: Integers
    """(k,)"""


@dataclass(frozen=True)
class OutputShapes:
    """The shapes of a model's outputs, batch first, and the width and height of its input in pixels."""

    outputs: Mapping[str, tuple[int, ...]]
    input_size: tuple[int, int]

    @property
    def batched(self) -> bool:
        """Whether there is an axis for the batch: boxes alone have two, so that none is where no output has three."""
        return any(len(shape) > 2 for shape in self.outputs.values())

    def only(self, rank: int) -> tuple[int, ...]:
        """Return the shape of the only output of `rank` axes, or `rank` zeros where there is none or are several."""
        found = [shape for shape in self.outputs.values() if len(shape) == rank]
        return found[0] if len(found) == 1 else (0,) * rank

    def __str__(self) -> str:
        return ", ".join(
            f"{name}[{','.join(map(str, shape))}]" for name, shape in self.outputs.items()
        )


@dataclass(frozen=True, eq=False)
class RawOutputs:
    """What a model gave for a batch, and the width and height of its input in pixels."""

    outputs: Mapping[str, NDArray[Any]]
    """By name, in the model's order, batch first."""
    input_size: tuple[int, int]

    def only(self, rank: int) -> NDArray[Any]:
        """Return the output of `rank` axes, in at least 32 bits."""
        found = next(values for values in self.outputs.values() if values.ndim == rank)
        return found.astype(np.float32) if found.dtype == np.float16 else found

    @property
    def scale(self) -> Floats:
        """Width, height, width, height: what normalized boxes are multiplied with."""
        return np.array([*self.input_size, *self.input_size], np.float64)


class LayoutMatch(NamedTuple):
    """What shapes are in a layout."""

    class_count: int
    """How many classes they hold; UNKNOWN where shapes do not tell."""
    sure: bool = True
    """Whether the shapes are so much the layout's own that its decoder may be chosen unasked."""


class Decoder(Protocol):
    """One layout of raw outputs. Implementations are frozen dataclasses whose fields are the options of the layout."""

    name: ClassVar[str]
    layout: ClassVar[str]
    """The outputs in one line, for messages."""
    source: ClassVar[str]
    """Whose layout and evaluation settings these are, with an address."""
    postprocessing: ClassVar[Postprocessing]
    """Score floor, suppression and number of boxes that its authors evaluate with."""

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Return how its authors prepare pictures for an input of `size` (width, height)."""

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Return what outputs of these shapes are in this layout, None if they cannot be it."""

    def decode(self, raw: RawOutputs, floor: float) -> list[Candidates]:
        """Return for each picture of the batch what scores at least `floor`."""


def above(
    scores: NDArray[Any], floor: float, *, multi_label: bool
) -> tuple[Integers, Integers, Floats]:
    """Return row, class and score of what is at least `floor` in dense scores (n, C).

    `multi_label` gives every class of a row that reaches the floor, else a row gives its best class only (the first of equal ones).
    """
    rows = reaching(scores.max(axis=1, initial=-np.inf), floor)
    kept = scores[rows].astype(np.float64)
    if multi_label:
        row, classes = np.nonzero(kept >= floor)
        return rows[row], classes, kept[row, classes]
    return rows, kept.argmax(axis=1), kept.max(axis=1, initial=-np.inf)


def reaching(scores: NDArray[Any], floor: float) -> Integers:
    """Return where scores (n,) of any type are at least `floor`, compared in float64 as `Postprocessing` does."""
    return np.flatnonzero(scores.astype(np.float64) >= floor)


def check_strides(strides: tuple[int, ...]) -> None:
    """Raise DetbenchError for strides that make no grid."""
    if not strides or min(strides) < 1:
        raise DetbenchError(
            f"option strides={'|'.join(map(str, strides))}: must be whole numbers from 1"
        )


def corners(boxes: Floats) -> Floats:
    """Turn boxes (n, 4) center x, center y, width, height into x1, y1, x2, y2."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def cells(input_size: tuple[int, int], strides: tuple[int, ...]) -> int:
    """Return how many cells the grids of all `strides` have together; a grid that does not divide the input is rounded up."""
    width, height = input_size
    return sum(-(-width // stride) * -(-height // stride) for stride in strides)


@lru_cache(maxsize=16)
def grid(input_size: tuple[int, int], strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return x, y (n, 2) of every cell in units of its stride, and the strides (n,): level by level, row by row; read-only."""
    width, height = input_size
    points, scales = [], []
    for stride in strides:
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]
        points.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
        scales.append(np.full(x.size, float(stride)))
    table = np.concatenate(points), np.concatenate(scales)
    for values in table:
        values.flags.writeable = False
    return table


def sigmoid(values: NDArray[Any]) -> Floats:
    """Return 1 / (1 + exp(−x)) in float64, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values.astype(np.float64))))


def softmax(values: NDArray[Any]) -> Floats:
    """Return the softmax over the last axis in float64."""
    powers = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

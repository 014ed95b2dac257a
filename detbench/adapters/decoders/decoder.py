"""Decoder: the protocol of all decoders, with the values that go in and come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNKNOWN = 0
"""A number of classes that the shapes of the outputs do not hold."""


class Candidates(NamedTuple):
    """The boxes decoded from one image, before NMS: k rows in no particular order."""

    boxes: Floats
    """(k, 4) x1, y1, x2, y2 in pixels of the input."""
    scores: Floats
    """(k,)"""
    classes: Integers
    """(k,)"""


@dataclass(frozen=True)
class OutputShapes:
    """The shapes of a model's outputs, and the size of its input."""

    outputs: Mapping[str, tuple[int, ...]]
    """By name, in the model's order, batch first."""
    input_size: tuple[int, int]
    """Width and height in pixels."""

    @property
    def batched(self) -> bool:
        """Whether the outputs have a batch axis.

        Boxes of one image have two axes, so a batch of them has at least three.
        """
        return any(len(shape) > 2 for shape in self.outputs.values())

    @property
    def input_text(self) -> str:
        """The size of the input for messages: `640×480`."""
        return "{}×{}".format(*self.input_size)

    def only(self, rank: int) -> tuple[int, ...]:
        """Return the shape of the only output of `rank` axes; zeros if there is not exactly one."""
        shapes = [shape for shape in self.outputs.values() if len(shape) == rank]
        return shapes[0] if len(shapes) == 1 else (0,) * rank

    def __str__(self) -> str:
        return ", ".join(
            f"{name}[{','.join(map(str, shape))}]" for name, shape in self.outputs.items()
        )


@dataclass(frozen=True, eq=False)
class RawOutputs:
    """The outputs of a model for a batch, and the size of its input."""

    outputs: Mapping[str, NDArray[Any]]
    """By name, in the model's order, batch first."""
    input_size: tuple[int, int]
    """Width and height in pixels."""

    def only(self, rank: int) -> NDArray[Any]:
        """Return the output of `rank` axes; float16 becomes float32."""
        values = next(values for values in self.outputs.values() if values.ndim == rank)
        return values.astype(np.float32) if values.dtype == np.float16 else values

    @property
    def scale(self) -> Floats:
        """Width, height, width, height (4,): what boxes from 0 to 1 are multiplied by."""
        return np.array([*self.input_size, *self.input_size], np.float64)


class LayoutMatch(NamedTuple):
    """What output shapes mean in a layout that they match."""

    class_count: int
    """The number of classes; UNKNOWN if the shapes do not hold it."""
    certain: bool = True
    """Whether the decoder may be chosen by these shapes alone, without `decoder=`."""


class Decoder(Protocol):
    """One layout of raw outputs.

    Implementations are frozen dataclasses whose fields are the layout's options.
    """

    name: ClassVar[str]
    """The name in `decoder=` and in the table of decoders."""
    layout: ClassVar[str]
    """The outputs in one line, for messages."""
    source: ClassVar[str]
    """The origin of the layout and of the evaluation settings, with an address."""
    postprocessing: ClassVar[Postprocessing]
    """The score threshold, NMS and number of boxes that its authors evaluate with."""

    def preprocessing(self, size: tuple[int, int]) -> Preprocessing:
        """Return how its authors prepare images for an input of `size` (width, height)."""

    def match_layout(self, shapes: OutputShapes) -> LayoutMatch | None:
        """Return what output shapes mean in this layout, None if they do not match it."""

    def decode(self, raw: RawOutputs, min_score: float) -> list[Candidates]:
        """Return for each image of the batch the boxes that score at least `min_score`."""

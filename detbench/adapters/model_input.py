"""The image input of a model as it declares it, whatever framework runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ImageInput:
    """A model's image input as it declares it."""

    name: str
    dtype: str
    layout: Literal["nchw", "nhwc"]
    batch: int | None
    """The only batch size, None for any."""
    size: tuple[int | None, int | None]
    """Width and height; None where any will do."""
    single: bool = False
    """Whether it is one picture without an axis for the batch."""


def image_input(name: str, shape: Sequence[Any], dtype: str) -> ImageInput | None:
    """Return an input of this shape (dimensions that are no positive number are open) as pictures of three channels, None if it is none."""
    sides = [one if isinstance(one, int) and one > 0 else None for one in shape]
    single = len(sides) == 3
    sides = [1, *sides] if single else sides
    if len(sides) != 4:
        return None
    last = sides[3] == 3 and sides[1] != 3
    if not (last or sides[1] in (3, None)):
        return None
    height, width = (sides[1], sides[2]) if last else (sides[2], sides[3])
    return ImageInput(name, dtype, "nhwc" if last else "nchw", sides[0], (width, height), single)

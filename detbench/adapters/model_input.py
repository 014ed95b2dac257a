"""Model input: the image input that a model declares, whatever framework runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ImageInput:
    """The image input that a model declares."""

    name: str
    dtype: str
    layout: Literal["nchw", "nhwc"]
    batch: int | None
    """The only batch size, None for any."""
    size: tuple[int | None, int | None]
    """Width and height in pixels; None for any."""
    single: bool = False
    """Whether it is one image without a batch axis."""


def image_input(name: str, shape: Sequence[Any], dtype: str) -> ImageInput | None:
    """Return the image input of a shape, None if the shape is no batch of three-channel images.

    Dimensions that are not positive numbers (None, 0, -1, "batch") are open. A shape of three
    dimensions is one image without a batch axis. The channels are last where the last dimension
    is 3 and the first is not, else first.
    """
    dimensions = [value if isinstance(value, int) and value > 0 else None for value in shape]
    single = len(dimensions) == 3
    dimensions = [1, *dimensions] if single else dimensions
    if len(dimensions) != 4:
        return None
    batch, first, middle, last = dimensions
    if last == 3 and first != 3:
        return ImageInput(name, dtype, "nhwc", batch, (middle, first), single)
    if first in (3, None):
        return ImageInput(name, dtype, "nchw", batch, (last, middle), single)
    return None

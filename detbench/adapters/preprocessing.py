"""Preprocessing: the settings that turn images into a model's input, and the steps that apply them.

For each image: resize (`Fit`, `Resize`), pad or crop, then look up every value 0–255 in a table of
`(value · scale − mean) / std`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.detector import Batch, ImageArray
from detbench.adapters.geometry import Fit, Placement, Rounding, fit_image
from detbench.errors import DetbenchError

Color = Literal["rgb", "bgr"]
Layout = Literal["nchw", "nhwc"]
Resize = Literal["linear", "antialias", "nearest"]
"""How pixels are interpolated.

- `linear` is OpenCV's INTER_LINEAR, without antialiasing.
- `antialias` is Pillow's BILINEAR, which averages when it shrinks.
- `nearest` takes the pixel under the center, like Pillow's NEAREST.
"""

_CHOICES = {
    "fit": get_args(Fit),
    "color": get_args(Color),
    "layout": get_args(Layout),
    "resize": get_args(Resize),
    "rounding": get_args(Rounding),
    "dtype": ("float32", "float16", "uint8"),
}
MAX_SIDE = 16_384
"""Maximum width and height of an input in pixels."""


@dataclass(frozen=True)
class Preprocessing:
    """How images become a model's input. Raises DetbenchError for settings out of range."""

    size: tuple[int, int]
    """Width and height of the input in pixels."""
    fit: Fit
    """How an image of another aspect ratio is fitted in."""
    pad_value: int = 114
    """Value 0–255 around a letterboxed image; scaled like the values of the image."""
    color: Color = "rgb"
    """Order of the input's channels."""
    scale: float = 1 / 255
    """Multiplies the values 0–255."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted after scaling, in the input's own channel order."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides in the end, in the input's own channel order."""
    layout: Layout = "nchw"
    """Order of batch, height, width and channels."""
    dtype: str = "float32"
    """Data type of the input: float32, float16 or uint8 (whole numbers from 0 to 255 only)."""
    resize: Resize = "linear"
    """How pixels are interpolated. The result has 8 bits, rounded to nearest."""
    rounding: Rounding = "nearest"
    """How the sides of a resized image become whole pixels."""

    def __post_init__(self) -> None:
        for name, length, kind in (("size", 2, int), ("mean", 3, float), ("std", 3, float)):
            object.__setattr__(self, name, _number_tuple(name, getattr(self, name), length, kind))
        for name, choices in _CHOICES.items():
            _check(getattr(self, name) in choices, name, f"one of {', '.join(choices)}", self)
        in_range = 1 <= min(self.size) <= max(self.size) <= MAX_SIDE
        _check(in_range, "size", f"a width and height from 1 to {MAX_SIDE} pixels", self)
        is_value = isinstance(self.pad_value, int) and 0 <= self.pad_value <= 255
        _check(is_value, "pad_value", "a whole number from 0 to 255", self)
        is_number = isinstance(self.scale, int | float) and math.isfinite(self.scale)
        _check(is_number and self.scale > 0, "scale", "a positive number", self)
        _check(0.0 not in self.std, "std", "without 0, because it divides", self)
        self.table()

    def apply(self, images: Sequence[ImageArray]) -> Batch:
        """Return images, each (height, width, 3) uint8 RGB of any size, as one batch.

        Raises DetbenchError for an array that is no such image.
        """
        (width, height), table = self.size, self.table()
        shape = (3, height, width) if self.layout == "nchw" else (height, width, 3)
        inputs = np.empty((len(images), *shape), table.dtype)
        # A view with the channels last: every layout is written by the same code.
        canvases = np.moveaxis(inputs, 1, -1) if self.layout == "nchw" else inputs
        placements = tuple(
            self._write(image, table, canvas)
            for image, canvas in zip(images, canvases, strict=True)
        )
        return Batch(inputs, placements)

    def table(self) -> NDArray[Any]:
        """Return (3, 256): the input's number for each value 0–255, per channel of the input."""
        mean, std = (np.array(values, np.float64)[:, None] for values in (self.mean, self.std))
        numbers = (np.arange(256) * self.scale - mean) / std
        if self.dtype == "uint8" and not (numbers == np.arange(256)).all():
            raise DetbenchError(
                "preprocessing: an input of type uint8 takes unscaled values; "
                "use scale=1, mean=0 and std=1"
            )
        return numbers.astype(self.dtype)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values; `from_dict` reads them back."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Preprocessing:
        """Read what `as_dict` wrote.

        Raises DetbenchError for settings that are missing, unknown or out of range.
        """
        names = {field.name for field in fields(cls)}
        if unknown := sorted(set(settings) - names):
            raise DetbenchError(
                f"preprocessing: unknown setting {unknown[0]!r}; "
                f"the settings are {', '.join(sorted(names))}"
            )
        if missing := [name for name in ("size", "fit") if name not in settings]:
            raise DetbenchError(f"preprocessing: setting {missing[0]!r} is missing")
        return cls(**settings)

    def _write(self, image: ImageArray, table: NDArray[Any], canvas: NDArray[Any]) -> Placement:
        """Write an image to its canvas (height, width, 3) in the batch."""
        from detbench.metrics.kernels.resizing import write_scaled

        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise DetbenchError(
                f"an image must be (height, width, 3) uint8, not {image.shape} {image.dtype}"
            )
        original = (image.shape[1], image.shape[0])
        placement = fit_image(original, self.size, self.fit, self.rounding)

        # 1. Pad: fill the canvas where the resized image does not cover it.
        if placement.resized[0] < self.size[0] or placement.resized[1] < self.size[1]:
            canvas[:] = table[:, self.pad_value]

        # 2. Resize, and crop where the offset is negative.
        visible = _resize_visible(image, placement, self.size, self.resize)

        # 3. Scale and normalize by the table, swap RGB to BGR if asked for, and write.
        left, top = (max(start, 0) for start in placement.offset)
        write_scaled(visible, table, (left, top), canvas, swapped=self.color == "bgr")
        return placement


def _resize_visible(
    image: ImageArray, placement: Placement, size: tuple[int, int], method: Resize
) -> ImageArray:
    """Return the part of the resized image that an input of `size` shows.

    The part that is cropped off is never computed, so that a crop of an extremely long image does
    not need its memory.
    """
    (left, top), (width, height) = placement.offset, placement.resized
    x, y = max(-left, 0), max(-top, 0)
    visible = (min(width - x, size[0]), min(height - y, size[1]))
    if placement.original == placement.resized:
        return image[y : y + visible[1], x : x + visible[0]]
    if method == "linear":
        from detbench.metrics.kernels.resizing import resize_linear

        return resize_linear(image, placement.resized, (x, y, *visible))
    if method == "nearest":
        columns = _nearest_pixels(image.shape[1], width, x, visible[0])
        rows = _nearest_pixels(image.shape[0], height, y, visible[1])
        return image[rows[:, None], columns]
    return _resize_antialiased(image, placement, (x, y), visible)


def _resize_antialiased(
    image: ImageArray, placement: Placement, corner: tuple[int, int], visible: tuple[int, int]
) -> ImageArray:
    """Resize with Pillow, whose `box` names the part of the source that becomes the result."""
    from PIL import Image

    (x, y), (x_scale, y_scale) = corner, placement.scale
    box = None
    if visible != placement.resized:
        right, lower = x + visible[0], y + visible[1]
        box = (x / x_scale, y / y_scale, right / x_scale, lower / y_scale)
    resized = Image.fromarray(image).resize(visible, Image.Resampling.BILINEAR, box)
    return np.asarray(resized)


def _nearest_pixels(source: int, target: int, start: int, count: int) -> NDArray[np.int64]:
    """Return the source pixel under the center of each of `count` target pixels from `start`.

    floor((i + 0.5) · source / target), in whole numbers so that nothing is rounded.
    """
    return (2 * np.arange(start, start + count, dtype=np.int64) + 1) * source // (2 * target)


def _number_tuple(name: str, values: Any, length: int, kind: type) -> tuple[Any, ...]:
    """Return `values` as a tuple of `length` finite numbers, whole ones for `int`."""
    allowed = int if kind is int else (int, float)
    numbers = tuple(values) if isinstance(values, list | tuple) else ()
    if len(numbers) != length or not all(
        isinstance(number, allowed) and math.isfinite(number) for number in numbers
    ):
        expected = "whole numbers" if kind is int else "finite numbers"
        raise DetbenchError(f"preprocessing: {name} must be {length} {expected}, not {values!r}")
    return tuple(kind(number) for number in numbers)


def _check(valid: bool, name: str, expected: str, settings: Preprocessing) -> None:
    if not valid:
        value = getattr(settings, name)
        raise DetbenchError(f"preprocessing: {name} must be {expected}, not {value!r}")

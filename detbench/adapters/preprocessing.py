"""Preprocessing: everything done to pictures before a model sees them, as one value that can be recorded and repeated."""

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
"""`linear` is OpenCV's bilinear without antialiasing, `antialias` Pillow's bilinear, `nearest` takes the pixel under the center."""

_CHOICES = {
    "fit": get_args(Fit),
    "color": get_args(Color),
    "layout": get_args(Layout),
    "resize": get_args(Resize),
    "rounding": get_args(Rounding),
}
LARGEST_SIDE = 16_384
"""Pixels along a side of an input at most."""
_DTYPES = ("float32", "float16", "uint8")


@dataclass(frozen=True)
class Preprocessing:
    """How pictures become a model's input: resized, padded, then each value turned into `(value · scale − mean) / std`."""

    size: tuple[int, int]
    """Width and height in pixels of the input."""
    fit: Fit
    """How a picture of another shape is fitted in."""
    pad_value: int = 114
    """What surrounds a letterboxed picture, 0–255; it is scaled like the picture's own values."""
    color: Color = "rgb"
    """Order of the input's channels."""
    scale: float = 1 / 255
    """Multiplies the values 0–255."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted after scaling, in the input's own color order."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides in the end, in the input's own color order."""
    layout: Layout = "nchw"
    """Order of batch, height, width and channels."""
    dtype: str = "float32"
    """Type of the input: float32, float16 or uint8 (which takes whole numbers from 0 to 255 only)."""
    resize: Resize = "linear"
    """How pixels are interpolated; always to 8 bits, rounded to nearest."""
    rounding: Rounding = "nearest"
    """Which whole number of pixels a resized side has."""

    def __post_init__(self) -> None:
        for name, length, number in (("size", 2, int), ("mean", 3, float), ("std", 3, float)):
            object.__setattr__(self, name, _numbers(name, getattr(self, name), length, number))
        for name, known in _CHOICES.items():
            _check_choice(name, getattr(self, name), known)
        _check_choice("dtype", self.dtype, _DTYPES)
        if not 1 <= min(self.size) <= max(self.size) <= LARGEST_SIDE:
            raise DetbenchError(
                f"preprocessing: size must be a width and height from 1 to {LARGEST_SIDE} pixels, not {self.size}"
            )
        if not (isinstance(self.pad_value, int) and 0 <= self.pad_value <= 255):
            raise DetbenchError(
                f"preprocessing: pad_value must be a whole number from 0 to 255, not {self.pad_value!r}"
            )
        if not (
            isinstance(self.scale, int | float) and math.isfinite(self.scale) and self.scale > 0
        ):
            raise DetbenchError(
                f"preprocessing: scale must be a positive number, not {self.scale!r}"
            )
        if 0.0 in self.std:
            raise DetbenchError(f"preprocessing: std divides and must not hold 0: {self.std}")
        self.table()

    def apply(self, pictures: Sequence[ImageArray]) -> Batch:
        """Return the pictures, each (height, width, 3) uint8 RGB of any size, as one batch in the model's layout and type."""
        (width, height), table = self.size, self.table()
        planes = (3, height, width) if self.layout == "nchw" else (height, width, 3)
        inputs = np.empty((len(pictures), *planes), table.dtype)
        images = np.moveaxis(inputs, 1, -1) if self.layout == "nchw" else inputs
        placements = tuple(
            self._write(picture, table, image)
            for picture, image in zip(pictures, images, strict=True)
        )
        return Batch(inputs, placements)

    def table(self) -> NDArray[Any]:
        """Return (3, 256): the number that stands for each value 0–255, per channel of the input."""
        mean, std = (np.array(numbers, np.float64)[:, None] for numbers in (self.mean, self.std))
        numbers = (np.arange(256) * self.scale - mean) / std
        if self.dtype == "uint8" and not (numbers == np.arange(256)).all():
            raise DetbenchError(
                "preprocessing: an input of type uint8 takes the values as they are: scale=1, mean=0, std=1"
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
        """Read what `as_dict` wrote; raises DetbenchError for settings that are missing, unknown or of no use."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(settings) - known):
            raise DetbenchError(
                f"preprocessing: unknown setting {unknown[0]!r}; known are: {', '.join(sorted(known))}"
            )
        if missing := [name for name in ("size", "fit") if name not in settings]:
            raise DetbenchError(f"preprocessing: setting {missing[0]!r} is missing")
        return cls(**settings)

    def _write(self, picture: ImageArray, table: NDArray[Any], image: NDArray[Any]) -> Placement:
        """Write one picture into its place (height, width, 3) of the batch."""
        from detbench.metrics.kernels.resizing import write_scaled

        if (
            picture.ndim != 3
            or picture.shape[2] != 3
            or picture.dtype != np.uint8
            or not picture.size
        ):
            raise DetbenchError(
                f"a picture must be (height, width, 3) uint8, not {picture.shape} {picture.dtype}"
            )
        placement = fit_image((picture.shape[1], picture.shape[0]), self.size, self.fit, self.rounding)
        if placement.resized[0] < self.size[0] or placement.resized[1] < self.size[1]:
            image[:] = table[:, self.pad_value]
        shown = _resized(picture, placement, self.size, self.resize)
        left, top = placement.offset
        write_scaled(shown, table, (max(left, 0), max(top, 0)), image, swapped=self.color == "bgr")
        return placement


def _resized(
    picture: ImageArray, placement: Placement, size: tuple[int, int], how: Resize
) -> ImageArray:
    """Return what an input of `size` shows of the resized picture; what is cropped off is never made, however large it would be."""
    (left, top), (width, height) = placement.offset, placement.resized
    x, y = max(-left, 0), max(-top, 0)
    shown = (min(width - x, size[0]), min(height - y, size[1]))
    if placement.original == placement.resized:
        return picture[y : y + shown[1], x : x + shown[0]]
    if how == "linear":
        from detbench.metrics.kernels.resizing import resize_linear

        return resize_linear(picture, placement.resized, (x, y, *shown))
    if how == "nearest":
        columns, rows = (
            _nearest(picture.shape[1], width, x, shown[0]),
            _nearest(picture.shape[0], height, y, shown[1]),
        )
        return picture[rows[:, None], columns]
    from PIL import Image

    across, down = placement.scale
    box = (
        (x / across, y / down, (x + shown[0]) / across, (y + shown[1]) / down)
        if shown != placement.resized
        else None
    )
    return np.asarray(Image.fromarray(picture).resize(shown, Image.Resampling.BILINEAR, box))


def _nearest(source: int, target: int, start: int, count: int) -> NDArray[np.int64]:
    """Return the source pixel under the center of each of `count` target pixels from `start`, in whole numbers throughout."""
    return (2 * np.arange(start, start + count, dtype=np.int64) + 1) * source // (2 * target)


def _numbers(name: str, values: Any, length: int, number: type) -> tuple[Any, ...]:
    """Return `values` as a tuple, checked to be `length` finite numbers (whole ones for `int`)."""
    allowed = int if number is int else (int, float)
    given = tuple(values) if isinstance(values, list | tuple) else ()
    if len(given) != length or not all(
        isinstance(value, allowed) and math.isfinite(value) for value in given
    ):
        kind = "whole numbers" if number is int else "finite numbers"
        raise DetbenchError(f"preprocessing: {name} must be {length} {kind}, not {values!r}")
    return tuple(number(value) for value in given)


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise DetbenchError(
            f"preprocessing: {name} must be one of {', '.join(known)}, not {value!r}"
        )

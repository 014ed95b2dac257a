"""Geometry: how an image of any size is fitted into a model's input, and how boxes are mapped back.

The letterbox is that of Ultralytics (`LetterBox` in ultralytics/data/augment.py) and Darknet
(`letterbox_image` in src/image.c): one ratio for both sides, the rest padded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Fit = Literal["stretch", "letterbox", "letterbox-corner", "center-crop"]
"""How an image of another aspect ratio is fitted in.

- `stretch` changes the aspect ratio.
- `letterbox` keeps it and pads on both sides (Ultralytics, Darknet).
- `letterbox-corner` keeps it and pads right and below (YOLOX, KerasCV).
- `center-crop` keeps it and cuts off what does not fit.
"""

Rounding = Literal["nearest", "down"]
"""How the sides of a resized image become whole pixels: the nearest, or the next below."""
_ROUNDING_ERROR = 1e-9
"""Pixels that a whole side may lack because of floating-point arithmetic."""


@dataclass(frozen=True)
class Placement:
    """The position of an image in a model's input: input = original · scale + offset.

    Coordinates are continuous edges in x and y. Scales are those of the resized image in whole
    pixels, so that the inverse is exact however the sides were rounded.
    """

    original: tuple[int, int]
    """Width and height of the image."""
    resized: tuple[int, int]
    """Width and height of the resized image before padding or cropping."""
    offset: tuple[int, int]
    """x and y of its upper left corner in the input; negative if it is cropped."""

    @property
    def scale(self) -> tuple[float, float]:
        """Input pixels per original pixel in x and y."""
        return self.resized[0] / self.original[0], self.resized[1] / self.original[1]

    def to_original(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map boxes (n, 4) x1, y1, x2, y2 from input to image pixels, clipped to the image."""
        size = np.array([*self.original, *self.original], np.float64)
        return np.clip(self.to_original_unclipped(boxes), 0.0, size)

    def to_original_unclipped(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map boxes (n, 4) from input pixels to image pixels."""
        offset, scale = self._offset_and_scale()
        return np.asarray((boxes - offset) / scale)

    def to_input(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map boxes (n, 4) from image pixels to input pixels; inverts `to_original_unclipped`."""
        offset, scale = self._offset_and_scale()
        return np.asarray(boxes * scale + offset)

    def _offset_and_scale(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return offset and scale (4,), once for each corner of a box."""
        return np.array([*self.offset, *self.offset]), np.array([*self.scale, *self.scale])


def fit_image(
    original: tuple[int, int], size: tuple[int, int], fit: Fit, rounding: Rounding = "nearest"
) -> Placement:
    """Return the placement of an image in a model's input.

    Args:
        original: width and height of the image in pixels.
        size: width and height of the input in pixels.
        fit: how an image of another aspect ratio is fitted in.
        rounding: how resized sides become whole pixels; `nearest` rounds half to even.
    """
    if fit == "stretch":
        return Placement(original, size, (0, 0))

    # A letterbox shows the whole image: the smaller ratio. A crop fills the input: the larger one.
    ratios = (size[0] / original[0], size[1] / original[1])
    ratio = max(ratios) if fit == "center-crop" else min(ratios)
    sides = (original[0] * ratio, original[1] * ratio)

    # A letterboxed side has at least one pixel; a cropped image covers the input whatever rounds.
    min_sides = size if fit == "center-crop" else (1, 1)
    resized = (
        max(_whole_pixels(sides[0], rounding), min_sides[0]),
        max(_whole_pixels(sides[1], rounding), min_sides[1]),
    )
    if fit == "letterbox-corner":
        return Placement(original, resized, (0, 0))

    # An odd spare pixel is padded, or cropped, on the right and below: halves are cut towards zero.
    spare = (size[0] - resized[0], size[1] - resized[1])
    return Placement(original, resized, (int(spare[0] / 2), int(spare[1] / 2)))


def _whole_pixels(side: float, rounding: Rounding) -> int:
    return math.floor(side + _ROUNDING_ERROR) if rounding == "down" else round(side)

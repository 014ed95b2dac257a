"""Geometry: how a picture of any size is fitted into a model's input, and exactly where its pixels are in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Fit = Literal["stretch", "letterbox", "letterbox-corner", "center-crop"]
"""`stretch` changes the aspect ratio; `letterbox` pads on both sides, `letterbox-corner` right and below; `center-crop` cuts off."""

Rounding = Literal["nearest", "down"]
"""Resized sides in whole pixels: the nearest, or the next below."""
_ALMOST = 1e-9
"""What a side that is whole may lack of it by floating point."""


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in a model's input: input = original · scale + offset, for continuous edges in x and y.

    Scales are those of the resized picture in whole pixels, so that the inverse is exact whatever was rounded.
    """

    original: tuple[int, int]
    """Width and height of the picture."""
    resized: tuple[int, int]
    """Width and height of the picture as resized, before padding or cropping; larger than anything made where most of it is cropped."""
    offset: tuple[int, int]
    """x and y of its left upper corner in the input; negative where it is cropped."""

    @property
    def scale(self) -> tuple[float, float]:
        """Input pixels per original pixel in x and y."""
        return self.resized[0] / self.original[0], self.resized[1] / self.original[1]

    def to_original(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map boxes (n, 4) x1, y1, x2, y2 from input pixels to pixels of the picture, clipped to it."""
        size = np.array([*self.original, *self.original], np.float64)
        return np.clip(self.to_original_unclipped(boxes), 0.0, size)

    def to_original_unclipped(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map boxes (n, 4) from input pixels to pixels of the picture."""
        offset, scale = np.array([*self.offset, *self.offset]), np.array([*self.scale, *self.scale])
        return np.asarray((boxes - offset) / scale)

    def to_input(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map boxes (n, 4) from pixels of the picture to input pixels; the inverse of `to_original_unclipped`."""
        offset, scale = np.array([*self.offset, *self.offset]), np.array([*self.scale, *self.scale])
        return np.asarray(boxes * scale + offset)


def fit_image(
    original: tuple[int, int], size: tuple[int, int], fit: Fit, rounding: Rounding = "nearest"
) -> Placement:
    """Return where a picture of `original` (width, height) lies in an input of `size` (width, height).

    Sizes round half to even, or down, but never to less than a crop shows; an odd spare pixel is padded, or cropped, at right and below.
    """
    if fit == "stretch":
        return Placement(original, size, (0, 0))
    ratios = (size[0] / original[0], size[1] / original[1])
    ratio = max(ratios) if fit == "center-crop" else min(ratios)
    least = size if fit == "center-crop" else (1, 1)
    sides = (original[0] * ratio, original[1] * ratio)
    if rounding == "down":
        sides = (sides[0] + _ALMOST, sides[1] + _ALMOST)
    whole = math.floor if rounding == "down" else round
    resized = (max(whole(sides[0]), least[0]), max(whole(sides[1]), least[1]))
    spare = (size[0] - resized[0], size[1] - resized[1])
    return Placement(
        original,
        resized,
        (0, 0) if fit == "letterbox-corner" else (int(spare[0] / 2), int(spare[1] / 2)),
    )

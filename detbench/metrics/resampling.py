"""Resampling: pictures resized as `cv2.INTER_LINEAR` does, and turned into a model's numbers by a table, in one pass each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import frozen
from detbench.metrics.kernel import kernel

_UNIT = 1 << 11
"""Weights are whole multiples of 1 / 2048, as OpenCV's are for 8-bit pictures."""


def resize_linear(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a picture bilinearly with half-pixel centres and no antialiasing.

    Args:
        picture: (H, W, 3), 0–255.
        size: width and height in pixels of the result.

    Returns:
        (height, width, 3), rounded half up once at the end. `cv2.resize(…, INTER_LINEAR)` differs by at most 1, where it rounds in between.
    """
    if picture.shape[1::-1] == size:
        return picture
    return np.asarray(_resize_linear(frozen(picture, np.uint8, picture.shape), *size))


def write_scaled(picture: NDArray[np.uint8], table: NDArray[Any], corner: tuple[int, int], out: NDArray[Any], *, swapped: bool) -> None:
    """Write `table[c, value]` for every value of a picture into `out`, cutting off what lies outside it.

    Args:
        picture: (h, w, 3), 0–255.
        table: (3, 256) the number that stands for each value, per channel of `out`.
        corner: x and y in `out` of the picture's left upper corner; may be negative.
        out: (H, W, 3) of the table's type, with any strides; only what the picture covers is written.
        swapped: whether `out` has the channels in reverse order.
    """
    bits = np.dtype(f"u{table.itemsize}")
    _write(frozen(picture, np.uint8, picture.shape), frozen(table, table.dtype, (3, 256)).view(bits), *corner, out.view(bits), swapped)


@kernel
def _resize_linear(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[Any]:
    rows = picture.reshape(picture.shape[0], picture.shape[1] * 3)
    left, right, right_weight = _taps(picture.shape[1], width)
    above, below, below_weight = _taps(picture.shape[0], height)
    out = np.empty((height, width * 3), np.uint8)
    upper, lower = np.empty(width * 3, np.int32), np.empty(width * 3, np.int32)
    upper_row, lower_row = -1, -1
    for y in range(height):
        if above[y] == lower_row:
            upper, lower = lower, upper
            upper_row, lower_row = lower_row, upper_row
        if above[y] != upper_row:
            upper_row = above[y]
            _stretch_row(rows[upper_row], left, right, right_weight, upper)
        if below[y] != lower_row:
            lower_row = below[y]
            _stretch_row(rows[lower_row], left, right, right_weight, lower)
        weight = np.int64(below_weight[y])
        for x in range(width * 3):
            out[y, x] = (upper[x] * (np.int64(_UNIT) - weight) + lower[x] * weight + _UNIT * _UNIT // 2) // (_UNIT * _UNIT)
    return out.reshape(height, width, 3)


@kernel
def _taps(source: int, target: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return, per target pixel, the two source pixels between whose centres its centre lies and the second one's weight of 2048."""
    first, second, weight = np.empty(target, np.int64), np.empty(target, np.int64), np.empty(target, np.int32)
    for pixel in range(target):
        centre = max((pixel + 0.5) * source / target - 0.5, 0.0)
        first[pixel] = min(int(centre), source - 1)
        second[pixel] = min(first[pixel] + 1, source - 1)
        weight[pixel] = int(np.rint((centre - first[pixel]) * _UNIT))
    return first, second, weight


@kernel
def _stretch_row(
    row: NDArray[np.uint8], left: NDArray[np.int64], right: NDArray[np.int64], weight: NDArray[np.int32], out: NDArray[np.int32]
) -> None:
    for x in range(len(left)):
        a, b = 3 * left[x], 3 * right[x]
        for c in range(3):
            out[3 * x + c] = np.int32(row[a + c]) * (np.int32(_UNIT) - weight[x]) + np.int32(row[b + c]) * weight[x]


@kernel
def _write(picture: NDArray[np.uint8], table: NDArray[Any], left: int, top: int, out: NDArray[Any], swapped: bool) -> None:
    for y in range(max(top, 0), min(top + picture.shape[0], out.shape[0])):
        for x in range(max(left, 0), min(left + picture.shape[1], out.shape[1])):
            for c in range(3):
                out[y, x, c] = table[c, picture[y - top, x - left, 2 - c if swapped else c]]

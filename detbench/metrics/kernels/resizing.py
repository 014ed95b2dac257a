"""Resizing: pictures resized as `cv2.INTER_LINEAR` does, and turned into a model's numbers by a table, in one pass each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import frozen
from detbench.metrics.kernels.compile import kernel

_HALF = np.float32(0.5)


def resize_linear(
    picture: NDArray[np.uint8],
    size: tuple[int, int],
    window: tuple[int, int, int, int] | None = None,
) -> NDArray[np.uint8]:
    """Resize a picture bilinearly with half-pixel centres and no antialiasing.

    Args:
        picture: (H, W, 3), 0–255.
        size: width and height in pixels of the result.
        window: x, y, width and height of the part of the result to make; None for all.

    Returns:
        (height, width, 3) of the window, in float32 until rounded half up at the end. `cv2.resize(…, INTER_LINEAR)` rounds in between and
        so differs by at most 1.
    """
    x, y, width, height = window or (0, 0, *size)
    if picture.shape[1::-1] == size:
        return picture[y : y + height, x : x + width]
    return np.asarray(
        _resize_linear(frozen(picture, np.uint8, picture.shape), *size, x, y, width, height)
    )


def write_scaled(
    picture: NDArray[np.uint8],
    table: NDArray[Any],
    corner: tuple[int, int],
    out: NDArray[Any],
    *,
    swapped: bool,
) -> None:
    """Write `table[c, value]` for every value of a picture into `out`, cutting off what lies outside it.

    Args:
        picture: (h, w, 3), 0–255.
        table: (3, 256) the number that stands for each value, per channel of `out`.
        corner: x and y in `out` of the picture's left upper corner; may be negative.
        out: (H, W, 3) of the table's type, with any strides; only what the picture covers is written.
        swapped: whether `out` has the channels in reverse order.
    """
    bits = np.dtype(f"u{table.itemsize}")
    _write(
        frozen(picture, np.uint8, picture.shape),
        frozen(table, table.dtype, (3, 256)).view(bits),
        *corner,
        out.view(bits),
        swapped,
    )


@kernel
def _resize_linear(
    picture: NDArray[np.uint8],
    full_width: int,
    full_height: int,
    first_x: int,
    first_y: int,
    width: int,
    height: int,
) -> NDArray[Any]:
    """Blend two source rows into one, then two of its pixels into each pixel of the result."""
    rows = picture.reshape(picture.shape[0], picture.shape[1] * 3)
    left, right, right_weight = _taps(picture.shape[1], full_width, first_x, width)
    above, below, below_weight = _taps(picture.shape[0], full_height, first_y, height)
    out, blended = np.empty((height, width, 3), np.uint8), np.empty(rows.shape[1], np.float32)
    for y in range(height):
        upper, lower, weight = rows[above[y]], rows[below[y]], below_weight[y]
        for x in range(len(blended)):
            value = np.float32(upper[x])
            blended[x] = value + (np.float32(lower[x]) - value) * weight
        for x in range(width):
            a, b, weight = 3 * left[x], 3 * right[x], right_weight[x]
            for c in range(3):
                value = blended[a + c]
                out[y, x, c] = np.uint8(np.int32(value + (blended[b + c] - value) * weight + _HALF))
    return out


@kernel
def _taps(
    source: int, target: int, start: int, count: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return, for `count` target pixels from `start`, the two source pixels around its centre, and the weight of the second."""
    first, second, weight = (
        np.empty(count, np.uint64),
        np.empty(count, np.uint64),
        np.empty(count, np.float32),
    )
    for pixel in range(count):
        centre = max((start + pixel + 0.5) * source / target - 0.5, 0.0)
        left = min(int(centre), source - 1)
        first[pixel], second[pixel], weight[pixel] = left, min(left + 1, source - 1), centre - left
    return first, second, weight


@kernel
def _write(
    picture: NDArray[np.uint8],
    table: NDArray[Any],
    left: int,
    top: int,
    out: NDArray[Any],
    swapped: bool,
) -> None:
    for y in range(max(top, 0), min(top + picture.shape[0], out.shape[0])):
        for x in range(max(left, 0), min(left + picture.shape[1], out.shape[1])):
            for c in range(3):
                out[y, x, c] = table[c, picture[y - top, x - left, 2 - c if swapped else c]]

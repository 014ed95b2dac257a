"""Resizing: images resized as `cv2.INTER_LINEAR` does, and turned into a model's input by a table.

Each step passes over the image once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import frozen
from detbench.metrics.kernels.compile import kernel

_HALF = np.float32(0.5)


def resize_linear(
    image: NDArray[np.uint8],
    size: tuple[int, int],
    window: tuple[int, int, int, int] | None = None,
) -> NDArray[np.uint8]:
    """Resize an image bilinearly with half-pixel centers and no antialiasing.

    Args:
        image: (H, W, 3), 0–255.
        size: width and height of the result in pixels.
        window: x, y, width and height of the part of the result to compute; None for all of it.

    Returns:
        (height, width, 3) of the window, computed in float32 and rounded half up at the end.
        `cv2.resize(…, INTER_LINEAR)` rounds in between and so differs by at most 1.
    """
    x, y, width, height = window or (0, 0, *size)
    if image.shape[1::-1] == size:
        return image[y : y + height, x : x + width]
    source = frozen(image, np.uint8, image.shape)
    return np.asarray(_resize_linear(source, *size, x, y, width, height))


def write_scaled(
    image: NDArray[np.uint8],
    table: NDArray[Any],
    corner: tuple[int, int],
    out: NDArray[Any],
    *,
    swapped: bool,
) -> None:
    """Write `table[c, value]` for every value of an image into `out`.

    Args:
        image: (h, w, 3), 0–255.
        table: (3, 256) the number to write for each value, per channel of `out`.
        corner: x and y in `out` of the image's upper left corner; may be negative.
        out: (H, W, 3) of the table's type, with any strides. Only the part that the image covers is
            written, and what lies outside `out` is cut off.
        swapped: whether `out` has the channels in reverse order.
    """
    # Numbers are copied as unsigned integers of their size, so that one compiled kernel serves
    # float32 and int32, float16 and int16, and so on.
    bits = np.dtype(f"u{table.itemsize}")
    _write(
        frozen(image, np.uint8, image.shape),
        frozen(table, table.dtype, (3, 256)).view(bits),
        *corner,
        out.view(bits),
        swapped,
    )


@kernel
def _resize_linear(
    image: NDArray[np.uint8],
    full_width: int,
    full_height: int,
    first_x: int,
    first_y: int,
    width: int,
    height: int,
) -> NDArray[Any]:
    """Blend two source rows into one, then two of its pixels into each pixel of the result."""
    # A row is a flat list of values: pixel x has the values 3x, 3x + 1 and 3x + 2.
    rows = image.reshape(image.shape[0], image.shape[1] * 3)
    left, right, right_weight = _neighbors(image.shape[1], full_width, first_x, width)
    above, below, below_weight = _neighbors(image.shape[0], full_height, first_y, height)
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
def _neighbors(
    source: int, target: int, start: int, count: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the two source pixels around the center of each of `count` target pixels.

    Args:
        source: width (or height) of the source.
        target: width (or height) of the result.
        start: first target pixel.
        count: number of target pixels.

    Returns:
        First and second source pixel, and the weight of the second one.
    """
    first, second = np.empty(count, np.uint64), np.empty(count, np.uint64)
    weight = np.empty(count, np.float32)
    for pixel in range(count):
        # Half-pixel centers: pixel p of the target lies at (p + ½) · source / target − ½. Outside
        # the outermost source pixels their values are repeated.
        center = max((start + pixel + 0.5) * source / target - 0.5, 0.0)
        left = min(int(center), source - 1)
        first[pixel], second[pixel], weight[pixel] = left, min(left + 1, source - 1), center - left
    return first, second, weight


@kernel
def _write(
    image: NDArray[np.uint8],
    table: NDArray[Any],
    left: int,
    top: int,
    out: NDArray[Any],
    swapped: bool,
) -> None:
    for y in range(max(top, 0), min(top + image.shape[0], out.shape[0])):
        for x in range(max(left, 0), min(left + image.shape[1], out.shape[1])):
            for c in range(3):
                out[y, x, c] = table[c, image[y - top, x - left, 2 - c if swapped else c]]

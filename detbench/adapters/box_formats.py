"""Box formats of Keras, converted to x1, y1, x2, y2 in pixels with float64 precision.

The names are those of `keras.utils.bounding_boxes.convert_format`, which converts in float32.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detbench.errors import DetbenchError

BOX_FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
"""Corners; corners with y first; upper left corner and size; center and size; center and size with
y first. Each also exists as `rel_…`, with values from 0 to 1."""
_RELATIVE = "rel_"
_Y_FIRST = ("yxyx", "center_yxhw")


def check_box_format(name: str) -> None:
    """Raise DetbenchError if a format is not in `BOX_FORMATS`, with or without `rel_`."""
    if name.removeprefix(_RELATIVE) not in BOX_FORMATS:
        raise DetbenchError(
            f"unknown box_format {name!r}; use {', '.join(BOX_FORMATS)}, or one of these after rel_"
        )


def to_xyxy(boxes: ArrayLike, box_format: str, size: tuple[float, float]) -> NDArray[np.float64]:
    """Return boxes (…, 4) as x1, y1, x2, y2 in pixels.

    Args:
        boxes: (…, 4) in the format `box_format`.
        box_format: one of `BOX_FORMATS`, or `rel_` and one of them.
        size: width and height in pixels to which relative boxes refer.

    Raises:
        DetbenchError: if the format is unknown.
    """
    check_box_format(box_format)
    kind = box_format.removeprefix(_RELATIVE)
    values = np.asarray(boxes, np.float64)
    if kind in _Y_FIRST:
        values = values[..., [1, 0, 3, 2]]
    first, second = values[..., :2], values[..., 2:]
    if kind.startswith("center_"):
        first, second = first - second / 2, first + second / 2
    elif kind == "xywh":
        second = first + second
    corners = np.concatenate([first, second], axis=-1)
    return corners * np.array([*size, *size]) if box_format.startswith(_RELATIVE) else corners

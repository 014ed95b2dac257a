"""BoxFormat: the ways Keras writes a box as four numbers, brought to x1, y1, x2, y2 in pixels in 64 bits.

The names are those of `keras.utils.bounding_boxes.convert_format`, which does the same in 32 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detbench.errors import DetbenchError

BOX_FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
"""Corners; corners, y first; left upper corner and size; centre and size; centre and size, y first. Each also as `rel_…`, 0 to 1."""
_RELATIVE = "rel_"
_SWAPPED = ("yxyx", "center_yxhw")


def check_box_format(name: str) -> None:
    """Raise DetbenchError for a format that is not in `BOX_FORMATS`, alone or after `rel_`."""
    if name.removeprefix(_RELATIVE) not in BOX_FORMATS:
        raise DetbenchError(
            f"there is no box_format {name!r}; choose one of {', '.join(BOX_FORMATS)}, or rel_ and one of these"
        )


def to_xyxy(boxes: ArrayLike, box_format: str, size: tuple[float, float]) -> NDArray[np.float64]:
    """Return boxes (…, 4) as x1, y1, x2, y2 in pixels; `size` is the width and height that relative boxes refer to."""
    check_box_format(box_format)
    kind = box_format.removeprefix(_RELATIVE)
    values = np.asarray(boxes, np.float64)
    if kind in _SWAPPED:
        values = values[..., [1, 0, 3, 2]]
    first, second = values[..., :2], values[..., 2:]
    if kind.startswith("center_"):
        first, second = first - second / 2, first + second / 2
    elif kind == "xywh":
        second = first + second
    corners = np.concatenate([first, second], axis=-1)
    return corners * np.array([*size, *size]) if box_format.startswith(_RELATIVE) else corners

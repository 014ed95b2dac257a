"""Pairs of boxes in the same image, and their IoU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Ints, rows_of_groups


def pairs_in_images(images: NDArray[np.integer], offsets: Ints) -> tuple[Ints, Ints]:
    """Pair each of N boxes with every row of its image.

    Args:
        images: (N,) index of the image of each box.
        offsets: (I + 1,) first row of each image.

    Returns:
        (P,) the number of the box, rising, and (P,) the row it is paired with.
    """
    of_boxes = images.astype(np.int64)
    counts = np.diff(offsets)[of_boxes]
    return np.repeat(np.arange(len(images)), counts), rows_of_groups(offsets, of_boxes)


def iou_of_pairs(a: Floats, b: Floats, area_a: Floats, area_b: Floats) -> Floats:
    """Return (P,) the IoU of boxes a and b (P, 4) of the given areas; 0 where they do not touch."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    common = np.clip(sides, 0, None).prod(axis=1)
    union = area_a + area_b - common
    return np.asarray(np.divide(common, union, out=np.zeros(len(a)), where=union > 0))

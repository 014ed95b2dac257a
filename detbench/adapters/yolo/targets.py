"""Targets: what the loss is told about the objects of a batch, and which anchor of which cell answers for each.

J. Redmon and A. Farhadi, YOLO9000 (arXiv:1612.08242), section 2, and the region layer of Darknet: the anchor whose shape has the
largest IoU with the object, in the cell of the object's centre. Where two objects fall to one anchor, Darknet lets the later one
overwrite the other; here it takes the next best anchor of that cell that is free, so that neither is forgotten while there is room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.yolo.anchors import shape_iou
from detbench.data.columns import Floats

NONE = -1
"""A label or slot that stands for no object."""


@dataclass(frozen=True)
class Grid:
    """The cells of a model's output and the anchors in each; slot = (row · columns + column) · anchors + anchor."""

    columns: int
    rows: int
    stride: int
    """Input pixels per cell."""
    anchors: tuple[tuple[float, float], ...]
    """Widths and heights in cells."""

    @property
    def slots(self) -> int:
        """How many boxes the model predicts."""
        return self.columns * self.rows * len(self.anchors)


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one prepared picture, n of them."""

    boxes: Floats
    """(n, 4) x1, y1, x2, y2 in pixels of the input."""
    labels: NDArray[np.int64]
    """(n,) class; NONE for objects that are neither to be found nor counted against the model (VOC's difficult, COCO's crowds)."""


def batch_targets(
    grid: Grid, pictures: Sequence[Objects], room: int
) -> dict[str, NDArray[np.float32 | np.int32]]:
    """Return the targets of a batch, padded to `room` objects per picture.

    Returns:
        `boxes` (B, room, 4): centre x, centre y, width, height in cells, zeros where there is no object;
        `labels` (B, room): class, NONE where there is no object or it is not to be found;
        `slots` (B, room): the slot that answers for it, NONE where there is none.
    """
    boxes = np.zeros((len(pictures), room, 4), np.float32)
    labels = np.full((len(pictures), room), NONE, np.int32)
    slots = np.full((len(pictures), room), NONE, np.int32)
    for row, objects in enumerate(pictures):
        count = len(objects.boxes)
        cells = objects.boxes / grid.stride
        boxes[row, :count] = np.concatenate(
            [(cells[:, :2] + cells[:, 2:]) / 2, cells[:, 2:] - cells[:, :2]], axis=1
        )
        labels[row, :count] = objects.labels
        slots[row, :count] = responsible(
            grid, boxes[row, :count].astype(np.float64), objects.labels
        )
    return {"boxes": boxes, "labels": labels, "slots": slots}


def responsible(grid: Grid, boxes: Floats, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the slot (n,) that answers for each object, NONE for those not to be found and where a cell has no free anchor left.

    Args:
        grid: cells and anchors.
        boxes: (n, 4) centre x, centre y, width, height in cells, centres within the grid.
        labels: (n,) class or NONE.
    """
    last = np.array([grid.columns - 1, grid.rows - 1])
    cell = np.clip(np.floor(boxes[:, :2]), 0, last).astype(np.int64)
    first = (cell[:, 1] * grid.columns + cell[:, 0]) * len(grid.anchors)
    order = np.argsort(-shape_iou(boxes[:, 2:], np.array(grid.anchors)), axis=1, kind="stable")
    taken: set[int] = set()
    slots = np.full(len(boxes), NONE, np.int64)
    for row in np.flatnonzero(labels != NONE).tolist():
        free = [slot for slot in (first[row] + order[row]).tolist() if slot not in taken]
        if free:
            slots[row] = free[0]
            taken.add(free[0])
    return slots

"""Targets: what the loss needs to know about the objects of a batch.

Each object is assigned to the anchor whose shape has the largest IoU with it, in the cell of the
object's center: J. Redmon and A. Farhadi, YOLO9000 (arXiv:1612.08242), section 2, and Darknet's
region layer. If two objects get the same anchor of a cell, Darknet lets the later one replace the
other. Here the later one gets the next best free anchor of that cell, so that no object is lost
while an anchor is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.yolo.grid import Grid
from detbench.data.columns import Floats
from detbench.training.yolo.anchors import shape_iou

IGNORED = -1
"""The label of an ignored object, and of padding."""
NO_SLOT = -1
"""The slot of an object that no prediction is responsible for, and of padding."""


@dataclass(frozen=True, eq=False)
class ImageObjects:
    """The n objects of one prepared image."""

    boxes: Floats
    """(n, 4) x1, y1, x2, y2 in pixels of the input."""
    labels: NDArray[np.int64]
    """(n,) class index, or IGNORED for objects that are neither learned nor counted as background
    (VOC's difficult objects, COCO's crowds)."""


def batch_targets(
    grid: Grid, images: Sequence[ImageObjects], max_objects: int
) -> dict[str, NDArray[np.float32 | np.int32]]:
    """Return the targets of a batch of B images, padded to M = `max_objects` objects per image.

    Returns:
        `boxes` (B, M, 4): center x, center y, width, height in cells; zeros for padding.
        `labels` (B, M): class index, IGNORED for ignored objects and padding.
        `slots` (B, M): the slot of the responsible prediction, or NO_SLOT.
    """
    shape = (len(images), max_objects)
    boxes = np.zeros((*shape, 4), np.float32)
    labels = np.full(shape, IGNORED, np.int32)
    slots = np.full(shape, NO_SLOT, np.int32)
    for row, objects in enumerate(images):
        count = len(objects.boxes)
        corners = objects.boxes / grid.stride
        low, high = corners[:, :2], corners[:, 2:]
        centers, sizes = (low + high) / 2, high - low
        boxes[row, :count] = np.concatenate([centers, sizes], axis=1)
        labels[row, :count] = objects.labels
        # Slots are found for the rounded float32 boxes, the ones that the loss sees.
        cell_boxes = boxes[row, :count].astype(np.float64)
        slots[row, :count] = responsible_slots(grid, cell_boxes, objects.labels)
    return {"boxes": boxes, "labels": labels, "slots": slots}


def responsible_slots(grid: Grid, boxes: Floats, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the slot (n,) of the responsible prediction of each object.

    It is NO_SLOT for ignored objects, and if the object's cell has no free anchor left.

    Args:
        grid: cells and anchors.
        boxes: (n, 4) center x, center y, width, height in cells, with centers inside the grid.
        labels: (n,) class index or IGNORED.
    """
    # A center on the far edge of the image belongs to the last cell.
    last_cell = np.array([grid.columns - 1, grid.rows - 1])
    cell = np.clip(np.floor(boxes[:, :2]), 0, last_cell).astype(np.int64)
    first_slot = (cell[:, 1] * grid.columns + cell[:, 0]) * len(grid.anchors)
    similarity = shape_iou(boxes[:, 2:], np.array(grid.anchors))
    # Of equally similar anchors the first one is preferred.
    preference = np.argsort(-similarity, axis=1, kind="stable")
    taken: set[int] = set()
    slots = np.full(len(boxes), NO_SLOT, np.int64)
    for row in np.flatnonzero(labels != IGNORED).tolist():
        candidates = (first_slot[row] + preference[row]).tolist()
        free = [slot for slot in candidates if slot not in taken]
        if free:
            slots[row] = free[0]
            taken.add(free[0])
    return slots

"""Ground truth columns: the ground truth as it would be without a fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.data.columns import Flags, Floats, groups_from_offsets, offsets_from_groups
from detbench.data.ground_truth import GroundTruth

MIN_INSIDE = 0.99
"""Share of boxes inside their image that the right box format and the right image sizes have."""
_OBJECT_COLUMNS = (
    "class_index",
    "boxes",
    "box_areas",
    "areas",
    "iscrowd",
    "difficult",
    "truncated",
)


def object_image_sizes(ground_truth: GroundTruth) -> Floats:
    """Return the size (G, 2) of each object's image."""
    return ground_truth.image_sizes[groups_from_offsets(ground_truth.offsets)]


def with_boxes(ground_truth: GroundTruth, boxes: Floats, *, measured: Flags) -> GroundTruth:
    """Return the same objects with other boxes.

    Args:
        ground_truth: G objects.
        boxes: (G, 4) x1, y1, x2, y2.
        measured: (G,) objects whose area becomes that of their new box.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    box_areas = sides[:, 0] * sides[:, 1]
    areas = np.where(measured, box_areas, ground_truth.areas)
    return replace(ground_truth, boxes=boxes, box_areas=box_areas, areas=areas)


def with_measured_areas(ground_truth: GroundTruth) -> GroundTruth:
    """Return the same objects; those without a positive area get that of their box."""
    has_area = ground_truth.areas > 0
    areas = np.where(has_area, ground_truth.areas, ground_truth.box_areas)
    return replace(ground_truth, areas=areas)


def select_objects(ground_truth: GroundTruth, kept: Flags) -> GroundTruth:
    """Return the objects marked in a mask (G,) on the same images."""
    images = groups_from_offsets(ground_truth.offsets)[kept].astype(np.int64)
    columns = {name: getattr(ground_truth, name)[kept] for name in _OBJECT_COLUMNS}
    offsets = offsets_from_groups(images, len(ground_truth.image_ids))
    return replace(ground_truth, offsets=offsets, **columns)


def with_extent(ground_truth: GroundTruth) -> GroundTruth:
    """Return the objects whose boxes have a positive width and height."""
    return select_objects(ground_truth, have_extent(ground_truth.boxes))


def have_extent(boxes: Floats) -> Flags:
    """Return which boxes (N, 4) have a positive width and height."""
    first, last = boxes[:, :2], boxes[:, 2:]
    return np.asarray((last > first).all(axis=1))


def share_inside(ground_truth: GroundTruth) -> float:
    """Return the share of boxes that have an extent and lie within their image.

    If any image size is known, only boxes of such images are considered.
    """
    boxes = ground_truth.boxes
    sizes = object_image_sizes(ground_truth)
    # One pixel past the edge is rounding. Comparisons with an unknown size, NaN, are false.
    before_start = (boxes[:, :2] < -1).any(axis=1)
    after_end = (boxes[:, 2:] > sizes + 1).any(axis=1)
    inside = have_extent(boxes) & ~before_start & ~after_end
    has_size = np.isfinite(sizes).all(axis=1)
    if has_size.any():
        inside = inside[has_size]
    return float(inside.mean())


def are_sizes_swapped(ground_truth: GroundTruth) -> bool:
    """Tell whether boxes lie within their images only if these have width and height swapped."""
    swapped = replace(ground_truth, image_sizes=ground_truth.image_sizes[:, ::-1])
    return share_inside(ground_truth) < MIN_INSIDE <= share_inside(swapped)

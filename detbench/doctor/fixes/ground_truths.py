"""Truths: the ground truth as it would be without a fault, for counterfactuals and for the checks that follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.data.columns import Flags, Floats, groups_from_offsets, offsets_from_groups
from detbench.data.ground_truth import GroundTruth

CONSISTENT = 0.99
"""Share of boxes inside their image that right boxes and sizes have at least."""


def image_sizes(truth: GroundTruth) -> Floats:
    """Return the size (G, 2) of each object's image."""
    return truth.image_sizes[groups_from_offsets(truth.offsets)]


def with_boxes(truth: GroundTruth, boxes: Floats, *, measured: Flags) -> GroundTruth:
    """Return the same objects with other boxes (G, 4; xyxy), and, where marked (G,), the areas of these."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return replace(
        truth, boxes=boxes, box_areas=areas, areas=np.where(measured, areas, truth.areas)
    )


def in_order(boxes: Floats) -> Floats:
    """Return boxes (N, 4; xyxy) whose corners are the smaller and the larger of their numbers."""
    return np.hstack(
        [np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])]
    )


def with_measured_areas(truth: GroundTruth) -> GroundTruth:
    """Return the same objects, those without a positive area with that of their box."""
    return replace(truth, areas=np.where(truth.areas > 0, truth.areas, truth.box_areas))


def where(truth: GroundTruth, kept: Flags) -> GroundTruth:
    """Return the objects marked (G,) on the same images."""
    images = groups_from_offsets(truth.offsets)[kept]
    columns = ("class_index", "boxes", "box_areas", "areas", "iscrowd", "difficult", "truncated")
    chosen = {name: getattr(truth, name)[kept] for name in columns}
    return replace(
        truth, offsets=offsets_from_groups(images.astype(np.int64), len(truth.image_ids)), **chosen
    )


def copies(truth: GroundTruth) -> Flags:
    """Tell for each object (G,) whether one before it in its image has its class and box."""
    keys = np.column_stack([groups_from_offsets(truth.offsets), truth.class_index, truth.boxes])
    order = np.lexsort((np.arange(len(truth)), *keys.T))
    again = np.zeros(len(truth), np.bool_)
    again[order[1:]] = (np.diff(keys[order], axis=0) == 0).all(axis=1)
    return again


def inside(truth: GroundTruth) -> float:
    """Return the share of boxes that have an extent and lie within their image, of those of images of known size if there are any."""
    boxes, sizes = truth.boxes, image_sizes(truth)
    outside = (boxes[:, :2] < -1).any(axis=1) | (boxes[:, 2:] > sizes + 1).any(axis=1)
    within = np.asarray((boxes[:, 2:] > boxes[:, :2]).all(axis=1) & ~outside)
    known = np.asarray(np.isfinite(sizes).all(axis=1))
    return float(within[known].mean() if known.any() else within.mean())


def sizes_exchanged(truth: GroundTruth) -> bool:
    """Tell whether the boxes lie within their images with width and height of these exchanged, and not as they are."""
    return (
        inside(truth) < CONSISTENT <= inside(replace(truth, image_sizes=truth.image_sizes[:, ::-1]))
    )

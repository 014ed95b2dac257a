"""Boxes by image: what the kernels of the error analyses share, columns and one overlap rule."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.columns import IGNORED, REGION
from detbench.metrics.kernels.compile import inlined
from detbench.metrics.kernels.overlap import intersection


class DetectionsByImage(NamedTuple):
    """N detections in I images, in the order of `Detections`."""

    offsets: NDArray[np.int64]
    """(I + 1,) first row of each image."""
    classes: NDArray[np.int32]
    """(N,) class index."""
    scores: NDArray[np.float64]
    """(N,)"""
    boxes: NDArray[np.float64]
    """(N, 4) x1, y1, x2, y2."""
    areas: NDArray[np.float64]
    """(N,) width · height."""


class ObjectsByImage(NamedTuple):
    """G ground truth objects in I images, in the order of `GroundTruth`."""

    offsets: NDArray[np.int64]
    """(I + 1,) first row of each image."""
    classes: NDArray[np.int32]
    """(G,) class index."""
    kinds: NDArray[np.uint8]
    """(G,) REGULAR, IGNORED, REGION or DROPPED."""
    boxes: NDArray[np.float64]
    """(G, 4) x1, y1, x2, y2."""
    areas: NDArray[np.float64]
    """(G,) width · height."""


@inlined
def box_overlap(detections: DetectionsByImage, row: int, objects: ObjectsByImage, g: int) -> Any:
    """Return the IoU of a detection and an object, 0 where they do not touch.

    For a crowd region it is the share of the detection inside the region, as pycocotools'
    `maskUtils.iou` has it for `iscrowd`.
    """
    common = intersection(detections.boxes[row], objects.boxes[g], 0.0)
    overlap = 0.0
    if common > 0.0:
        union = detections.areas[row]
        if objects.kinds[g] != REGION:
            union = detections.areas[row] + objects.areas[g] - common
        overlap = common / union
    return overlap


@inlined
def excuses(kind: int, overlap: float, min_iou: float) -> bool:
    """Return whether an object that does not count takes a detection of its class out of account.

    A region absorbs what lies inside it by more than the threshold, as in tidecv 1.0.1
    (quantify.py, `ignore_iou[pred_idx] > self.pos_thresh`); a difficult object what a regular
    one would match.
    """
    return (kind == REGION and overlap > min_iou) or (kind == IGNORED and overlap >= min_iou)

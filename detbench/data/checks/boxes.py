"""Checks of boxes: fractions in place of pixels, and boxes outside their image."""

from __future__ import annotations

import numpy as np

from detbench.data.checks.suspicion import Suspicion
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth

FAR = 0.1
"""Distance past the edge, as a share of the image's side, from which a box is far outside."""
MAX_FAR = 0.1
"""Largest normal share of boxes far outside. Public detectors that do not clip reach 1%."""
MAX_BEYOND = 0.002
"""Largest normal share of boxes that do not touch their image; public detectors have almost
none."""


def check_normalized(ground_truth: GroundTruth, rows: DetectionRows) -> Suspicion | None:
    """Check whether all coordinates lie within 0..1, while those of the ground truth do not."""
    boxes = rows.boxes
    if not len(boxes) or boxes.min() < 0 or boxes.max() > 1:
        return None
    if not len(ground_truth) or ground_truth.boxes.max() <= 1:
        return None
    return Suspicion(
        "box-normalized",
        "error",
        "all coordinates of the detections lie within 0–1",
        "multiply them by the width and height of their images",
    )


def check_outside_image(ground_truth: GroundTruth, rows: DetectionRows) -> Suspicion | None:
    """Check for boxes past the edge of their image; a few boxes slightly past it are normal.

    Boxes without extent, and images of unknown size, are not considered.
    """
    rows = rows.select(rows.with_extent)
    sizes = ground_truth.image_sizes[rows.image_index]
    has_size = ~np.isnan(sizes).any(axis=1)
    boxes, sizes = rows.boxes[has_size], sizes[has_size]
    first, last, margin = boxes[:, :2], boxes[:, 2:], FAR * sizes

    past = (first < -1) | (last > sizes + 1)
    far_below = (first < -margin) | (last < -margin)
    far_above = (first > sizes + margin) | (last > sizes + margin)
    beyond = (first >= sizes) | (last <= 0)
    n_past, n_far, n_beyond = (
        int(outside.any(axis=1).sum()) for outside in (past, far_below | far_above, beyond)
    )
    if not n_past + n_far + n_beyond:
        return None
    total, n_outside = len(boxes), max(n_past, n_far)
    evidence = (
        f"{n_outside:,} of {total:,} boxes ({n_outside / total:.0%}) reach past the edge of their "
        f"image, {n_far:,} of them by more than a tenth of the image; {n_beyond:,} lie outside it "
        "altogether"
    )
    if n_far > MAX_FAR * total or n_beyond > MAX_BEYOND * total + 1:
        fix = "check the box format, and that boxes are in pixels of the original image"
        return Suspicion("outside-image", "warning", evidence, fix)
    fix = "clip the boxes to the image, or leave them: this is normal for many detectors"
    return Suspicion("outside-image", "note", evidence, fix)

"""Checks of boxes: fractions in place of pixels, boxes of no extent, and boxes outside."""

from __future__ import annotations

import numpy as np

from detbench.data.checks.suspicion import Severity, Suspicion
from detbench.data.columns import Floats
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth

FAR = 0.1
"""Distance past the edge, as a share of the image's side, from which a box is far outside."""
MAX_FAR = 0.1
"""Largest normal share of boxes far outside. Public detectors that do not clip reach 1%."""
MAX_BEYOND = 0.002
"""Largest normal share of boxes that do not touch their image; public detectors have almost
none."""
MANY = 0.05
"""Share of boxes without extent above which they are no slips. Public files have up to 1.8%."""
MOST = 0.5
"""Share above which the file is written wrongly; `detbench eval` refuses as many inverted boxes."""
COLLAPSED = 1.0
"""Width or height in pixels below which a box holds nothing. Of the boxes of five public detectors,
at most .04% are smaller, those without any extent not counted."""


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


def check_zero_area(rows: DetectionRows) -> Suspicion | None:
    """Check for boxes without width or height; inverted ones are not among them."""
    count, total = int((_shorter_sides(rows.boxes) == 0).sum()), len(rows)
    if not count:
        return None
    evidence = (
        f"{count:,} of {total:,} boxes have no width or no height; they match nothing and count as "
        "false positives"
    )
    fix = "check whether boxes were rounded to whole numbers, or clipped to another image's size"
    return Suspicion("zero-area", severity_of_share(count / total), evidence, fix)


def check_collapsed(
    ground_truth: GroundTruth, rows: DetectionRows, *, counts_last_pixel: bool = False
) -> Suspicion | None:
    """Check for boxes of less than a pixel, while the objects are larger.

    Args:
        ground_truth: The objects.
        rows: The detections.
        counts_last_pixel: Whether their file counts the last pixel in, so that boxes of one point
            have a width of 1. VOC's protocol does.
    """
    sides, object_sides = _shorter_sides(rows.boxes), _shorter_sides(ground_truth.boxes)
    is_widened = counts_last_pixel or ground_truth.protocol.startswith("voc")
    is_small = (sides <= COLLAPSED) if is_widened else (sides < COLLAPSED)
    count, total = int(((sides > 0) & is_small).sum()), len(rows)
    if count <= MANY * total or not len(object_sides) or (object_sides < COLLAPSED).mean() > MANY:
        return None
    evidence = (
        f"{count:,} of {total:,} boxes are less than a pixel wide or high; the shorter side of the "
        f"objects has a median of {np.median(object_sides):.0f} pixels"
    )
    fix = "check whether these boxes are fractions of the image, or were scaled twice"
    return Suspicion("boxes-collapsed", severity_of_share(count / total), evidence, fix)


def _shorter_sides(boxes: Floats) -> Floats:
    """Return the shorter side (N,) of each box; it is negative if the box is inverted."""
    return np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def severity_of_share(share: float) -> Severity:
    """Return how severe it is if this share of the boxes has a negative size or no extent."""
    return "error" if share > MOST else "warning" if share > MANY else "note"


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

"""Evidence for what the numbers of a YOLO line are: a polygon, or a box with its keypoints.

Lines of both kinds can have the same length. Then their values decide: keypoints lie in their box,
and a box lies in its image; the corners of a polygon lie near each other.
"""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Flags, Floats

MIN_SHARE = 0.5
"""Boxes with keypoints that fit a smaller share of the lines are refuted."""
CERTAIN_SHARE = 0.9
"""Boxes with keypoints that fit a smaller share are not the only reading."""
MIN_POLYGON_SHARE = 0.7
"""The same for polygons: 90% and more of random ones fit, and 20% of boxes with keypoints."""
_BORDER = 0.01
"""How far boxes may extend beyond their image: roughly rounded fractions."""
_MARGIN = 0.1
"""How far a keypoint may lie outside its box, as a share of its width and height."""
_MIN_INSIDE = 0.75
"""The share of a line's keypoints that lie in its box."""
_POLYGON_BORDER = 0.1
_ROUNDING = 0.02
"""How far the diagonals of a rectangle may miss each other's middle, as a share of its extent."""
_ROUNDED_FRACTION = 2e-4
"""The same for small rectangles: the rounding of fractions with four digits."""
_MAX_VISIBILITY = 2
_REACH_OF_FEW_CORNERS = {3: 2.0, 4: 1.0}
_REACH = 0.5
"""How far the second corner of a polygon may lie outside the box around the others, as a share of
its longer side, by the number of corners."""
_N_MANY_CORNERS = 6
_MAX_STEP = 1.15
"""The mean distance between corners that follow each other, as a multiple of that from the middle:
1 for a regular hexagon, less for more corners, and 1.36 for points in any order."""
_N_SHORTEST_WITH_VISIBILITY = 7
"""A single visibility could also be a coordinate."""


def boxes_in_image(boxes: Floats) -> Flags:
    """Return which boxes (N, 4; cx, cy, w, h in fractions) are not empty and lie in the image."""
    center, extent = boxes[:, :2], boxes[:, 2:4]
    low, high = center - extent / 2, center + extent / 2
    inside = (extent > 0) & (low >= -_BORDER) & (high <= 1 + _BORDER)
    return np.asarray(inside.all(axis=1))


def keypoint_share(values: Floats, n_dimensions: int) -> float:
    """Return the share of lines that can be a box with keypoints in it.

    Args:
        values: (N, 4 + K · D) the numbers of lines behind the class.
        n_dimensions: D, 2 for x and y, or 3 with a visibility or a confidence.
    """
    if (values.shape[1] - 4) % n_dimensions or values.shape[1] == 4:
        return 0.0
    center, extent = values[:, None, :2], values[:, None, 2:4]
    points = values[:, 4:].reshape(len(values), -1, n_dimensions)
    reach = (0.5 + _MARGIN) * extent
    inside = (np.abs(points[..., :2] - center) <= reach).all(axis=2)
    labeled = (points[..., :2] > 0).any(axis=2)  # other keypoints are written as 0, 0
    fits = boxes_in_image(values) & (
        (inside & labeled).sum(axis=1) >= _MIN_INSIDE * labeled.sum(axis=1)
    )
    visibility = points[..., 2:]
    fits &= ((visibility >= 0) & (visibility <= _MAX_VISIBILITY)).all(axis=(1, 2))
    return float(fits.mean())


def polygon_share(values: Floats) -> float:
    """Return the share of lines (N, 2 · P) that can be a polygon x1, y1, x2, y2, ...

    Its second corner lies near the others. Where the line is a box with keypoints, the two numbers
    are width and height, which may be anything. Corners follow each other around the middle, and
    not in any order. Lines with a corner 0, 0 are no polygons, since keypoints without a label are
    written so; nor are those whose every third number behind the first four is 0, 1 or 2: these are
    visibilities.
    """
    n_values = values.shape[1]
    if n_values % 2:
        return 0.0
    corners = values.reshape(len(values), -1, 2)
    in_image = (values >= -_POLYGON_BORDER) & (values <= 1 + _POLYGON_BORDER)
    others = np.delete(corners, 1, axis=1)
    low, high = others.min(axis=1), others.max(axis=1)
    reach = (high - low).max(axis=1, keepdims=True)
    reach = _REACH_OF_FEW_CORNERS.get(corners.shape[1], _REACH) * reach
    second = corners[:, 1]
    near = (second >= low - reach) & (second <= high + reach)
    fits = in_image.all(axis=1) & near.all(axis=1) & (corners != 0).any(axis=2).all(axis=1)
    if corners.shape[1] >= _N_MANY_CORNERS:
        steps = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).mean(axis=1)
        middle = corners.mean(axis=1, keepdims=True)
        fits &= steps <= _MAX_STEP * np.linalg.norm(corners - middle, axis=2).mean(axis=1)
    if n_values > _N_SHORTEST_WITH_VISIBILITY and (n_values - 4) % 3 == 0:
        fits &= ~np.isin(values[:, 6::3], (0, 1, 2)).all(axis=1)
    return float(fits.mean())


def rectangle_share(values: Floats) -> float:
    """Return the share of lines (N, 8) whose corners are those of a rectangle, rotated or not.

    Fractions of an image stretch a rectangle to a parallelogram: its diagonals share their middle.
    """
    corners = values.reshape(len(values), 4, 2)
    gap = np.abs(corners[:, 0] + corners[:, 2] - corners[:, 1] - corners[:, 3])
    extent = (corners.max(axis=1) - corners.min(axis=1)).max(axis=1, keepdims=True)
    return float(
        ((gap <= _ROUNDING * extent + _ROUNDED_FRACTION) & (extent > 0)).all(axis=1).mean()
    )


def are_rotated(values: Floats) -> bool:
    """Return whether shapes with four corners (N, 8) fill less than their bounding boxes."""
    x, y = values[:, ::2], values[:, 1::2]
    area = np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2
    box_area = np.ptp(x, axis=1) * np.ptp(y, axis=1)
    return bool((area < (1 - _ROUNDING) * box_area).any())

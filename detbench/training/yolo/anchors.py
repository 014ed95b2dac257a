"""Anchors: typical widths and heights of a dataset's objects, by k-means with IoU as similarity.

J. Redmon and A. Farhadi, YOLO9000 (arXiv:1612.08242), section 2: the distance of two boxes is
1 − IoU when they share a corner.
"""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.errors import DetbenchError
from detbench.wording import plural

_RESTARTS = 20
_MAX_STEPS = 300


def shape_iou(sizes: Floats, anchors: Floats) -> Floats:
    """Return the IoU (n, k) of boxes of widths and heights (n, 2) with anchors (k, 2).

    Boxes and anchors share one corner, so only their shapes count.
    """
    common_sides = np.minimum(sizes[:, None], anchors[None])
    intersection = common_sides.prod(axis=2)
    box_areas = sizes.prod(axis=1)
    anchor_areas = anchors.prod(axis=1)
    areas = box_areas[:, None] + anchor_areas[None]
    return np.asarray(intersection / (areas - intersection))


def average_iou(sizes: Floats, anchors: Floats) -> float:
    """Return the mean over boxes (n, 2) of the IoU with the best of the anchors (k, 2)."""
    return float(shape_iou(sizes, anchors).max(axis=1).mean())


def find_anchors(sizes: Floats, count: int, seed: int = 0) -> Floats:
    """Return `count` anchors (width, height) by increasing area, in the unit of the boxes.

    k-means starts 20 times from centers drawn as in k-means++. Each center moves to the mean size
    of its boxes until no box changes its center. The anchors with the best average IoU win. The
    same arguments give the same anchors.

    Args:
        sizes: (n, 2) widths and heights of boxes.
        count: number of anchors.
        seed: of the initial centers.

    Raises:
        DetbenchError: if there are fewer different sizes than anchors, or if a size is not
            positive.
    """
    n_different = len(np.unique(sizes, axis=0))
    if not 1 <= count <= n_different:
        raise DetbenchError(
            f"cannot find {plural(count, 'anchor')} in {plural(n_different, 'different box size')}"
            f"; choose from 1 to {n_different}"
        )
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise DetbenchError("cannot find anchors: every box needs a positive width and height")
    rng = np.random.default_rng([seed, count])
    candidates = [
        _run_k_means(sizes, _initial_centers(sizes, count, rng)) for _ in range(_RESTARTS)
    ]
    best = max(candidates, key=lambda anchors: average_iou(sizes, anchors))
    # By area; of equal areas the narrower anchor comes first.
    return best[np.lexsort((best[:, 0], best.prod(axis=1)))]


def average_ious(sizes: Floats, max_count: int, seed: int = 0) -> Floats:
    """Return the average IoU (m,) with 1, 2, … anchors.

    m is `max_count`, or the number of different sizes if that is smaller.
    """
    n_different = len(np.unique(sizes, axis=0))
    ious = []
    for count in range(1, min(max_count, n_different) + 1):
        anchors = find_anchors(sizes, count, seed)
        ious.append(average_iou(sizes, anchors))
    return np.array(ious)


def _initial_centers(sizes: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Draw initial centers as in k-means++: boxes unlike the centers so far are more likely."""
    chosen = [int(rng.integers(len(sizes)))]
    while len(chosen) < count:
        ious = shape_iou(sizes, sizes[chosen])
        distance = 1 - ious.max(axis=1)
        # Exactly 0, whatever rounding left, so that no box is drawn twice.
        distance[chosen] = 0.0
        probability = distance / distance.sum()
        chosen.append(int(rng.choice(len(sizes), p=probability)))
    return sizes[chosen]


def _run_k_means(sizes: Floats, centers: Floats) -> Floats:
    """Move centers to the mean of their boxes until nothing changes; return the best centers.

    A mean maximizes no IoU, so the average IoU may fall in a step: the best of all steps counts.
    """
    nearest, history = np.full(len(sizes), -1), []
    for _ in range(_MAX_STEPS):
        new_nearest = shape_iou(sizes, centers).argmax(axis=1)
        if (new_nearest == nearest).all():
            break
        nearest = new_nearest
        centers = _mean_sizes(sizes, nearest, centers)
        history.append(centers)
    return max(history, key=lambda centers: average_iou(sizes, centers))


def _mean_sizes(sizes: Floats, nearest: Ints, centers: Floats) -> Floats:
    """Return the mean size of each center's boxes; a center without boxes stays as it is."""
    counts = np.bincount(nearest, minlength=len(centers))[:, None]
    widths = np.bincount(nearest, sizes[:, 0], len(centers))
    heights = np.bincount(nearest, sizes[:, 1], len(centers))
    sums = np.stack([widths, heights], axis=1)
    means = sums / np.maximum(counts, 1)
    return np.where(counts > 0, means, centers)

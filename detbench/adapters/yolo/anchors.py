"""Anchors: the typical widths and heights of a dataset's objects, by k-means with IoU as the measure of likeness.

J. Redmon and A. Farhadi, YOLO9000 (arXiv:1612.08242), section 2: distance = 1 − IoU of two boxes laid on the same corner.
"""

from __future__ import annotations

import numpy as np

from detbench.adapters.counting import counted
from detbench.data.columns import Floats, Ints
from detbench.errors import DetbenchError

_STARTS = 20
_MOST_STEPS = 300


def shape_iou(sizes: Floats, anchors: Floats) -> Floats:
    """Return the IoU (n, k) of boxes of widths and heights (n, 2) with anchors (k, 2) of the same corner."""
    common = np.minimum(sizes[:, None], anchors[None]).prod(axis=2)
    return np.asarray(common / (sizes.prod(axis=1)[:, None] + anchors.prod(axis=1)[None] - common))


def average_iou(sizes: Floats, anchors: Floats) -> float:
    """Return the mean over boxes of the IoU with the best anchor."""
    return float(shape_iou(sizes, anchors).max(axis=1).mean())


def find_anchors(sizes: Floats, count: int, seed: int = 0) -> Floats:
    """Return `count` anchors (width, height) for boxes of sizes (n, 2), in their unit, by rising area.

    Centres start as k-means++ draws them, twenty times over, and move to the mean size of their boxes until no box changes its centre;
    the best average IoU seen counts. The same arguments give the same anchors. Raises DetbenchError for fewer different sizes than
    anchors, and for sizes that are not positive.
    """
    different = len(np.unique(sizes, axis=0))
    if not 1 <= count <= different:
        raise DetbenchError(
            f"{count} anchors cannot be made of {counted(different, 'box size')}; choose from 1 to {different}"
        )
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise DetbenchError("anchors are made of boxes with positive widths and heights")
    rng = np.random.default_rng([seed, count])
    tries = [_moved(sizes, _start(sizes, count, rng)) for _ in range(_STARTS)]
    best = max(tries, key=lambda anchors: average_iou(sizes, anchors))
    return best[np.lexsort((best[:, 0], best.prod(axis=1)))]


def average_ious(sizes: Floats, most: int, seed: int = 0) -> Floats:
    """Return the average IoU (m,) with 1, 2, … anchors, up to `most` or as many as there are different sizes."""
    counts = range(1, min(most, len(np.unique(sizes, axis=0))) + 1)
    return np.array([average_iou(sizes, find_anchors(sizes, count, seed)) for count in counts])


def _start(sizes: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Draw first centres: each next one is the likelier the less a box is like those there are."""
    chosen = [int(rng.integers(len(sizes)))]
    while len(chosen) < count:
        distance = 1 - shape_iou(sizes, sizes[chosen]).max(axis=1)
        distance[chosen] = 0.0
        chosen.append(int(rng.choice(len(sizes), p=distance / distance.sum())))
    return sizes[chosen]


def _moved(sizes: Floats, anchors: Floats) -> Floats:
    """Move centres to the mean of their boxes until nothing changes; return the best such means seen on the way."""
    nearest, seen = np.full(len(sizes), -1), []
    for _ in range(_MOST_STEPS):
        now = shape_iou(sizes, anchors).argmax(axis=1)
        if (now == nearest).all():
            break
        nearest = now
        anchors = _means(sizes, nearest, anchors)
        seen.append(anchors)
    return max(seen, key=lambda each: average_iou(sizes, each))


def _means(sizes: Floats, nearest: Ints, anchors: Floats) -> Floats:
    """Return the mean size of each centre's boxes; a centre without boxes stays where it is."""
    counts = np.bincount(nearest, minlength=len(anchors))
    sums = np.stack([np.bincount(nearest, sizes[:, side], len(anchors)) for side in (0, 1)], axis=1)
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], anchors)

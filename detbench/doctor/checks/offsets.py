"""Check of offsets: all boxes off by one pixel, from 0-based and 1-based or inclusive coordinates.

Detectors that clip their boxes to the image leave many edges exactly at its border: left and upper
ones at 0, right and lower ones at its size. If these pile up one pixel elsewhere, coordinates were
shifted. If there are no piles, the centers of well-placed boxes are compared with those of the
objects: for real detectors they differ by about half a pixel at most.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from detbench.data.columns import Floats, Ints, pairs_in_groups
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_rows
from detbench.doctor.findings import Finding
from detbench.metrics.kernels.overlap import paired_iou
from detbench.metrics.scoring.placement import highest_scoring

MIN_PILE, MIN_PILE_SHARE = 8, 0.004
"""Boxes with an edge exactly at the border, in number and as a share, that show that boxes are
clipped to the image. Real detectors leave 4–25%."""
MAX_ROUNDING = 1e-3
"""Pixels by which an edge may miss the border and still count as at it."""
STEEP = 5
"""How many times larger the pile must be than what lies on the pixels beside it."""
WELL_PLACED_IOU = 0.6
BOXES_PER_IMAGE = 10
MIN_PAIRS = 40
MIN_SIDE = 4
"""Pixels below which smaller objects weigh hardly more."""
MIN_STANDARD_ERRORS = 5.0
"""Standard errors by which a mean distance must differ from 0."""
ONE_PIXEL = (0.75, 2.0)
"""Mean distances, over both directions, that count as a shift by one pixel. Public detectors on
VOC 2007 have up to .5 by their own bias."""

Shift = tuple[int, int]
"""Pixels by which first and last corners are shifted."""


def check_offset(case: Case) -> Finding | None:
    """Check whether all boxes, or their first or last corners, are shifted by one pixel."""
    evidence, shift = _shift_by_piles(case) or _shift_by_distance(case)
    if not any(shift):
        return None
    back = np.repeat([-shift[0], -shift[1]], 2).astype(np.float64)
    fix_rows = partial(_shifted, back)
    corners = ", ".join(f"{-by:+d}" for by in shift)
    change = change_with_rows(case, fix_rows(case.rows), f"with corners moved by {corners}")
    return Finding("pixel-offset", "warning", f"{evidence}: {change}", fix_rows=fix_rows)


def _shift_by_piles(case: Case) -> tuple[str, Shift] | None:
    """Return where edges pile up, and the shift that this means; None if they do not."""
    rows = case.scored
    first = _pile(rows.boxes[:, :2])
    last = _pile(rows.boxes[:, 2:] - case.ground_truth.image_sizes[rows.image_index])
    if first is None and last is None:
        return None
    texts = []
    if first:
        texts.append(f"left and upper edges pile up at {first} instead of 0")
    if last:
        side = "after" if last > 0 else "before"
        texts.append(f"right and lower edges pile up a pixel {side} the image's end")
    return ", ".join(texts), (first or 0, _shift_of_last(first, last))


def _shift_of_last(first: int | None, last: int | None) -> int:
    """Return how far the last corners are shifted.

    A pile one pixel before the end is normal for a detector that clips boxes there, unless the
    first corners are shifted as well.
    """
    if last is None:
        return first or 0
    return 0 if last == -1 and first != -1 else last


def _pile(edges: Floats) -> int | None:
    """Return the pixel (−1, 0 or 1) at which edges pile up, None if they do not.

    Args:
        edges: (N, 2) positions relative to the border of the image.
    """
    counts = {}
    for pixel in (-2, -1, 0, 1, 2):
        is_at_pixel = np.abs(edges - pixel) < MAX_ROUNDING
        counts[pixel] = int(is_at_pixel.any(axis=1).sum())
    highest = max(counts, key=lambda pixel: counts[pixel])
    beside = max(count for pixel, count in counts.items() if pixel != highest)

    is_large = counts[highest] >= max(MIN_PILE_SHARE * len(edges), MIN_PILE)
    is_steep = counts[highest] >= STEEP * beside
    # A pile at two pixels is no shift by one.
    return highest if is_large and is_steep and abs(highest) < 2 else None


def _shift_by_distance(case: Case) -> tuple[str, Shift]:
    """Return how far the centers of well-placed boxes are off, and the shift that this means."""
    detections, objects = _well_placed_pairs(case)
    if len(detections) < MIN_PAIRS:
        return "", (0, 0)
    (x, y), (x_error, y_error) = _mean_distance(
        case.scored.boxes[detections], case.ground_truth.boxes[objects]
    )
    # A shift moves boxes along x and y alike, so that the mean of both shows it best.
    mean = (x + y) / 2
    error = np.hypot(x_error, y_error) / 2
    is_one_pixel = ONE_PIXEL[0] <= abs(mean) <= ONE_PIXEL[1]
    is_certain = abs(mean) > MIN_STANDARD_ERRORS * error and x * y > 0
    shift = int(np.sign(mean)) if is_one_pixel and is_certain else 0
    evidence = (
        f"the centers of {len(detections):,} well-placed boxes are {x:+.2f} and {y:+.2f} pixels "
        "off those of the objects"
    )
    return evidence, (shift, shift)


def _well_placed_pairs(case: Case) -> tuple[Ints, Ints]:
    """Return pairs (P,) of a scored row and a regular object of its class that it lies on."""
    rows, ground_truth = case.scored, case.ground_truth
    all_rows = np.arange(len(rows))
    best = highest_scoring(rows.image_index, rows.scores, all_rows, BOXES_PER_IMAGE)
    elements, objects = pairs_in_groups(ground_truth.offsets, rows.image_index[best])
    detections = best[elements]
    same_class = rows.class_index[detections] == ground_truth.class_index[objects]
    counted = same_class & case.regular[objects]
    detections, objects = detections[counted], objects[counted]
    iou = paired_iou(rows.boxes, ground_truth.boxes, detections, objects)
    placed = iou > WELL_PLACED_IOU
    return detections[placed], objects[placed]


def _mean_distance(boxes: Floats, objects: Floats) -> tuple[Floats, Floats]:
    """Return the mean distance (x, y) of centers and its standard error.

    Args:
        boxes: (P, 4) boxes of detections.
        objects: (P, 4) the objects they lie on. Small objects have larger weights, since distances
            grow with the size of an object.
    """
    doubled = boxes[:, :2] + boxes[:, 2:] - objects[:, :2] - objects[:, 2:]
    distance = doubled / 2
    sides = objects[:, 2:] - objects[:, :2]
    weight = 1 / (MIN_SIDE**2 + sides**2)
    total = weight.sum(axis=0)
    mean = (weight * distance).sum(axis=0) / total
    variance = (weight**2 * (distance - mean) ** 2).sum(axis=0)
    return mean, np.sqrt(variance) / total


def _shifted(by: Floats, rows: DetectionRows) -> DetectionRows:
    return rows.with_boxes(rows.boxes + by)

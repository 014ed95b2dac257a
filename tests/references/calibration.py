"""Calibration errors in plain Python, bin by bin: Küppers et al. 2020 (D-ECE), Oksuz et al. 2023 (LaECE)."""

import math

from tests.references.matching import matched, overlap


def rows_of(objects, detections, threshold):
    """Return (class, score, IoU of a hit or None) of the detections that count."""
    hits, ignored = matched(objects, detections, threshold)
    return [
        (label, score, None if hits[d] is None else overlap(box, objects[hits[d]][2]))
        for d, (_, label, score, box) in enumerate(detections)
        if not ignored[d]
    ]


def calibration_error(rows, bins, localisation=False):
    """Return Σ |D_j| / |D| · |precision − mean score|, precision times the mean IoU of hits if asked; NaN without rows."""
    total = 0.0
    for j in range(bins):
        inside = [row for row in rows if j == min(math.floor(row[1] * bins), bins - 1)]
        found = [row[2] for row in inside if row[2] is not None]
        if inside:
            aim = len(found) / len(inside)
            if localisation:
                aim *= sum(found) / len(found) if found else 0.0
            total += (
                len(inside) / len(rows) * abs(aim - sum(row[1] for row in inside) / len(inside))
            )
    return total if rows else math.nan

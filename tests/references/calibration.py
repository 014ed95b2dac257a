"""Calibration errors in plain Python, bin by bin.

D-ECE is that of Küppers et al. 2020, LaECE that of Oksuz et al. 2023.
"""

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


def calibration_error(rows, bins, localization=False):
    """Return Σ |D_j| / |D| · |precision − mean score| over the bins j; NaN without rows.

    With `localization`, precision is multiplied by the mean IoU of the hits.
    """
    total = 0.0
    for j in range(bins):
        inside = [row for row in rows if j == min(math.floor(row[1] * bins), bins - 1)]
        ious = [row[2] for row in inside if row[2] is not None]
        if inside:
            quality = len(ious) / len(inside)
            if localization:
                quality *= sum(ious) / len(ious) if ious else 0.0
            mean_score = sum(row[1] for row in inside) / len(inside)
            total += len(inside) / len(rows) * abs(quality - mean_score)
    return total if rows else math.nan

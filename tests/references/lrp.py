"""Optimal LRP in plain Python, one score threshold after the other.

Source: Oksuz et al., TPAMI 2021, equations 2 to 7.
"""

import math

from tests.references.matching import matched, overlap


def optimal_lrp(objects, detections, label, threshold=0.5):
    """Return the smallest LRP of a class over all score thresholds, its parts, and the score.

    None without objects.
    """
    hits, ignored = matched(objects, detections, threshold)
    positives = sum(row[1] == label and row[3] == "regular" for row in objects)
    if not positives:
        return None
    rows = [
        (score, None if hits[d] is None else overlap(box, objects[hits[d]][2]))
        for d, (_, which, score, box) in enumerate(detections)
        if which == label and not ignored[d]
    ]
    best = (1.0, math.nan, math.nan, 1.0, math.inf)
    for score in sorted({row[0] for row in rows}, reverse=True):
        kept = [iou for other, iou in rows if other >= score]
        ious = [iou for iou in kept if iou is not None]
        fp, fn = len(kept) - len(ious), positives - len(ious)
        offsets = sum((1 - iou) / (1 - threshold) for iou in ious)
        error = (offsets + fp + fn) / (len(ious) + fp + fn)
        if error < best[0] - 1e-13:
            localization = sum(1 - iou for iou in ious) / len(ious) if ious else math.nan
            best = (error, localization, fp / len(kept), fn / positives, score)
    return best

"""Optimal LRP in plain Python, from the formulas of Oksuz et al., TPAMI 2021 (equations 2 to 7): one threshold after the other."""

import math

from tests.references.matching import matched, overlap


def optimal_lrp(objects, detections, label, threshold=0.5):
    """Return the least LRP of a class over all score thresholds, its three parts there, and the score; None without objects."""
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
        taken = [value for other, value in rows if other >= score]
        found = [value for value in taken if value is not None]
        fp, fn = len(taken) - len(found), positives - len(found)
        error = (sum((1 - value) / (1 - threshold) for value in found) + fp + fn) / (
            len(found) + fp + fn
        )
        if error < best[0] - 1e-13:
            placed = sum(1 - value for value in found) / len(found) if found else math.nan
            best = (error, placed, fp / len(taken), fn / positives, score)
    return best

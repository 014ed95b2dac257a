"""Calibrated precision: how often detections of about a score are right.

The scores of different detectors mean different things; this makes them comparable.
"""

from __future__ import annotations

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.errors.counted_detections import CountedDetections
from detbench.metrics.kernels.calibrated_precision import falling_shares


def calibrated_precision(counted: CountedDetections, detections: int) -> Floats:
    """Return how often detections of a class and of about a score are hits.

    By isotonic regression for each class: the share of hits as a function of the score that never
    falls as scores rise, and is closest to the hits in least squares.

    Args:
        counted: the counted detections of an evaluation.
        detections: N, the number of all detections.

    Returns:
        (N,) by row of `Detections`, 0..1; 0 for detections that do not count.
    """
    values = np.zeros(detections)
    for k in range(len(counted.offsets) - 1):
        of_class = counted.of_class(k)
        # Equal scores are one point of the regression: find the last detection of each score, then
        # count the detections and the hits of the score.
        scores = counted.scores[of_class]
        last = np.flatnonzero(np.diff(scores, append=-np.inf))
        counts = np.diff(last, prepend=-1)
        hits_so_far = np.cumsum(counted.hits[of_class])
        hits = np.diff(hits_so_far[last], prepend=0)
        shares = falling_shares(hits.astype(np.float64), counts.astype(np.float64))
        # Each detection has the share of its score.
        rows = counted.rows[of_class]
        values[rows] = np.repeat(shares, counts)
    return values

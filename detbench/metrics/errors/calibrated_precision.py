"""Credence: how often detections of about a score are right, as the scores of different detectors mean different things.

The share of hits as a function of the score that never falls as scores rise, closest to the hits in least squares: isotonic regression by
pooling adjacent violators (Ayer et al. 1955), for each class by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.metrics.errors.counted_detections import Ranked
from detbench.metrics.kernels.compile import kernel


def credences(ranked: Ranked, detections: int) -> Floats:
    """Return (N,) the credence of each of the N detections by row of `Detections`, 0..1; 0 for those that do not count."""
    values = np.zeros(detections)
    for k in range(len(ranked.offsets) - 1):
        span = ranked.span(k)
        last = ranked.last_of_score(span)
        counts = np.diff(last, prepend=-1).astype(np.float64)
        hits = np.diff(np.cumsum(ranked.hits[span])[last], prepend=0).astype(np.float64)
        values[ranked.rows[span]] = np.repeat(_pooled(hits, counts), counts.astype(np.int64))
    return values


@kernel
def _pooled(hits: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (S,) the shares of hits that fall or stay, closest to `hits` / `counts` with `counts` as weights."""
    first = np.empty(len(hits) + 1, np.int64)
    pooled_hits, pooled_counts = np.empty(len(hits)), np.empty(len(hits))
    blocks = 0
    for n in range(len(hits)):
        first[blocks], pooled_hits[blocks], pooled_counts[blocks] = n, hits[n], counts[n]
        blocks += 1
        while (
            blocks > 1
            and pooled_hits[blocks - 2] * pooled_counts[blocks - 1]
            <= pooled_hits[blocks - 1] * pooled_counts[blocks - 2]
        ):
            pooled_hits[blocks - 2] += pooled_hits[blocks - 1]
            pooled_counts[blocks - 2] += pooled_counts[blocks - 1]
            blocks -= 1
    first[blocks] = len(hits)
    shares = np.empty(len(hits))
    for block in range(blocks):
        shares[first[block] : first[block + 1]] = pooled_hits[block] / pooled_counts[block]
    return shares

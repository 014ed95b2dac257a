"""Isotonic regression by pooling adjacent violators (Ayer et al., 1955)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.compile import kernel


@kernel
def falling_shares(hits: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (S,) shares that never rise, closest to `hits` / `counts` in weighted least squares.

    Args:
        hits: (S,) hits at each score, scores falling.
        counts: (S,) detections at each score, which are the weights.
    """
    # Blocks of scores that share one value: where each starts, its hits and its detections.
    start = np.empty(len(hits) + 1, np.int64)
    block_hits, block_counts = np.empty(len(hits)), np.empty(len(hits))
    blocks = 0
    for n in range(len(hits)):
        start[blocks], block_hits[blocks], block_counts[blocks] = n, hits[n], counts[n]
        blocks += 1
        # A block whose share does not exceed that of the next one violates the order: they merge.
        # Shares are compared as products, without dividing.
        while (
            blocks > 1
            and block_hits[blocks - 2] * block_counts[blocks - 1]
            <= block_hits[blocks - 1] * block_counts[blocks - 2]
        ):
            block_hits[blocks - 2] += block_hits[blocks - 1]
            block_counts[blocks - 2] += block_counts[blocks - 1]
            blocks -= 1
    start[blocks] = len(hits)
    shares = np.empty(len(hits))
    for block in range(blocks):
        shares[start[block] : start[block + 1]] = block_hits[block] / block_counts[block]
    return shares

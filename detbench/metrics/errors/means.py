"""Shares and means that are NaN where there is nothing to divide by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints


def share(part: Floats | Ints, whole: NDArray[np.floating] | Ints) -> Floats:
    """Return part / whole elementwise; NaN where `whole` is 0."""
    shares = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def masked_mean(values: Floats, chosen: Flags) -> Floats:
    """Return the mean of the chosen values (..., K) over their last axis; NaN where none is."""
    total = np.where(chosen, values, 0.0).sum(axis=-1)
    return share(total, chosen.sum(axis=-1))


def mean_over_classes(values: Floats) -> Floats:
    """Return the mean of (..., K) over the classes that are not NaN; NaN where all are."""
    return masked_mean(values, ~np.isnan(values))

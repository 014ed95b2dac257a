"""Multiple testing: p-values corrected for the number of hypotheses that are tested at once.

A NaN is a hypothesis that could not be tested: it stays NaN and does not count.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detbench.data.columns import Floats


def holm(p: Floats) -> Floats:
    """Return p-values that control the probability of any false call (family-wise error rate).

    Calling those up to α makes a false call in at most α of all studies, however the p-values
    depend on each other. Source: Holm, A simple sequentially rejective multiple test procedure,
    1979.

    Args:
        p: (n,) in 0..1 or NaN.

    Returns:
        (n,) the largest (n − i + 1) · p among the i-th smallest p-values up to each, at most 1.
    """

    def adjust(rising: Floats) -> Floats:
        factors = np.arange(len(rising), 0, -1)
        return np.asarray(np.maximum.accumulate(rising * factors))

    return _adjust_rising(p, adjust)


def benjamini_hochberg(p: Floats) -> Floats:
    """Return p-values that control the expected share of false calls (false discovery rate).

    Calling those up to q makes at most the share q of the calls false, on average. It holds for
    independent p-values and for positively dependent ones, such as those of classes on the same
    images. Source: Benjamini and Hochberg, Controlling the false discovery rate, 1995.

    Args:
        p: (n,) in 0..1 or NaN.

    Returns:
        (n,) the smallest n · p / i among the i-th smallest p-values from each on, at most 1.
    """

    def adjust(rising: Floats) -> Floats:
        ranks = np.arange(1, len(rising) + 1)
        scaled = rising * len(rising) / ranks
        return np.asarray(np.minimum.accumulate(scaled[::-1])[::-1])

    return _adjust_rising(p, adjust)


def step_down(p: Floats, estimates: Floats, bootstrap: Floats) -> Floats:
    """Return p-values with the guarantee of `holm`, using how the differences depend on each other.

    If every hypothesis is tested on the same B resamples, Holm's p can never be below
    n · 2 / (B + 1), however clear the answer. Here a difference has to exceed the largest of the
    remaining deviations in each resample.

    Source: Romano and Wolf, Exact and approximate stepdown methods for multiple hypothesis testing,
    2005, algorithm 4.1, with studentized statistics. p is never below that of the hypothesis alone.

    Args:
        p: (n,) of each hypothesis alone, in 0..1 or NaN.
        estimates: (n,) the differences.
        bootstrap: (B, n) their replicates; NaN if a resample says nothing.

    Returns:
        (n,) adjusted p-values.
    """
    adjusted, tested = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    # If there is no difference, the estimate is as far from 0 as its replicates are from it.
    deviations = np.abs(np.nan_to_num(bootstrap[:, tested] - estimates[tested]))
    spread = np.sqrt((deviations**2).mean(axis=0))
    scale = np.where(spread > 0, spread, 1.0)
    statistic, largest = np.abs(estimates[tested]) / scale, np.zeros(len(bootstrap))
    # From the smallest statistic to the largest: `largest` is the maximum over all hypotheses that
    # are still in play when this one is tested, namely this one and all with smaller statistics.
    rising = np.argsort(statistic, kind="stable")
    shares = np.empty(len(tested))
    for n in rising:
        largest = np.maximum(largest, deviations[:, n] / scale[n])
        shares[n] = ((largest >= statistic[n]).sum() + 1) / (len(bootstrap) + 1)
    # From the largest statistic down: no p-value is below that of a clearer difference.
    falling = rising[::-1]
    at_least_alone = np.maximum(shares, p[tested])
    adjusted[tested[falling]] = np.maximum.accumulate(at_least_alone[falling])
    return adjusted


def _adjust_rising(p: Floats, adjust: Callable[[Floats], Floats]) -> Floats:
    """Apply a rule for rising p-values to those that are not NaN, and put them back in place."""
    values = np.asarray(p, np.float64)
    adjusted = np.full(len(values), np.nan)
    order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    adjusted[order] = np.minimum(adjust(values[order]), 1.0)
    return adjusted

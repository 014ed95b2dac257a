"""Multiplicity: p-values corrected for the number of questions asked at once.

A NaN is a question that could not be asked: it stays NaN and does not count.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detbench.data.columns import Floats


def holm(p: Floats) -> Floats:
    """Return adjusted p-values: calling those up to α true differences makes a single false call in at most α of all studies.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979. Holds whatever the dependence of the p-values.

    Args:
        p: (n,) in 0..1 or NaN.

    Returns:
        (n,) the largest of (n − i + 1) · p over the i-th smallest p-values up to each, at most 1.
    """
    return _asked(p, lambda rising: np.maximum.accumulate(rising * np.arange(len(rising), 0, -1)))


def benjamini_hochberg(p: Floats) -> Floats:
    """Return adjusted p-values: of those up to q that are called differences, at most the share q is expected to be false.

    Source: Benjamini and Hochberg, Controlling the false discovery rate, 1995. Holds for independent p-values and for positively
    dependent ones, as those of classes seen on the same images are.

    Args:
        p: (n,) in 0..1 or NaN.

    Returns:
        (n,) the smallest of n · p / i over the i-th smallest p-values from each on, at most 1.
    """
    return _asked(
        p,
        lambda rising: np.minimum.accumulate(
            (rising * len(rising) / np.arange(1, len(rising) + 1))[::-1]
        )[::-1],
    )


def step_down(p: Floats, estimates: Floats, drawn: Floats) -> Floats:
    """Return adjusted p-values as `holm` promises, of differences whose replicates say how they depend on one another.

    Where every question is answered by the same B draws, Holm's p can never be below n · 2 / (B + 1), however clear the answer. Here the
    largest of the remaining deviations of each draw is what a difference must exceed.

    Source: Romano and Wolf, Exact and approximate stepdown methods for multiple hypothesis testing, 2005, algorithm 4.1, with studentised
    statistics; p never falls below that of the question by itself.

    Args:
        p: (n,) of each question by itself, in 0..1 or NaN.
        estimates: (n,) the differences.
        drawn: (B, n) their replicates; NaN where a replicate says nothing.

    Returns:
        (n,) adjusted p-values.
    """
    adjusted, asked = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    deviations = np.abs(np.nan_to_num(drawn[:, asked] - estimates[asked]))
    spread = np.sqrt((deviations**2).mean(axis=0))
    scale = np.where(spread > 0, spread, 1.0)
    size, largest = np.abs(estimates[asked]) / scale, np.zeros(len(drawn))
    rising = np.argsort(size, kind="stable")
    shares = np.empty(len(asked))
    for place in rising:
        largest = np.maximum(largest, deviations[:, place] / scale[place])
        shares[place] = ((largest >= size[place]).sum() + 1) / (len(drawn) + 1)
    falling = rising[::-1]
    adjusted[asked[falling]] = np.maximum.accumulate(np.maximum(shares, p[asked])[falling])
    return adjusted


def _asked(p: Floats, adjust: Callable[[Floats], Floats]) -> Floats:
    """Apply a rule on rising p-values to those that are not NaN, at their places."""
    values = np.asarray(p, np.float64)
    adjusted = np.full(len(values), np.nan)
    order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    adjusted[order] = np.minimum(adjust(values[order]), 1.0)
    return adjusted

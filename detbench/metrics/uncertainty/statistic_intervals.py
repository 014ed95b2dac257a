"""Intervals and p-values of any statistic, from its value and its replicates.

For numbers that are no AP, such as recalls of subsets, costs of errors or calibration errors.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.uncertainty.interval_methods import Expanded, interval_ends
from detbench.metrics.uncertainty.intervals import (
    CONFIDENCE,
    DIFFERENCE_METHOD,
    VALUE_METHOD,
    Interval,
    intervals,
    p_values,
)
from detbench.metrics.uncertainty.replicates import Replicates


def statistic_interval(
    value: float, bootstrap: Floats, clusters: int, *, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """Return the interval of a statistic from its bootstrap replicates.

    Args:
        value: on all images.
        bootstrap: (B,) on each resample.
        clusters: the number of images, or groups of images, that say something about it.
        lowest: its smallest possible value; below 0 for a difference.
        highest: its largest possible value.
    """
    replicates = replace(
        _replicates(value, bootstrap, clusters, (lowest, highest)), is_difference=lowest < 0
    )
    return intervals(replicates, method=DIFFERENCE_METHOD)[0]


def statistic_interval_from_halves(
    value: float, halves: Floats, clusters: int, *, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """Return the interval of a statistic from halves (H,) of the images.

    Other arguments are those of `statistic_interval`.
    """
    replicates = _replicates(value, np.empty(0), clusters, (lowest, highest))
    return intervals(replace(replicates, halves=halves[:, None]), method=VALUE_METHOD)[0]


def statistic_p(value: float, bootstrap: Floats, clusters: int) -> float:
    """Return the p-value of a statistic being 0; NaN if fewer than two images say something."""
    return float(p_values(_replicates(value, bootstrap, clusters, (-1.0, 1.0)))[0])


def statistic_ends(
    bootstrap: Floats, clusters: int, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Return low and high (N,) of N statistics in 0..1 with the replicates (B, N)."""
    return interval_ends(bootstrap, Expanded(clusters), confidence, (0.0, 1.0))


def _replicates(
    value: float, bootstrap: Floats, clusters: int, bounds: tuple[float, float]
) -> Replicates:
    return Replicates(
        name="",
        measure=Measure("statistic"),
        class_names=(),
        values=np.array([value]),
        bootstrap=bootstrap[:, None],
        left_out=np.empty((0, 1)),
        halves=np.empty((0, 1)),
        clusters=np.array([clusters]),
        resampling="",
        bounds=bounds,
    )

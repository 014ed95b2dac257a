"""Drawn: intervals and p of numbers that are no AP, from the number itself and its bootstrap replicates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.uncertainty.clusters import Weights
from detbench.metrics.uncertainty.intervals import (
    CONFIDENCE,
    DIFFERENCE_METHOD,
    VALUE_METHOD,
    Interval,
    ends,
    expanded_share,
    intervals,
    p_values,
)
from detbench.metrics.uncertainty.replicates import Resampled


def drawn_interval(
    value: float, drawn: Floats, units: int, *, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """Return the interval of a number, given its values (B,) in the replicates and how many images say something about it."""
    return intervals(_resampled(value, drawn, units, (lowest, highest)), method=DIFFERENCE_METHOD)[
        0
    ]


def halves_interval(
    value: float, halves: Floats, units: int, *, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """Return the interval of a number, given its values (B,) on halves of the images, wide enough to hold the number itself."""
    resampled = replace(
        _resampled(value, np.empty(0), units, (lowest, highest)), halves=halves[:, None]
    )
    found = intervals(resampled, method=VALUE_METHOD)[0]
    return replace(
        found, low=float(np.minimum(found.low, value)), high=float(np.maximum(found.high, value))
    )


def drawn_p(value: float, drawn: Floats, units: int) -> float:
    """Return p of the number being 0; NaN where fewer than two images say something about it."""
    return float(p_values(_resampled(value, drawn, units, (-1.0, 1.0)))[0])


def drawn_ends(drawn: Floats, units: int, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
    """Return low and high (N,) of N numbers in 0..1 with values (B, N) in the replicates, as `drawn_interval` does."""
    return ends(drawn, expanded_share(units), confidence, (0.0, 1.0))


def stacked(draw: Callable[[int], Weights], count: int) -> Weights:
    """Return the weights (B, I) of the first so many replicates."""
    return np.stack([draw(b) for b in range(count)])


def _resampled(value: float, drawn: Floats, units: int, bounds: tuple[float, float]) -> Resampled:
    return Resampled(
        name="",
        measure=Measure("number"),
        class_names=(),
        values=np.array([value]),
        drawn=drawn[:, None],
        left_out=np.empty((0, 1)),
        halves=np.empty((0, 1)),
        units=np.array([units]),
        draws="",
        bounds=bounds,
    )

"""Confidence intervals and p-values of measures and of their differences.

How an interval is computed is in `interval_methods`. A resample without objects of a class says
nothing about the class and is left out. A difference that is 0 in every replicate has the interval
0 to 0 and p = 1.

A value has no interval if the images cannot show how it varies: too few of them have objects, hits
or misses (`MIN_WITH_…`), or it is the same in every replicate. Nor has any number whose interval
would hold all possible values, nor a measure that lies outside its own interval: halves of its
images then do not represent all of them. Other statistics widen their interval to the value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from detbench.data.columns import Floats
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import MIN_CLUSTERS, MIN_WITH_OBJECTS
from detbench.metrics.uncertainty.interval_methods import (
    Expanded,
    Method,
    Percentile,
    TailShares,
    bias_corrected,
    interval_ends,
    two_sided_p,
)
from detbench.metrics.uncertainty.replicates import Replicates, resample_halves

VALUE_METHOD: Method = "halves"
"""For the value of a single detector."""
DIFFERENCE_METHOD: Method = "expanded"
"""For differences and their p."""
CONFIDENCE = 0.95
WHY_NO_INTERVAL = (
    "No 95% CI is shown where too few images have objects, hits or misses to estimate how the score"
    " varies."
)
"""The footnote of tables in which a value has no interval."""
_ROUNDING = 1e-9
"""Values of replicates that differ by less are equal."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval; the ends are NaN if the images show none."""

    estimate: float
    low: float
    high: float
    confidence: float
    """The share of studies whose interval contains the true value."""
    method: Method

    @property
    def is_defined(self) -> bool:
        """Whether the interval has ends."""
        return not math.isnan(self.low)

    @property
    def is_missing(self) -> bool:
        """Whether there is an estimate, but the images do not show how it varies."""
        return math.isfinite(self.estimate) and not self.is_defined


def intervals(
    replicates: Replicates, *, confidence: float = CONFIDENCE, method: Method = VALUE_METHOD
) -> tuple[Interval, tuple[Interval, ...]]:
    """Return the interval of the overall value and those of the classes.

    Raises:
        DetbenchError: `confidence` is not between 0 and 1, or there is no such method.
    """
    if not 0 < confidence < 1:
        raise DetbenchError(f"confidence must lie between 0 and 1, got {confidence:g}")
    overall, *classes = (
        _interval(replicates, column, confidence, method)
        for column in range(len(replicates.values))
    )
    return overall, tuple(classes)


def value_intervals(
    evaluations: Sequence[Evaluation], measures: Sequence[Measure] | None = None
) -> list[dict[str, tuple[Interval, tuple[Interval, ...]]]]:
    """Return the intervals of each detector by measure: that of the value and those of classes.

    Measures without any object to find are left out.

    Args:
        evaluations: of one ground truth under one protocol.
        measures: None for all of the summary.

    Raises:
        NotComparableError: the evaluations have different ground truth or protocols.
    """
    first = evaluations[0]
    defined = [
        measure
        for measure in measures or first.protocol.measures
        if first.value(measure) is not None
    ]
    if not defined:
        return [{} for _ in evaluations]
    return [
        {replicates.measure.name: intervals(replicates) for replicates in detector}
        for detector in resample_halves(evaluations, defined)
    ]


def p_values(change: Replicates, method: Method = DIFFERENCE_METHOD) -> Floats:
    """Return (1 + K,) the p-values of no overall difference, and of none in each class.

    p is the smallest 1 − confidence at which the interval excludes 0, so that the two never
    contradict each other. An interval that reaches beyond all B replicates contains 0: by
    `percentile` and `expanded`, no p is below 2 / (B + 1). Equal detections have p = 1. NaN if
    fewer than two images have objects.
    """
    return np.array([_p_value(change, column, method) for column in range(len(change.values))])


def standard_error(replicates: Replicates, column: int = 0) -> float:
    """Return the standard deviation over the bootstrap; NaN without replicates."""
    values = _without_nan(replicates.bootstrap[:, column])
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _interval(replicates: Replicates, column: int, confidence: float, method: Method) -> Interval:
    estimate = float(replicates.values[column])
    no_interval = Interval(estimate, math.nan, math.nan, confidence, method)
    plausible = _plausible_values(replicates, column, method)
    if not _shows_variation(replicates, column, plausible):
        return no_interval
    if replicates.is_difference and not plausible.any():
        return Interval(estimate, 0.0, 0.0, confidence, method)
    shares = _tail_shares(replicates, column, method)
    low, high = map(float, interval_ends(plausible, shares, confidence, replicates.bounds))
    contains_estimate = low - _ROUNDING <= estimate <= high + _ROUNDING
    is_measure = replicates.varies is not None
    if (low, high) == replicates.bounds or (is_measure and not contains_estimate):
        return no_interval
    if not replicates.is_difference:
        low, high = min(low, estimate), max(high, estimate)
    return Interval(estimate, low, high, confidence, method)


def _shows_variation(replicates: Replicates, column: int, plausible: Floats) -> bool:
    """Return whether the images show how a number varies, given its plausible values (H,)."""
    clusters = replicates.clusters[column]
    if replicates.is_difference or not len(plausible):
        return bool(clusters >= MIN_CLUSTERS and len(plausible))
    varies = replicates.varies is None or replicates.varies[column]
    return bool(varies and clusters >= MIN_WITH_OBJECTS and np.ptp(plausible) > _ROUNDING)


def _p_value(change: Replicates, column: int, method: Method) -> float:
    plausible = _plausible_values(change, column, method)
    if change.clusters[column] < MIN_CLUSTERS or not len(plausible):
        return math.nan
    return two_sided_p(plausible, _tail_shares(change, column, method))


def _tail_shares(replicates: Replicates, column: int, method: Method) -> TailShares:
    if method == "percentile":
        return Percentile()
    if method in {"expanded", "halves"}:
        return Expanded(int(replicates.clusters[column]))
    if method == "bca":
        return bias_corrected(
            float(replicates.values[column]),
            _without_nan(replicates.bootstrap[:, column]),
            _without_nan(replicates.left_out[:, column]),
        )
    raise DetbenchError(
        f"there is no interval method {method!r}; choose one of {', '.join(get_args(Method))}"
    )


def _plausible_values(replicates: Replicates, column: int, method: Method) -> Floats:
    """Return the values among which a method counts its shares."""
    if method == "halves":
        mirrored = 2 * float(replicates.values[column]) - replicates.halves[:, column]
        values = _without_nan(mirrored)
    else:
        values = _without_nan(replicates.bootstrap[:, column])
    # Interpolation between 0 and a subnormal number underflows to 0, and the interval would contain
    # a 0 that p excludes. No measure has so small a value.
    return np.where(np.abs(values) < np.finfo(np.float64).tiny, 0.0, values)


def _without_nan(values: Floats) -> Floats:
    return np.asarray(values[~np.isnan(values)])

"""Confidence intervals and p-values of measures and of their differences.

How an interval is computed is in `interval_methods`. A resample without objects of a class says
nothing about the class and is left out. A class with objects in fewer than two images has no
interval. A difference that is 0 in every replicate has the interval 0 to 0 and p = 1.
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
from detbench.metrics.uncertainty.clusters import MIN_CLUSTERS
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


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval; the ends are NaN if there is none."""

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

    Measures without any object to find are left out, and all of them if there are fewer than two
    images.

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
    if not defined or len(first.ground_truth.image_ids) < MIN_CLUSTERS:
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
    plausible = _plausible_values(replicates, column, method)
    if replicates.clusters[column] < MIN_CLUSTERS or not len(plausible):
        return Interval(estimate, math.nan, math.nan, confidence, method)
    if replicates.is_difference and not plausible.any():
        return Interval(estimate, 0.0, 0.0, confidence, method)
    shares = _tail_shares(replicates, column, method)
    low, high = interval_ends(plausible, shares, confidence, replicates.bounds)
    return Interval(estimate, float(low), float(high), confidence, method)


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

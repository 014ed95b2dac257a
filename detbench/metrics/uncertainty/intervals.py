"""Intervals: what a measure, or a difference, could be on other images of the same kind, at a stated confidence.

A method says which share of the bootstrap replicates lies below each end:

- `percentile`: the tails themselves (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3).
- `expanded`: the percentile interval, wider where few images show something to find, as Student's t is wider than the normal distribution
  (Hesterberg, What Teachers Should Know about the Bootstrap, 2015, section 5.3): Φ(t √(m / (m − 1))) with t of m − 1 degrees of freedom and
  m such images.
- `halves`: as `expanded`, of what halves of the images say (Politis and Romano, Large sample confidence regions based on subsamples, 1994).
  A measure on half of the images differs from that on all as much as that on all differs from the truth: in spread exactly, and in bias
  about as much. So the truth is sought as far on the other side of the estimate. AP of few objects is flattered by its interpolation; this
  is the method that takes that off. It serves single detectors; in differences the flattery cancels.
- `bca`: corrected for the bias of the median and for a spread that changes with the value (Efron and Tibshirani, 14.3).

The share α of B replicates ends at the (B + 1)α-th smallest, interpolated. Where that lies beyond the outermost replicate, they do not tell
how far the interval reaches, and it ends where the measure does: at 0 or 1, differences at −1 or 1. A replicate without anything of a class
to find says nothing about the class and is left out. A class that fewer than two images show has no interval: one image cannot tell how
results vary. A difference that is 0 in every replicate is 0 throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np

from detbench.data.columns import Floats
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.replicates import Resampled, resample_halves
from detbench.metrics.uncertainty.student_t import student_quantile

Method = Literal["percentile", "expanded", "bca", "halves"]
VALUE_METHOD: Method = "halves"
"""For the value of a single detector."""
DIFFERENCE_METHOD: Method = "expanded"
"""For differences, and their p."""
CONFIDENCE = 0.95
FEWEST_UNITS = 2
_NORMAL = NormalDist()
_LOWEST_Z, _HALVINGS = -8.0, 45
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Interval:
    """An estimate and the range that holds the true value in `confidence` of all studies; NaN ends where that cannot be told."""

    estimate: float
    low: float
    high: float
    confidence: float
    method: Method

    @property
    def known(self) -> bool:
        """Whether there is a range at all."""
        return not math.isnan(self.low)


def intervals(
    found: Resampled, *, confidence: float = CONFIDENCE, method: Method = VALUE_METHOD
) -> tuple[Interval, tuple[Interval, ...]]:
    """Return the interval of the overall value and those of the classes.

    Raises:
        DetbenchError: confidence is not between 0 and 1, or there is no such method.
    """
    if not 0 < confidence < 1:
        raise DetbenchError(f"confidence must lie between 0 and 1, got {confidence:g}")
    overall, *classes = (
        _interval(found, column, confidence, method) for column in range(len(found.values))
    )
    return overall, tuple(classes)


def value_intervals(
    evaluations: Sequence[Evaluation], measures: Sequence[Measure] | None = None
) -> list[dict[str, tuple[Interval, tuple[Interval, ...]]]]:
    """Return for each detector and measure the interval of the value and those of the classes; none below two images.

    Args:
        evaluations: of one ground truth under one protocol.
        measures: None for all of the summary. Those without any object to find are left out.

    Raises:
        NotComparableError: the evaluations are of other ground truth or protocols.
    """
    first = evaluations[0]
    asked = [
        measure
        for measure in measures or first.protocol.measures
        if first.value(measure) is not None
    ]
    if not asked or len(first.ground_truth.image_ids) < FEWEST_UNITS:
        return [{} for _ in evaluations]
    return [
        {one.measure.name: intervals(one) for one in found}
        for found in resample_halves(evaluations, asked)
    ]


def p_values(change: Resampled, method: Method = DIFFERENCE_METHOD) -> Floats:
    """Return (1 + K,) p of no overall difference and of none in each class; NaN where fewer than two images have anything to find.

    p is the smallest 1 − confidence at which the interval leaves 0 out, so that the two never contradict each other. An interval that
    reaches beyond all B replicates holds 0: by `percentile` and `expanded`, no p is below 2 / (B + 1). Equal detections have p = 1.
    """
    return np.array([_p(change, column, method) for column in range(len(change.values))])


def standard_error(found: Resampled, column: int = 0) -> float:
    """Return the standard deviation over the replicates; NaN where there are none."""
    drawn = _known(found.drawn[:, column])
    return float(drawn.std(ddof=1)) if len(drawn) > 1 else math.nan


def _interval(found: Resampled, column: int, confidence: float, method: Method) -> Interval:
    estimate, drawn = float(found.values[column]), _plausible(found, column, method)
    if found.units[column] < FEWEST_UNITS or not len(drawn):
        return Interval(estimate, math.nan, math.nan, confidence, method)
    if found.is_difference and not drawn.any():
        return Interval(estimate, 0.0, 0.0, confidence, method)
    low, high = ends(drawn, _shares(found, column, method), confidence, found.bounds)
    return Interval(estimate, float(low), float(high), confidence, method)


def ends(
    drawn: Floats, share: Callable[[float], float], confidence: float, bounds: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Return where an interval begins and ends.

    Args:
        drawn: (B, ...) the replicates, one or more.
        share: gives the share of replicates below the end of a tail.
        confidence: between 0 and 1.
        bounds: what is possible; an end is there where its share lies beyond the outermost replicate.

    Returns:
        low and high (...).
    """
    tail, outermost = (1 - confidence) / 2, (1 - _ROUNDING) / (len(drawn) + 1)
    shares = share(tail), share(1 - tail)
    low, high = np.clip(np.quantile(drawn, shares, axis=0, method="weibull"), *bounds)
    low = low if shares[0] >= outermost else np.full_like(low, bounds[0])
    return low, high if shares[1] <= 1 - outermost else np.full_like(high, bounds[1])


def _p(change: Resampled, column: int, method: Method) -> float:
    drawn = _plausible(change, column, method)
    if change.units[column] < FEWEST_UNITS or not len(drawn):
        return math.nan
    share = _shares(change, column, method)
    return 2 * min(
        _tail(share, _share_up_to_zero(drawn)),
        _tail(lambda tail: 1 - share(1 - tail), _share_up_to_zero(-drawn)),
    )


def _share_up_to_zero(drawn: Floats) -> float:
    """Return the share of replicates at which they pass 0, interpolated as the ends of intervals are."""
    rising = np.sort(drawn)
    below = int((rising <= 0).sum())
    if below == 0:
        return 1 / (len(rising) + 1)
    if below == len(rising):
        return 1.0
    last, next_one = rising[below - 1], rising[below]
    return float(below + last / (last - next_one)) / (len(rising) + 1)


def _tail(share: Callable[[float], float], wanted: float) -> float:
    """Return the largest tail up to .5 that leaves out at most the wanted share of the replicates; `share` rises."""
    if share(0.5) <= wanted:
        return 0.5
    low, high = _LOWEST_Z, 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if share(_NORMAL.cdf(middle)) <= wanted else (low, middle)
    return _NORMAL.cdf(low)


def _shares(found: Resampled, column: int, method: Method) -> Callable[[float], float]:
    """Return what gives the share of replicates below the end of a tail."""
    if method == "percentile":
        return lambda tail: tail
    if method in {"expanded", "halves"}:
        return expanded_share(int(found.units[column]))
    if method == "bca":
        return _corrected(
            float(found.values[column]),
            _known(found.drawn[:, column]),
            _known(found.left_out[:, column]),
        )
    raise DetbenchError(
        f"there is no interval method {method!r}; choose one of {', '.join(get_args(Method))}"
    )


def expanded_share(units: int) -> Callable[[float], float]:
    """Return what gives the share of replicates below the end of a tail by the method `expanded`, of two images or more."""
    return lambda tail: _NORMAL.cdf(expanded_quantile(tail, units))


def expanded_quantile(probability: float, units: int) -> float:
    """Return by how many standard deviations of the replicates the method `expanded` goes, where `units` images show something to find.

    The replicates' spread is that of m values about their mean, which is too small by √((m − 1) / m).
    """
    return math.sqrt(units / (units - 1)) * student_quantile(probability, units - 1)


def _corrected(estimate: float, drawn: Floats, left_out: Floats) -> Callable[[float], float]:
    """Return BCa's shares, with bias correction z0 and acceleration a.

    z0 is the normal quantile of the share of replicates below the estimate, where equal ones count half. a comes from the jackknife over
    parts of the images: Σd³ / 6(Σd²)^1.5 with d the mean of the values without each part less the value without this one.
    """
    count = len(drawn)
    below = (float((drawn < estimate).sum()) + 0.5 * float((drawn == estimate).sum())) / count
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / count), 1 - 0.5 / count))
    steps = left_out.mean() - left_out
    spread = 6 * float((steps**2).sum()) ** 1.5
    acceleration = float((steps**3).sum()) / spread if spread > 0 else 0.0

    def share(tail: float) -> float:
        shifted = bias + _NORMAL.inv_cdf(tail)
        divisor = 1 - acceleration * shifted
        if divisor <= 0:
            return 1.0 if shifted > 0 else 0.0
        return _NORMAL.cdf(bias + shifted / divisor)

    return share


def _plausible(found: Resampled, column: int, method: Method) -> Floats:
    """Return the values among which the method's shares are counted."""
    if method == "halves":
        return 2 * float(found.values[column]) - _known(found.halves[:, column])
    return _known(found.drawn[:, column])


def _known(values: Floats) -> Floats:
    return np.asarray(values[~np.isnan(values)])

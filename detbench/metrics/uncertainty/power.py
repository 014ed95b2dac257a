"""Power: the smallest difference that a dataset can show, and the images that one needs.

A difference d with standard error s is significant at the two-sided level α with power β if
d = (z(1 − α/2) + z(β)) · s. Standard errors shrink with the square root of the number of images.
Source: Lachin, Introduction to sample size determination and power analysis for clinical trials,
1981.

Given two detectors, s is the standard error of their paired difference. Given one, a second one
with the same spread is assumed, whose value on resamples of the images has correlation ρ with that
of the first: s² = 2 (1 − ρ) times the variance of the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.uncertainty.clusters import MIN_CLUSTERS
from detbench.metrics.uncertainty.intervals import standard_error
from detbench.metrics.uncertainty.replicates import Replicates

POWER, LEVEL = 0.8, 0.05
CORRELATION = 0.7
"""A typical correlation of independently trained detectors. Among three YOLOs on VOC 2007 test it
is .69–.74 for mAP 2007, .71–.78 for mAP 2012 and .83–.88 for AP."""


@dataclass(frozen=True)
class PowerAnalysis:
    """Which differences a dataset can show in one measure.

    Differences are in the measure's own unit (0..1), and NaN if there is no standard error.
    """

    measure: Measure
    images: int
    values: tuple[float, ...]
    """The values of the one or two detectors."""
    standard_error: float
    """Of the paired difference."""
    correlation: float
    """Between the two detectors, over resamples of the images."""
    assumed: bool
    """Whether the correlation was assumed, because there is only one detector."""
    power: float
    level: float
    smallest: float
    """The smallest difference that is significant with this power."""
    difference: float | None
    """The difference in question, if any."""
    needed: int | None
    """Images that show it with this power; None without a difference or a standard error."""
    classes: tuple[tuple[str, float], ...]
    """Name and smallest difference of each class, alone and not corrected for their number."""


def power_analysis(
    detectors: Sequence[Replicates],
    images: int,
    *,
    difference: float | None = None,
    power: float = POWER,
    level: float = LEVEL,
    correlation: float | None = None,
) -> PowerAnalysis:
    """Analyze the power of a comparison from one or two detectors.

    Args:
        detectors: one, or two that were resampled together.
        images: number of images on which they were resampled.
        difference: to be shown, in the measure's unit (0..1).
        power: probability that a true difference is significant, between `level` and 1.
        level: probability that a difference is significant if there is none.
        correlation: assumed between one detector and a second one, at least −1 and less than 1;
            None for `CORRELATION`. Must be None for two detectors.

    Raises:
        DetbenchError: there are not one or two detectors, or a number is out of its range.
    """
    _check(len(detectors), difference, power, level, correlation)
    first = detectors[0]
    columns = range(len(first.values))
    # The standard errors of the paired difference: overall first, then of each class.
    if len(detectors) == 2:
        change = detectors[1].minus(first)
        errors = [_standard_error(change, column) for column in columns]
        correlation = _correlation(first, detectors[1])
    else:
        correlation = CORRELATION if correlation is None else correlation
        factor = math.sqrt(2 * (1 - correlation))
        errors = [factor * _standard_error(first, column) for column in columns]
    smallest, *by_class = (smallest_difference(error, power=power, level=level) for error in errors)
    needed = None
    if difference is not None and not math.isnan(smallest):
        needed = images_needed(smallest, images, difference)
    return PowerAnalysis(
        measure=first.measure,
        images=images,
        values=tuple(float(detector.values[0]) for detector in detectors),
        standard_error=errors[0],
        correlation=correlation,
        assumed=len(detectors) == 1,
        power=power,
        level=level,
        smallest=smallest,
        difference=difference,
        needed=needed,
        classes=tuple(zip(first.class_names, by_class, strict=True)),
    )


def smallest_difference(
    standard_error: float, *, power: float = POWER, level: float = LEVEL
) -> float:
    """Return the difference that is significant at the two-sided `level` with this power."""
    normal = NormalDist()
    return (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) * standard_error


def images_needed(smallest: float, images: int, difference: float) -> int:
    """Return how many images show `difference` with the power that `images` show `smallest`.

    At least 2.
    """
    return max(2, math.ceil(images * (smallest / difference) ** 2))


def _standard_error(replicates: Replicates, column: int) -> float:
    """Return the standard error; NaN if it is 0 or fewer than two images have objects.

    In both cases the images say nothing about the size of differences.
    """
    error = standard_error(replicates, column)
    return error if replicates.clusters[column] >= MIN_CLUSTERS and error > 0 else math.nan


def _correlation(first: Replicates, second: Replicates) -> float:
    defined = ~np.isnan(first.bootstrap[:, 0])
    a, b = first.bootstrap[defined, 0], second.bootstrap[defined, 0]
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def _check(
    detectors: int, difference: float | None, power: float, level: float, correlation: float | None
) -> None:
    if detectors not in {1, 2}:
        raise DetbenchError(f"a power analysis needs one or two detectors, got {detectors}")
    if not 0 < level < power < 1:
        raise DetbenchError(
            f"power must lie between the level and 1, got power {power:g} and level {level:g}"
        )
    if difference is not None and not 0 < difference <= 1:
        raise DetbenchError(
            f"the difference must lie between 0 and 100 points, got {100 * difference:g}"
        )
    if correlation is not None and detectors == 2:
        raise DetbenchError(
            "the correlation of two detectors is measured; leave out the correlation,"
            " or give one detector"
        )
    if correlation is not None and not -1 <= correlation < 1:
        raise DetbenchError(f"correlation must be at least -1 and less than 1, got {correlation:g}")

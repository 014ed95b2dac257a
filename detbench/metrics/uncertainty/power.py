"""Power: the smallest difference that a dataset can show, and the images that a given one needs.

A difference d with standard error s is called at two-sided level α with power β when d = (z(1 − α/2) + z(β)) · s. Standard errors shrink
with the square root of the number of images. Source: Lachin, Introduction to sample size determination and power analysis for clinical
trials, 1981.

From two detectors, s is the standard error of their paired difference. From one alone, another of equal spread is assumed, whose value goes
up and down with this one's from one draw of images to the next, with correlation ρ: s² = 2 (1 − ρ) times the variance of this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.uncertainty.intervals import FEWEST_UNITS, standard_error
from detbench.metrics.uncertainty.replicates import Resampled

POWER, LEVEL = 0.8, 0.05
CORRELATION = 0.7
"""Between independently trained detectors: .69–.74 in mAP 2007, .71–.78 in mAP 2012, .83–.88 in AP among three YOLOs on VOC 2007 test."""


@dataclass(frozen=True)
class Plan:
    """What I images can show in one measure. Differences are in the measure's own unit (0..1); NaN where they cannot be told."""

    measure: Measure
    images: int
    values: tuple[float, ...]
    """Of the detectors at hand: one or two."""
    standard_error: float
    """Of the paired difference."""
    correlation: float
    """Between the two detectors over draws of images."""
    assumed: bool
    """Whether the correlation was assumed, there being one detector."""
    power: float
    level: float
    smallest: float
    """The smallest difference that is called with this power."""
    difference: float | None
    """The difference asked about."""
    needed: int | None
    """Images that show it with this power; None where none is asked about or it cannot be told."""
    classes: tuple[tuple[str, float], ...]
    """Name and smallest difference of each class, alone and not corrected for their number."""


def plan(
    detectors: Sequence[Resampled],
    images: int,
    *,
    difference: float | None = None,
    power: float = POWER,
    level: float = LEVEL,
    correlation: float | None = None,
) -> Plan:
    """Plan from one or two detectors at hand.

    Args:
        detectors: one, or two that were resampled together.
        images: I, on which they were resampled.
        difference: to be shown, in the measure's unit (0..1).
        power: the probability that a true difference is called, between `level` and 1.
        level: the probability that a difference is called where there is none.
        correlation: assumed of one detector and its rival, in −1..1 without 1; None for `CORRELATION`. Not for two.

    Raises:
        DetbenchError: not one or two detectors, or a number out of its range.
    """
    _check(len(detectors), difference, power, level, correlation)
    first = detectors[0]
    if len(detectors) == 2:
        change = detectors[1].minus(first)
        errors = [_error(change, column) for column in range(len(change.values))]
        together = _correlation(first, detectors[1])
    else:
        together = CORRELATION if correlation is None else correlation
        errors = [
            math.sqrt(2 * (1 - together)) * _error(first, column)
            for column in range(len(first.values))
        ]
    smallest, *by_class = (smallest_difference(error, power=power, level=level) for error in errors)
    return Plan(
        measure=first.measure,
        images=images,
        values=tuple(float(each.values[0]) for each in detectors),
        standard_error=errors[0],
        correlation=together,
        assumed=len(detectors) == 1,
        power=power,
        level=level,
        smallest=smallest,
        difference=difference,
        needed=None
        if difference is None or math.isnan(smallest)
        else images_needed(smallest, images, difference),
        classes=tuple(zip(first.class_names, by_class, strict=True)),
    )


def smallest_difference(
    standard_error: float, *, power: float = POWER, level: float = LEVEL
) -> float:
    """Return the difference that is called at two-sided `level` with this power."""
    normal = NormalDist()
    return (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) * standard_error


def images_needed(smallest: float, images: int, difference: float) -> int:
    """Return how many images show `difference` as surely as `images` show the smallest one; at least 2."""
    return max(2, math.ceil(images * (smallest / difference) ** 2))


def _error(found: Resampled, column: int) -> float:
    """Return the standard error; NaN where one image at most shows anything or nothing varies: then no size of a difference can be told."""
    error = standard_error(found, column)
    return error if found.units[column] >= FEWEST_UNITS and error > 0 else math.nan


def _correlation(first: Resampled, second: Resampled) -> float:
    there = ~np.isnan(first.drawn[:, 0])
    a, b = first.drawn[there, 0], second.drawn[there, 0]
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def _check(
    detectors: int, difference: float | None, power: float, level: float, correlation: float | None
) -> None:
    if detectors not in {1, 2}:
        raise DetbenchError(
            f"a plan starts from one detector or from two that are to be compared, got {detectors}"
        )
    if not 0 < level < power < 1:
        raise DetbenchError(
            f"power must lie between the level and 1, got power {power:g} at level {level:g}"
        )
    if difference is not None and not 0 < difference <= 1:
        raise DetbenchError(
            f"the difference to be shown must lie between 0 and 100 points, got {100 * difference:g}"
        )
    if correlation is not None and detectors == 2:
        raise DetbenchError(
            "the correlation of two detectors is measured; leave it out, or give one detector"
        )
    if correlation is not None and not -1 <= correlation < 1:
        raise DetbenchError(
            f"correlation must lie between -1 and 1, and below 1, got {correlation:g}"
        )

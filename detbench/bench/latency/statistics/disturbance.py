"""Disturbance: whether a model is slower or faster in company than alone.

Two models that disturb each other alike look sound: their intervals are narrow and their ratio is
stable. Only a comparison of the same process with itself, alone and in company, shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detbench.bench.latency.statistics.processes import mean_interval
from detbench.errors import DetbenchError

_MIN_CHANGE = 0.02
"""A smaller change is no disturbance, however certain it is."""
_LARGE_CHANGE = 0.10
"""A larger one is a disturbance with so few processes that Student's t says nothing, too."""
_CONFIDENCE = 0.99
"""Every task of every model is checked, so that 95% would often invalidate sound measurements."""


@dataclass(frozen=True)
class Disturbance:
    """A model whose p50 in company is not that alone."""

    alone_ns: float
    """The mean over processes of the p50 alone, in ns."""
    company_ns: float
    """The same while other models were loaded."""
    ratio: float
    """The geometric mean of the processes' p50 in company as a multiple of that alone."""


def disturbance(
    alone_ns: Sequence[float], company_ns: Sequence[float], *, machine_is_slow: bool = False
) -> Disturbance | None:
    """Return how much other models disturb a model; None if alone and in company agree.

    They disagree if the mean log ratio is beyond 2% and its 99% interval, Student's t over
    processes, excludes 0. A mean beyond 10% needs no interval: with one process there is none, and
    with a few it is too wide to say anything. It does if turns on a slow machine count, which alone
    make so large a difference.

    Args:
        alone_ns: One p50 in ns per process, paired with `company_ns` by index. Only processes that
            were timed both alone and in company.
        company_ns: The same in company.
        machine_is_slow: Whether turns on a slow machine count.

    Raises:
        DetbenchError: The numbers of processes differ, or a p50 is not above 0 ns.
    """
    if len(alone_ns) != len(company_ns):
        raise DetbenchError(
            f"cannot pair {len(alone_ns)} processes alone with {len(company_ns)} in company;"
            " pass only those that were timed both ways"
        )
    if not len(alone_ns):
        return None
    medians = np.array([alone_ns, company_ns], np.float64)
    if not (medians > 0).all():
        raise DetbenchError(f"a p50 is {medians.min():g} ns, but must be above 0 ns")
    log_ratios = np.log(medians[1] / medians[0]).tolist()
    mean = float(np.mean(log_ratios))
    low, high = mean_interval(log_ratios, confidence=_CONFIDENCE) or (-math.inf, math.inf)
    is_large = abs(mean) > math.log1p(_LARGE_CHANGE) and not machine_is_slow
    is_certain = low > 0 or high < 0 or is_large
    if abs(mean) <= math.log1p(_MIN_CHANGE) or not is_certain:
        return None
    alone, company = medians.mean(axis=1)
    return Disturbance(float(alone), float(company), math.exp(mean))

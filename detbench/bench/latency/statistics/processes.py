"""Statistics over processes: the interval of a figure that several processes of a model gave.

The processes are started anew and timed one after the other, so that whatever differs between
processes, and between the times at which they ran, shows in the spread of their figures. Student's
t over the processes needs nothing else. A bootstrap over so few processes gives intervals that are
too narrow (docs/latency.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.uncertainty.student_t import student_t_quantile

_MIN_PROCESSES = 5
_FALSE_MODES = 0.02
_MIN_CHANGE = 0.03


_MAX_WIDTHS = {50.0: 0.05}
_MAX_TAIL_WIDTH = 0.10
"""Widths of an interval, from end to end, as shares of the percentile."""


@dataclass(frozen=True)
class Mode:
    """A cluster of processes whose figures are alike."""

    count: int
    """Number of processes."""
    center: float
    """The mean of their figures, in the unit of the figures."""


def mean_interval(
    values: Sequence[float], *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of the mean of independent values; None with fewer than two.

    Args:
        values: One per process.
        confidence: How often the interval holds the true mean, 0..1.
    """
    count = len(values)
    if count < 2:
        return None
    t = student_t_quantile((1 + confidence) / 2, count - 1)
    margin = t * float(np.std(values, ddof=1)) / math.sqrt(count)
    center = float(np.mean(values))
    return center - margin, center + margin


def noise_reasons(percentiles: Mapping[float, Sequence[float]]) -> list[str]:
    """Return which intervals over processes are too wide: p50 by 5%, tail percentiles by 10%.

    With a single process there is no such interval, and the stopping rule judges its own.

    Args:
        percentiles: For each percentile (0..100) that counts, one value per process.
    """
    reasons = []
    for q, values in percentiles.items():
        if (interval := mean_interval(values)) is None:
            continue
        width = (interval[1] - interval[0]) / float(np.mean(values))
        max_width = _MAX_WIDTHS.get(q, _MAX_TAIL_WIDTH)
        if width > max_width:
            reasons.append(
                f"too noisy: the interval of p{q:g} over {len(values)} processes"
                f" is {width:.1%} wide, more than {max_width:.1%}"
            )
    return reasons


def modes(values: Sequence[float]) -> tuple[Mode, Mode] | None:
    """Return the two modes that the processes are in, the faster first; None if there is one.

    Args:
        values: One figure per process, above 0, such as its p50.
    """
    count = len(values)
    if count < _MIN_PROCESSES:
        return None
    ordered = np.sort(np.asarray(values, np.float64))
    logs = np.log(ordered)
    separations = [_separation(logs[:k], logs[k:]) for k in range(1, count)]
    k = int(np.argmax(separations)) + 1
    partitions = 2 ** (count - 1) - 1
    critical = student_t_quantile(1 - _FALSE_MODES / (2 * partitions), count - 2)
    change = logs[k:].mean() - logs[:k].mean()
    if separations[k - 1] <= critical or change <= math.log1p(_MIN_CHANGE):
        return None
    return Mode(k, float(ordered[:k].mean())), Mode(count - k, float(ordered[k:].mean()))


def _separation(low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Return Student's t of two groups of values with a common spread."""
    freedom = len(low) + len(high) - 2
    squares = ((low - low.mean()) ** 2).sum() + ((high - high.mean()) ** 2).sum()
    error = math.sqrt(squares / freedom * (1 / len(low) + 1 / len(high)))
    difference = float(high.mean() - low.mean())
    return difference / error if error else math.inf if difference else 0.0

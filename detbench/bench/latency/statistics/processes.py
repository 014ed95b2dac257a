"""Statistics over processes: the interval of a figure that several processes of a model gave.

The processes are started anew and timed one after the other, so that whatever differs between
processes, and between the times at which they ran, shows in the spread of their figures. Student's
t over the processes needs nothing else. A bootstrap over so few processes gives intervals that are
too narrow (docs/latency-statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.uncertainty.student_t import student_t_cdf, student_t_quantile

_MIN_PROCESSES = 3
_FALSE_MODES = 0.01
"""How often one cluster is called two modes, by each of two rules."""
_FALSE_MODES_IF_UNUSUAL = 0.2
"""How often at most by the second rule, if the spread of the cluster is larger than is usual."""
_USUAL_SPREAD = 0.02
"""Standard deviation between processes in the same mode, as a share of the figure."""
_MIN_SPREAD = 1e-6
"""Lower bound of the spread within modes, for figures that are equal."""
_MIN_MODE_CHANGE = 0.03
"""Modes that differ by less are not worth naming."""
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


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean, the center of `geometric_interval`; 0 if a value is 0."""
    if min(values) <= 0 or len(values) == 1:
        return float(min(values))
    return math.exp(float(np.mean(np.log(values))))


def geometric_interval(
    values: Sequence[float], *, drift: float = 0.0, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of the geometric mean; None with fewer than two values, or a 0.

    Processes differ by factors: one is 3% slower, another 10%. The logarithms therefore have the
    symmetric spread that Student's t needs, no end is below 0, and the ratio of two models' figures
    is the one that `compare_processes` returns.

    The spread of processes that ran within a minute does not show how a machine changes in a
    quarter of an hour. That part is known from earlier measurements only. It is added in quadrature
    (JCGM 100:2008, Guide to the expression of uncertainty in measurement, 4.3 and 5.1).

    Args:
        values: One per process.
        drift: Standard deviation of the logarithm of the figure from one measurement to the next,
            beyond what processes explain.
        confidence: How often the interval holds the true mean, 0..1.
    """
    if min(values, default=0.0) <= 0:
        return None
    interval = mean_interval(np.log(values).tolist(), confidence=confidence)
    if interval is None:
        return None
    center, margin = (interval[0] + interval[1]) / 2, (interval[1] - interval[0]) / 2
    margin = math.hypot(margin, NormalDist().inv_cdf((1 + confidence) / 2) * drift)
    return math.exp(center - margin), math.exp(center + margin)


def noise_reasons(percentiles: Mapping[float, Sequence[float]]) -> list[str]:
    """Return which intervals over processes are too wide: p50 by 5%, tail percentiles by 10%.

    With a single process there is no such interval, and the stopping rule judges its own.

    Args:
        percentiles: For each percentile (0..100) that counts, one value per process.
    """
    reasons = []
    for q, values in percentiles.items():
        if (interval := geometric_interval(values)) is None:
            continue
        width = (interval[1] - interval[0]) / geometric_mean(values)
        max_width = _MAX_WIDTHS.get(q, _MAX_TAIL_WIDTH)
        if width > max_width:
            reasons.append(
                f"too noisy: the interval of p{q:g} over {len(values)} processes"
                f" is {width:.1%} wide, more than {max_width:.1%}"
            )
    return reasons


def modes(values: Sequence[float]) -> tuple[Mode, Mode] | None:
    """Return the two modes that the processes are in, the lower first; None if there is one.

    The logarithms are split where that is least likely in a single normal cluster. With five
    processes, a test that assumes nothing about the spread within a mode names only half of those
    pairs of modes that are 10% apart. A spread of up to 2% is therefore taken as usual: beyond
    what such a cluster explains, weaker evidence suffices. In simulations, one cluster with a
    spread of up to 2% is named in at most 2% (docs/latency-statistics.md).

    Args:
        values: One figure per process, above 0, such as its p50. Fewer than three have no modes.
    """
    count = len(values)
    if count < _MIN_PROCESSES:
        return None
    ordered = np.sort(np.asarray(values, np.float64))
    logs = np.log(ordered)
    probability, split = min((_split_probability(logs, split), split) for split in range(1, count))
    low, high = ordered[:split], ordered[split:]
    if probability > _FALSE_MODES or high.mean() <= (1 + _MIN_MODE_CHANGE) * low.mean():
        return None
    return Mode(len(low), float(low.mean())), Mode(len(high), float(high.mean()))


def _split_probability(logs: NDArray[np.float64], split: int) -> float:
    """Return how likely one normal cluster is divided at `split` into parts as far apart as these.

    It is an upper bound: the probability for any fixed division, times the number of divisions
    into parts of these sizes, times the number of sizes.

    Args:
        logs: (n,) sorted.
        split: Number of values in the lower part, 1..n - 1.
    """
    count = len(logs)
    low, high = logs[:split], logs[split:]
    divisions = math.comb(count, split) * (count - 1)
    difference = float(high.mean() - low.mean())
    scale = math.sqrt(1 / split + 1 / (count - split))
    squares = float(((low - low.mean()) ** 2).sum() + ((high - high.mean()) ** 2).sum())
    spread = max(math.sqrt(squares / (count - 2)), _MIN_SPREAD)
    # Of any spread, and of the largest that is usual.
    student = divisions * student_t_cdf(-difference / (scale * spread), count - 2)
    normal = divisions * NormalDist().cdf(-difference / (scale * _USUAL_SPREAD))
    return min(student, max(student * _FALSE_MODES / _FALSE_MODES_IF_UNUSUAL, normal))

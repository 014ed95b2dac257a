"""Statistics over processes: the interval of a figure that several processes of a model gave.

The processes are started anew and timed one after the other, so that whatever differs between
processes, and between the times at which they ran, shows in the spread of their figures. Student's
t over the processes needs nothing else. A bootstrap over so few processes gives intervals that are
too narrow (docs/latency.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detbench.metrics.uncertainty.student_t import student_t_quantile


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

"""Warm-up: how many samples to discard, found from the samples themselves.

At the start of a series, and after each wake-up of a process that was stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.statistics.long_run_variance import (
    degrees_of_freedom,
    long_run_variance,
)
from detbench.bench.latency.statistics.percentiles import Samples

_MIN_SAMPLES = 20
_MIN_CHANGE = 0.02
"""Smallest change of the median that counts, as a share of the median."""
_CRITICAL_VALUE = 4.5
"""Standard deviations that the largest rank sum of a settled series exceeds in 1 of 100 cases
(docs/latency-statistics.md)."""
_SEARCHED_SHARE = 0.9
"""A change in the last tenth may be a burst that ends. More samples will show it."""

_MIN_TURNS = 3
_MIN_TURN_SAMPLES = 4
_MIN_TURNS_OF_CHANGES = 12
"""With fewer, autocorrelated noise in the profile looks like a change of level too often."""
_MAX_ERRORS = 3.0
_SPREAD_PER_DEVIATION = 1.4826
_MEDIAN_ERROR = 1.2533
"""Of a normal distribution: its standard deviation by its median absolute deviation, and the
standard error of its median by that of its mean."""


@dataclass(frozen=True)
class Warmup:
    """What precedes the settled part of a series."""

    count: int
    """Number of samples to discard at the start, at most half of the series."""
    settled: bool
    """Whether the level is constant from the middle of the series on, or from earlier."""


def find_warmup(samples_ns: Samples) -> Warmup:
    """Return how many samples precede the last change of level.

    The search repeats in what follows each change, so that a slow decay is followed until noise
    hides it. A series of fewer than 20 samples is never settled.

    Args:
        samples_ns: (n,) in order of time.
    """
    values = np.asarray(samples_ns, np.float64)
    half = len(values) // 2
    if len(values) < _MIN_SAMPLES:
        return Warmup(0, False)
    # First discard leading outliers, such as a lazily compiled first call: samples longer than any
    # in the second half. They are too few for a rank test.
    longest = max(values[half:].max(), (1 + _MIN_CHANGE) * np.median(values[half:]))
    count = int(np.argmax(values <= longest))
    while count <= half and (change := _change_point(values[count:])):
        count += change
    return Warmup(min(count, half), count <= half)


def wake_up_count(turns_ns: Sequence[Samples]) -> int:
    """Return how many samples at the start of each turn to discard, because the process just woke.

    Each turn is divided by the median of its second half. The profile is the median over turns at
    each position, up to the length of the shortest turn. Leading positions are discarded while they
    are above the level of the second half by 2% and by three standard errors. The errors come from
    the turns, so that turns of a few samples suffice. Then the warm-up rule's search for changes of
    level follows a slow decay, if there are at least 12 turns.

    In simulations, `find_warmup` alone discards nothing from short turns, and more than one sample
    of settled turns in up to 17% of the cases, if bursts are as long as turns. This rule does so in
    at most 5% (docs/latency-statistics.md).

    Args:
        turns_ns: One array of samples in ns per turn. Turns of different processes may be joined.
            Turns of less than half the median length, or with a median of 0 ns, are ignored.

    Returns:
        At most half of the shortest turn; 0 with fewer than three turns, or turns of fewer than
        four samples.
    """
    typical = float(np.median([len(turn) for turn in turns_ns])) if turns_ns else 0.0
    turns = [
        turn
        for turn in turns_ns
        if len(turn) >= max(typical / 2, _MIN_TURN_SAMPLES) and np.median(turn[len(turn) // 2 :])
    ]
    if len(turns) < _MIN_TURNS:
        return 0
    length = min(len(turn) for turn in turns)
    relative = np.array([turn[:length] / np.median(turn[len(turn) // 2 :]) for turn in turns])
    profile, half = np.median(relative, axis=0), length // 2

    level, settled = np.median(profile[half:]), relative[:, half:]
    spread = _SPREAD_PER_DEVIATION * np.median(np.abs(settled - np.median(settled)))
    error = _MEDIAN_ERROR * spread / np.sqrt(len(turns))
    is_settled = profile <= level + max(_MIN_CHANGE * level, _MAX_ERRORS * error)
    count = int(np.argmax(is_settled))
    if len(turns) >= _MIN_TURNS_OF_CHANGES:
        while count <= half and (change := _change_point(profile[count:])):
            count += change
    return min(count, half)


def _change_point(values: NDArray[np.float64]) -> int:
    """Return the index of the most significant change of level, 0 if there is none.

    Wilcoxon's test for a change point under dependence (Dehling, Fried and Wendler, "A robust
    method for shift detection in time series", Biometrika 107, 2020). Ranks make it robust to
    outliers.
    """
    count = len(values)
    if count < _MIN_SAMPLES:
        return 0
    ranks = _rank_shares(values)

    # The statistic at each split: the sum of the ranks before it, less its expectation in a settled
    # series. The weight k (1 - k / n) gives early splits the same variance as central ones.
    before = np.arange(1, int(count * _SEARCHED_SHARE) + 1)
    centered_sums = np.cumsum(ranks - ranks.mean())[: len(before)]
    statistics = centered_sums / np.sqrt(before * (1 - before / count))
    split = int(np.argmax(np.abs(statistics))) + 1

    # Its standard deviation, from the ranks around the level of either side. Deviations from one
    # common level would include the change itself.
    first, second = ranks[:split], ranks[split:]
    residuals = np.concatenate([first - first.mean(), second - second.mean()])
    spread = np.sqrt(long_run_variance(residuals, 2 * degrees_of_freedom(count)))
    is_significant = abs(statistics[split - 1]) > _CRITICAL_VALUE * spread

    level = np.median(values[split:])
    is_relevant = abs(np.median(values[:split]) - level) > _MIN_CHANGE * level
    return split if is_significant and is_relevant else 0


def _rank_shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks divided by n (0..1); equal values share the middle of their ranks.

    A coarse clock produces many equal values. Breaking their ties by position would look like a
    change of level.
    """
    _, indices, sizes = np.unique(values, return_inverse=True, return_counts=True)
    middles = np.cumsum(sizes) - sizes / 2
    return np.asarray(middles[indices] / len(values))

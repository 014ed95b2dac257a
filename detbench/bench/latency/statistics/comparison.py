"""Comparison of two latencies taken side by side: the ratio of B to A, its interval and a verdict.

**Over processes.** Each group runs one fresh process of either model at the same time, in turns.
One observation is the logarithm of the ratio of their medians. Whatever a whole group shares, such
as a slower machine, cancels. What differs from process to process shows in the spread between
groups, so that the interval is Student's t over groups.

**Over rounds**, within one process of each. Each round times both models, in an order drawn at
random for that round. One observation is the logarithm of the ratio of the round's medians. If A
and B were equally fast, a burst or a drift would hit either of them with equal probability. The log
ratio would then be x as likely as −x, and independent in sign from round to round, whatever the
machine does. Wilcoxon's signed-rank statistic requires nothing more, so that its rate of false
alarms is exact. It is about these two processes only: another process of the same model may be
faster or slower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.statistics.percentiles import Samples
from detbench.bench.latency.statistics.processes import mean_interval
from detbench.errors import DetbenchError

ComparisonVerdict = Literal["same", "faster", "slower", "inconclusive"]

_MAX_ROUNDS = 1_000
"""More rounds are merged first: the means of all pairs of rounds take quadratic time and memory."""
_MAX_EXACT_ROUNDS = 60
"""Up to this many, the distribution of the statistic is computed exactly."""


@dataclass(frozen=True)
class Comparison:
    """The time of B as a multiple of the time of A."""

    ratio: float
    interval: tuple[float, float]
    verdict: ComparisonVerdict
    """About B: "slower" means that B takes longer than A."""
    processes: int = 1
    """Pairs of processes that the interval is about; that of one pair is about its rounds. With 0
    there is no ratio (NaN)."""


def compare_processes(
    a_ns: Sequence[float],
    b_ns: Sequence[float],
    *,
    confidence: float = 0.95,
    margin: float = 0.01,
    min_effect: float = 0.01,
) -> Comparison:
    """Compare the processes of B with those of A that ran beside them.

    Args:
        a_ns: One median in ns per process, paired with `b_ns` by index.
        b_ns: The same of B.
        confidence: Of the interval, 0..1.
        margin: As in `compare_rounds`.
        min_effect: As in `compare_rounds`.

    Returns:
        The geometric mean of the ratios with the interval of Student's t. The interval is (0, inf)
        for a single pair; `compare_rounds` compares the rounds of one.

    Raises:
        DetbenchError: A and B have different numbers of processes, there are none, or a median is
            not above 0 ns.
    """
    if len(a_ns) != len(b_ns) or not len(a_ns):
        raise DetbenchError(
            f"cannot pair {len(a_ns)} processes of A with {len(b_ns)} processes of B;"
            " time at least one process of each, side by side"
        )
    medians = np.array([a_ns, b_ns], np.float64)
    if not (medians > 0).all():
        raise DetbenchError(
            f"the median of a process is {medians.min():g} ns, but must be above 0 ns;"
            " time more calls or use a finer clock"
        )
    a_logs, b_logs = np.log(medians)
    log_ratios = (b_logs - a_logs).tolist()
    low, high = mean_interval(log_ratios, confidence=confidence) or (-math.inf, math.inf)
    ratio, interval = math.exp(float(np.mean(log_ratios))), (math.exp(low), math.exp(high))
    verdict = _verdict(ratio, interval, margin, min_effect)
    return Comparison(ratio, interval, verdict, processes=len(log_ratios))


def compare_rounds(
    a_rounds: Sequence[Samples],
    b_rounds: Sequence[Samples],
    *,
    confidence: float = 0.95,
    margin: float = 0.01,
    min_effect: float = 0.01,
) -> Comparison:
    """Compare B with A.

    Args:
        a_rounds: One array of samples in ns per round, paired with `b_rounds` by index. The order
            of A and B must have been drawn at random for each round.
        b_rounds: The same of B.
        confidence: Of the interval, 0..1.
        margin: The verdict is "same" if the whole interval lies between 1 / (1 + margin) and 1 +
            margin.
        min_effect: The verdict is "slower" if the interval lies above 1 and the ratio is at least 1
            + min_effect. It is "faster" in the inverse case.

    Returns:
        The Hodges-Lehmann estimate of the ratio with the interval of the signed-rank test
        (Hollander and Wolfe, Nonparametric Statistical Methods, 3.2-3.3). The interval is (0, inf)
        if there are too few rounds (fewer than 6 at 95%).

    Raises:
        DetbenchError: A and B have different numbers of rounds, or a round has no samples above 0
            ns.
    """
    if len(a_rounds) != len(b_rounds):
        raise DetbenchError(
            f"cannot pair {len(a_rounds)} rounds of A with {len(b_rounds)} rounds of B;"
            " time both in every round"
        )
    log_ratios = np.array(
        [
            _log_median(b, number) - _log_median(a, number)
            for number, (a, b) in enumerate(zip(a_rounds, b_rounds, strict=True))
        ]
    )
    center, low, high = _signed_rank_interval(_merged(log_ratios), (1 - confidence) / 2)
    ratio, interval = math.exp(center), (math.exp(low), math.exp(high))
    return Comparison(ratio, interval, _verdict(ratio, interval, margin, min_effect))


def _log_median(samples_ns: Samples, number: int) -> float:
    median = float(np.median(samples_ns)) if len(samples_ns) else 0.0
    if median <= 0:
        raise DetbenchError(
            f"round {number} has no samples above 0 ns;"
            " time more calls per round or use a finer clock"
        )
    return math.log(median)


def _merged(log_ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the medians of neighboring rounds, few enough to compare all pairs of them."""
    group_size = math.ceil(len(log_ratios) / _MAX_ROUNDS)
    if group_size <= 1:
        return log_ratios
    groups = np.array_split(log_ratios, len(log_ratios) // group_size)
    return np.array([np.median(group) for group in groups])


def _signed_rank_interval(
    log_ratios: NDArray[np.float64], tail: float
) -> tuple[float, float, float]:
    """Return the Hodges-Lehmann center and the interval that leaves `tail` out on each side.

    Both come from the sorted means of all pairs of observations (Walsh averages), each observation
    paired with itself too. The center is their median. The interval drops as many averages on each
    side as the signed-rank sum allows.
    """
    if len(log_ratios) == 0:
        return math.nan, -math.inf, math.inf
    rows, columns = np.triu_indices(len(log_ratios))
    averages = np.sort((log_ratios[rows] + log_ratios[columns]) / 2)
    center = float(np.median(averages))
    dropped = _critical_rank_sum(len(log_ratios), tail)
    if dropped < 0:
        return center, -math.inf, math.inf
    return center, float(averages[dropped]), float(averages[-1 - dropped])


def _critical_rank_sum(count: int, tail: float) -> int:
    """Return the largest k with P(signed-rank sum <= k) <= tail; -1 if there is none.

    The sum adds the ranks 1..n whose sign is positive, each with probability 1/2.
    """
    if count > _MAX_EXACT_ROUNDS:
        # Normal approximation, with a continuity correction of 1/2.
        mean = count * (count + 1) / 4
        spread = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return math.floor(mean - 0.5 + NormalDist().inv_cdf(tail) * spread)
    # Exact distribution: rank by rank, the sum stays or grows by the rank, with equal probability.
    probabilities = np.ones(1)
    for rank in range(1, count + 1):
        stays = np.pad(probabilities, (0, rank))
        grows = np.pad(probabilities, (rank, 0))
        probabilities = (stays + grows) / 2
    return int(np.searchsorted(np.cumsum(probabilities), tail, side="right")) - 1


def _verdict(
    ratio: float, interval: tuple[float, float], margin: float, min_effect: float
) -> ComparisonVerdict:
    low, high = interval
    if 1 / (1 + margin) <= low and high <= 1 + margin:
        return "same"
    if low > 1 and ratio >= 1 + min_effect:
        return "slower"
    if high < 1 and ratio <= 1 / (1 + min_effect):
        return "faster"
    return "inconclusive"

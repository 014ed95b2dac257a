"""Comparison of two interleaved series of latencies: their ratio, its interval, and what may be said of it.

In each round both are timed, in an order drawn for that round. The ratio of the round's medians is one observation. Were both the same,
only the draw would decide which of them a burst or a drift hits, so that the logarithm of the ratio is as likely to be x as −x, whatever
the machine does and however long it does it. Wilcoxon's signed-rank statistic needs nothing else: its false alarms are as many as it says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.percentiles import Samples
from detbench.errors import DetbenchError

Verdict = Literal["same", "faster", "slower", "inconclusive"]

_MOST_ROUNDS = 1_000
_MOST_EXACT = 60


@dataclass(frozen=True)
class Comparison:
    """How long B takes, as a multiple of A."""

    ratio: float
    interval: tuple[float, float]
    verdict: Verdict
    """Of B: "slower" says that B takes longer than A."""


def compare(
    a_rounds: Sequence[Samples],
    b_rounds: Sequence[Samples],
    *,
    confidence: float = 0.95,
    margin: float = 0.01,
    least_effect: float = 0.01,
) -> Comparison:
    """Compare B with A.

    Args:
        a_rounds: samples of A in ns, one array a round, paired with `b_rounds` by index; the order of A and B was drawn for each round.
        b_rounds: samples of B.
        confidence: of the interval, 0..1.
        margin: "same" says that the whole interval lies between 1 / (1 + margin) and 1 + margin.
        least_effect: "slower" says that the interval lies above 1 and the ratio is at least 1 + least_effect; "faster" its inverse.

    Returns:
        The Hodges-Lehmann estimate of the ratio with the interval of the signed-rank test (Hollander and Wolfe, Nonparametric
        Statistical Methods, 3.2-3.3); the interval is (0, inf) where the rounds are too few for any (fewer than 6 at 95 %).

    Raises:
        DetbenchError: not as many rounds of A as of B, or a round without samples or of samples of 0 ns.
    """
    if len(a_rounds) != len(b_rounds):
        raise DetbenchError(
            f"{len(a_rounds)} rounds of A and {len(b_rounds)} of B cannot be paired; time both in every round"
        )
    logs = np.array(
        [
            _log_median(b, number) - _log_median(a, number)
            for number, (a, b) in enumerate(zip(a_rounds, b_rounds, strict=True))
        ]
    )
    centre, low, high = _centre(_joined(logs), (1 - confidence) / 2)
    ratio, ends = math.exp(centre), (math.exp(low), math.exp(high))
    return Comparison(ratio, ends, _verdict(ratio, ends, margin, least_effect))


def _log_median(samples_ns: Samples, number: int) -> float:
    median = float(np.median(samples_ns)) if len(samples_ns) else 0.0
    if median <= 0:
        raise DetbenchError(
            f"round {number} has no samples longer than 0 ns; time more calls a round, or use a finer clock"
        )
    return math.log(median)


def _joined(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the medians of neighbouring rounds where there are more rounds than pairs of them could be looked through."""
    groups = math.ceil(len(logs) / _MOST_ROUNDS)
    if groups <= 1:
        return logs
    return np.array([np.median(part) for part in np.array_split(logs, len(logs) // groups)])


def _centre(logs: NDArray[np.float64], tail: float) -> tuple[float, float, float]:
    """Return the Hodges-Lehmann centre with its interval, from the means of all pairs."""
    if len(logs) == 0:
        return math.nan, -math.inf, math.inf
    rows, columns = np.triu_indices(len(logs))
    means = np.sort((logs[rows] + logs[columns]) / 2)
    skipped = _skipped(len(logs), tail)
    low, high = (
        (float(means[skipped]), float(means[-1 - skipped]))
        if skipped >= 0
        else (-math.inf, math.inf)
    )
    return float(np.median(means)), low, high


def _skipped(count: int, tail: float) -> int:
    """Return the largest k with P(signed-rank sum ≤ k) ≤ tail, -1 where there is none; by the normal approximation for many."""
    if count > _MOST_EXACT:
        spread = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return math.floor(count * (count + 1) / 4 - 0.5 + NormalDist().inv_cdf(tail) * spread)
    chances = np.ones(1)
    for rank in range(1, count + 1):
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    return int(np.searchsorted(np.cumsum(chances), tail, side="right")) - 1


def _verdict(
    ratio: float, ends: tuple[float, float], margin: float, least_effect: float
) -> Verdict:
    low, high = ends
    if 1 / (1 + margin) <= low and high <= 1 + margin:
        return "same"
    if low > 1 and ratio >= 1 + least_effect:
        return "slower"
    if high < 1 and ratio <= 1 / (1 + least_effect):
        return "faster"
    return "inconclusive"

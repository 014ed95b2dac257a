"""Comparison of two interleaved series of latencies: their ratio, its interval, and what may be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.percentiles import Samples

Verdict = Literal["same", "faster", "slower", "inconclusive"]


@dataclass(frozen=True)
class Comparison:
    """How long B takes, as a multiple of A."""

    ratio: float
    interval: tuple[float, float]
    verdict: Verdict
    """Of B: "slower" says that B takes longer than A."""


def compare(
    a_rounds: Sequence[Samples], b_rounds: Sequence[Samples], *, confidence: float = 0.95, margin: float = 0.01, least_effect: float = 0.01
) -> Comparison:
    """Compare B with A, from the samples (ns) of each round, paired by index."""
    logs = np.array([np.log(np.median(b) / np.median(a)) for a, b in zip(a_rounds, b_rounds, strict=True)])
    ratio, low, high = np.exp(_centre(logs, confidence))
    return Comparison(float(ratio), (float(low), float(high)), _verdict(ratio, low, high, margin, least_effect))


def _centre(logs: NDArray[np.float64], confidence: float) -> tuple[float, float, float]:
    """Return the Hodges-Lehmann centre with its interval."""
    rows, columns = np.triu_indices(len(logs))
    walsh = np.sort((logs[rows] + logs[columns]) / 2)
    centre = float(np.median(walsh)) if len(walsh) else float("nan")
    skipped = _skipped(len(logs), (1 - confidence) / 2)
    if skipped < 0:
        return centre, float("-inf"), float("inf")
    return centre, float(walsh[skipped]), float(walsh[-1 - skipped])


def _skipped(count: int, tail: float) -> int:
    """Return the largest k with P(signed-rank sum <= k) <= tail, -1 where there is none."""
    ways = np.ones(1)
    for rank in range(1, count + 1):
        ways = (np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))) / 2
    return int(np.searchsorted(np.cumsum(ways), tail, side="right")) - 1


def _verdict(ratio: float, low: float, high: float, margin: float, least_effect: float) -> Verdict:
    if 1 / (1 + margin) <= low and high <= 1 + margin:
        return "same"
    if low > 1 and ratio >= 1 + least_effect:
        return "slower"
    if high < 1 and ratio <= 1 / (1 + least_effect):
        return "faster"
    return "inconclusive"

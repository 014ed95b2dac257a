"""Compare the coverage of three kinds of interval of a latency percentile.

    python -m tests.experiments.latency_intervals --runs 500

On 1,000 simulated latencies: order statistics as if samples were independent; a circular block
bootstrap with the block length of Politis and White (2004, corrected 2009); the suite's own. The
same seed gives the same table on every machine.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from detbench.bench.latency.statistics.percentiles import percentile_interval
from tests.experiments.latency_series import DEPENDENCE, Array, lognormal

COUNT = 1000
REPEATS = 500
Ends = tuple[float, float]


def independent(samples: Array, q: float) -> Ends:
    """Return the order-statistics interval for independent samples."""
    share = q / 100
    ranks = (
        len(samples) * share
        - 0.5
        + np.array([-1.96, 1.96]) * math.sqrt(len(samples) * share * (1 - share))
    )
    low, high = np.interp(ranks, np.arange(len(samples)), np.sort(samples))
    return float(low), float(high)


def bootstrapped(samples: Array, q: float, rng: np.random.Generator) -> Ends:
    """Return the percentile interval of a circular block bootstrap."""
    block = block_length((samples <= np.percentile(samples, q)).astype(float))
    starts = rng.integers(0, len(samples), (REPEATS, math.ceil(len(samples) / block), 1))
    indices = ((starts + np.arange(block)) % len(samples)).reshape(REPEATS, -1)[:, : len(samples)]
    low, high = np.percentile(np.percentile(samples[indices], q, axis=1), [2.5, 97.5])
    return float(low), float(high)


def block_length(values: Array) -> int:
    """Return the block length for the circular bootstrap of a mean."""
    count = len(values)
    run_length = max(5, math.ceil(math.sqrt(math.log10(count))))
    longest = math.ceil(math.sqrt(count)) + run_length
    centered = values - values.mean()
    covariance = (
        np.array(
            [centered[: count - lag] @ centered[lag:] for lag in range(longest + run_length + 1)]
        )
        / count
    )
    small = np.abs(covariance / covariance[0]) < 2 * math.sqrt(math.log10(count) / count)
    last = next(
        (lag for lag in range(longest) if small[lag + 1 : lag + 1 + run_length].all()), longest
    )
    window = min(2 * max(last, 1), longest)
    lags = np.arange(-window, window + 1)
    weighted = np.clip(2 * (1 - np.abs(lags) / window), 0, 1) * covariance[np.abs(lags)]
    ratio = 2 * float((np.abs(lags) * weighted).sum()) ** 2 / (4 / 3 * float(weighted.sum()) ** 2)
    return max(1, min(math.ceil((ratio * count) ** (1 / 3)), math.ceil(3 * math.sqrt(count))))


def row(dependence: str, q: float, runs: int) -> str:
    """Return a row of the table."""
    rng = np.random.default_rng(0)
    contained = []
    for series in DEPENDENCE[dependence](rng, runs, COUNT):
        samples = 1e6 * np.exp(0.1 * series)
        intervals = (
            independent(samples, q),
            bootstrapped(samples, q, rng),
            percentile_interval(samples, q),
        )
        contained.append(
            [ends is not None and ends[0] <= lognormal(q / 100) <= ends[1] for ends in intervals]
        )
    shares = " | ".join(f"{share:.1%}" for share in np.mean(contained, axis=0))
    return f"| {dependence} | p{q:g} | {shares} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    options = parser.parse_args()
    print(
        "| samples | percentile | as if independent | block bootstrap | detbench |\n"
        "|---|---|---|---|---|"
    )
    for dependence in ("independent", "AR(1) .5", "AR(1) .9"):
        for q in (50, 90, 99) if dependence != "AR(1) .9" else (50, 90):
            print(row(dependence, q, options.runs), flush=True)


if __name__ == "__main__":
    main()

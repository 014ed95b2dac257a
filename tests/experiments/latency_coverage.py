"""Measure the coverage of intervals of latency percentiles after the stopping rule.

    python -m tests.experiments.latency_coverage --runs 2000

Latencies are simulated from distributions with known percentiles, independent or autocorrelated,
and stopped by the suite's own rule. The same seed gives the same table on every machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from detbench.bench.latency.statistics.percentiles import percentile_interval
from detbench.bench.latency.statistics.stopping import StoppingRule
from tests.experiments.latency_series import (
    DEPENDENCE,
    GRID,
    LEVELS,
    Array,
    bimodal,
    gamma,
    lognormal,
)

MAX_SAMPLES = 20_000
"""Samples at which the maximum duration is over."""
SAMPLE_S = 1e-3
CHUNK = 100


@dataclass(frozen=True)
class Setting:
    """A distribution, its dependence, and the width that the rule requires."""

    quantile: Callable[[float], float]
    dependence: str
    tail: float
    relative_width: float

    @property
    def name(self) -> str:
        """The distribution and the dependence of its samples."""
        return f"{self.quantile.__name__}, {self.dependence}"

    def series(self, seed: int) -> Iterator[Array]:
        """Yield series of latencies, without end."""
        values = np.array([self.quantile(level) for level in LEVELS])
        for chunk in range(1_000_000):
            rng = np.random.default_rng([seed, chunk])
            yield from np.interp(DEPENDENCE[self.dependence](rng, CHUNK, MAX_SAMPLES), GRID, values)


SETTINGS = (
    Setting(lognormal, "independent", 90, 0.02),
    Setting(lognormal, "independent", 99, 0.05),
    Setting(lognormal, "AR(1) .5", 99, 0.05),
    Setting(lognormal, "AR(1) .9", 90, 0.05),
    Setting(lognormal, "AR(1) .9", 99, 0.10),
    Setting(lognormal, "bursts of 20", 90, 0.05),
    Setting(gamma, "independent", 99, 0.10),
    Setting(gamma, "AR(1) .9", 90, 0.10),
    Setting(gamma, "bursts of 20", 99, 0.20),
    Setting(bimodal, "independent", 90, 0.02),
    Setting(bimodal, "independent", 99, 0.50),
    Setting(bimodal, "AR(1) .5", 99, 0.50),
)


def stopped(series: Array, rule: StoppingRule) -> int:
    """Return how many samples the rule takes."""
    count = rule.min_samples
    while not (decision := rule.decide(series[:count], count * SAMPLE_S)).stop:
        count = min(decision.next_check, len(series))
    return count


def row(setting: Setting, runs: int, seed: int) -> str:
    """Return a row of the table; a missing interval counts as a miss."""
    rule = StoppingRule(
        setting.relative_width,
        (50, setting.tail),
        min_s=0.5,
        max_s=MAX_SAMPLES * SAMPLE_S,
        min_samples=100,
    )
    contained, counts = np.zeros((runs, 2), bool), np.zeros(runs, int)
    for run, series in zip(range(runs), setting.series(seed), strict=False):
        counts[run] = stopped(series, rule)
        for place, q in enumerate(rule.percentiles):
            ends = percentile_interval(series[: counts[run]], q)
            contained[run, place] = (
                ends is not None and ends[0] <= setting.quantile(q / 100) <= ends[1]
            )
    median, tail = contained.mean(axis=0)
    return (
        f"| {setting.name} | p{setting.tail:g} | {setting.relative_width:.0%} "
        f"| {np.median(counts):,.0f} | {median:.1%} | {tail:.1%} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only settings whose name contains this")
    options = parser.parse_args()
    started = time.perf_counter()
    print(
        "| latencies | tail | required width | samples (median) | coverage p50 | coverage tail |\n"
        "|---|---|---|---|---|---|"
    )
    for setting in SETTINGS:
        if options.only in setting.name:
            print(row(setting, options.runs, options.seed), flush=True)
    print(
        f"\n{options.runs:,} runs each, seed {options.seed}, {time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main()

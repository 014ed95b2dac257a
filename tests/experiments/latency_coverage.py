"""Measure how often the intervals of latency percentiles hold the true percentile, after the stopping rule, and print a Markdown table.

python -m tests.experiments.latency_coverage --runs 2000

Latencies are drawn from distributions whose percentiles are known by formula, independently or with autocorrelation, and the stopping
rule is asked as the suite asks it. Nothing is timed: the same seed gives the same table on every machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from detbench.bench.latency.percentiles import interval
from detbench.bench.latency.stopping import StoppingRule
from tests.experiments.latency_series import (
    DEPENDENCE,
    GRID,
    LEVELS,
    Array,
    bimodal,
    gamma,
    lognormal,
)

MOST = 20_000
"""Samples after which the maximum duration is over."""
SAMPLE_S = 1e-3
CHUNK = 100


@dataclass(frozen=True)
class Setting:
    """What is drawn, and what is asked for."""

    quantile: Callable[[float], float]
    dependence: str
    tail: float
    relative_width: float

    @property
    def name(self) -> str:
        """The distribution and how its samples depend on each other."""
        return f"{self.quantile.__name__}, {self.dependence}"

    def series(self, seed: int) -> Iterator[Array]:
        """Yield series of latencies without end."""
        values = np.array([self.quantile(level) for level in LEVELS])
        for chunk in range(1_000_000):
            rng = np.random.default_rng([seed, chunk])
            yield from np.interp(DEPENDENCE[self.dependence](rng, CHUNK, MOST), GRID, values)


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
        count = min(decision.next_look, len(series))
    return count


def row(setting: Setting, runs: int, seed: int) -> str:
    """Return a line of the table; an interval that is not there counts as one that does not hold."""
    rule = StoppingRule(
        setting.relative_width,
        (50, setting.tail),
        min_s=0.5,
        max_s=MOST * SAMPLE_S,
        min_samples=100,
    )
    held, counts = np.zeros((runs, 2), bool), np.zeros(runs, int)
    for run, series in zip(range(runs), setting.series(seed), strict=False):
        counts[run] = stopped(series, rule)
        for place, q in enumerate(rule.percentiles):
            found = interval(series[: counts[run]], q)
            held[run, place] = (
                found is not None and found[0] <= setting.quantile(q / 100) <= found[1]
            )
    median, tail = held.mean(axis=0)
    return f"| {setting.name} | p{setting.tail:g} | {setting.relative_width:.0%} | {np.median(counts):,.0f} | {median:.1%} | {tail:.1%} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="settings whose name holds this")
    options = parser.parse_args()
    started = time.perf_counter()
    print(
        "| latencies | tail | width asked for | samples (median) | p50 held | tail held |\n|---|---|---|---|---|---|"
    )
    for setting in SETTINGS:
        if options.only in setting.name:
            print(row(setting, options.runs, options.seed), flush=True)
    print(
        f"\n{options.runs:,} runs each, seed {options.seed}, {time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main()

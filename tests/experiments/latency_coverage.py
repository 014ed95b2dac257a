"""Measure how often the intervals of latency percentiles hold the true percentile, after the stopping rule, and print a Markdown table.

python tests/experiments/latency_coverage.py --runs 2000

Latencies are drawn from distributions whose percentiles are known by formula, independently or with autocorrelation, and the stopping
rule is asked as the suite asks it. Nothing is timed: the same seed gives the same table on every machine.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.percentiles import interval
from detbench.bench.latency.stopping import StoppingRule

Array = NDArray[np.float64]
Quantile = Callable[[float], float]
NORMAL = NormalDist()
MOST = 20_000
"""Samples after which the maximum duration is over."""
CHUNK = 100


def lognormal(probability: float) -> float:
    """Return a quantile of about 1 ms with a spread of 10 %, in ns."""
    return 1e6 * math.exp(0.1 * NORMAL.inv_cdf(probability))


def gamma(probability: float) -> float:
    """Return a quantile of .5 ms + a gamma of shape 4 and mean .5 ms, in ns."""
    return 5e5 + 1.25e5 * _inverse(lambda x: 1 - math.exp(-x) * sum(x**k / math.factorial(k) for k in range(4)), probability, 0, 100)


def bimodal(probability: float) -> float:
    """Return a quantile of two modes, 1 and 1.25 ms (30 %), with 2 % of outliers up to several ms, in ns."""
    fast, slow = NormalDist(1, 0.03), NormalDist(1.25, 0.04)

    def below(x: float) -> float:
        return 0.68 * fast.cdf(x) + 0.3 * slow.cdf(x) + 0.02 * (1 - math.exp(-max(x - 1, 0) / 1.0))

    return 1e6 * _inverse(below, probability, 0, 100)


def _inverse(rising: Callable[[float], float], value: float, low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2


def autoregressive(rng: np.random.Generator, correlation: float) -> Array:
    """Return standard normal series (CHUNK, MOST), each value correlated with the one before."""
    shocks = rng.normal(size=(MOST, CHUNK))
    if correlation:
        fresh = math.sqrt(1 - correlation**2)
        for now in range(1, MOST):
            shocks[now] = correlation * shocks[now - 1] + fresh * shocks[now]
    return shocks.T


def switching(rng: np.random.Generator, stay: float) -> Array:
    """Return standard normal series (CHUNK, MOST) whose upper fifth comes in bursts of 1 / (1 - stay) samples on average."""
    enter = (1 - stay) / 4
    uniform, inside = rng.random((MOST, CHUNK)), rng.random((MOST, CHUNK))
    high = np.empty((MOST, CHUNK), bool)
    high[0] = uniform[0] < 0.2
    for now in range(1, MOST):
        high[now] = uniform[now] < np.where(high[now - 1], stay, enter)
    return _normal_scores(np.where(high, 0.8 + 0.2 * inside, 0.8 * inside)).T


GRID = np.concatenate([np.linspace(-5, -2, 300, endpoint=False), np.linspace(-2, 5, 4001)])
LEVELS = np.array([NORMAL.cdf(z) for z in GRID])


def _normal_scores(uniform: Array) -> Array:
    return np.interp(uniform, LEVELS, GRID)


@dataclass(frozen=True)
class Setting:
    """What is drawn, and what is asked for."""

    name: str
    quantile: Quantile
    draw: Callable[[np.random.Generator], Array]
    tail: float
    relative_width: float

    def series(self, seed: int) -> Iterator[Array]:
        """Yield series of latencies without end."""
        values = np.array([self.quantile(level) for level in LEVELS])
        for chunk in range(1_000_000):
            rng = np.random.default_rng([seed, chunk])
            yield from np.interp(self.draw(rng), GRID, values)


def settings() -> list[Setting]:
    """Return every setting of the table."""
    independent = ("independent", lambda rng: autoregressive(rng, 0.0))
    half = ("AR(1) .5", lambda rng: autoregressive(rng, 0.5))
    strong = ("AR(1) .9", lambda rng: autoregressive(rng, 0.9))
    bursts = ("bursts of 20", lambda rng: switching(rng, 0.95))
    table = [
        (lognormal, independent, 90, 0.02),
        (lognormal, independent, 99, 0.05),
        (lognormal, half, 99, 0.05),
        (lognormal, strong, 90, 0.05),
        (lognormal, strong, 99, 0.10),
        (gamma, independent, 99, 0.10),
        (gamma, strong, 90, 0.10),
        (bimodal, independent, 90, 0.02),
        (bimodal, independent, 99, 0.50),
        (bimodal, half, 99, 0.50),
        (lognormal, bursts, 90, 0.05),
        (gamma, bursts, 99, 0.20),
    ]
    return [Setting(f"{quantile.__name__}, {name}", quantile, draw, tail, width) for quantile, (name, draw), tail, width in table]


def stopped(series: Array, rule: StoppingRule, sample_s: float = 1e-3) -> tuple[int, bool]:
    """Return how many samples the rule takes, and whether the intervals were narrow then."""
    count = rule.min_samples
    while True:
        decision = rule.decide(series[:count], count * sample_s)
        if decision.stop:
            return count, decision.narrow
        count = min(decision.next_look, len(series))


def row(setting: Setting, runs: int, seed: int) -> str:
    """Return a line of the table."""
    rule = StoppingRule(setting.relative_width, (50, setting.tail), min_s=0.5, max_s=MOST * 1e-3, min_samples=100)
    truths = [setting.quantile(q / 100) for q in rule.percentiles]
    held = np.zeros((runs, 2), bool)
    counts, narrow, none = np.zeros(runs), np.zeros(runs, bool), 0
    for run, series in zip(range(runs), setting.series(seed), strict=False):
        counts[run], narrow[run] = stopped(series, rule)
        for place, (q, truth) in enumerate(zip(rule.percentiles, truths, strict=True)):
            found = interval(series[: int(counts[run])], q)
            held[run, place] = found is None or found[0] <= truth <= found[1]
            none += found is None
    cover = held.mean(axis=0)
    return (
        f"| {setting.name} | p{setting.tail:g} | {setting.relative_width:.0%} | {np.median(counts):,.0f} | {narrow.mean():.0%} | "
        f"{cover[0]:.1%} | {cover[1]:.1%} |" + (f" none: {none}" if none else "")
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="settings whose name holds this")
    options = parser.parse_args()
    started = time.perf_counter()
    print("| latencies | tail | width asked for | samples (median) | narrow | p50 held | tail held |\n|---|---|---|---|---|---|---|")
    for setting in settings():
        if options.only in setting.name:
            print(row(setting, options.runs, options.seed), flush=True)
    print(f"\n{options.runs:,} runs each, seed {options.seed}, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

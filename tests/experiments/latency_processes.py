"""Simulate the statistics over processes: intervals, comparisons, modes, disturbance and wake-up.

    python -m tests.experiments.latency_processes --runs 1000

Prints Markdown tables. The same seed gives the same tables on every machine. A "spread" is the
standard deviation between processes, as a share of the figure.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from detbench.bench.latency.statistics.comparison import compare_processes
from detbench.bench.latency.statistics.disturbance import disturbance
from detbench.bench.latency.statistics.processes import geometric_interval, mean_interval, modes
from detbench.bench.latency.statistics.warmup import find_warmup, wake_up_count
from tests.experiments.latency_series import DEPENDENCE, NORMAL, Array, autoregressive

SEED = 0
COUNTS = (5, 6, 8, 10)
"""Processes per result."""
SAMPLE_SPREAD = 0.1
POOL = 2_000
REPLICATES = 40
"""Block-bootstrap replicates of each simulated process."""
BLOCK = 10
RESAMPLES = 400
FIGURES = ("p50", "p90", "p99", "mean")
METHODS = ("Student's t", "percentile bootstrap", "hierarchical bootstrap", "bootstrap-t")
AFTER_WAKING = np.array([3.7, 3.9, 3.4, 3.2, 3.15, 3.0]) / 2.7
"""First samples after a process woke, as multiples of the level that they settle at."""


def table(heading: str, rows: Iterator[str]) -> None:
    """Print a table, row by row."""
    print(f"\n| {heading} |\n|{'---|' * (heading.count('|') + 1)}")
    for row in rows:
        print(f"| {row} |", flush=True)


# Intervals. The figure of a process is its effect times the figure of its samples, so that
# effects and samples are simulated apart.


def normal_effects(rng: np.random.Generator, runs: int, count: int) -> Array:
    """Return log effects (runs, count) with a spread of 2% around 0."""
    return 0.02 * rng.normal(size=(runs, count))


def skewed_effects(rng: np.random.Generator, runs: int, count: int) -> Array:
    """Return exponential log effects, less their mean of 2%."""
    return rng.exponential(0.02, (runs, count)) - 0.02


def correlated_effects(rng: np.random.Generator, runs: int, count: int) -> Array:
    """Return log effects of 2%, each correlated by 0.5 with that of the process before."""
    return 0.02 * autoregressive(rng, 0.5, runs, count)


def bimodal_effects(rng: np.random.Generator, runs: int, count: int) -> Array:
    """Return log effects of 1%, with a third of the processes 20% slower, less their mean."""
    slow = rng.random((runs, count)) < 1 / 3
    return 0.01 * rng.normal(size=(runs, count)) + math.log(1.2) * (slow - 1 / 3)


EFFECTS: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "normal": normal_effects,
    "skewed": skewed_effects,
    "AR(1) .5": correlated_effects,
    "two modes": bimodal_effects,
}


def log_figures(samples: Array) -> Array:
    """Return the logarithms of p50, p90, p99 and mean, (..., 4), of log samples (..., n)."""
    quantiles = np.quantile(samples, [0.5, 0.9, 0.99], axis=-1, method="median_unbiased")
    return np.moveaxis(np.stack([*quantiles, np.log(np.exp(samples).mean(axis=-1))]), 0, -1)


def true_log_figures() -> Array:
    """Return the logarithms of the true p50, p90, p99 and mean."""
    quantiles = [SAMPLE_SPREAD * NORMAL.inv_cdf(share) for share in (0.5, 0.9, 0.99)]
    return np.array([*quantiles, SAMPLE_SPREAD**2 / 2])


def process_pool(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Return the log figures (POOL, 4) of processes of `count` samples, and their replicates."""
    samples = SAMPLE_SPREAD * DEPENDENCE["AR(1) .5"](rng, POOL, count)
    replicates = np.empty((POOL, REPLICATES, len(FIGURES)))
    for index, series in enumerate(samples):
        starts = rng.integers(0, count, (REPLICATES, count // BLOCK, 1))
        places = (starts + np.arange(BLOCK)) % count
        replicates[index] = log_figures(series[places.reshape(REPLICATES, -1)])
    return log_figures(samples), replicates


def intervals(
    rng: np.random.Generator, figures: Array, replicates: Array, effects: Array
) -> dict[str, Array]:
    """Return the log intervals (runs, 4, 2) by each method."""
    runs, count = effects.shape
    members = rng.integers(0, POOL, (runs, count))
    logs = figures[members] + effects[..., None]
    student = [
        [np.log(geometric_interval(np.exp(column).tolist()) or (0, np.inf)) for column in run.T]
        for run in logs
    ]
    ends: dict[str, list[Array]] = {name: [] for name in METHODS[1:]}
    for run, member, effect in zip(logs, members, effects, strict=True):
        chosen = rng.integers(0, count, (RESAMPLES, count))
        means = run[chosen].mean(axis=1)
        ends["percentile bootstrap"].append(np.quantile(means, [0.025, 0.975], axis=0).T)
        inner = replicates[member[chosen], rng.integers(0, REPLICATES, chosen.shape)]
        nested = (inner + effect[chosen][..., None]).mean(axis=1)
        ends["hierarchical bootstrap"].append(np.quantile(nested, [0.025, 0.975], axis=0).T)
        errors = np.maximum(run[chosen].std(axis=1, ddof=1), 1e-12)
        ratios = (means - run.mean(axis=0)) / errors
        low, high = np.quantile(ratios, [0.025, 0.975], axis=0) * run.std(axis=0, ddof=1)
        ends["bootstrap-t"].append(np.stack([run.mean(axis=0) - high, run.mean(axis=0) - low], 1))
    return {METHODS[0]: np.array(student), **{name: np.array(each) for name, each in ends.items()}}


def coverage_rows(samples: int, runs: int) -> Iterator[str]:
    """Yield how often each method's interval holds the true p50, p90, p99 and mean."""
    rng = np.random.default_rng(SEED)
    pool, truth = process_pool(rng, samples), true_log_figures()
    for name, effects_of in EFFECTS.items():
        for count in COUNTS:
            ends = intervals(rng, *pool, effects_of(rng, runs, count))
            cells = []
            for method in METHODS:
                low, high = np.moveaxis(ends[method], -1, 0)
                shares = ((low <= truth) & (truth <= high)).mean(axis=0)
                cells.append(" / ".join(f"{share:.1%}" for share in shares))
            yield f"{samples:,} | {name} | {count} | {' | '.join(cells)}"


def percentile_rows(runs: int) -> Iterator[str]:
    """Yield how often Student's t holds p99, by the definition of a process's percentile."""
    truth = true_log_figures()[2]
    for samples in (100, 200, 500):
        for count in (COUNTS[0], COUNTS[-1]):
            rng, cells = np.random.default_rng(SEED), []
            series = SAMPLE_SPREAD * DEPENDENCE["AR(1) .5"](rng, runs * count, samples)
            effects = normal_effects(rng, runs, count)
            for method in ("linear", "median_unbiased"):
                p99 = np.quantile(series, 0.99, axis=1, method=method).reshape(runs, count)
                ends = [mean_interval(row.tolist()) or (0, 0) for row in p99 + effects]
                cells.append(f"{np.mean([low <= truth <= high for low, high in ends]):.1%}")
                cells.append(f"{p99.mean() - truth:+.1%}")
            yield f"{samples} | {count} | {' | '.join(cells)}"


# Decisions.


def comparison_rows(runs: int) -> Iterator[str]:
    """Yield what `compare_processes` calls equal models, and one that is 3% slower."""
    rng = np.random.default_rng(SEED)
    for count in COUNTS:
        for spread in (0.003, 0.01, 0.02):
            cells = []
            for slowdown in (0.0, 0.03):
                a, b = np.exp(spread * rng.normal(size=(2, runs, count)))
                verdicts = [
                    compare_processes(one.tolist(), other.tolist()).verdict
                    for one, other in zip(a, b * (1 + slowdown), strict=True)
                ]
                shares = [verdicts.count(name) / runs for name in ("same", "slower", "faster")]
                cells += [shares[0], shares[1] + shares[2]] if not slowdown else [shares[1]]
            yield f"{count} | {spread:.1%} | " + " | ".join(f"{cell:.1%}" for cell in cells)


def mode_rows(runs: int) -> Iterator[str]:
    """Yield how often modes are named: in one cluster, and in two clusters some way apart."""
    rng = np.random.default_rng(SEED)
    for count in COUNTS:
        for spread in (0.003, 0.01, 0.02, 0.03):
            cells = []
            for change, slow in [(0, 0), *((c, s) for c in (0.05, 0.1, 0.2) for s in (1, 2))]:
                figures = np.exp(spread * rng.normal(size=(runs, count)))
                figures[:, :slow] *= 1 + change
                cells.append(np.mean([modes(row.tolist()) is not None for row in figures]))
            yield f"{count} | {spread:.1%} | " + " | ".join(f"{cell:.1%}" for cell in cells)


def disturbance_rows(runs: int) -> Iterator[str]:
    """Yield how often a change in company is called a disturbance."""
    rng = np.random.default_rng(SEED)
    for count in (1, 2, 3, *COUNTS):
        for spread in (0.005, 0.01, 0.02):
            cells = []
            for change in (0.0, 0.05, 0.1, 0.2, 0.5):
                ratios = (1 + change) * np.exp(spread * rng.normal(size=(runs, count)))
                alone = [1e6] * count
                cells.append(np.mean([bool(disturbance(alone, 1e6 * row)) for row in ratios]))
            yield f"{count} | {spread:.1%} | " + " | ".join(f"{cell:.1%}" for cell in cells)


# Samples right after waking.


def profile_warmup(turns: list[Array]) -> int:
    """Return what the warm-up rule alone discards from the profile of turns of one length."""
    relative = [turn / np.median(turn[len(turn) // 2 :]) for turn in turns]
    return find_warmup(np.median(relative, axis=0)).count


def wake_up_rows(runs: int) -> Iterator[str]:
    """Yield what both rules discard from settled turns, and after waking."""
    noises = {
        "independent, 1%": ("independent", 0.01),
        "independent, 5%": ("independent", 0.05),
        "AR(1) .5, 3%": ("AR(1) .5", 0.03),
        "bursts of 20, 5%": ("bursts of 20", 0.05),
    }
    for length in (8, 30, 200):
        now = np.arange(length)
        first = np.ones(length)
        first[: len(AFTER_WAKING)] = AFTER_WAKING[:length]
        levels = [np.ones(length), first, 1 + 0.2 * np.exp(-now / 10)]
        for n_turns in (3, 5, 15):
            for name, (dependence, spread) in noises.items():
                rng, cells = np.random.default_rng(SEED), []
                for number, level in enumerate(levels):
                    series = DEPENDENCE[dependence](rng, runs * n_turns, length)
                    turns = (level * np.exp(spread * series)).reshape(runs, n_turns, length)
                    for rule in (profile_warmup, wake_up_count):
                        counts = np.array([rule(list(each)) for each in turns])
                        low, middle, high = np.percentile(counts, [10, 50, 90])
                        settled = f"{np.mean(counts > 0):.1%}, {np.mean(counts > 1):.1%}"
                        cells.append(
                            settled if not number else f"{middle:.0f} ({low:.0f}–{high:.0f})"
                        )
                yield f"{length} | {n_turns} | {name} | {' | '.join(cells)}"


def _any_discarded(counts: NDArray[np.int64]) -> str:
    return f"{np.mean(counts > 0):.1%}, {np.mean(counts > 1):.1%}"


def _discarded(counts: NDArray[np.int64]) -> str:
    low, middle, high = np.percentile(counts, [10, 50, 90])
    return f"{middle:.0f} ({low:.0f}–{high:.0f})"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    heading = "samples | processes differ | processes | " + " | ".join(METHODS)
    for samples in (100, 500):
        table(heading, coverage_rows(samples, runs))
    types = "type 7: coverage | type 7: error | type 8: coverage | type 8: error"
    table(f"samples | processes | {types}", percentile_rows(runs))
    table(
        "processes | spread | equal: same | equal: different | 3% slower: slower",
        comparison_rows(runs),
    )
    apart = " | ".join(
        f"{change:.0%}, {slow} slow" for change in (0.05, 0.1, 0.2) for slow in (1, 2)
    )
    table(f"processes | spread | one cluster | {apart}", mode_rows(runs))
    table("processes | spread | 0% | 5% | 10% | 20% | 50%", disturbance_rows(runs))
    kinds = ("settled (any, more than one)", "6 samples after waking", "decay over 10")
    rules = " | ".join(f"{kind}: {rule}" for kind in kinds for rule in ("warm-up rule", "detbench"))
    table(f"samples per turn | turns | samples | {rules}", wake_up_rows(max(3 * runs // 10, 20)))


if __name__ == "__main__":
    main()

"""Measure how often the 95 % intervals of differences and of single detectors hold the population's value, and print Markdown tables.

python -m tests.experiments.coverage --comparisons 2000

Samples of images are drawn from a population that stands for the world; its own values are the truth. Nothing is timed: the same seed gives
the same tables on every machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.uncertainty.intervals import Method, intervals
from detbench.metrics.uncertainty.replicates import Resampled, resample
from tests.experiments.kept import results
from tests.experiments.population import QUESTIONS, Population, population, scored

DIFFERENCE_METHODS: tuple[Method, ...] = ("expanded", "percentile", "bca", "halves")
VALUE_METHODS: tuple[Method, ...] = ("halves", "expanded", "percentile", "bca")
OBJECTS = 50
Found = NDArray[np.float64]


@cache
def pool() -> Population:
    return population()


def by_protocol() -> dict[Protocol, list[int]]:
    """Return which questions each protocol answers."""
    answered: dict[Protocol, list[int]] = {}
    for number, (_, protocol, _) in enumerate(QUESTIONS):
        answered.setdefault(protocol, []).append(number)
    return answered


def truths(column: int) -> Found:
    """Return (questions, 2, 2): of the whole population, overall and of the class, of the first detector and of second − first."""
    everything = pool()
    out = np.empty((len(QUESTIONS), 2, 2))
    for number, (_, protocol, measure) in enumerate(QUESTIONS):
        first, second = scored(everything.ground_truth, everything.detections, protocol)
        for place, values in enumerate(
            (
                [each.value(measure) for each in (first, second)],
                [each.class_values(measure)[column] for each in (first, second)],
            )
        ):
            out[number, place] = values[0], values[1] - values[0]
    return out


def one(task: tuple[int, int, int]) -> Found:
    """Return (questions, overall or class, value or difference, methods, 3): the ends and the estimate in one comparison."""
    size, number, replicates = task
    truth, found = pool().sample(size, np.random.default_rng([size, number]))
    column = 1 + pool().class_of_size(OBJECTS, size)
    out = np.empty((len(QUESTIONS), 2, 2, len(VALUE_METHODS), 3))
    for protocol, questions in by_protocol().items():
        measures = [QUESTIONS[n][2] for n in questions]
        first, second = resample(
            scored(truth, found, protocol), measures, replicates=replicates, seed=number, threads=1
        )
        for n, a, b in zip(questions, first, second, strict=True):
            out[n, :, 0] = _ends(a, column, VALUE_METHODS)
            out[n, :, 1] = _ends(b.minus(a), column, DIFFERENCE_METHODS)
    return out


def _ends(found: Resampled, column: int, methods: Sequence[Method]) -> Found:
    """Return (2, methods, 3)."""
    by_method = [
        (overall, classes[column - 1])
        for overall, classes in (intervals(found, method=method) for method in methods)
    ]
    return np.array(
        [
            [(each[place].low, each[place].high, each[place].estimate) for each in by_method]
            for place in (0, 1)
        ]
    )


def table(out: Found, truth: Found, kind: int, methods: Sequence[str], class_title: str) -> None:
    """Print the coverage of each method, and where the default misses."""
    print(
        f"| | true value | estimates: mean ± sd | {' | '.join(methods)} | {methods[0]}: too high / too low |"
    )
    print("|---" * (len(methods) + 4) + "|")
    for place, of in enumerate(("", f", {class_title}")):
        for n, (name, _, _) in enumerate(QUESTIONS):
            low, high, estimate = out[:, n, place, kind].transpose(2, 0, 1)
            value, there = truth[n, place, kind], ~np.isnan(low[:, 0])
            held = ((low <= value) & (value <= high))[there].mean(axis=0)
            misses = f"{(value < low[there, 0]).mean():.1%} / {(value > high[there, 0]).mean():.1%}"
            numbers = f"{100 * value:.2f} | {100 * estimate[there, 0].mean():.2f} ± {100 * estimate[there, 0].std():.2f}"
            print(
                f"| {name}{of} | {numbers} | {' | '.join(f'{share:.1%}' for share in held)} | {misses} |",
                flush=True,
            )


def main() -> None:
    """Print two tables for each size of sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=2000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder that results are kept in, to go on after a break"
    )
    options = parser.parse_args()
    print(
        f"population: {pool().ground_truth.name}, {len(pool().ground_truth.image_ids):,} images",
        flush=True,
    )
    for size in options.sizes:
        started = time.perf_counter()
        column = pool().class_of_size(OBJECTS, size)
        with Pool(options.processes) as workers:
            out = results(
                workers,
                one,
                [(size, n, options.replicates) for n in range(options.comparisons)],
                options.keep,
            )
        truth, title = truths(column), f"class {pool().ground_truth.class_names[column]}"
        for kind, (what, methods) in enumerate(
            (("first detector", VALUE_METHODS), ("second − first", DIFFERENCE_METHODS))
        ):
            print(
                f"\n{what}, {options.comparisons:,} samples of {size:,} images, {options.replicates} replicates, 95 % intervals, points:\n"
            )
            table(out, truth, kind, methods, title)
        print(
            f"\n{time.perf_counter() - started:.0f} s on {options.processes} processes", flush=True
        )


if __name__ == "__main__":
    main()

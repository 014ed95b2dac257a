"""Measure the coverage of 95% confidence intervals of scores and of differences.

    python -m tests.experiments.coverage --comparisons 2000

The images of a large dataset are the population, and its scores are the true values. The script
samples images from it, computes intervals, and prints how often they contain the true value. The
same seed gives the same tables on every machine.
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
from detbench.metrics.uncertainty.interval_methods import Method
from detbench.metrics.uncertainty.intervals import intervals
from detbench.metrics.uncertainty.replicates import Replicates, resample
from tests.experiments.kept import results
from tests.experiments.population import QUESTIONS, Population, population, scored

DIFFERENCE_METHODS: tuple[Method, ...] = ("expanded", "percentile", "bca", "halves")
VALUE_METHODS: tuple[Method, ...] = ("halves", "expanded", "percentile", "bca")
OBJECTS = 50
Floats = NDArray[np.float64]


@cache
def pool() -> Population:
    return population()


def by_protocol() -> dict[Protocol, list[int]]:
    """Return the numbers of the questions of each protocol."""
    questions_of: dict[Protocol, list[int]] = {}
    for number, (_, protocol, _) in enumerate(QUESTIONS):
        questions_of.setdefault(protocol, []).append(number)
    return questions_of


def true_values(column: int) -> Floats:
    """Return the true values (questions, overall or class, first detector or second − first)."""
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


def one(task: tuple[int, int, int]) -> Floats:
    """Return the ends and the estimate of every interval of one comparison.

    The shape is (questions, overall or class, value or difference, methods, 3).
    """
    size, number, replicates = task
    ground_truth, detections = pool().sample(size, np.random.default_rng([size, number]))
    column = 1 + pool().class_of_size(OBJECTS, size)
    out = np.empty((len(QUESTIONS), 2, 2, len(VALUE_METHODS), 3))
    for protocol, questions in by_protocol().items():
        measures = [QUESTIONS[n][2] for n in questions]
        first, second = resample(
            scored(ground_truth, detections, protocol),
            measures,
            resamples=replicates,
            seed=number,
            threads=1,
        )
        for n, a, b in zip(questions, first, second, strict=True):
            out[n, :, 0] = _ends(a, column, VALUE_METHODS)
            out[n, :, 1] = _ends(b.minus(a), column, DIFFERENCE_METHODS)
    return out


def _ends(replicates: Replicates, column: int, methods: Sequence[Method]) -> Floats:
    """Return ends and estimate (overall or class, methods, 3)."""
    by_method = [
        (overall, classes[column - 1])
        for overall, classes in (intervals(replicates, method=method) for method in methods)
    ]
    return np.array(
        [
            [(each[place].low, each[place].high, each[place].estimate) for each in by_method]
            for place in (0, 1)
        ]
    )


def table(
    out: Floats, expected: Floats, kind: int, methods: Sequence[str], class_title: str
) -> None:
    """Print the coverage of each method, and on which side the default method misses."""
    print(
        f"| | true value | estimates: mean ± sd | {' | '.join(methods)} "
        f"| {methods[0]}: too high / too low |"
    )
    print("|---" * (len(methods) + 4) + "|")
    for place, suffix in enumerate(("", f", {class_title}")):
        for n, (name, _, _) in enumerate(QUESTIONS):
            low, high, estimate = out[:, n, place, kind].transpose(2, 0, 1)
            value, defined = expected[n, place, kind], ~np.isnan(low[:, 0])
            coverage = ((low <= value) & (value <= high))[defined].mean(axis=0)
            misses = (
                f"{(value < low[defined, 0]).mean():.1%} / {(value > high[defined, 0]).mean():.1%}"
            )
            estimates = 100 * estimate[defined, 0]
            cells = [
                f"{name}{suffix}",
                f"{100 * value:.2f}",
                f"{estimates.mean():.2f} ± {estimates.std():.2f}",
                *(f"{share:.1%}" for share in coverage),
                misses,
            ]
            print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print two tables for each sample size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=2000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder for finished results; an interrupted run resumes"
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
        title = f"class {pool().ground_truth.class_names[column]}"
        for kind, (what, methods) in enumerate(
            (("first detector", VALUE_METHODS), ("second − first", DIFFERENCE_METHODS))
        ):
            print(
                f"\n{what}, {options.comparisons:,} samples of {size:,} images, "
                f"{options.replicates} resamples, 95% CI, in points:\n"
            )
            table(out, true_values(column), kind, methods, title)
        print(
            f"\n{time.perf_counter() - started:.0f} s on {options.processes} processes", flush=True
        )


if __name__ == "__main__":
    main()

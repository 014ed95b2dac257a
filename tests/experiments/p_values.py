"""Check p-values, false discoveries and planned power on samples of a population.

    python -m tests.experiments.p_values --comparisons 1000

Two detectors that swap their detections on every image by a fair coin are exchangeable, so that
every null hypothesis is true and p must be uniform. The same seed gives the same tables on every
machine.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detbench.data.detections import Detections
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Measure, Protocol
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from detbench.metrics.uncertainty.difference import differences
from detbench.metrics.uncertainty.permutation import permutation_test
from detbench.metrics.uncertainty.power import images_needed, smallest_difference
from tests.experiments.kept import Task, results
from tests.experiments.population import Population, exchanged, population, scored

Floats = NDArray[np.float64]
Run = Callable[[Callable[[Task], object], Sequence[Task]], Floats]
MEASURES: tuple[tuple[str, Protocol, Measure], ...] = (
    ("AP", COCO, Measure("AP")),
    ("AP50", COCO, Measure("AP50", iou=0.5)),
    ("mAP 2007", VOC2007, Measure("mAP")),
)
RESAMPLES = 400
LEVEL = 0.05


@cache
def pool() -> Population:
    return population()


def kolmogorov_smirnov(p: Floats) -> tuple[float, float]:
    """Return the Kolmogorov–Smirnov distance of p-values from uniformity, and its p-value.

    The p-value is Kolmogorov's series with Stephens' correction for small samples.
    """
    n, rising = len(p), np.sort(p)
    distance = max(
        float((np.arange(1, n + 1) / n - rising).max()), float((rising - np.arange(n) / n).max())
    )
    scaled = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    terms = [2 * (-1) ** (k - 1) * math.exp(-2 * k**2 * scaled**2) for k in range(1, 101)]
    return distance, min(1.0, max(0.0, sum(terms))) if scaled > 0.2 else 1.0


def null(task: tuple[int, int]) -> Floats:
    """Return p (measures, 3) of two exchangeable detectors.

    By bootstrap, by permutation, and by permutation of score ranks.
    """
    size, number = task
    rng = np.random.default_rng([1, size, number])
    ground_truth, detections = pool().sample(size, rng)
    coins = np.repeat(rng.integers(0, 2, (size, 1)), len(ground_truth.class_names), axis=1)
    mixed, out = exchanged(ground_truth, detections, coins), []
    for _, protocol, measure in MEASURES:
        a, b = scored(ground_truth, mixed, protocol)
        (by_bootstrap,) = differences(
            a, b, [measure], resamples=RESAMPLES - 1, seed=number, threads=1
        )
        by_swaps = [
            permutation_test(
                a, b, [measure], permutations=RESAMPLES - 1, seed=number, scores=scores, threads=1
            )[0].p
            for scores in ("auto", "ranks")
        ]
        out.append([by_bootstrap.p, *by_swaps])
    return np.array(out)


def false_discoveries(task: tuple[int, int, int]) -> Floats:
    """Return false discoveries (2, 2) among classes of which only some differ.

    For Benjamini–Hochberg and for Holm: the share of significant classes that do not differ, and
    whether there is any.
    """
    size, number, differing = task
    rng = np.random.default_rng([2, size, number])
    ground_truth, detections = pool().sample(size, rng)
    classes = len(ground_truth.class_names)
    coins = rng.integers(0, 2, (size, classes))
    different = rng.permutation(classes)[:differing]
    coins[:, different] = 0
    worse = exchanged(
        ground_truth, [detections[0], _without_some(detections[1], rng, different)], coins
    )
    (change,) = differences(
        *scored(ground_truth, worse, VOC2012), resamples=999, seed=number, threads=1
    )
    false = ~np.isin(np.arange(classes), different)
    significant = [
        np.array([getattr(each, kind) for each in change.classes]) <= LEVEL
        for kind in ("p_fdr", "p_holm")
    ]
    return np.array(
        [[(each & false).sum() / max(each.sum(), 1), (each & false).any()] for each in significant]
    )


def _without_some(
    detections: Detections, rng: np.random.Generator, classes: NDArray[np.integer]
) -> Detections:
    """Return detections in which every second one of the classes has a hundredth of its score."""
    lowered = np.isin(detections.class_index, classes) & (rng.random(len(detections)) < 0.5)
    return replace(
        detections, scores=np.where(lowered, detections.scores * 0.01, detections.scores)
    )


def is_detected(task: tuple[int, int, int]) -> bool:
    """Return whether a sample of this size shows the better detector at p ≤ 0.05."""
    size, number, place = task
    _, protocol, measure = MEASURES[place]
    ground_truth, detections = pool().sample(size, np.random.default_rng([3, size, number]))
    (change,) = differences(
        *scored(ground_truth, detections, protocol),
        [measure],
        resamples=RESAMPLES - 1,
        seed=number,
        threads=1,
    )
    return bool(change.p <= LEVEL and change.interval.estimate > 0)


def uniformity(run: Run, comparisons: int, sizes: Sequence[int]) -> None:
    print(
        "| images | measure | test | p ≤ .01 | p ≤ .05 | p ≤ .5 | KS distance | KS p |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for size in sizes:
        out = run(null, [(size, n) for n in range(comparisons)])
        for place, (name, _, _) in enumerate(MEASURES):
            for test, title in enumerate(("bootstrap", "permutation", "permutation, ranks")):
                p = out[:, place, test]
                shares = " | ".join(f"{(p <= level).mean():.1%}" for level in (0.01, 0.05, 0.5))
                distance, ks_p = kolmogorov_smirnov(p)
                print(
                    f"| {size:,} | {name} | {title} | {shares} | {distance:.3f} | {ks_p:.2f} |",
                    flush=True,
                )


def discoveries(run: Run, comparisons: int, size: int) -> None:
    print("\n| classes that differ | false discoveries by BH | any by Holm |\n|---|---|---|")
    for differing in (0, 10):
        out = run(false_discoveries, [(size, n, differing) for n in range(comparisons)])
        print(
            f"| {differing} of 20 | {out[:, 0, 0].mean():.1%} | {out[:, 1, 1].mean():.1%} |",
            flush=True,
        )


def power(run: Run, comparisons: int) -> None:
    everything = pool()
    images = len(everything.ground_truth.image_ids)
    print(
        "\n| measure | true difference | planned images for power .8 | detected |\n"
        "|---|---|---|---|"
    )
    for place, (name, protocol, measure) in enumerate(MEASURES):
        (change,) = differences(
            *scored(everything.ground_truth, everything.detections, protocol), [measure]
        )
        size = images_needed(
            smallest_difference(change.standard_error), images, change.interval.estimate
        )
        share = np.mean(run(is_detected, [(size, n, place) for n in range(comparisons)]))
        print(
            f"| {name} | {100 * change.interval.estimate:.2f} | {size:,} | {share:.1%} |",
            flush=True,
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder for finished results; an interrupted run resumes"
    )
    options = parser.parse_args()
    started = time.perf_counter()
    print(
        f"population: {pool().ground_truth.name}; {options.comparisons:,} comparisons each\n",
        flush=True,
    )
    with Pool(options.processes) as workers:
        run = lambda function, tasks: results(workers, function, tasks, options.keep)  # noqa: E731
        uniformity(run, options.comparisons, options.sizes)
        discoveries(run, options.comparisons // 2, 1000)
        power(run, options.comparisons // 2)
    print(f"\n{time.perf_counter() - started:.0f} s on {options.processes} processes")


if __name__ == "__main__":
    main()

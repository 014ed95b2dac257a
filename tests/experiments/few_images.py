"""Measure how often 95% intervals of scores contain the true value if there are few images.

    python -m tests.experiments.few_images --samples 400

The images of a large dataset are the population, and its scores are the true values. The script
samples images from it and computes the intervals of the overall value and of each class without any
limit. It counts coverage by the number of images, and of classes by the number of images with
objects, with a hit and with a miss. In a second population, the detector has detections in 1% of
the images only. The same seed gives the same tables on every machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import MIN_WITH_OBJECTS, split_halves
from detbench.metrics.uncertainty.interval_methods import Expanded, interval_ends
from detbench.metrics.uncertainty.replicates import MIN_WITH_HITS, MIN_WITH_MISSES, halves_of
from detbench.metrics.uncertainty.weighted_detections import (
    images_with_hits_and_misses,
    images_with_objects,
)
from detbench.metrics.uncertainty.weighted_scores import weighted_scores
from tests.experiments.kept import results
from tests.experiments.population import Population, population, scored

PROTOCOLS = (COCO, VOC2007)
RANGES = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 6), (7, 9), (10, 14), (15, 24), (25, 99), (100, 9999))
MIN_ROWS = 30
"""Ranges with fewer intervals have no coverage."""
LIMITS = (MIN_WITH_OBJECTS, MIN_WITH_HITS, MIN_WITH_MISSES)
TITLES = ("objects", "a hit", "a miss")
Floats = NDArray[np.float64]


@cache
def pool(percent: int) -> Population:
    """Return the population, with detections of the first detector in this part of its images."""
    whole = population()
    detections = whole.detections[0]
    images = groups_from_offsets(detections.offsets)
    rng = np.random.default_rng(percent)
    kept = (100 * rng.random(len(whole.ground_truth.image_ids)) < percent)[images]
    columns = {
        name: getattr(detections, name)[kept]
        for name in ("class_index", "scores", "boxes", "box_areas")
    }
    part = Detections.from_rows(whole.ground_truth, image_index=images[kept], **columns)
    return Population(whole.ground_truth, (part, part))


def images_with(evaluation: Evaluation) -> NDArray[np.int64]:
    """Return (1 + classes, 3) the number of images with objects, with a hit and with a miss.

    The first row is that of the overall value.
    """
    measure = evaluation.protocol.measures[0]
    there = (
        images_with_objects(evaluation, measure),
        *images_with_hits_and_misses(evaluation, measure),
    )
    n_classes = len(evaluation.ground_truth.class_names)
    return np.array(
        [
            [len(np.unique(each.images)), *np.bincount(each.classes, minlength=n_classes)]
            for each in there
        ]
    ).T


def values(evaluation: Evaluation) -> Floats:
    """Return (1 + classes,) the overall value and those of the classes."""
    measure = evaluation.protocol.measures[0]
    return np.array([evaluation.value(measure), *evaluation.class_values(measure)], np.float64)


def one(task: tuple[int, int, int]) -> Floats:
    """Return (protocols, 1 + classes, 6): low, high, value, then the numbers of images."""
    percent, size, number = task
    ground_truth, detections = pool(percent).sample(size, np.random.default_rng([size, number]))
    out = np.full((len(PROTOCOLS), 1 + len(ground_truth.class_names), 6), np.nan)
    for rows, protocol in zip(out, PROTOCOLS, strict=True):
        [evaluation] = scored(ground_truth, detections[:1], protocol)
        measure = protocol.measures[0]
        count, weights_of = halves_of(evaluation), split_halves(ground_truth, number)
        [[scores]] = weighted_scores([evaluation], [measure], count, weights_of, 1)
        rows[:, 2], rows[:, 3:] = values(evaluation), images_with(evaluation)
        columns = np.column_stack([scores.values, scores.classes]).T
        for row, halves in zip(rows, columns, strict=True):
            mirrored = (2 * row[2] - halves)[~np.isnan(halves)]
            if row[3] > 1 and len(mirrored):
                row[:2] = interval_ends(mirrored, Expanded(int(row[3])), 0.95, (0, 1))
    return out


@cache
def true_values(percent: int) -> Floats:
    """Return (protocols, 1 + classes) the values of the population."""
    everything = pool(percent)
    evaluations = [
        scored(everything.ground_truth, everything.detections[:1], protocol)[0]
        for protocol in PROTOCOLS
    ]
    return np.array([values(each) for each in evaluations])


def cell(contained: NDArray[np.bool_]) -> str:
    """Return the coverage and the number of intervals."""
    count = len(contained)
    return f"{contained.mean():.1%} ({count:,})" if count >= MIN_ROWS else "–"


def main() -> None:
    """Print a table for each protocol."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200, 500, 1000])
    parser.add_argument("--sparse-samples", type=int, default=150)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder for finished results; an interrupted run resumes"
    )
    options = parser.parse_args()
    tasks = [(100, size, n) for size in options.sizes for n in range(options.samples)]
    tasks += [(1, 4952, n) for n in range(options.sparse_samples)]
    with Pool(options.processes) as workers:
        out = results(workers, one, tasks, options.keep)
    expected = np.array([true_values(percent) for percent, _, _ in tasks])
    for p, protocol in enumerate(PROTOCOLS):
        low, high, estimate, *images = np.moveaxis(out[:, p], -1, 0)
        defined = ~np.isnan(low)
        contained = (low <= expected[:, p]) & (expected[:, p] <= high)
        outside = (estimate < low) | (estimate > high)
        print(
            f"\n| {protocol.name}: images | overall value | the value is outside |\n|---|---|---|"
        )
        for percent, size in dict.fromkeys(task[:2] for task in tasks):
            rows = [n for n, task in enumerate(tasks) if task[:2] == (percent, size)]
            name = f"{size:,}" if percent == 100 else f"{percent}% of {size:,}"
            print(f"| {name} | {cell(contained[rows, 0])} | {outside[rows, 0].mean():.1%} |")
        of_classes = np.array(images)[:, :, 1:][:, defined[:, 1:]]
        print_table(protocol.name, of_classes, contained[:, 1:][defined[:, 1:]])


def print_table(title: str, images: NDArray[np.float64], contained: NDArray[np.bool_]) -> None:
    """Print the coverage by each number of images, if the two others are large enough."""

    def enough(skipped: int) -> NDArray[np.bool_]:
        return np.all([images[n] >= LIMITS[n] for n in range(3) if n != skipped], axis=0)

    def column(of: Callable[[NDArray[np.float64]], NDArray[np.bool_]]) -> list[str]:
        return [cell(contained[of(images[n]) & enough(n)]) for n in range(3)]

    print(f"\n| {title}: images | {' | '.join(f'with {each}' for each in TITLES)} |")
    print("|---|---|---|---|")
    for low, high in RANGES:
        name = f"{low}" if low == high else f"{low} to {high}" if high < 9999 else f"{low} and more"
        cells = column(lambda count, low=low, high=high: (count >= low) & (count <= high))
        print(f"| {name} | {' | '.join(cells)} |")
    printed = enough(-1)
    print(f"\nwithin all limits: {cell(contained[printed])} of {len(contained):,}")


if __name__ == "__main__":
    main()

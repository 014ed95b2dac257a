"""Measure the coverage of confidence bands of precision-recall curves at several recalls.

    python -m tests.experiments.curve_coverage --samples 500

The images of a large dataset are the population, and its curves are the true values. The same seed
gives the same table on every machine.
"""

from __future__ import annotations

import argparse
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.protocols.voc import VOC2012
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.curve_bands import curve_bands
from tests.experiments.kept import results
from tests.experiments.population import Population, population, scored

RECALLS = np.array([0.1, 0.3, 0.5, 0.6, 0.7, 0.8])
OBJECTS = (50, 100, 900)
"""About the number of objects of each chosen class in a sample."""


@cache
def pool() -> Population:
    return population()


def classes(size: int) -> list[str]:
    """Return the classes with about `OBJECTS` objects in a sample, each class once."""
    names = pool().ground_truth.class_names
    return list(dict.fromkeys(names[pool().class_of_size(objects, size)] for objects in OBJECTS))


def interpolated(evaluation: Evaluation, name: str) -> NDArray[np.float64]:
    """Return the maximum precision at each recall or a higher one, from the measured points."""
    precision, recall, _ = evaluation.curve(name, 0.5)
    return np.array([precision[recall >= level].max(initial=0.0) for level in RECALLS])


def one(task: tuple[int, int]) -> NDArray[np.float64]:
    """Return (classes, 3, recalls): low, high and the estimate in one sample."""
    size, number = task
    ground_truth, detections = pool().sample(size, np.random.default_rng([size, number]))
    [evaluation, *_] = scored(ground_truth, detections[:1], VOC2012)
    bands = {
        band.class_name: band
        for band in curve_bands(evaluation, 0.5, recalls=RECALLS, seed=number, threads=1)
    }
    return np.array(
        [
            [bands[name].low, bands[name].high, interpolated(evaluation, name)]
            for name in classes(size)
        ]
    )


def main() -> None:
    """Print a row for each class and sample size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000, 4952])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder for finished results; an interrupted run resumes"
    )
    options = parser.parse_args()
    everything = pool()
    [whole, *_] = scored(everything.ground_truth, everything.detections[:1], VOC2012)
    print(
        f"population: {everything.ground_truth.name}, "
        f"{len(everything.ground_truth.image_ids):,} images; {options.samples:,} samples\n"
    )
    print(f"| images | class | {' | '.join(f'recall {level:g}' for level in RECALLS)} |")
    print(f"{'|---' * (len(RECALLS) + 2)}|")
    for size in options.sizes:
        with Pool(options.processes) as workers:
            out = results(workers, one, [(size, n) for n in range(options.samples)], options.keep)
        for place, name in enumerate(classes(size)):
            expected = interpolated(whole, name)
            contained = (out[:, place, 0] <= expected) & (expected <= out[:, place, 1])
            cells = [
                f"{share:.1%} ({value:.2f})"
                for share, value in zip(contained.mean(axis=0), expected, strict=True)
            ]
            print(f"| {size:,} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

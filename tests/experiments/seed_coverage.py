"""Measure the coverage of 95% intervals of a mean over trainings; prints a Markdown table.

    python -m tests.experiments.seed_coverage --studies 2000

Values are simulated as a true value plus four normal parts: of the images (common to all
trainings), of each seed, and of seed and images together. The bootstrap replicates of the images'
part are normal with the same spread, as for a dataset of many images.
"""

from __future__ import annotations

import argparse

import numpy as np

from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.uncertainty.intervals import intervals
from detbench.metrics.uncertainty.replicates import HALVES, Replicates
from detbench.metrics.uncertainty.seeds import average_over_seeds

RESAMPLES, TRUE_VALUE, IMAGE_SPREAD = 500, 0.5, 0.01
INTERACTION = 0.3
"""Spread of the part of seed and images together, as a share of the spread of the seeds."""


def study(trainings: int, seed_spread: float, rng: np.random.Generator, number: int) -> bool:
    """Return whether the interval of one study contains the true value."""
    by_image, own = rng.normal(0, IMAGE_SPREAD), rng.normal(0, seed_spread, trainings)
    values = TRUE_VALUE + by_image + own + rng.normal(0, INTERACTION * seed_spread, trainings)
    bootstrap, halves = rng.normal(0, IMAGE_SPREAD, RESAMPLES), rng.normal(0, IMAGE_SPREAD, HALVES)
    interaction = rng.normal(0, INTERACTION * seed_spread, (trainings, RESAMPLES + HALVES))
    replicates = [
        Replicates(
            name=f"{n}",
            measure=Measure("AP"),
            class_names=(),
            values=np.array([value]),
            bootstrap=(value + bootstrap + interaction[n, :RESAMPLES])[:, None],
            left_out=np.full((2, 1), value),
            halves=(value + halves + interaction[n, RESAMPLES:])[:, None],
            clusters=np.array([5000]),
            resampling="simulated",
        )
        for n, value in enumerate(values)
    ]
    interval, _ = intervals(
        average_over_seeds(replicates, "trained", seed=number), method="expanded"
    )
    return interval.low <= TRUE_VALUE <= interval.high


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000)
    options = parser.parse_args()
    print("| trainings | spread by seed / by image | coverage |\n|---|---|---|")
    for trainings in (2, 3, 5, 10):
        for ratio in (0.3, 1.0, 3.0):
            rng = np.random.default_rng([trainings, int(10 * ratio)])
            coverage = np.mean(
                [
                    study(trainings, ratio * IMAGE_SPREAD, rng, number)
                    for number in range(options.studies)
                ]
            )
            print(f"| {trainings} | {ratio:g} | {coverage:.1%} |", flush=True)


if __name__ == "__main__":
    main()

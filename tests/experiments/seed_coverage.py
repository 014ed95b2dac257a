"""Measure how often the 95 % interval of a mean over trainings holds the true mean, and print a Markdown table.

python -m tests.experiments.seed_coverage --studies 2000

Values are made: a truth, what the images add to all trainings, what each seed adds, and what the two add together; all normal, with known
spreads. Resampling sees the images' part as a bootstrap of many images would: normal, and of the right spread.
"""

from __future__ import annotations

import argparse

import numpy as np

from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.uncertainty.intervals import intervals
from detbench.metrics.uncertainty.replicates import HALVES, Resampled
from detbench.metrics.uncertainty.seeds import over_seeds

DRAWS, TRUTH, OF_IMAGES = 500, 0.5, 0.01
TOGETHER = 0.3
"""Spread of what seed and images add together, as a share of the seeds' own."""


def study(trainings: int, of_seeds: float, rng: np.random.Generator, number: int) -> bool:
    """Tell whether the interval of one study holds the truth."""
    by_image, own = rng.normal(0, OF_IMAGES), rng.normal(0, of_seeds, trainings)
    values = TRUTH + by_image + own + rng.normal(0, TOGETHER * of_seeds, trainings)
    drawn, halves = rng.normal(0, OF_IMAGES, DRAWS), rng.normal(0, OF_IMAGES, HALVES)
    apart = rng.normal(0, TOGETHER * of_seeds, (trainings, DRAWS + HALVES))
    resampled = [
        Resampled(
            name=f"{n}",
            measure=Measure("AP"),
            class_names=(),
            values=np.array([value]),
            drawn=(value + drawn + apart[n, :DRAWS])[:, None],
            left_out=np.full((2, 1), value),
            halves=(value + halves + apart[n, DRAWS:])[:, None],
            units=np.array([5000]),
            draws="made",
        )
        for n, value in enumerate(values)
    ]
    interval, _ = intervals(over_seeds(resampled, "trained", seed=number), method="expanded")
    return interval.low <= TRUTH <= interval.high


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000)
    options = parser.parse_args()
    print("| trainings | spread by seed / by image | coverage |\n|---|---|---|")
    for trainings in (2, 3, 5, 10):
        for ratio in (0.3, 1.0, 3.0):
            rng = np.random.default_rng([trainings, int(10 * ratio)])
            held = np.mean(
                [
                    study(trainings, ratio * OF_IMAGES, rng, number)
                    for number in range(options.studies)
                ]
            )
            print(f"| {trainings} | {ratio:g} | {held:.1%} |", flush=True)


if __name__ == "__main__":
    main()

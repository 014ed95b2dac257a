"""Seeds: a detector that was trained several times, with different random seeds.

Its results vary with the seed as well as with the images. Three or five trainings are too few to
resample: resamples of them never leave their range. The seeds' part of every replicate is therefore
drawn from Student's t, the distribution of the mean of S normal values: the trainings' deviations
from their mean, times normal numbers, divided by a χ² with S − 1 degrees of freedom. Images are
resampled as always, the same ones for all trainings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detbench.data.columns import Floats
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.uncertainty.replicates import Replicates

_SEEDS_STREAM = 3
"""Distinguishes the random stream of trainings from others of the same seed."""


def average_over_seeds(trainings: Sequence[Replicates], name: str, *, seed: int = 0) -> Replicates:
    """Return the mean of a measure over several trainings of one detector.

    Its replicates vary with seeds and images, so that intervals and differences of it cover both.

    Args:
        trainings: S of them, resampled in one call, together with those of every other detector
            that this one is to be compared with.
        name: of the detector. Detectors of different names have independent seeds.
        seed: random seed of the replicates.

    Raises:
        DetbenchError: there are fewer than two trainings.
        NotComparableError: they were not resampled together.
    """
    if len(trainings) < 2:
        raise DetbenchError(
            f"{name}: variation over seeds needs at least two trainings, got {len(trainings)}"
        )
    first = trainings[0]
    together = (first.resampling, first.measure)
    if any((training.resampling, training.measure) != together for training in trainings):
        raise NotComparableError(
            f"the trainings of {name} were not resampled together; resample all in one call"
        )
    values = np.array([training.values for training in trainings])
    # The mean of the replicates varies with the images; seeds are added on top.
    bootstrap = np.mean([training.bootstrap for training in trainings], axis=0)
    halves = np.mean([training.halves for training in trainings], axis=0)
    return replace(
        first,
        name=name,
        values=values.mean(axis=0),
        bootstrap=bootstrap + _seed_deviations(values, len(bootstrap), name, seed),
        left_out=np.mean([training.left_out for training in trainings], axis=0),
        halves=halves + _seed_deviations(values, len(halves), name, seed),
        varies=None,
    )


def _seed_deviations(values: Floats, count: int, name: str, seed: int) -> Floats:
    """Return (count, 1 + K) random deviations of the mean of S trainings from its expectation.

    They are Student's t with S − 1 degrees of freedom, times the standard error of the mean.

    Args:
        values: (S, 1 + K) of each training.
        count: number of deviations.
        name: of the detector.
        seed: random seed.
    """
    trainings = len(values)
    # The deviations of S values from their mean, times S normal numbers, are normal with the sample
    # variance times S − 1. Divided by √(S χ²) they are t times the standard error of the mean.
    rng = np.random.default_rng([seed, _SEEDS_STREAM, *name.encode()])
    normal = rng.normal(size=(count, trainings))
    chi_square = rng.chisquare(trainings - 1, size=(count, 1))
    deviations = values - values.mean(axis=0)
    return np.asarray(normal @ deviations / np.sqrt(trainings * chi_square))

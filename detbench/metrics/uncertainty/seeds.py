"""Seeds: a detector that was trained several times, whose results vary with the training's seed as well as with the images.

Three or five trainings are too few to draw from: draws of them never leave their range. Their part of every replicate is therefore drawn
from Student's t, which is what the mean of S normal values spreads by: the trainings' deviations from their mean, times normal numbers,
divided by a χ² of S − 1 degrees of freedom. Images are drawn as ever, the same ones for all trainings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detbench.data.columns import Floats
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.uncertainty.replicates import Resampled

_SEEDS_STREAM = 3


def over_seeds(trainings: Sequence[Resampled], name: str, *, seed: int = 0) -> Resampled:
    """Return the mean of a measure over several trainings of one detector, with replicates over seeds and images.

    Args:
        trainings: S of them, resampled in one call (with those of every other detector that this one is to be compared with).
        name: of the detector. Detectors of different names have independent seeds.
        seed: names the draws.

    Raises:
        DetbenchError: fewer than two trainings.
        NotComparableError: they were not resampled together.
    """
    if len(trainings) < 2:
        raise DetbenchError(
            f"{name}: to tell how results vary with the seed takes two trainings or more, got {len(trainings)}"
        )
    first = trainings[0]
    if any((each.draws, each.measure) != (first.draws, first.measure) for each in trainings):
        raise NotComparableError(
            f"the trainings of {name} were not resampled together; resample all in one call"
        )
    values = np.array([each.values for each in trainings])
    return replace(
        first,
        name=name,
        values=values.mean(axis=0),
        drawn=np.mean([each.drawn for each in trainings], axis=0)
        + _effects(values, len(first.drawn), name, seed),
        left_out=np.mean([each.left_out for each in trainings], axis=0),
        halves=np.mean([each.halves for each in trainings], axis=0)
        + _effects(values, len(first.halves), name, seed),
    )


def _effects(values: Floats, count: int, name: str, seed: int) -> Floats:
    """Return (count, 1 + K) deviations of the mean of S trainings: Student's t of S − 1 degrees of freedom, times its standard error."""
    trainings = len(values)
    rng = np.random.default_rng([seed, _SEEDS_STREAM, *name.encode()])
    normal, chi_square = (
        rng.normal(size=(count, trainings)),
        rng.chisquare(trainings - 1, size=(count, 1)),
    )
    return np.asarray(normal @ (values - values.mean(axis=0)) / np.sqrt(trainings * chi_square))

"""Chance: how well boxes fit under the best of all readings, and how well if images are mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.fit import fit_of, sample_of
from detbench.doctor.readings.box_formats import MUCH_BETTER, readings, reread
from detbench.doctor.readings.transforms import best_transform, undo_transform

MIN_BOXES = 20
"""Detections and objects below which one of the hundreds of readings fits by chance."""
N_MIXED = 3
"""Number of random permutations of the images."""
ABOVE_CHANCE = 0.03
"""Mean best IoU above the best of the mixed ones that chance does not reach: these differ by .01
from each other."""
_SEED = 5


@dataclass(frozen=True)
class FittedReading:
    """A reading of the boxes and how well they fit the objects under it."""

    fit: float
    """Mean best IoU; 0 if there are too few boxes to tell."""
    name: str
    fix_rows: Callable[[DetectionRows], DetectionRows]


def best_reading(case: Case) -> FittedReading:
    """Return the reading of the boxes, other than the file's own, under which they fit best."""
    sample = sample_of(case)
    if min(len(sample.boxes), len(sample.objects)) < MIN_BOXES:
        return FittedReading(0.0, "", lambda rows: rows)
    fits = [
        (sample.mean_best_iou(reading.boxes(sample.box_numbers, sample.sizes)), reading)
        for reading in readings(case, sample.box_numbers)
    ]
    fit, reading = max(fits, key=lambda pair: pair[0])
    transform = best_transform(sample, 0.0)
    if transform and transform.fit > fit:
        undo = partial(undo_transform, case, transform.transform)
        return FittedReading(transform.fit, transform.transform.name, undo)
    return FittedReading(fit, reading.name, partial(reread, case, reading))


def is_chance(case: Case) -> bool:
    """Tell whether boxes fit the objects, at best, no better than those of other images do.

    False if there are too few boxes to tell.
    """
    fit = _best_fit(case)
    if not fit:
        return False
    by_chance = max(_best_fit(case.with_rows(mixed)) for mixed in _mixed(case))
    return fit < max(MUCH_BETTER * by_chance, by_chance + ABOVE_CHANCE)


def _best_fit(case: Case) -> float:
    """Return the fit under any reading, the file's own included; 0 if there are too few boxes."""
    other = best_reading(case).fit
    return max(other, fit_of(case)) if other else 0.0


def _mixed(case: Case) -> Iterator[DetectionRows]:
    """Yield the rows with their images exchanged at random."""
    image_index = case.rows.image_index
    images, random = np.unique(image_index[image_index >= 0]), np.random.default_rng(_SEED)
    for _ in range(N_MIXED):
        # The last element stays −1: rows of unknown images stay on unknown images.
        new_image = np.full(len(case.ground_truth.image_ids) + 1, -1, np.int64)
        order = random.permutation(images)
        new_image[order] = np.roll(order, 1)
        yield replace(case.rows, image_index=new_image[case.rows.image_index])

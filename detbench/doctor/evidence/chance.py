"""Chance: how well boxes fit objects under the best of all readings, and how well they would if images were mixed at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from detbench.doctor.case import Case
from detbench.doctor.checks.box_formats import MUCH_BETTER, boxes_read, readings, reread
from detbench.doctor.checks.scales import best_transform, undone
from detbench.doctor.evidence.fit import sample_of
from detbench.doctor.reading.rows import Rows

FEWEST = 20
"""Detections and objects below which one of the hundreds of readings fits by chance."""
MIXED = 3
"""How often images are mixed."""
ABOVE_CHANCE = 0.03
"""Mean best overlap beyond that of mixed images, from the best of three on, that no chance brings: they differ by .01 among each other."""


def best_reading(case: Case) -> tuple[float, str, Callable[[Rows], Rows]]:
    """Return the highest mean best overlap that any other reading of the boxes has, what it is called, and the reading."""
    assert case.source is not None  # noqa: S101  the check asks for it
    sample = sample_of(case)
    if min(len(sample.boxes), len(sample.objects)) < FEWEST:
        return 0.0, "", lambda rows: rows
    fits = [
        (sample.mean_overlap(boxes_read(case, each, sample.written, sample.sizes)), each)
        for each in readings(case, sample.written)
    ]
    fit, reading = max(fits, key=lambda each: each[0])
    transform = best_transform(sample, 0.0)
    if transform and transform[1] > fit:
        return transform[1], transform[0].name, partial(undone, case, transform[0].undo)
    return fit, reading.name, partial(reread, case, reading)


def is_chance(case: Case) -> bool:
    """Tell whether boxes fit the objects, under the best reading, as little as those of other images do; False for too few to tell."""
    fit = _best_fit(case)
    if not fit:
        return False
    chance = max(_best_fit(replace(case, rows=mixed)) for mixed in _mixed(case))
    return fit < max(MUCH_BETTER * chance, chance + ABOVE_CHANCE)


def _best_fit(case: Case) -> float:
    sample, other = sample_of(case), best_reading(case)[0]
    return max(other, sample.mean_overlap(sample.boxes)) if other else 0.0


def _mixed(case: Case) -> Iterator[Rows]:
    """Yield the rows with the images exchanged at random."""
    images, random = np.unique(case.rows.image[case.rows.image >= 0]), np.random.default_rng(5)
    for _ in range(MIXED):
        place = np.full(len(case.truth.image_ids) + 1, -1, np.int64)
        order = random.permutation(images)
        place[order] = np.roll(order, 1)
        yield replace(case.rows, image=place[case.rows.image])

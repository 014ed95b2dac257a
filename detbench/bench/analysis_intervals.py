"""Analysis intervals: where the numbers of an analysis could lie on other images of the same kind.

All are of the method `halves` of `detbench.metrics.uncertainty.intervals`, which takes off how few objects flatter a number, and are widened to the
number itself where it lies outside. One cut of the images serves all numbers of all detectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.calibration import (
    d_ece_replicates,
    la_ece_replicates,
    mean_over_classes,
)
from detbench.metrics.errors.counted_detections import Ranked
from detbench.metrics.errors.lrp import PARTS, Lrp, lrp_replicates
from detbench.metrics.errors.thresholds import Operating, operating_replicates
from detbench.metrics.errors.tide import ERRORS, SPECIAL, Tide, tide_replicates
from detbench.metrics.errors.trait_recall import TraitRecall
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights, half_draws, unit_count, units_with
from detbench.metrics.uncertainty.drawn import halves_interval, stacked
from detbench.metrics.uncertainty.intervals import Interval

_CHUNK = 50


class Halves:
    """Random halves of the images, or of their groups, as weights (B, I)."""

    def __init__(self, ground_truth: GroundTruth, count: int, seed: int) -> None:
        self.ground_truth = ground_truth
        self.count = count if unit_count(ground_truth) > 1 else 0
        nothing = np.empty((0, len(ground_truth.image_ids)), np.uint16)
        self.weights = (
            stacked(half_draws(ground_truth, seed), self.count) if self.count else nothing
        )

    def units_with(self, by_image: NDArray[np.integer]) -> Ints:
        """Return (K,) how many images, or groups of them, have something, given what each image has (I, K)."""
        return units_with(self.ground_truth, by_image)

    def of(self, function: Callable[[Weights], Floats]) -> Floats:
        """Return the values (B, ...) of a function of weights on all halves, some at a time."""
        return np.concatenate(
            [
                function(self.weights[start : start + _CHUNK])
                for start in range(0, self.count, _CHUNK)
            ]
        )


@dataclass(frozen=True, eq=False)
class CalibrationIntervals:
    """Of the calibration errors."""

    d_ece: Interval
    d_ece_sure: Interval
    la_ece: Interval


def tide_intervals(evaluation: Evaluation, found: Tide, halves: Halves) -> dict[str, Interval]:
    """Return the intervals of TIDE's base AP and costs by name; empty without halves."""
    if not halves.count:
        return {}
    drawn = tide_replicates(
        evaluation,
        halves.weights,
        iou=found.iou,
        background=found.background,
        as_tidecv=found.as_tidecv,
    )
    units = int(halves.units_with(np.diff(evaluation.ground_truth.offsets)[:, None])[0])
    lowest = {name: -1.0 if name == "FN" else 0.0 for name in (*ERRORS, *SPECIAL)}
    costs = {
        name: halves_interval(found.costs[name], drawn[name], units, lowest=least)
        for name, least in lowest.items()
    }
    return {"base": halves_interval(found.base, drawn["base"], units), **costs}


def lrp_intervals(
    found: Lrp, ranked: Ranked, halves: Halves
) -> tuple[dict[str, Interval], dict[str, tuple[Interval, ...]]]:
    """Return the intervals of the mean of each part and of each part of each class, by name of the part; empty without halves."""
    if not halves.count:
        return {}, {}
    drawn = np.moveaxis(
        halves.of(lambda weights: np.moveaxis(lrp_replicates(ranked, weights), 0, 1)), 1, 0
    )
    units = halves.units_with(ranked.positives)
    of_any = int(halves.units_with(ranked.positives.sum(axis=1, keepdims=True))[0])
    classes = {part: _each(getattr(found, part), drawn[p], units) for p, part in enumerate(PARTS)}
    means = {
        part: halves_interval(found.means[part], mean_over_classes(drawn[p]), of_any)
        for p, part in enumerate(PARTS)
    }
    return means, classes


def calibration_intervals(
    values: tuple[float, float, float],
    least: float,
    ranked: Ranked,
    loose: Ranked,
    thresholds: Floats,
    halves: Halves,
) -> CalibrationIntervals | None:
    """Return the intervals of D-ECE, D-ECE from the score `least` on, and mean LaECE; None without halves."""
    if not halves.count:
        return None
    drawn = (
        halves.of(lambda weights: d_ece_replicates(ranked, weights)),
        halves.of(lambda weights: d_ece_replicates(ranked, weights, least_score=least)),
        halves.of(lambda weights: la_ece_replicates(loose, thresholds, weights)),
    )
    units = len(np.unique(halves.ground_truth.units[ranked.images]))
    return CalibrationIntervals(
        *(halves_interval(value, each, units) for value, each in zip(values, drawn, strict=True))
    )


def operating_intervals(
    found: Operating, ranked: Ranked, reported_on: Flags, halves: Halves
) -> tuple[Interval, ...]:
    """Return the intervals of F-beta of each class on the images that it is reported on; empty without halves."""
    if not halves.count:
        return ()
    drawn = halves.of(lambda weights: operating_replicates(ranked, found, reported_on, weights))
    return _each(found.value, drawn, halves.units_with(ranked.positives * reported_on[:, None]))


def recall_intervals(recall: TraitRecall, halves: Halves) -> tuple[Interval, ...]:
    """Return the intervals of recall by the values of a trait; empty without halves."""
    if not halves.count:
        return ()
    return _each(recall.taken, halves.of(recall.replicates), halves.units_with(recall.by_image[0]))


def _each(values: Floats, drawn: Floats, units: Ints | Sequence[int]) -> tuple[Interval, ...]:
    return tuple(
        halves_interval(float(value), drawn[:, k], int(units[k])) for k, value in enumerate(values)
    )

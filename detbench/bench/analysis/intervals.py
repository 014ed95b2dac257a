"""Analysis intervals: the tables of an analysis that have confidence intervals.

The intervals are of the method `halves` of `detbench.metrics.uncertainty.intervals`, which corrects
for the bias of few objects. They are widened to the value itself if it lies outside. The same
halves of the images serve all values of all detectors. Without halves, intervals have NaN ends.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detbench.bench.analysis.tables import (
    CalibrationRow,
    ErrorCostRow,
    LrpRow,
    RecallRow,
    ThresholdRow,
    without_interval,
)
from detbench.data.columns import Flags, Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.calibration import (
    LAECE_IOU,
    d_ece,
    d_ece_replicates,
    la_ece,
    la_ece_replicates,
)
from detbench.metrics.errors.counted_detections import CountedDetections, count_detections
from detbench.metrics.errors.lrp import COMPONENTS, lrp, lrp_replicates
from detbench.metrics.errors.means import mean_over_classes
from detbench.metrics.errors.thresholds import choose_thresholds, held_out_replicates
from detbench.metrics.errors.tide import MAIN_ERRORS, SPECIAL_ERRORS, Tide
from detbench.metrics.errors.traits import TraitRecall
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import (
    Weights,
    cluster_count,
    clusters_with,
    split_halves,
    stack_weights,
)
from detbench.metrics.uncertainty.intervals import Interval
from detbench.metrics.uncertainty.statistic_intervals import statistic_interval_from_halves

CONFIDENT = 0.3
"""D-ECE is also given for detections of at least this score: most detections have low scores, and
outweigh the others."""
_CHUNK = 50
"""Halves that are weighted at once, to bound the memory."""


class Halves:
    """Random halves of the images, or of their groups, as weights (B, I)."""

    def __init__(self, ground_truth: GroundTruth, count: int, seed: int) -> None:
        self.ground_truth = ground_truth
        self.count = count if cluster_count(ground_truth) > 1 else 0
        self.weights: Weights = np.empty((0, len(ground_truth.image_ids)), np.uint16)
        if self.count:
            self.weights = stack_weights(split_halves(ground_truth, seed), self.count)

    def clusters_with(self, by_image: NDArray[np.integer]) -> Ints:
        """Return (K,) how many images, or groups, have something, given counts (I, K)."""
        return clusters_with(self.ground_truth, by_image)

    def replicates(self, statistic: Callable[[Weights], Floats]) -> Floats:
        """Return (B, ...) a statistic of weights on all halves."""
        starts = range(0, max(self.count, 1), _CHUNK)
        return np.concatenate([statistic(self.weights[at : at + _CHUNK]) for at in starts])


def tide_table(costs: Tide, halves: Halves) -> tuple[ErrorCostRow, ...]:
    """Return the base and the costs; `costs` has the halves as replicates."""
    by_image = np.diff(halves.ground_truth.offsets)[:, None]
    clusters = int(halves.clusters_with(by_image)[0])

    def row(kind: str, value: float, lowest: float) -> ErrorCostRow:
        replicates = costs.replicates[kind]
        interval = statistic_interval_from_halves(value, replicates, clusters, lowest=lowest)
        return ErrorCostRow(kind, interval, costs.counts.get(kind))

    # Without the objects that are not found, AP can fall; no other fix has a negative cost.
    lowest = dict.fromkeys((*MAIN_ERRORS, *SPECIAL_ERRORS), 0.0) | {"FN": -1.0}
    errors = [row(kind, costs.costs[kind], low) for kind, low in lowest.items()]
    return (row("base", costs.base, 0.0), *errors)


def lrp_table(
    counted: CountedDetections, class_names: tuple[str, ...], halves: Halves
) -> tuple[LrpRow, ...]:
    """Return optimal LRP: the means over the classes, then each class."""
    result = lrp(counted)

    def components(weights: Weights) -> Floats:
        return np.moveaxis(lrp_replicates(counted, weights), 0, 1)

    replicates = np.moveaxis(halves.replicates(components), 1, 0)
    n_with_objects = int(counted.positives.pooled().clusters(halves.ground_truth)[0])
    means = {
        name: statistic_interval_from_halves(mean, mean_over_classes(values), n_with_objects)
        for (name, mean), values in zip(result.means.items(), replicates, strict=True)
    }
    clusters = counted.positives.clusters(halves.ground_truth)
    of_classes = {
        name: _intervals(getattr(result, name), values, clusters)
        for name, values in zip(COMPONENTS, replicates, strict=True)
    }
    return LrpRow(None, **means, threshold=np.nan), *(
        LrpRow(
            class_name,
            **{name: intervals[k] for name, intervals in of_classes.items()},
            threshold=float(result.threshold[k]),
        )
        for k, class_name in enumerate(class_names)
    )


def calibration_table(
    evaluation: Evaluation, counted: CountedDetections, halves: Halves
) -> tuple[CalibrationRow, ...]:
    """Return the calibration errors of all classes together, then of each class."""
    at_laece_iou = count_detections(evaluation, iou=LAECE_IOU)
    thresholds = lrp(at_laece_iou).threshold
    of_classes = la_ece(at_laece_iou, thresholds)
    clusters = len(np.unique(halves.ground_truth.clusters[counted.images]))

    def interval(value: float, statistic: Callable[[Weights], Floats]) -> Interval:
        return statistic_interval_from_halves(value, halves.replicates(statistic), clusters)

    together = CalibrationRow(
        None,
        interval(d_ece(counted), lambda weights: d_ece_replicates(counted, weights)),
        interval(
            d_ece(counted, min_score=CONFIDENT),
            lambda weights: d_ece_replicates(counted, weights, min_score=CONFIDENT),
        ),
        interval(
            float(mean_over_classes(of_classes[None])[0]),
            lambda weights: la_ece_replicates(at_laece_iou, thresholds, weights),
        ),
    )
    none = without_interval(np.nan)
    names = evaluation.ground_truth.class_names
    return together, *(
        CalibrationRow(name, none, none, without_interval(value))
        for name, value in zip(names, of_classes.tolist(), strict=True)
    )


def threshold_table(
    counted: CountedDetections,
    class_names: tuple[str, ...],
    chosen_on: Flags,
    beta: float,
    halves: Halves,
) -> tuple[ThresholdRow, ...]:
    """Return the threshold for all classes together, then that of each class.

    Args:
        counted: the counted detections.
        class_names: the K classes.
        chosen_on: (I,) the images that thresholds are chosen on; they are reported on the others.
        beta: of the F measure.
        halves: for the intervals.
    """
    return (
        *_threshold_rows(counted.pooled(), (None,), chosen_on, beta, halves),
        *_threshold_rows(counted, class_names, chosen_on, beta, halves),
    )


def recall_table(recalls: list[TraitRecall], halves: Halves) -> tuple[RecallRow, ...]:
    """Return recall by each value of each trait."""
    rows = []
    for recall in recalls:
        clusters = halves.clusters_with(recall.by_image[0])
        intervals = _intervals(recall.recall, halves.replicates(recall.replicates), clusters)
        columns = (
            recall.trait.values,
            recall.objects.tolist(),
            intervals,
            recall.max_recall.tolist(),
        )
        rows += [RecallRow(recall.trait.name, *row) for row in zip(*columns, strict=True)]
    return tuple(rows)


def _threshold_rows(
    counted: CountedDetections,
    names: tuple[str | None, ...],
    chosen_on: Flags,
    beta: float,
    halves: Halves,
) -> list[ThresholdRow]:
    choice = choose_thresholds(counted, chosen_on, beta=beta)

    def f_held_out(weights: Weights) -> Floats:
        return held_out_replicates(counted, choice, ~chosen_on, weights)

    clusters = counted.positives.inside(~chosen_on).clusters(halves.ground_truth)
    columns = (
        names,
        choice.threshold.tolist(),
        choice.f_chosen.tolist(),
        _intervals(choice.f_held_out, halves.replicates(f_held_out), clusters),
        choice.precision.tolist(),
        choice.recall.tolist(),
    )
    return [ThresholdRow(*row) for row in zip(*columns, strict=True)]


def _intervals(values: Floats, replicates: Floats, clusters: Ints) -> list[Interval]:
    """Return the interval of each of K values with replicates (B, K)."""
    return [
        statistic_interval_from_halves(float(value), replicates[:, k], int(clusters[k]))
        for k, value in enumerate(values)
    ]

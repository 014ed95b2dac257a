"""Weighted scores: measures of detectors if each image counts a whole number of times.

Bootstrap, jackknife, halves and permutations are all sets of weights of the images. Matches are
made once, by `evaluate`; only their weights change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.errors import DetbenchError
from detbench.metrics.kernels.weighted import (
    fill_ap_and_recall,
    fill_positives,
    fill_recall,
)
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.comparable import check_comparable
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights, WeightsOf
from detbench.metrics.uncertainty.weighted_detections import (
    averaging,
    objects_to_find,
    weighted_detections,
)
from detbench.threads import ThreadPool

_CHUNK = 50
"""Sets of weights that a thread holds in memory at once."""

_PassKey = tuple[str, int]
"""Area range and limit, as an index: measures that share both are computed in one pass."""


@dataclass(frozen=True, eq=False)
class WeightedScores:
    """A measure of one detector under B sets of weights."""

    measure: Measure
    classes: Floats
    """(B, K) for each class, NaN if the weights leave nothing of it to find."""

    @property
    def values(self) -> Floats:
        """(B,) the mean over the classes that are there; NaN without any object.

        A class without objects is left out of the mean, as in the evaluation of any dataset.
        """
        present = ~np.isnan(self.classes)
        count = present.sum(axis=1)
        total = np.where(present, self.classes, 0.0).sum(axis=1)
        return np.asarray(np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0))


def weighted_scores(
    evaluations: Sequence[Evaluation],
    measures: Sequence[Measure],
    count: int,
    weights_of: WeightsOf,
    threads: int | None = None,
) -> list[list[WeightedScores]]:
    """Return the scores of all evaluations under `count` sets of weights, [evaluation][measure].

    Args:
        evaluations: of one ground truth under one protocol.
        measures: of the protocol.
        count: B, the number of sets.
        weights_of: gives the weights (I,) of set b.
        threads: maximum number of threads; None for all cores that the process may use.

    Raises:
        NotComparableError: the evaluations have different ground truth or protocols.
        DetbenchError: the protocol lacks the IoU threshold of a measure.
    """
    check_comparable(evaluations)
    first = evaluations[0]
    # One pass per evaluation, area range and limit, each with outputs for all sets of weights.
    passes = _passes(first, measures)
    tasks = {
        key: [_Pass(evaluation, of) for evaluation in evaluations] for key, of in passes.items()
    }
    # What there is to find is the same for all evaluations and limits.
    objects = {measure.area: objects_to_find(first, measure) for measure in passes.values()}
    n_classes = len(first.ground_truth.class_names)
    scores = [
        [WeightedScores(measure, np.empty((count, n_classes))) for measure in measures]
        for _ in evaluations
    ]
    by_pass = [(_key(first, measure), m) for m, measure in enumerate(measures)]

    def work(start: int) -> None:
        weights = np.stack([weights_of(b) for b in range(start, min(start + _CHUNK, count))])
        span = slice(start, start + len(weights))
        positives = {area: np.empty((len(weights), n_classes), np.int64) for area in objects}
        for area, (images_of, classes_of) in objects.items():
            fill_positives(images_of, classes_of, weights, positives[area])
        for key, of_evaluations in tasks.items():
            for task, own in zip(of_evaluations, scores, strict=True):
                ap, recall = task.computed(weights, positives[task.area])
                for m in (m for other, m in by_pass if other == key):
                    own[m].classes[span] = _mean_of(first, measures[m], passes[key], ap, recall)

    for measure in measures:
        check_threshold(first, measure)
    # Threads share the chunks of weights, not the passes: a chunk is made once and used by all.
    with ThreadPool(threads) as pool:
        futures = [pool.submit(work, start) for start in range(0, count, _CHUNK)]
        for future in futures:
            future.result()
    return scores


def check_threshold(evaluation: Evaluation, measure: Measure) -> None:
    """Raise DetbenchError if the protocol lacks the IoU threshold of a measure."""
    thresholds = evaluation.protocol.iou_thresholds
    if not thresholds[evaluation.indices_of(measure)[2]]:
        listed = ", ".join(f"{threshold:g}" for threshold in thresholds)
        raise DetbenchError(
            f"measure {measure.name} needs IoU {measure.iou:g}, but the protocol has {listed}"
        )


class _Pass:
    """One pass over the detections of an evaluation: an area range and a limit.

    It computes all IoU thresholds, or the one that all its measures share.
    """

    def __init__(self, evaluation: Evaluation, measure: Measure) -> None:
        self.area = measure.area
        self._detections = weighted_detections(evaluation, measure)
        self._averaging = averaging(evaluation)
        self._recall_only = measure.kind == "AR"
        self._classes = len(evaluation.ground_truth.class_names)
        lists = len(self._detections.hit_offsets) - 1
        self._levels = lists // self._classes if self._classes else 0

    def computed(self, weights: Weights, positives: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return AP and recall (B, K, T) for these sets of weights (B, I).

        Args:
            weights: (B, I).
            positives: (B, K) objects to find.

        Returns:
            AP has no columns (T = 0) if it is not needed.
        """
        shape = (len(weights), self._classes, self._levels)
        recall = np.empty(shape)
        if self._recall_only:
            fill_recall(self._detections, weights, positives, recall)
            return np.empty((*shape[:2], 0)), recall
        ap = np.empty(shape)
        fill_ap_and_recall(self._detections, self._averaging, weights, positives, ap, recall)
        return ap, recall


def _key(evaluation: Evaluation, measure: Measure) -> _PassKey:
    _, limit, _ = evaluation.indices_of(measure)
    return measure.area, limit


def _passes(evaluation: Evaluation, measures: Sequence[Measure]) -> dict[_PassKey, Measure]:
    """Return for each area range and limit the pass that serves all its measures.

    It takes one IoU threshold if all measures have this one, else all. It leaves AP out (kind AR)
    if no measure is an AP.
    """
    passes: dict[_PassKey, Measure] = {}
    for measure in measures:
        key = _key(evaluation, measure)
        so_far = passes.setdefault(key, replace(measure, name=""))
        iou = so_far.iou if so_far.iou == measure.iou else None
        needs_ap = "AP" in {so_far.kind, measure.kind}
        passes[key] = replace(so_far, iou=iou, kind="AP" if needs_ap else "AR")
    return passes


def _mean_of(
    evaluation: Evaluation, measure: Measure, served_by: Measure, ap: Floats, recall: Floats
) -> Floats:
    """Return (B, K) a measure: the mean over its IoU thresholds."""
    levels = evaluation.indices_of(measure)[2] if served_by.iou is None else slice(None)
    values = (ap if measure.kind == "AP" else recall)[:, :, levels]
    return np.asarray(values.mean(axis=2))

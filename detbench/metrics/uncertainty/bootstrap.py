"""Bootstrap: what the measures of detectors would be on other images of the same kind, by drawing the images anew.

A replicate draws as many images as there are (or groups of them), with replacement, and an image drawn twice counts twice. All detectors
get the same draws, so that differences are paired. A class that has nothing to find in a replicate is left out of that replicate's mean, as
it is out of the mean of any dataset. Each replicate has a random stream of its own, named by seed and number: results do not depend on
threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.comparable import check_comparable
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights, check_units, unit_draws
from detbench.metrics.uncertainty.weighted_scores import (
    averaging,
    occurrences,
    positives_by_image,
    weigh,
    weigh_recall,
)
from detbench.threads import ThreadPool

_CHUNK = 50
"""Replicates whose weights are in memory at once, in each thread."""


@dataclass(frozen=True, eq=False)
class Replicates:
    """A measure of one detector in B replicates."""

    measure: Measure
    classes: Floats
    """(B, K) for each class, NaN where a replicate has nothing of it to find."""

    @property
    def values(self) -> Floats:
        """(B,) the mean over the classes that are there; NaN for a replicate without any object."""
        there = ~np.isnan(self.classes)
        count = there.sum(axis=1)
        total = np.where(there, self.classes, 0.0).sum(axis=1)
        return np.asarray(np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0))


def bootstrap(
    evaluations: Sequence[Evaluation],
    measures: Sequence[Measure] | None = None,
    *,
    replicates: int = 1000,
    seed: int = 0,
    threads: int | None = None,
) -> list[list[Replicates]]:
    """Return the replicates of each measure of each detector, [evaluation][measure], paired over evaluations.

    Args:
        evaluations: of detectors on the same ground truth under one protocol; images of one of its groups are drawn together.
        measures: of the protocol; None for all of its summary.
        replicates: how many draws.
        seed: names the draws.
        threads: at most this many; None for all the process may use.

    Raises:
        DetbenchError: for fewer than two images or groups, or no replicates.
        NotComparableError: the evaluations are of other ground truth or protocols.
    """
    first = evaluations[0]
    check_units(first.ground_truth, "a bootstrap")
    if replicates < 1:
        raise DetbenchError(f"replicates must be 1 or more, got {replicates}")
    draw = unit_draws(first.ground_truth, seed)
    return weighted_replicates(
        evaluations, measures or first.protocol.measures, replicates, draw, threads
    )


def weighted_replicates(
    evaluations: Sequence[Evaluation],
    measures: Sequence[Measure],
    count: int,
    draw: Callable[[int], Weights],
    threads: int | None = None,
) -> list[list[Replicates]]:
    """Return the measures of all evaluations under `count` sets of weights, where `draw(b)` gives the weights (I,) of set b."""
    check_comparable(evaluations)
    passes = _passes(measures)
    tasks = [_Task(evaluation, one) for evaluation in evaluations for one in passes.values()]
    out = [task.empty(count) for task in tasks]

    def work(start: int) -> None:
        weights = np.stack([draw(b) for b in range(start, min(start + _CHUNK, count))])
        for task, (ap, recall) in zip(tasks, out, strict=True):
            span = slice(start, start + len(weights))
            if task.recall_only:
                weigh_recall(task.found, weights, task.positives(weights), recall[span])
            else:
                weigh(
                    task.found, task.rule, weights, task.positives(weights), ap[span], recall[span]
                )

    with ThreadPool(threads) as pool:
        for done in [pool.submit(work, start) for start in range(0, count, _CHUNK)]:
            done.result()
    scored = iter(out)
    by_place = [{place: next(scored) for place in passes} for _ in evaluations]
    return [
        [
            _replicates(evaluation, measure, passes[_place(measure)], *scores[_place(measure)])
            for measure in measures
        ]
        for evaluation, scores in zip(evaluations, by_place, strict=True)
    ]


class _Task:
    """One pass over the detections of one evaluation: an area range and a limit at all thresholds, or at the only one asked for."""

    def __init__(self, evaluation: Evaluation, one: Measure) -> None:
        self.found = occurrences(evaluation, one)
        self.rule = averaging(evaluation)
        self.recall_only = one.kind == "AR"
        self._by_image = positives_by_image(evaluation, one).astype(np.float64)
        classes = len(evaluation.ground_truth.class_names)
        self._levels = (len(self.found.hit_offsets) - 1) // classes if classes else 0

    def positives(self, weights: Weights) -> NDArray[np.int64]:
        """Return (B, K); float64 holds these whole numbers exactly."""
        return np.asarray(weights.astype(np.float64) @ self._by_image).astype(np.int64)

    def empty(self, count: int) -> tuple[Floats, Floats]:
        """Return AP and recall (B, K, T) to be filled; no AP where only recall is asked for."""
        shape = (count, self._by_image.shape[1], self._levels)
        return np.empty((*shape[:2], 0) if self.recall_only else shape), np.empty(shape)


def _place(measure: Measure) -> tuple[str, int | None]:
    return measure.area, measure.max_detections


def _passes(measures: Sequence[Measure]) -> dict[tuple[str, int | None], Measure]:
    """Return for each area range and limit the pass that serves all its measures.

    It takes one IoU threshold where all name this one, else all; and leaves AP out (kind AR) where none is AP.
    """
    passes: dict[tuple[str, int | None], Measure] = {}
    for measure in measures:
        known = passes.setdefault(_place(measure), replace(measure, name=""))
        iou = known.iou if known.iou == measure.iou else None
        passes[_place(measure)] = replace(
            known, iou=iou, kind="AP" if "AP" in {known.kind, measure.kind} else "AR"
        )
    return passes


def _replicates(
    evaluation: Evaluation, measure: Measure, served_by: Measure, ap: Floats, recall: Floats
) -> Replicates:
    levels = evaluation.place(measure)[2] if served_by.iou is None else slice(None)
    values = (ap if measure.kind == "AP" else recall)[:, :, levels]
    check_threshold(evaluation, measure)
    return Replicates(measure, values.mean(axis=2))


def check_threshold(evaluation: Evaluation, measure: Measure) -> None:
    """Raise DetbenchError where the evaluation's protocol lacks the IoU threshold of a measure."""
    known = evaluation.protocol.iou_thresholds
    if not known[evaluation.place(measure)[2]]:
        listed = ", ".join(f"{threshold:g}" for threshold in known)
        raise DetbenchError(
            f"measure {measure.name} needs IoU {measure.iou:g}, and the protocol has {listed}"
        )

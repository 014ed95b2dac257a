"""Analyze: why detectors on one dataset score what they do, everything at once, with bootstrap intervals if asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from detbench.data.columns import Floats
from detbench.errors import DetbenchError
from detbench.metrics.bands import Band, bands, cut_values
from detbench.metrics.bootstrap import Weights, check_comparable, image_draws
from detbench.metrics.calibration import (
    LAECE_IOU,
    Reliability,
    calibrated_scale,
    d_ece,
    d_ece_replicates,
    la_ece,
    reliability,
)
from detbench.metrics.confusion import Confusion, confusion
from detbench.metrics.diagnosis import diagnose
from detbench.metrics.drawn import drawn_interval, stacked
from detbench.metrics.evaluation import Evaluation
from detbench.metrics.intervals import Interval
from detbench.metrics.label_errors import Judged, LabelError, corrected_values, label_errors
from detbench.metrics.lrp import Lrp, lrp, lrp_replicates
from detbench.metrics.operating import Operating, best_threshold, halves, operating
from detbench.metrics.ranked import Ranked, rank
from detbench.metrics.slices import Attribute, Slice, built_in, slices
from detbench.metrics.tide import ERRORS, SPECIAL, Tide, tide, tide_replicates
from detbench.metrics.trait_recall import TraitRecall, trait_recall
from detbench.metrics.traits import Trait, traits

IOU = 0.5
"""Of a hit in all analyses, unless they say otherwise."""
SURE = 0.3
"""D-ECE is also given for detections of at least this score: most detections have low scores, and outweigh the others."""
_CHUNK = 50


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the scores of a detector are worth."""

    d_ece: float
    d_ece_sure: float
    """Of detections of at least `SURE`."""
    la_ece: Floats
    """(K,) above the optimal LRP threshold of each class, hits at IoU 0.1."""
    diagram: Reliability


@dataclass(frozen=True, eq=False, kw_only=True)
class Analysis:
    """Everything about one detector. Intervals are empty where no replicates were drawn."""

    evaluation: Evaluation
    score: float
    """The score threshold of the best F1 over all boxes, at which confusion and recall are given; infinite where nothing is found."""
    tide: Tide
    tide_intervals: dict[str, Interval]
    """By name of the cost; `base` is the AP that costs are added to."""
    confusion: Confusion
    lrp: Lrp
    lrp_interval: Interval | None
    """Of the mean optimal LRP."""
    calibration: Calibration | None
    """None where scores do not lie in 0..1."""
    d_ece_interval: Interval | None
    operating: Operating
    pooled: Operating
    """With one threshold for all classes: arrays of length 1."""
    recalls: tuple[TraitRecall, ...]
    recall_intervals: tuple[tuple[Interval, ...], ...]
    slices: tuple[Slice, ...]
    bands: tuple[Band, ...]
    cuts: dict[float, float | None]
    corrected: dict[str, float | None]
    """The headline measure if the suspected label errors were wrong annotations."""

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.evaluation.detections.name


@dataclass(frozen=True, eq=False)
class Study:
    """The analyses of detectors on one dataset, and what they say about its annotations together."""

    analyses: tuple[Analysis, ...]
    label_errors: tuple[LabelError, ...]
    replicates: int
    seed: int


def analyze(
    evaluations: Sequence[Evaluation], attributes: Sequence[Attribute] = (), *, replicates: int = 0, seed: int = 0, beta: float = 1.0
) -> Study:
    """Analyze detectors that were scored on the same ground truth under one protocol.

    Args:
        evaluations: one or several.
        attributes: of images, besides the built-in ones.
        replicates: bootstrap draws of images for intervals and p-values; 0 for none.
        seed: names the draws and the halves on which thresholds are chosen.
        beta: of the F measure that chooses them.

    Raises:
        DetbenchError: nothing to analyze, or numbers out of range.
        NotComparableError: the evaluations are of other ground truth or protocols.
    """
    if not evaluations:
        raise DetbenchError("there is nothing to analyze: give at least one evaluation")
    if replicates < 0 or beta <= 0:
        raise DetbenchError(f"replicates must be 0 or more and beta above 0, got {replicates} and {beta:g}")
    check_comparable(evaluations)
    first = evaluations[0]
    drawn = replicates if len(first.ground_truth.image_ids) > 1 else 0
    draws = _Draws(image_draws(len(first.ground_truth.image_ids), seed), drawn)
    grouped = traits(first.ground_truth, first.protocol)
    slicing = [*built_in(first.ground_truth), *attributes]
    diagnoses = [diagnose(evaluation, iou=IOU) for evaluation in evaluations]
    judged = [Judged(each, found, rank(each, iou=IOU, diagnosis=found)) for each, found in zip(evaluations, diagnoses, strict=True)]
    errors = label_errors(judged)
    return Study(tuple(_analysis(one, grouped, slicing, errors, draws, seed, beta) for one in judged), tuple(errors), drawn, seed)


class _Draws:
    """Bootstrap weights that all analyses share."""

    def __init__(self, draw: Callable[[int], Weights], count: int) -> None:
        self.draw, self.count = draw, count
        self.weights = stacked(draw, count) if count else None

    def of(self, function: Callable[[Weights], Floats]) -> Floats:
        """Return the values of a function of weights (B, I) in all replicates, some at a time."""
        if self.weights is None:
            return np.empty(0)
        return np.concatenate([function(self.weights[start : start + _CHUNK]) for start in range(0, self.count, _CHUNK)])


def _analysis(
    one: Judged, grouped: Sequence[Trait], slicing: Sequence[Attribute], errors: Sequence[LabelError], draws: _Draws, seed: int, beta: float
) -> Analysis:
    evaluation, ranked = one.evaluation, one.ranked
    score = best_threshold(ranked)
    chosen_on = halves(len(evaluation.ground_truth.image_ids), seed)
    recalls = tuple(trait_recall(evaluation, one.diagnosis, trait, score) for trait in grouped)
    errors_of = tide(evaluation, iou=IOU)
    found = lrp(ranked)
    calibrated = _calibration(evaluation, ranked)
    return Analysis(
        evaluation=evaluation,
        score=score,
        tide=errors_of,
        tide_intervals=tide_intervals(evaluation, errors_of, draws.draw, draws.count),
        confusion=confusion(evaluation, iou=IOU, score=score),
        lrp=found,
        lrp_interval=_interval(found.means["error"], draws.of(lambda weights: lrp_replicates(ranked, weights)), _images(ranked)),
        calibration=calibrated,
        d_ece_interval=_d_ece_interval(calibrated, ranked, draws),
        operating=operating(ranked, chosen_on, beta=beta),
        pooled=operating(ranked.pooled(), chosen_on, beta=beta),
        recalls=recalls,
        recall_intervals=tuple(_recall_intervals(recall, draws) for recall in recalls),
        slices=tuple(slices(evaluation, slicing, draws.weights)),
        bands=tuple(bands(evaluation)),
        cuts=cut_values(evaluation),
        corrected=corrected_values(evaluation, errors),
    )


def _calibration(evaluation: Evaluation, ranked: Ranked) -> Calibration | None:
    if not calibrated_scale(ranked):
        return None
    loose = rank(evaluation, iou=LAECE_IOU)
    return Calibration(d_ece(ranked), d_ece(ranked, least_score=SURE), la_ece(loose, lrp(loose).threshold), reliability(ranked))


def tide_intervals(evaluation: Evaluation, found: Tide, draw: Callable[[int], Weights], count: int) -> dict[str, Interval]:
    """Return the intervals of TIDE's base AP and costs from so many draws of images; empty for none."""
    if not count:
        return {}
    drawn = tide_replicates(evaluation, count, draw, iou=found.iou, background=found.background)
    units = int((np.diff(evaluation.ground_truth.offsets) > 0).sum())
    costs = {name: drawn_interval(found.costs[name], drawn[name], units, lowest=-1.0) for name in (*ERRORS, *SPECIAL)}
    return {"base": drawn_interval(found.base, drawn["base"], units), **costs}


def _d_ece_interval(calibrated: Calibration | None, ranked: Ranked, draws: _Draws) -> Interval | None:
    if calibrated is None:
        return None
    drawn = draws.of(lambda weights: d_ece_replicates(ranked, weights))
    return _interval(calibrated.d_ece, drawn, len(np.unique(ranked.images)))


def _recall_intervals(recall: TraitRecall, draws: _Draws) -> tuple[Interval, ...]:
    drawn = draws.of(recall.replicates)
    if not len(drawn):
        return ()
    units = (recall.by_image[0] > 0).sum(axis=0)
    return tuple(drawn_interval(float(recall.taken[v]), drawn[:, v], int(units[v])) for v in range(len(units)))


def _interval(value: float, drawn: Floats, units: int) -> Interval | None:
    return drawn_interval(value, drawn, units) if len(drawn) else None


def _images(ranked: Ranked) -> int:
    """Return how many images have something to find."""
    return int((ranked.positives.sum(axis=1) > 0).sum())

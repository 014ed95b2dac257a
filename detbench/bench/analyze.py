"""Analyze: why detectors on one dataset score what they do, everything at once, with bootstrap intervals if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detbench.bench.analysis_intervals import (
    CalibrationIntervals,
    Halves,
    calibration_intervals,
    lrp_intervals,
    operating_intervals,
    recall_intervals,
    tide_intervals,
)
from detbench.data.columns import Flags, Floats
from detbench.errors import DetbenchError
from detbench.metrics.errors.calibration import (
    LAECE_IOU,
    Reliability,
    calibrated_scale,
    d_ece,
    la_ece,
    mean_over_classes,
    reliability,
)
from detbench.metrics.errors.confusion_matrix import Confusion, confusion
from detbench.metrics.errors.counted_detections import Ranked, rank
from detbench.metrics.errors.diagnosis import diagnose
from detbench.metrics.errors.label_errors import Judged, LabelError, corrected_values, label_errors
from detbench.metrics.errors.lrp import Lrp, lrp
from detbench.metrics.errors.sensitivity import Band, bands, cut_values
from detbench.metrics.errors.slices import Attribute, Slice, built_in, slices
from detbench.metrics.errors.thresholds import (
    Operating,
    best_threshold,
    check_beta,
    halves,
    operating,
)
from detbench.metrics.errors.tide import Tide, tide
from detbench.metrics.errors.trait_recall import TraitRecall, trait_recall
from detbench.metrics.errors.traits import Trait, traits
from detbench.metrics.scoring.comparable import check_comparable
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights, unit_draws
from detbench.metrics.uncertainty.drawn import stacked
from detbench.metrics.uncertainty.intervals import Interval

IOU = 0.5
"""Of a hit in all analyses, unless they say otherwise."""
SURE = 0.3
"""D-ECE is also given for detections of at least this score: most detections have low scores, and outweigh the others."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the scores of a detector are worth."""

    d_ece: float
    d_ece_sure: float
    """Of detections of at least `SURE`."""
    la_ece: float
    """The mean of `la_ece_classes`; NaN where there is none."""
    la_ece_classes: Floats
    """(K,) above the optimal LRP threshold of each class, hits at IoU 0.1."""
    diagram: Reliability
    intervals: CalibrationIntervals | None


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
    lrp_intervals: dict[str, Interval]
    """Of the means, by name of the part."""
    lrp_class_intervals: dict[str, tuple[Interval, ...]]
    """Of each class, by name of the part."""
    calibration: Calibration | None
    """None where scores do not lie in 0..1."""
    operating: Operating
    operating_intervals: tuple[Interval, ...]
    """Of F-beta of each class on the half that it is reported on."""
    pooled: Operating
    """With one threshold for all classes: arrays of length 1."""
    pooled_interval: Interval | None
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

    @property
    def corrected_range(self) -> tuple[float, float] | None:
        """The lowest and highest of `corrected`: as annotated, and with the suspects of one kind or of all taken for wrong."""
        known = [value for value in self.corrected.values() if value is not None]
        return (min(known), max(known)) if known else None


@dataclass(frozen=True, eq=False)
class Study:
    """The analyses of detectors on one dataset, and what they say about its annotations together."""

    analyses: tuple[Analysis, ...]
    label_errors: tuple[LabelError, ...]
    replicates: int
    seed: int


def analyze(
    evaluations: Sequence[Evaluation],
    attributes: Sequence[Attribute] = (),
    *,
    replicates: int = 0,
    seed: int = 0,
    beta: float = 1.0,
    as_tidecv: bool = False,
) -> Study:
    """Analyze detectors that were scored on the same ground truth under one protocol.

    Args:
        evaluations: one or several.
        attributes: of images, besides the built-in ones.
        replicates: halves of the images for intervals, and bootstrap draws for p-values; 0 for none.
        seed: names the draws and the halves on which thresholds are chosen.
        beta: of the F measure that chooses them.
        as_tidecv: give TIDE's costs as tidecv 1.0.1 does, see `detbench.metrics.errors.tide.tide`.

    Raises:
        DetbenchError: nothing to analyze, or numbers out of range.
        NotComparableError: the evaluations are of other ground truth or protocols.
    """
    if not evaluations:
        raise DetbenchError("there is nothing to analyze: give at least one evaluation")
    if replicates < 0:
        raise DetbenchError(f"replicates must be 0 or more, got {replicates}")
    check_beta(beta)
    check_comparable(evaluations)
    first = evaluations[0]
    truth = first.ground_truth
    halved = Halves(truth, replicates, seed)
    diagnoses = [diagnose(evaluation, iou=IOU) for evaluation in evaluations]
    judged = [
        Judged(each, found, rank(each, iou=IOU, diagnosis=found))
        for each, found in zip(evaluations, diagnoses, strict=True)
    ]
    asked = _Asked(
        traits=traits(truth, first.protocol),
        attributes=[*built_in(truth), *attributes],
        errors=label_errors(judged),
        halves=halved,
        draws=stacked(unit_draws(truth, seed), halved.count) if halved.count else None,
        chosen_on=halves(truth, seed),
        beta=beta,
        as_tidecv=as_tidecv,
    )
    return Study(
        tuple(_analysis(one, asked) for one in judged), tuple(asked.errors), halved.count, seed
    )


@dataclass(frozen=True, eq=False)
class _Asked:
    """What all detectors are asked."""

    traits: Sequence[Trait]
    attributes: Sequence[Attribute]
    errors: Sequence[LabelError]
    halves: Halves
    draws: Weights | None
    chosen_on: Flags
    beta: float
    as_tidecv: bool


def _analysis(one: Judged, asked: _Asked) -> Analysis:
    evaluation, ranked, halves = one.evaluation, one.ranked, asked.halves
    score = best_threshold(ranked)
    costs, found = tide(evaluation, iou=IOU, as_tidecv=asked.as_tidecv), lrp(ranked)
    lrp_means, lrp_classes = lrp_intervals(found, ranked, halves)
    recalls = tuple(trait_recall(evaluation, one.diagnosis, trait, score) for trait in asked.traits)
    pooled = ranked.pooled()
    by_class, together = (
        operating(each, asked.chosen_on, beta=asked.beta) for each in (ranked, pooled)
    )
    return Analysis(
        evaluation=evaluation,
        score=score,
        tide=costs,
        tide_intervals=tide_intervals(evaluation, costs, halves),
        confusion=confusion(evaluation, iou=IOU, score=score),
        lrp=found,
        lrp_intervals=lrp_means,
        lrp_class_intervals=lrp_classes,
        calibration=_calibration(evaluation, ranked, halves),
        operating=by_class,
        operating_intervals=operating_intervals(by_class, ranked, ~asked.chosen_on, halves),
        pooled=together,
        pooled_interval=next(
            iter(operating_intervals(together, pooled, ~asked.chosen_on, halves)), None
        ),
        recalls=recalls,
        recall_intervals=tuple(recall_intervals(recall, halves) for recall in recalls),
        slices=tuple(slices(evaluation, asked.attributes, asked.draws)),
        bands=tuple(bands(evaluation)),
        cuts=cut_values(evaluation),
        corrected=corrected_values(evaluation, asked.errors),
    )


def _calibration(evaluation: Evaluation, ranked: Ranked, halves: Halves) -> Calibration | None:
    if not calibrated_scale(ranked):
        return None
    loose = rank(evaluation, iou=LAECE_IOU)
    thresholds = lrp(loose).threshold
    classes = la_ece(loose, thresholds)
    values = (
        d_ece(ranked),
        d_ece(ranked, least_score=SURE),
        float(mean_over_classes(classes[None])[0]),
    )
    intervals = calibration_intervals(values, SURE, ranked, loose, thresholds, halves)
    return Calibration(*values, classes, reliability(ranked), intervals)

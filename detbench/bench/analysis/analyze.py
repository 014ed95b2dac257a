"""Analyze: why detectors on one dataset score as they do, everything at once, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detbench.bench.analysis.intervals import (
    Halves,
    calibration_table,
    lrp_table,
    recall_table,
    threshold_table,
    tide_table,
)
from detbench.bench.analysis.tables import (
    CalibrationRow,
    ConfusionRow,
    CorrectedRow,
    ErrorCostRow,
    LabelErrorRow,
    LrpRow,
    RecallRow,
    ReliabilityRow,
    ScoreCutoffRow,
    ThresholdRow,
    confusion_rows,
    label_error_rows,
)
from detbench.data.columns import Flags
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.errors.calibration import Reliability, has_unit_scores, reliability
from detbench.metrics.errors.confusion_matrix import ConfusionMatrix, confusion_matrix
from detbench.metrics.errors.corrected_labels import corrected_values
from detbench.metrics.errors.label_errors import AnalyzedDetector, LabelError, label_errors
from detbench.metrics.errors.sensitivity import SensitivityRange, score_cutoffs, sensitivity
from detbench.metrics.errors.slices import Attribute, Slice, built_in_attributes, score_slices
from detbench.metrics.errors.thresholds import best_threshold, check_beta, choosing_half
from detbench.metrics.errors.tide import tide
from detbench.metrics.errors.traits import Trait, trait_recall, traits
from detbench.metrics.scoring.comparable import check_comparable
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights, resample_clusters, stack_weights

IOU = 0.5
"""IoU threshold of a hit in all analyses, unless they say otherwise."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Analysis:
    """The tables of one detector."""

    evaluation: Evaluation
    score_threshold: float
    """The score of the best F1 over all boxes, from which confusions and recall are counted;
    infinite if no detection is a hit."""
    base_rule: str
    """What the base of TIDE's costs is, without a full stop."""
    tide: tuple[ErrorCostRow, ...]
    lrp: tuple[LrpRow, ...]
    calibration: tuple[CalibrationRow, ...]
    reliability: tuple[ReliabilityRow, ...]
    confusion_matrix: ConfusionMatrix
    thresholds: tuple[ThresholdRow, ...]
    recall: tuple[RecallRow, ...]
    slices: tuple[Slice, ...]
    sensitivity: tuple[SensitivityRange, ...]
    score_cutoffs: tuple[ScoreCutoffRow, ...]
    corrected: tuple[CorrectedRow, ...]

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.evaluation.detections.name

    @property
    def confusion(self) -> tuple[ConfusionRow, ...]:
        """The cells of the confusion matrix that are not 0."""
        return confusion_rows(self.confusion_matrix, self.evaluation.ground_truth.class_names)

    @property
    def corrected_range(self) -> tuple[float, float] | None:
        """The lowest and highest headline measure in `corrected`."""
        values = [row.value for row in self.corrected if row.value is not None]
        return (min(values), max(values)) if values else None


TABLES = (
    "tide",
    "lrp",
    "calibration",
    "reliability",
    "confusion",
    "thresholds",
    "recall",
    "slices",
    "sensitivity",
    "score_cutoffs",
    "corrected",
)
"""The tables of an `Analysis`, by the name of their property."""


@dataclass(frozen=True, eq=False)
class Study:
    """The analyses of detectors on one dataset, and its likely label errors."""

    analyses: tuple[Analysis, ...]
    label_errors: tuple[LabelError, ...]
    settings: Settings

    @property
    def ground_truth(self) -> GroundTruth:
        """The dataset."""
        return self.analyses[0].evaluation.ground_truth

    @property
    def headline(self) -> str:
        """The name of the headline measure."""
        return self.analyses[0].evaluation.protocol.measures[0].name

    @property
    def label_error_rows(self) -> tuple[LabelErrorRow, ...]:
        """The likely label errors as a table."""
        return label_error_rows(self.ground_truth, self.label_errors)


@dataclass(frozen=True)
class Settings:
    """What a study was asked for."""

    resamples: int
    """Halves of the images for intervals, and bootstrap resamples for p-values; 0 for none."""
    seed: int
    """Random seed of the resamples, and of the half that thresholds are chosen on."""
    beta: float
    """Of the F measure that thresholds are chosen by."""
    as_tidecv: bool
    """Whether TIDE's costs are those of tidecv 1.0.1."""


def analyze(
    evaluations: Sequence[Evaluation],
    attributes: Sequence[Attribute] = (),
    *,
    resamples: int = 0,
    seed: int = 0,
    beta: float = 1.0,
    as_tidecv: bool = False,
) -> Study:
    """Analyze detectors that were scored on the same ground truth under one protocol.

    Args:
        evaluations: one or several.
        attributes: of images, besides the built-in ones.
        resamples: number of random halves of the images for intervals, and of bootstrap resamples
            for p-values; 0 for neither.
        seed: random seed of the resamples, and of the half that thresholds are chosen on.
        beta: of the F measure that thresholds are chosen by.
        as_tidecv: give TIDE's costs as tidecv 1.0.1 does, see `detbench.metrics.errors.tide.tide`.

    Raises:
        DetbenchError: no evaluations, or numbers out of range.
        NotComparableError: the evaluations are of other ground truth or protocols.
    """
    if not evaluations:
        raise DetbenchError("there is nothing to analyze; give at least one evaluation")
    if resamples < 0:
        raise DetbenchError(f"resamples must be 0 or more, got {resamples}")
    check_beta(beta)
    check_comparable(evaluations)
    ground_truth, protocol = evaluations[0].ground_truth, evaluations[0].protocol
    detectors = [AnalyzedDetector.from_evaluation(evaluation, IOU) for evaluation in evaluations]
    halves = Halves(ground_truth, resamples, seed)
    bootstrap = None
    if halves.count:
        bootstrap = stack_weights(resample_clusters(ground_truth, seed), halves.count)
    shared = _Shared(
        traits=traits(ground_truth, protocol),
        attributes=[*built_in_attributes(ground_truth), *attributes],
        label_errors=label_errors(detectors),
        halves=halves,
        bootstrap=bootstrap,
        chosen_on=choosing_half(ground_truth, seed),
        settings=Settings(halves.count, seed, beta, as_tidecv),
    )
    analyses = tuple(_analysis(detector, shared) for detector in detectors)
    return Study(analyses, tuple(shared.label_errors), shared.settings)


@dataclass(frozen=True, eq=False)
class _Shared:
    """What is the same for all detectors."""

    traits: Sequence[Trait]
    attributes: Sequence[Attribute]
    label_errors: Sequence[LabelError]
    halves: Halves
    bootstrap: Weights | None
    chosen_on: Flags
    """(I,) the images that thresholds are chosen on."""
    settings: Settings


def _analysis(detector: AnalyzedDetector, shared: _Shared) -> Analysis:
    evaluation, counted, halves = detector.evaluation, detector.counted, shared.halves
    class_names, settings = evaluation.ground_truth.class_names, shared.settings
    min_score = best_threshold(counted)
    costs = tide(evaluation, iou=IOU, as_tidecv=settings.as_tidecv, weights=halves.weights)
    recalls = [
        trait_recall(evaluation, detector.kinds, trait, min_score) for trait in shared.traits
    ]
    calibrated = has_unit_scores(counted)
    corrected = corrected_values(evaluation, shared.label_errors)
    return Analysis(
        evaluation=evaluation,
        score_threshold=min_score,
        base_rule=costs.base_rule,
        tide=tide_table(costs, halves),
        lrp=lrp_table(counted, class_names, halves),
        calibration=calibration_table(evaluation, counted, halves) if calibrated else (),
        reliability=_reliability_rows(reliability(counted)) if calibrated else (),
        confusion_matrix=confusion_matrix(evaluation, iou=IOU, score=min_score),
        thresholds=threshold_table(counted, class_names, shared.chosen_on, settings.beta, halves),
        recall=recall_table(recalls, halves),
        slices=tuple(score_slices(evaluation, shared.attributes, shared.bootstrap)),
        sensitivity=tuple(sensitivity(evaluation)),
        score_cutoffs=tuple(ScoreCutoffRow(*row) for row in score_cutoffs(evaluation).items()),
        corrected=tuple(CorrectedRow(*row) for row in corrected.items()),
    )


def _reliability_rows(diagram: Reliability) -> tuple[ReliabilityRow, ...]:
    columns = (
        diagram.edges[:-1],
        diagram.edges[1:],
        diagram.counts,
        diagram.score,
        diagram.precision,
        diagram.localized_precision,
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(ReliabilityRow(*row) for row in rows)

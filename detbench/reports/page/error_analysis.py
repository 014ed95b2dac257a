"""Error analysis: the tables of an analysis as the page shows them, detectors side by side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from detbench.bench.analysis.analyze import IOU, Analysis, Study, analyze
from detbench.bench.analysis.intervals import CONFIDENT
from detbench.bench.analysis.tables import (
    CalibrationRow,
    ErrorCostRow,
    LrpRow,
    RecallRow,
    ScoreCutoffRow,
    ThresholdRow,
    intervals_of,
)
from detbench.metrics.errors.label_errors import KINDS
from detbench.metrics.errors.sensitivity import SensitivityRange
from detbench.metrics.errors.slices import Slice
from detbench.metrics.errors.tide import MEANINGS
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.intervals import Interval
from detbench.reports.page.confusion_matrix import MatrixTable, matrix_table
from detbench.reports.page.label_errors import LabelErrorCard, label_error_cards

RESAMPLES = 200
"""Halves and resamples of the images behind intervals and p-values: a page must not take minutes.
`detbench analyze` takes more."""
EXAMPLE_KINDS = {
    "Cls": "false",
    "Loc": "misplaced",
    "Dupe": "false",
    "Bkg": "false",
    "Miss": "missed",
}
"""The kind of example images that shows a kind of error."""
_SIGNIFICANT_P = 0.05
R = TypeVar("R")
"""A row of a table."""


@dataclass(frozen=True)
class Corrected:
    """The headline measure of a detector if all likely label errors were real."""

    as_annotated: float | None
    all_corrected: float | None
    range: tuple[float, float] | None
    """With one kind of label errors alone corrected, or all; None if it is no wider."""


@dataclass(frozen=True)
class ErrorAnalysis:
    """The errors of comparable detectors.

    Tables are tuples of rows, and a row has one entry for each detector.
    """

    base_rules: tuple[str, ...]
    """What the base of TIDE's costs is: one rule for all detectors, or one for analysis."""
    beta: float
    classes: int
    """Number of classes; those without any number have no row in `thresholds` and `lrp`."""
    tide: tuple[tuple[ErrorCostRow, ...], ...]
    """The base first."""
    lrp_means: tuple[LrpRow, ...]
    calibration: tuple[CalibrationRow | None, ...]
    """None if scores do not lie in 0..1."""
    reliability: tuple[tuple[tuple[float, float], ...], ...]
    """Mean score and precision of each bin, by detector."""
    confusion: tuple[MatrixTable, ...]
    recall: tuple[tuple[RecallRow, ...], ...]
    slices: tuple[tuple[Slice, ...], ...]
    thresholds: tuple[tuple[ThresholdRow, ...], ...]
    lrp: tuple[tuple[LrpRow, ...], ...]
    sensitivity: tuple[tuple[SensitivityRange, ...], ...]
    score_cutoffs: tuple[tuple[ScoreCutoffRow, ...], ...]
    corrected: tuple[Corrected, ...]
    label_errors: tuple[LabelErrorCard, ...]
    label_error_counts: dict[str, int]
    """Number of all likely label errors by kind."""

    iou = IOU
    confident_score = CONFIDENT
    meanings = MEANINGS
    example_kinds = EXAMPLE_KINDS
    resamples = RESAMPLES

    @property
    def highest_cost(self) -> float:
        """The end of the scale of costs, in points of AP; at least 1."""
        costs = [row.cost for rows in self.tide[1:] for row in rows]
        ends = [cost.high if cost.is_defined else cost.estimate for cost in costs]
        return max([1.0, *(100 * end for end in ends if math.isfinite(end))])

    @property
    def missing_interval(self) -> bool:
        """Whether a number has no interval because the images do not show how it varies."""
        tables = (self.tide, self.recall, self.thresholds, self.lrp)
        rows = [row for table in tables for side_by_side in table for row in side_by_side]
        means = [row for row in (*self.lrp_means, *self.calibration) if row]
        return any(interval.is_missing for row in (*rows, *means) for interval in intervals_of(row))


def error_analysis(evaluations: Sequence[Evaluation], *, with_images: bool = True) -> ErrorAnalysis:
    """Return the errors of detectors on the same data, in their order.

    Args:
        evaluations: of one ground truth under one protocol.
        with_images: show the images of likely label errors, if available.
    """
    return error_analysis_of(analyze(evaluations, resamples=RESAMPLES), with_images=with_images)


def error_analysis_of(study: Study, *, with_images: bool) -> ErrorAnalysis:
    """Return a study as the page shows it."""
    analyses = study.analyses
    together, *thresholds = _side_by_side(analysis.thresholds for analysis in analyses)
    _, *lrp = _side_by_side(analysis.lrp for analysis in analyses)
    recall = _side_by_side(analysis.recall for analysis in analyses)
    counts = Counter(error.kind for error in study.label_errors)
    return ErrorAnalysis(
        base_rules=tuple(dict.fromkeys(analysis.base_rule for analysis in analyses)),
        beta=study.settings.beta,
        classes=len(study.ground_truth.class_names),
        tide=_side_by_side(analysis.tide for analysis in analyses),
        lrp_means=tuple(analysis.lrp[0] for analysis in analyses),
        calibration=tuple(next(iter(analysis.calibration), None) for analysis in analyses),
        reliability=tuple(_reliability(analysis) for analysis in analyses),
        confusion=tuple(matrix_table(analysis, series) for series, analysis in enumerate(analyses)),
        recall=tuple(rows for rows in recall if rows[0].objects),
        slices=_side_by_side(analysis.slices for analysis in analyses),
        thresholds=(together, *(rows for rows in thresholds if _any_threshold(rows))),
        lrp=tuple(rows for rows in lrp if _any_error(rows)),
        sensitivity=_side_by_side(analysis.sensitivity for analysis in analyses),
        score_cutoffs=_side_by_side(analysis.score_cutoffs for analysis in analyses),
        corrected=tuple(_corrected(analysis) for analysis in analyses),
        label_errors=label_error_cards(study, with_images=with_images),
        label_error_counts={kind: counts[kind] for kind in KINDS},
    )


def ends(interval: Interval) -> tuple[float, float] | None:
    """Return the ends of an interval; None if there is none."""
    return (interval.low, interval.high) if interval.is_defined else None


def is_significant(row: Slice) -> bool:
    """Return whether the difference of a slice is significant, corrected for all slices (FDR)."""
    return row.p_fdr < _SIGNIFICANT_P


def _reliability(analysis: Analysis) -> tuple[tuple[float, float], ...]:
    return tuple((row.score, row.precision) for row in analysis.reliability if row.detections)


def _corrected(analysis: Analysis) -> Corrected:
    first, last = analysis.corrected[0].value, analysis.corrected[-1].value
    limits = analysis.corrected_range
    if limits in {(first, last), (last, first)}:
        limits = None
    return Corrected(first, last, limits)


def _side_by_side(tables: Iterable[Sequence[R]]) -> tuple[tuple[R, ...], ...]:
    """Return rows that have one entry for each detector, from the table of each one."""
    return tuple(zip(*tables, strict=True))


def _any_threshold(rows: Sequence[ThresholdRow]) -> bool:
    return any(math.isfinite(row.threshold) for row in rows)


def _any_error(rows: Sequence[LrpRow]) -> bool:
    return any(math.isfinite(row.error.estimate) for row in rows)

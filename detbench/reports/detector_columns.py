"""Detector columns: summary, classes, sizes and IoU thresholds of a detector as table columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detbench.metrics.errors.thresholds import ThresholdCurve
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.intervals import value_intervals
from detbench.reports.dataset_and_protocol import object_count
from detbench.reports.scored_detector import ScoredDetector

Columns = dict[str, Any]
"""Columns of one table by name, each an array or one value for all rows."""
BEST_F1_COLUMNS = ("best_threshold", "best_f1", "best_precision", "best_recall")
"""The score threshold of the best F1, then F1, precision and recall there."""
_TIMED_STAGES = ("infer", "end_to_end")


def summary_columns(scored: ScoredDetector) -> Columns:
    """Return the one row of the summary, without differences."""
    evaluation = scored.evaluation
    columns: Columns = {
        "dataset": evaluation.ground_truth.name,
        "protocol": evaluation.protocol.name,
        "images": len(evaluation.ground_truth.image_ids),
        "ground_truths": object_count(evaluation),
        "detections": len(evaluation.detections),
    }
    for measure, value in evaluation.summary.items():
        columns[measure] = _nan_if_none(value)
        if scored.intervals:
            low, high = _recorded_interval(scored, "summary", measure)
            columns |= {f"{measure}_low": low, f"{measure}_high": high}
    columns |= best_f1_columns(scored.overall_curve)
    for stage in _TIMED_STAGES:
        columns |= _median_time(scored, stage)
    return columns


def class_columns(scored: ScoredDetector) -> Columns:
    """Return the values of each class, one row for each, without differences."""
    columns: Columns = {
        "class": np.array(scored.classes, object),
        **scored.evaluation.class_columns(),
    }
    if scored.intervals:
        ends = np.array([_recorded_interval(scored, "classes", name) for name in scored.classes])
        low, high = ends.reshape(-1, 2).T
        columns |= {"AP_low": low, "AP_high": high} | _other_class_intervals(scored)
    points = [best_f1_columns(curve) for curve in scored.threshold_curves]
    return columns | {
        column: np.array([point[column] for point in points], np.float64)
        for column in BEST_F1_COLUMNS
    }


def _other_class_intervals(scored: ScoredDetector) -> Columns:
    """Return the intervals of the measures of classes other than AP, which no record holds."""
    measures = [measure for measure in scored.evaluation.class_measures if measure.name != "AP"]
    [intervals] = value_intervals([scored.evaluation], measures)
    columns: Columns = {}
    for measure in measures:
        _, by_class = intervals.get(measure.name, (None, ()))
        for end in ("low", "high"):
            ends = [getattr(interval, end) for interval in by_class]
            columns[f"{measure.name}_{end}"] = np.array(ends or [np.nan] * len(scored.classes))
    return columns


def size_columns(scored: ScoredDetector) -> Columns:
    """Return AP, recall and the number of ground truths, one row for each area range."""
    evaluation = scored.by_size
    areas = evaluation.protocol.area_ranges
    precision = [Measure(f"AP {area.name}", area=area.name) for area in areas]
    recall = [Measure(f"AR {area.name}", "AR", area=area.name) for area in areas]
    return {
        "size": np.array([area.name for area in areas], object),
        "low_area": np.array([area.low for area in areas]),
        "high_area": np.array([area.high for area in areas]),
        **_values(scored, "AP", evaluation, precision),
        **_values(scored, "recall", evaluation, recall),
        "ground_truths": evaluation.counts[:, :, 0, 3].sum(axis=0),
    }


def iou_columns(scored: ScoredDetector) -> Columns:
    """Return mean AP at each IoU threshold by itself."""
    measures = _single_thresholds(scored)
    ious = np.array([measure.iou for measure in measures])
    return {"iou": ious, **_values(scored, "AP", scored.by_iou, measures)}


def class_iou_columns(scored: ScoredDetector) -> Columns:
    """Return AP of each class at each IoU threshold by itself."""
    measures = _single_thresholds(scored)
    values = np.stack([scored.by_iou.class_values(measure) for measure in measures], axis=1)
    ious = scored.by_iou.protocol.iou_thresholds
    return {
        "class": np.repeat(np.array(scored.classes, object), len(measures)),
        "iou": np.tile(ious, len(scored.classes)),
        "AP": values.reshape(-1),
    }


def latency_row(entry: Mapping[str, Any]) -> Columns:
    """Return a latency result of a record as a row.

    `X_interval_UNIT` becomes `X_UNIT_low` and `X_UNIT_high`, lists become text, and nested records
    are left out.
    """
    row: Columns = {}
    for name, value in entry.items():
        if "_interval" in name:
            low, high = value or (np.nan, np.nan)
            measure = name.replace("_interval", "")
            row |= {f"{measure}_low": low, f"{measure}_high": high}
        elif isinstance(value, list | tuple) and not _has_records(value):
            row[name] = "; ".join(map(str, value))
        elif not isinstance(value, list | tuple | Mapping):
            row[name] = np.nan if value is None else value
    return row


def _has_records(values: Sequence[Any]) -> bool:
    return any(isinstance(value, Mapping) for value in values)


def best_f1_columns(curve: ThresholdCurve) -> dict[str, float]:
    """Return the values of `BEST_F1_COLUMNS`; NaN without objects or detections."""
    best = curve.best()
    if best is None:
        return dict.fromkeys(BEST_F1_COLUMNS, float("nan"))
    columns = (curve.score, curve.f1, curve.precision, curve.recall)
    values = (float(column[best]) for column in columns)
    return dict(zip(BEST_F1_COLUMNS, values, strict=True))


def _median_time(scored: ScoredDetector, stage: str) -> Columns:
    """Return the median time of a stage for one image, its interval and its verdict."""
    entries = [
        entry
        for entry in scored.latency
        if (entry["stage"], entry["batch"], entry["scenario"]) == (stage, 1, "single_stream")
    ]
    row = latency_row(entries[0]) if entries else {}
    times = {
        f"{stage}_{column}": row.get(column, np.nan)
        for column in ("p50_ms", "p50_ms_low", "p50_ms_high")
    }
    return times | {f"{stage}_verdict": row.get("verdict")}


def _values(
    scored: ScoredDetector, column: str, evaluation: Evaluation, measures: Sequence[Measure]
) -> Columns:
    """Return a value for each measure, with its interval if the detector has intervals."""
    values = [_nan_if_none(evaluation.value(measure)) for measure in measures]
    columns: Columns = {column: np.array(values)}
    if scored.intervals:
        [intervals] = value_intervals([evaluation], measures)
        for end in ("low", "high"):
            ends = [
                getattr(intervals[measure.name][0], end) if measure.name in intervals else np.nan
                for measure in measures
            ]
            columns[f"{column}_{end}"] = np.array(ends)
    return columns


def _single_thresholds(scored: ScoredDetector) -> list[Measure]:
    protocol = scored.by_iou.protocol
    area = protocol.area_ranges[0].name
    return [Measure(f"AP at {iou:g}", iou=iou, area=area) for iou in protocol.iou_thresholds]


def _recorded_interval(scored: ScoredDetector, part: str, name: str) -> tuple[float, float]:
    low, high = scored.intervals[part].get(name, (None, None))
    return _nan_if_none(low), _nan_if_none(high)


def _nan_if_none(value: float | None) -> float:
    return float("nan") if value is None else value

"""Scored: one of the detectors that are compared, and its numbers as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from detbench.bench.runs import Run
from detbench.data.columns import Floats
from detbench.metrics.protocols.protocol import (
    COCO_AREAS,
    COCO_THRESHOLDS,
    MOST_THRESHOLDS,
    Measure,
)
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.curve_bands import curve_bands
from detbench.metrics.uncertainty.intervals import value_intervals
from detbench.reports.curves import (
    ThresholdCurve,
    interpolated_at,
    plotted_iou,
    thinned,
    threshold_curve,
)

Columns = dict[str, Any]
"""Columns of one frame by name, each an array or one value for all rows."""
OPERATING_POINT = ("best_threshold", "best_f1", "best_precision", "best_recall")
THRESHOLD_POINTS = 60


@dataclass(frozen=True, eq=False)
class Scored:
    """One detector among those compared."""

    name: str
    """Differs from those of the other detectors of its group."""
    group: int
    """Detectors of one group were scored on the same data by the same protocol."""
    evaluation: Evaluation
    latency: tuple[Mapping[str, Any], ...] = ()
    """The latency results of its record."""
    run: Run | None = None
    """The run folder it comes from, where it comes from one."""
    intervals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """As recorded: `summary` by measure, `classes` of the headline measure by class; empty where none are known, and then none are made."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.evaluation.ground_truth.class_names

    @cached_property
    def by_iou(self) -> Evaluation:
        """The evaluation with COCO's IoU thresholds beside the protocol's own."""
        own = self.evaluation.protocol.iou_thresholds
        more = [
            each for each in COCO_THRESHOLDS if not np.isclose(own, each, rtol=0, atol=1e-9).any()
        ]
        return (
            self._again(iou_thresholds=tuple(sorted((*own, *more))))
            if len(own) + len(more) <= MOST_THRESHOLDS
            else self.evaluation
        )

    @cached_property
    def by_size(self) -> Evaluation:
        """The evaluation with COCO's area ranges small, medium and large beside the protocol's own first one."""
        return self._again(area_ranges=(self.evaluation.protocol.area_ranges[0], *COCO_AREAS[1:]))

    def _again(self, **switches: Any) -> Evaluation:
        """Score again with other switches, unless the evaluation has them already."""
        from detbench.metrics.scoring.evaluate import evaluate

        rules = replace(self.evaluation.protocol, **switches, measures=())
        if rules == replace(self.evaluation.protocol, measures=()):
            return self.evaluation
        return evaluate(self.evaluation.ground_truth, self.evaluation.detections, rules)

    @cached_property
    def threshold_curves(self) -> tuple[ThresholdCurve, ...]:
        """Precision, recall and F1 over the score, for each class."""
        iou = plotted_iou(self.evaluation)
        return tuple(
            threshold_curve(self.evaluation, np.array([k]), iou) for k in range(len(self.classes))
        )

    @cached_property
    def overall_curve(self) -> ThresholdCurve:
        """Precision, recall and F1 over the score, all boxes of all classes together."""
        return threshold_curve(
            self.evaluation, np.arange(len(self.classes)), plotted_iou(self.evaluation)
        )

    def summary_columns(self) -> Columns:
        """Return the one row of the summary, without differences."""
        truth = self.evaluation.ground_truth
        columns: Columns = {
            "dataset": truth.name,
            "protocol": self.evaluation.protocol.name,
            "images": len(truth.image_ids),
            "ground_truths": int(self.evaluation.counts[:, 0, 0, 3].sum()),
            "detections": len(self.evaluation.detections),
        }
        for name, value in self.evaluation.summary.items():
            columns[name] = _number(value)
            if self.intervals:
                columns |= dict(
                    zip(
                        (f"{name}_low", f"{name}_high"),
                        map(_number, self._ends("summary", name)),
                        strict=True,
                    )
                )
        columns |= operating_point(self.overall_curve)
        for stage in ("infer", "end_to_end"):
            columns |= self._p50(stage)
        return columns

    def _ends(self, part: str, name: str) -> Sequence[float | None]:
        return self.intervals[part].get(name, (None, None))  # type: ignore[no-any-return]

    def _p50(self, stage: str) -> Columns:
        """Return the median time of a stage for one image at a time, with its interval, and whether it is valid."""
        entries = [
            e
            for e in self.latency
            if (e["stage"], e["batch"], e["scenario"]) == (stage, 1, "single_stream")
        ]
        row = latency_row(entries[0]) if entries else {}
        columns = ("p50_ms", "p50_ms_low", "p50_ms_high")
        return {f"{stage}_{name}": row.get(name, np.nan) for name in columns} | {
            f"{stage}_verdict": row.get("verdict")
        }

    def class_columns(self) -> Columns:
        """Return the per-class values, one row for each class, without differences."""
        points = [operating_point(curve) for curve in self.threshold_curves]
        columns: Columns = {
            "class": np.array(self.classes, object),
            **self.evaluation.class_columns(),
        }
        if self.intervals:
            ends = np.array(
                [[_number(end) for end in self._ends("classes", name)] for name in self.classes]
            ).reshape(-1, 2)
            columns |= {"AP_low": ends[:, 0], "AP_high": ends[:, 1]} | self._class_ends()
        return columns | {
            name: np.array([point[name] for point in points], np.float64)
            for name in OPERATING_POINT
        }

    def _class_ends(self) -> Columns:
        """Return the ends of the intervals of the per-class measures beside AP."""
        measures = [measure for measure in self.evaluation.class_measures if measure.name != "AP"]
        [known] = value_intervals([self.evaluation], measures)
        nothing = np.full(len(self.classes), np.nan)
        columns: Columns = {}
        for measure in measures:
            classes = known[measure.name][1] if measure.name in known else ()
            low, high = (
                np.array([getattr(each, end) for each in classes]) if classes else nothing
                for end in ("low", "high")
            )
            columns |= {f"{measure.name}_low": low, f"{measure.name}_high": high}
        return columns

    def threshold_columns(self) -> Columns:
        """Return the curves over the score of every class, thinned."""
        curves = [curve.thinned(THRESHOLD_POINTS) for curve in self.threshold_curves]
        return {
            "class": _repeated(self.classes, [len(curve.score) for curve in curves])
        } | _stacked(curves)

    def overall_columns(self) -> Columns:
        """Return the curve over the score of all classes together, thinned."""
        return _stacked([self.overall_curve.thinned(4 * THRESHOLD_POINTS)])

    def curve_columns(self, ious: Sequence[float], points: int) -> Columns:
        """Return the precision-recall curves of all classes at the IoU thresholds, each thinned to at most `points` points."""
        labels: list[tuple[str, float, int]] = []
        parts: list[tuple[Floats, Floats, Floats, Floats]] = [(np.zeros(0),) * 4]
        for name in self.classes:
            for iou in ious:
                precision, recall, score = self.by_iou.curve(name, iou)
                kept = thinned(recall, precision, points)
                parts.append(
                    (
                        score[kept],
                        recall[kept],
                        precision[kept],
                        interpolated_at(recall, precision)[kept],
                    )
                )
                labels.append((name, iou, len(kept)))
        names, levels, counts = zip(*labels, strict=True) if labels else ((), (), ())
        columns = dict(
            zip(
                ("score", "recall", "precision", "interpolated"),
                map(np.concatenate, zip(*parts, strict=True)),
                strict=True,
            )
        )
        return {
            "class": _repeated(names, counts),
            "iou": np.repeat(np.asarray(levels, np.float64), counts),
            **columns,
        }

    def size_columns(self) -> Columns:
        """Return AP, recall and the number of ground truths by size, one row for each area range."""
        evaluation = self.by_size
        areas = evaluation.protocol.area_ranges
        columns: Columns = {
            "size": np.array([area.name for area in areas], object),
            "low_area": np.array([area.low for area in areas]),
            "high_area": np.array([area.high for area in areas]),
        }
        columns |= self._values(
            "AP", evaluation, [Measure(f"AP {area.name}", area=area.name) for area in areas]
        )
        columns |= self._values(
            "recall",
            evaluation,
            [Measure(f"AR {area.name}", "AR", area=area.name) for area in areas],
        )
        return columns | {"ground_truths": evaluation.counts[:, :, 0, 3].sum(axis=0)}

    def iou_columns(self) -> Columns:
        """Return mean AP at each single IoU threshold."""
        measures = self._single_thresholds()
        return {"iou": np.array([measure.iou for measure in measures])} | self._values(
            "AP", self.by_iou, measures
        )

    def _values(self, column: str, evaluation: Evaluation, measures: Sequence[Measure]) -> Columns:
        """Return one value for each measure, with the ends of its interval where the record knows intervals."""
        columns: Columns = {
            column: np.array([_number(evaluation.value(measure)) for measure in measures])
        }
        if self.intervals:
            [known] = value_intervals([evaluation], measures)
            for end in ("low", "high"):
                ends = [
                    getattr(known[measure.name][0], end) if measure.name in known else np.nan
                    for measure in measures
                ]
                columns[f"{column}_{end}"] = np.array(ends)
        return columns

    def band_columns(self) -> Columns:
        """Return the intervals of the interpolated precision of every class at each recall, at the plotted IoU; none without intervals."""
        bands = curve_bands(self.evaluation, plotted_iou(self.evaluation)) if self.intervals else []
        columns = {
            name: np.concatenate([np.zeros(0), *(getattr(band, name) for band in bands)])
            for name in ("recall", "low", "high")
        }
        return {
            "class": _repeated(
                [band.class_name for band in bands], [len(band.recall) for band in bands]
            ),
            **columns,
        }

    def class_iou_columns(self) -> Columns:
        """Return AP of each class at each single IoU threshold."""
        measures = self._single_thresholds()
        values = np.stack([self.by_iou.class_values(measure) for measure in measures], axis=1)
        ious = np.tile([measure.iou for measure in measures], len(self.classes))
        return {
            "class": _repeated(self.classes, [len(measures)] * len(self.classes)),
            "iou": ious,
            "AP": values.reshape(-1),
        }

    def _single_thresholds(self) -> list[Measure]:
        protocol = self.by_iou.protocol
        return [
            Measure(f"AP at {iou:g}", iou=iou, area=protocol.area_ranges[0].name)
            for iou in protocol.iou_thresholds
        ]


def operating_point(curve: ThresholdCurve) -> dict[str, float]:
    """Return the score threshold of the best F1, and F1, precision and recall there; NaN where there is nothing to find or found."""
    at = curve.best()
    if at is None:
        return dict.fromkeys(OPERATING_POINT, float("nan"))
    return dict(
        zip(
            OPERATING_POINT,
            (float(v[at]) for v in (curve.score, curve.f1, curve.precision, curve.recall)),
            strict=True,
        )
    )


def latency_row(entry: Mapping[str, Any]) -> Columns:
    """Return a latency result as a row: `X_interval_UNIT` becomes `X_UNIT_low` and `X_UNIT_high`, lists become text, records go."""
    row: Columns = {}
    for name, value in entry.items():
        if "_interval" in name:
            ends = value or (np.nan, np.nan)
            row |= {
                name.replace("_interval", "") + end: number
                for end, number in zip(("_low", "_high"), ends, strict=True)
            }
        elif isinstance(value, list | tuple):
            row[name] = "; ".join(map(str, value))
        elif not isinstance(value, Mapping):
            row[name] = np.nan if value is None else value
    return row


def _stacked(curves: Sequence[ThresholdCurve]) -> Columns:
    names = ("score", "precision", "recall", "f1")
    return {
        name: np.concatenate([np.zeros(0), *(getattr(curve, name) for curve in curves)])
        for name in names
    }


def _repeated(names: Sequence[str], counts: Sequence[int]) -> Any:
    return np.repeat(np.array(names, object), np.asarray(counts, np.int64))


def _number(value: float | None) -> float:
    return float("nan") if value is None else value

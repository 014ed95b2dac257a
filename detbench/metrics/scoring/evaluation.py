"""Evaluation: the scores of one detector under one protocol, and the matches behind them.

Letters of shapes: K classes, A area ranges, M limits of detections per image, T IoU thresholds,
R recalls, N detections.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Indices, Ints
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure, Protocol
from detbench.metrics.protocols.table import changed_switches

if TYPE_CHECKING:
    import pandas as pd

_MAX_HTML_ROWS = 100
_ABSENT = "–"


@dataclass(frozen=True, eq=False)
class Matches:
    """The outcome of every detection, by class and then by falling score.

    Bit t of a mask is that of IoU threshold t. A detection with neither bit is a false positive.
    """

    rows: Indices
    """(N,) row of the detection in its `Detections`."""
    offsets: Ints
    """(K + 1,) class k has the entries `offsets[k]:offsets[k + 1]`."""
    hits: NDArray[np.unsignedinteger[Any]]
    """(A, N) true positives."""
    ignored: NDArray[np.unsignedinteger[Any]]
    """(A, N) neither true nor false positives; includes detections beyond the largest limit."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """The scores of one detector, from `detbench.evaluate`."""

    protocol: Protocol
    ground_truth: GroundTruth
    detections: Detections
    matches: Matches
    counts: Ints
    """(K, A, T, 4) true positives, false positives, ignored detections, positives; at the largest
    limit."""
    sampled_precision: Floats
    """(K, A, M, T, R) interpolated precision, −1 without positives."""
    sampled_scores: Floats
    """(K, A, M, T, R) the score at which each recall is reached, −1 without positives."""
    reached_recall: Floats
    """(K, A, M, T) recall of all detections, −1 without positives."""
    area_under_curve: Floats
    """(K, A, M, T) −1 without positives, and for protocols that do not interpolate by area."""

    def __repr__(self) -> str:
        return f"<Evaluation of {headline(self)}>"

    def _repr_html_(self) -> str:
        """Return the scores as HTML, for notebooks."""
        return evaluation_html(self)

    @property
    def precision(self) -> Floats:
        """(T, R, K, A, M), equal to pycocotools' `COCOeval.eval["precision"]` bit for bit."""
        return self.sampled_precision.transpose(3, 4, 0, 1, 2)

    @property
    def scores(self) -> Floats:
        """(T, R, K, A, M), equal to pycocotools' `COCOeval.eval["scores"]` bit for bit."""
        return self.sampled_scores.transpose(3, 4, 0, 1, 2)

    @property
    def recall(self) -> Floats:
        """(T, K, A, M), equal to pycocotools' `COCOeval.eval["recall"]` bit for bit."""
        return self.reached_recall.transpose(3, 0, 1, 2)

    @cached_property
    def summary(self) -> dict[str, float | None]:
        """The protocol's measures by name.

        None if no class has ground truth, or the protocol lacks the measure's IoU threshold.
        """
        return {measure.name: self.value(measure) for measure in self.protocol.measures}

    @property
    def average_precision(self) -> float | None:
        """The headline number: the first of the protocol's measures."""
        return next(iter(self.summary.values()))

    def value(self, measure: Measure) -> float | None:
        """Return the mean of a measure over the classes with ground truth; None without any."""
        pooled_ap = self.protocol.interpolation == "sampled" and self.protocol.pooled_mean
        area, limit, thresholds = self.indices_of(measure)
        if measure.kind == "AR":
            values = self.recall[thresholds][..., area, limit]
            values = values[values > -1]
        elif pooled_ap:
            # As pycocotools: one mean over thresholds, recalls and classes.
            values = self.precision[thresholds][..., area, limit]
            values = values[values > -1]
        else:
            values = self.class_values(measure)
            values = values[~np.isnan(values)]
        return float(np.mean(values)) if values.size else None

    def class_values(self, measure: Measure) -> Floats:
        """Return (K,) a measure for each class in 0..1, NaN for classes without ground truth.

        The devkit's sum of eleven elevenths is 1 plus a rounding error; here it is 1.
        """
        area, limit, thresholds = self.indices_of(measure)
        if measure.kind == "AR":
            values = self.recall[thresholds][..., area, limit].transpose(1, 0)
        elif self.protocol.interpolation == "area":
            values = self.area_under_curve[:, area, limit, thresholds]
        elif self.protocol.pooled_mean:
            values = self.sampled_precision[:, area, limit, thresholds]
            values = values.reshape(len(values), values.shape[1] * values.shape[2])
        else:
            # As the VOC devkit: `ap = ap + p / 11` in the order of recalls.
            samples = self.sampled_precision[:, area, limit, thresholds]
            values = np.cumsum(samples / samples.shape[-1], axis=-1)[..., -1]
        has_positives = self.counts[:, area, 0, 3] > 0
        if values.shape[1] == 0:
            return np.full(len(values), np.nan)
        return np.where(has_positives, np.minimum(values.mean(axis=1), 1.0), np.nan)

    def indices_of(self, measure: Measure) -> tuple[int, int, slice]:
        """Return the area range, limit and thresholds of a measure as indices into the arrays.

        The slice is empty if the protocol lacks the measure's IoU threshold.
        """
        area = [area.name for area in self.protocol.area_ranges].index(measure.area)
        limit = len(self.protocol.max_detections) - 1
        if measure.max_detections is not None:
            limit = self.protocol.max_detections.index(measure.max_detections)
        if measure.iou is None:
            return area, limit, slice(None)
        level = self._level_of(measure.iou)
        return area, limit, slice(0) if level is None else slice(level, level + 1)

    def _level_of(self, iou: float) -> int | None:
        """Return the index of an IoU threshold; None if the protocol lacks it."""
        equal = np.isclose(self.protocol.iou_thresholds, iou, rtol=0, atol=1e-9)
        return int(equal.argmax()) if equal.any() else None

    @property
    def class_ap(self) -> Floats:
        """(K,) AP over all thresholds of the protocol, NaN for classes without ground truth."""
        return self.class_values(Measure("AP", area=self.protocol.area_ranges[0].name))

    def per_class(self) -> pd.DataFrame:
        """Return one row per class: AP, recall, and the numbers of objects and detections.

        Protocols of several thresholds also get AP50 and AP75 if they have these thresholds.
        Recall is the mean over the thresholds at the largest limit. Objects are those that
        detectors have to find. AP and recall are NaN for a class without ground truth.
        """
        import pandas as pd

        index = pd.Index(self.ground_truth.class_names, name="class")
        return pd.DataFrame(self.class_columns(), index=index)

    @property
    def class_measures(self) -> tuple[Measure, ...]:
        """The measures of `per_class`."""
        area = self.protocol.area_ranges[0].name
        singles: tuple[tuple[str, float], ...] = ()
        if len(self.protocol.iou_thresholds) > 1:
            singles = (("AP50", 0.5), ("AP75", 0.75))
        at_thresholds = [
            Measure(name, iou=iou, area=area)
            for name, iou in singles
            if self._level_of(iou) is not None
        ]
        return Measure("AP", area=area), *at_thresholds, Measure("recall", "AR", area=area)

    def class_columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns of `per_class` as arrays (K,)."""
        columns: dict[str, NDArray[Any]] = {
            measure.name: self.class_values(measure) for measure in self.class_measures
        }
        columns["ground_truths"] = self.counts[:, 0, 0, 3]
        columns["detections"] = np.diff(self.matches.offsets)
        return columns

    def curve(self, class_name: str, iou: float = 0.5) -> tuple[Floats, Floats, Floats]:
        """Return the precision-recall curve of a class at one IoU threshold, over all areas.

        Returns:
            precision, recall and score (C,), one point for each of the C detections that count, by
            falling score. Precision is as measured, not interpolated. All are empty if the class
            has no ground truth or no detections.

        Raises:
            DetbenchError: there is no such class, or the protocol lacks the threshold.
        """
        class_names = self.ground_truth.class_names
        if class_name not in class_names:
            raise DetbenchError(
                f"there is no class {class_name!r}; choose one of {', '.join(class_names)}"
            )
        level = self._level_of(iou)
        if level is None:
            thresholds = ", ".join(f"{threshold:g}" for threshold in self.protocol.iou_thresholds)
            raise DetbenchError(
                f"protocol {self.protocol.name!r} has no IoU threshold {iou:g}; it has {thresholds}"
            )
        k = class_names.index(class_name)
        positives = int(self.counts[k, 0, 0, 3])
        span = slice(self.matches.offsets[k], self.matches.offsets[k + 1])
        hit = (self.matches.hits[0, span] >> level) & 1
        counted = (self.matches.ignored[0, span] >> level) & 1 == 0
        if positives == 0:
            counted[:] = False
        hits = np.cumsum(hit[counted], dtype=np.int64)
        score = self.detections.scores[self.matches.rows[span]][counted]
        return hits / np.arange(1, len(hits) + 1), hits / max(positives, 1), score


def headline(evaluation: Evaluation) -> str:
    """Return one line: detector, dataset, first measure, protocol and size."""
    ground_truth, protocol = evaluation.ground_truth, evaluation.protocol
    name, value = next(iter(evaluation.summary.items()))
    number = _ABSENT if value is None else f"{value:.4f}"
    switches = ", ".join(changed_switches(protocol))
    changed = f" (changed: {switches})" if switches else ""
    detector = evaluation.detections.name or "unnamed detections"
    dataset = ground_truth.name or "unnamed ground truth"
    size = f"{len(ground_truth.image_ids):,} images, {len(ground_truth.class_names):,} classes"
    return f"{detector} on {dataset}: {name} {number}, protocol {protocol.name}{changed}, {size}"


def evaluation_html(evaluation: Evaluation) -> str:
    """Return headline, summary and class table as HTML, with all names escaped.

    Of more than a hundred classes, the first and last fifty are shown.
    """
    import pandas as pd

    summary = pd.DataFrame([evaluation.summary], dtype=float)
    classes = evaluation.per_class().rename_axis(None)
    style: dict[str, Any] = {"float_format": "{:.4f}".format, "na_rep": _ABSENT, "border": 0}
    summary_table = summary.to_html(index=False, **style)
    class_table = classes.to_html(max_rows=_MAX_HTML_ROWS, **style)
    return f"<p><b>{escape(headline(evaluation))}</b></p>{summary_table}{class_table}"

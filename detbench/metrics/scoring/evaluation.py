"""Evaluation: the scores of one detector under one protocol, with the matches they come from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Indices, Ints
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure, Protocol

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Matches:
    """What became of every detection, by class and then by falling score: N detections, K classes, A area ranges.

    Bit t of a mask stands for IoU threshold t. A detection with neither bit is a false positive there.
    """

    rows: Indices
    """(N,) row of the detection in its `Detections`."""
    offsets: Ints
    """(K + 1,) first place of each class."""
    hits: NDArray[np.unsignedinteger[Any]]
    """(A, N) true positives."""
    ignored: NDArray[np.unsignedinteger[Any]]
    """(A, N) neither true nor false positives, among them those beyond the largest `max_detections`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """Scores of one detector. T thresholds, R recall samples, K classes, A area ranges, M limits of detections per image."""

    protocol: Protocol
    ground_truth: GroundTruth
    detections: Detections
    matches: Matches
    counts: Ints
    """(K, A, T, 4) true positives, false positives, ignored detections (at the largest M), positives."""
    sampled_precision: Floats
    """(K, A, M, T, R) interpolated precision, −1 without positives."""
    sampled_scores: Floats
    """(K, A, M, T, R) the score at which a recall is reached, −1 without positives."""
    reached_recall: Floats
    """(K, A, M, T) −1 without positives."""
    area_under_curve: Floats
    """(K, A, M, T) −1 without positives; only filled when the protocol interpolates by area."""

    def __repr__(self) -> str:
        from detbench.metrics.scoring.evaluation_html import headline

        return f"<Evaluation of {headline(self)}>"

    def _repr_html_(self) -> str:
        """Return the scores as HTML, for notebooks."""
        from detbench.metrics.scoring.evaluation_html import evaluation_html

        return evaluation_html(self)

    @property
    def precision(self) -> Floats:
        """(T, R, K, A, M), equal to pycocotools' `COCOeval.eval["precision"]` bit for bit; −1 without positives."""
        return self.sampled_precision.transpose(3, 4, 0, 1, 2)

    @property
    def scores(self) -> Floats:
        """(T, R, K, A, M), equal to pycocotools' `COCOeval.eval["scores"]` bit for bit; −1 without positives."""
        return self.sampled_scores.transpose(3, 4, 0, 1, 2)

    @property
    def recall(self) -> Floats:
        """(T, K, A, M), equal to pycocotools' `COCOeval.eval["recall"]` bit for bit; −1 without positives."""
        return self.reached_recall.transpose(3, 0, 1, 2)

    @cached_property
    def summary(self) -> dict[str, float | None]:
        """The protocol's measures by name; None where no class has ground truth or the protocol lacks the IoU threshold."""
        return {measure.name: self.value(measure) for measure in self.protocol.measures}

    @property
    def average_precision(self) -> float | None:
        """The headline number: the first of the protocol's measures."""
        return next(iter(self.summary.values()))

    def value(self, measure: Measure) -> float | None:
        """Return the mean of a measure over the classes that have ground truth, or None when there is none."""
        if (
            measure.kind == "AP"
            and self.protocol.interpolation == "sampled"
            and self.protocol.pooled_mean
        ):
            area, limit, thresholds = self.place(measure)
            pooled = self.precision[thresholds][..., area, limit]
            pooled = pooled[pooled > -1]
        elif measure.kind == "AR":
            area, limit, thresholds = self.place(measure)
            pooled = self.recall[thresholds][..., area, limit]
            pooled = pooled[pooled > -1]
        else:
            pooled = self.class_values(measure)
            pooled = pooled[~np.isnan(pooled)]
        return float(np.mean(pooled)) if pooled.size else None

    def class_values(self, measure: Measure) -> Floats:
        """Return a measure for each class (K,) in 0..1, NaN for classes without ground truth.

        The devkit's sum of eleven elevenths is 1 and an ulp; here it is 1.
        """
        area, limit, thresholds = self.place(measure)
        if measure.kind == "AR":
            values = self.recall[thresholds][..., area, limit].transpose(1, 0)
        elif self.protocol.interpolation == "area":
            values = self.area_under_curve[:, area, limit, thresholds]
        elif self.protocol.pooled_mean:
            values = self.sampled_precision[:, area, limit, thresholds]
            values = values.reshape(len(values), values.shape[1] * values.shape[2])
        else:
            samples = self.sampled_precision[:, area, limit, thresholds]
            values = np.cumsum(samples / samples.shape[-1], axis=-1)[..., -1]
        has_positives = self.counts[:, area, 0, 3] > 0
        if values.shape[1] == 0:
            return np.full(len(values), np.nan)
        return np.where(has_positives, np.minimum(values.mean(axis=1), 1.0), np.nan)

    def place(self, measure: Measure) -> tuple[int, int, slice]:
        """Return where a measure lies in the arrays: area range, limit and thresholds (an empty slice when its IoU is not among them)."""
        area = [area.name for area in self.protocol.area_ranges].index(measure.area)
        limit = len(self.protocol.max_detections) - 1
        if measure.max_detections is not None:
            limit = self.protocol.max_detections.index(measure.max_detections)
        if measure.iou is None:
            return area, limit, slice(None)
        at = np.flatnonzero(
            np.isclose(self.protocol.iou_thresholds, measure.iou, rtol=0, atol=1e-9)
        )
        return area, limit, slice(at[0], at[0] + 1) if at.size else slice(0)

    @property
    def class_ap(self) -> Floats:
        """(K,) AP over all thresholds of the protocol, NaN for classes without ground truth."""
        return self.class_values(Measure("AP", area=self.protocol.area_ranges[0].name))

    def per_class(self) -> pd.DataFrame:
        """Return one row per class: AP, recall, and the numbers of ground truths that count and of detections.

        Protocols of several thresholds also get AP50 and AP75 where they have these thresholds. Recall is the mean over the
        thresholds at the largest number of detections; NaN where a class has no ground truth.
        """
        import pandas as pd

        return pd.DataFrame(
            self.class_columns(), index=pd.Index(self.ground_truth.class_names, name="class")
        )

    @property
    def class_measures(self) -> tuple[Measure, ...]:
        """The measures that `per_class` shows: AP, AP50 and AP75 where the protocol averages AP over thresholds that hold these, recall."""
        area, levels = self.protocol.area_ranges[0].name, self.protocol.iou_thresholds
        singles = (("AP50", 0.5), ("AP75", 0.75)) if len(levels) > 1 else ()
        known = [
            Measure(name, iou=level, area=area)
            for name, level in singles
            if np.isclose(levels, level, rtol=0, atol=1e-9).any()
        ]
        return Measure("AP", area=area), *known, Measure("recall", "AR", area=area)

    def class_columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns of `per_class` as arrays (K,)."""
        columns: dict[str, NDArray[Any]] = {
            measure.name: self.class_values(measure) for measure in self.class_measures
        }
        columns["ground_truths"] = self.counts[:, 0, 0, 3]
        columns["detections"] = np.diff(self.matches.offsets)
        return columns

    def curve(self, class_name: str, iou: float = 0.5) -> tuple[Floats, Floats, Floats]:
        """Return the precision-recall curve of a class at one IoU threshold of the protocol, over all areas.

        Returns:
            precision, recall and score (C,), one point for each of the C detections that count, by falling score. Precision is as measured,
            not interpolated. All are empty when the class has no ground truth or no detections.
        """
        if class_name not in self.ground_truth.class_names:
            raise DetbenchError(
                f"there is no class {class_name!r}; the classes are {', '.join(self.ground_truth.class_names)}"
            )
        at = np.flatnonzero(np.isclose(self.protocol.iou_thresholds, iou, rtol=0, atol=1e-9))
        if not at.size:
            known = ", ".join(f"{threshold:g}" for threshold in self.protocol.iou_thresholds)
            raise DetbenchError(
                f"protocol {self.protocol.name!r} has no IoU threshold {iou:g}; it has {known}"
            )
        k = self.ground_truth.class_names.index(class_name)
        positives = int(self.counts[k, 0, 0, 3])
        span = slice(self.matches.offsets[k], self.matches.offsets[k + 1])
        hit = (self.matches.hits[0, span] >> at[0]) & 1
        counted = (self.matches.ignored[0, span] >> at[0]) & 1 == 0
        if positives == 0:
            counted[:] = False
        hits = np.cumsum(hit[counted], dtype=np.int64)
        score = self.detections.scores[self.matches.rows[span]][counted]
        return hits / np.arange(1, len(hits) + 1), hits / max(positives, 1), score

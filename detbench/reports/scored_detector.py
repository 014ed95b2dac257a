"""Scored detector: one of the detectors compared, with the evaluations that its tables need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from detbench.bench.runs import Run
from detbench.metrics.errors.thresholds import ThresholdCurve
from detbench.metrics.protocols.coco import COCO_AREAS, COCO_THRESHOLDS
from detbench.metrics.protocols.protocol import MAX_IOU_THRESHOLDS
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.scoring.suspicions import find_suspicions
from detbench.reports.curves import plotted_iou, threshold_curve


@dataclass(frozen=True, eq=False)
class ScoredDetector:
    """One detector among those compared."""

    name: str
    """Differs from the names of the other detectors of its group."""
    group: int
    """Detectors of one group were scored on the same data under the same protocol."""
    evaluation: Evaluation
    latency: tuple[Mapping[str, Any], ...] = ()
    """The latency results of its run's record."""
    run: Run | None = None
    """The run folder it was read from, if any."""
    intervals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """As recorded: `summary` by measure, and `classes` of the headline measure by class.

    Empty if no intervals were computed; then tables compute none either.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.evaluation.ground_truth.class_names

    @cached_property
    def suspicions(self) -> tuple[str, ...]:
        """What is suspicious about its input, as recorded by its run, else computed."""
        if self.run is None:
            return tuple(str(suspicion) for suspicion in find_suspicions(self.evaluation))
        recorded = self.run.record["evaluations"][0].get("suspicions") or ()
        return tuple(f"{suspicion['evidence']}; {suspicion['fix']}" for suspicion in recorded)

    @cached_property
    def by_iou(self) -> Evaluation:
        """The evaluation at COCO's IoU thresholds in addition to the protocol's own."""
        own = self.evaluation.protocol.iou_thresholds
        added = [
            threshold
            for threshold in COCO_THRESHOLDS
            if not np.isclose(own, threshold, rtol=0, atol=1e-9).any()
        ]
        if len(own) + len(added) > MAX_IOU_THRESHOLDS:
            return self.evaluation
        return self._rescored(iou_thresholds=tuple(sorted((*own, *added))))

    @cached_property
    def by_size(self) -> Evaluation:
        """The evaluation in the protocol's first area range and COCO's small, medium and large."""
        first = self.evaluation.protocol.area_ranges[0]
        return self._rescored(area_ranges=(first, *COCO_AREAS[1:]))

    @cached_property
    def threshold_curves(self) -> tuple[ThresholdCurve, ...]:
        """Precision, recall and F1 by score threshold, for each class."""
        iou = plotted_iou(self.evaluation)
        return tuple(
            threshold_curve(self.evaluation, np.array([k]), iou) for k in range(len(self.classes))
        )

    @cached_property
    def overall_curve(self) -> ThresholdCurve:
        """Precision, recall and F1 by score threshold, over the boxes of all classes."""
        classes = np.arange(len(self.classes))
        return threshold_curve(self.evaluation, classes, plotted_iou(self.evaluation))

    def _rescored(self, **switches: Any) -> Evaluation:
        """Score again with other switches, unless the evaluation has them already."""
        from detbench.metrics.scoring.evaluate import evaluate

        # Measures name thresholds and area ranges that the changed protocol may lack.
        own = replace(self.evaluation.protocol, measures=())
        changed = replace(own, **switches)
        if changed == own:
            return self.evaluation
        return evaluate(self.evaluation.ground_truth, self.evaluation.detections, changed)

"""Frames: the pandas tables of one or more scored detectors, from which every report is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.bench.results import ValueIntervals
from detbench.bench.runs import Run
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.scoring.comparable import differences_between
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.ranking import Ranking, ranking, resample_for_ranking
from detbench.metrics.uncertainty.replicates import Replicates
from detbench.reports.class_differences import CLASS_PAIR_COLUMNS, PAIR_COLUMNS, class_differences
from detbench.reports.comparable_groups import Source, scored_detector
from detbench.reports.curve_columns import (
    band_columns,
    curve_columns,
    overall_columns,
    threshold_columns,
)
from detbench.reports.dataset_and_protocol import evaluation_heading, object_count
from detbench.reports.detector_columns import (
    class_columns,
    class_iou_columns,
    iou_columns,
    latency_row,
    size_columns,
    summary_columns,
)
from detbench.reports.scored_detector import ScoredDetector
from detbench.reports.stacking import stacked, table_of, with_differences
from detbench.reports.text_tables import html_table, overview

if TYPE_CHECKING:
    import pandas as pd

MAX_POINTS = 160
"""Default maximum number of points of a precision-recall curve."""
MIN_POINTS = 16
"""With many classes, curves are thinned to `MAX_ROWS` rows in all, but not below this."""
MAX_ROWS = 100_000
LATENCY_COLUMNS = (
    "model", "stage", "batch", "scenario", "p50_ms", "p50_ms_low", "p50_ms_high", "p90_ms",
    "p95_ms", "p99_ms", "throughput_per_s", "samples", "processes", "set_aside_share", "verdict",
    "reasons",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Frames:
    """Tables of one or more detectors, each computed when it is first used.

    Every table except `groups` has the columns `detector` (name) and `group` (see `groups`).
    Scores, precisions, recalls and F1 lie in 0..1, areas are in square pixels, and absent values
    are NaN. A measure `X` may have a 95% interval in the columns `X_low` and `X_high`.
    """

    detectors: tuple[ScoredDetector, ...]
    baseline: str | None = None
    """The detector that differences refer to; None: the best one."""
    points: int = MAX_POINTS
    """Maximum number of points of a precision-recall curve."""

    @property
    def measures(self) -> list[str]:
        """The measures of the protocol of the first detector, the headline measure first."""
        return list(self.detectors[0].evaluation.summary)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """One row for each combination of data and protocol.

        `group`, `dataset`, `protocol`, `images`, `ground_truths`, `detectors` (how many),
        `measure` (name of the headline measure), `heading` (a line that holds all of this) and
        `ground_truth_digest`.
        """
        rows = []
        for frames in self.split():
            evaluation = frames.detectors[0].evaluation
            ground_truth = evaluation.ground_truth
            rows.append(
                {
                    "group": frames.detectors[0].group,
                    "dataset": ground_truth.name,
                    "protocol": evaluation.protocol.name,
                    "images": len(ground_truth.image_ids),
                    "ground_truths": object_count(evaluation),
                    "detectors": len(frames.detectors),
                    "measure": frames.measures[0],
                    "heading": evaluation_heading(evaluation),
                    "ground_truth_digest": ground_truth.digest,
                }
            )
        return table_of(rows)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row for each detector.

        - `dataset`, `protocol`, `images`, `ground_truths`, `detections`.
        - The protocol's measures by name (`mAP`; or `AP`, `AP50`, ...), with `X_low` and `X_high`
          for runs with intervals. A measure that another group has is NaN.
        - `best`: whether the headline measure is the highest of the group. `difference`: the
          headline measure minus that of the baseline, else of the best.
        - `best_threshold`, `best_f1`, `best_precision`, `best_recall`: the score threshold of the
          best F1 over all boxes, and the values there.
        - `infer_p50_ms`, `end_to_end_p50_ms`, each with `_low` and `_high`, and `infer_verdict`,
          `end_to_end_verdict`: the median time of the model alone, and from the encoded image to
          boxes, for one image at a time.
        """
        table = stacked(self.detectors, summary_columns)
        values = [scored.evaluation.average_precision for scored in self.detectors]
        table["_headline"] = np.array(
            [np.nan if value is None else value for value in values], np.float64
        )
        compared = with_differences(table, "_headline", ["group"], self.baseline)
        return compared.drop(columns="_headline")

    @cached_property
    def classes(self) -> pd.DataFrame:
        """One row for each detector and class.

        - `class`, `AP`, `recall`, `ground_truths`, `detections`; also `AP50` and `AP75` if the
          protocol has several thresholds. `X_low` and `X_high` for runs with intervals.
        - `best` and `difference` of AP as in the summary, within the class.
        - `best_threshold`, `best_f1`, `best_precision`, `best_recall`: the score threshold of the
          best F1 of this class, and the values there, at IoU 0.5 or the protocol's lowest.
        """
        table = stacked(self.detectors, class_columns)
        return with_differences(table, "AP", ["group", "class"], self.baseline)

    @cached_property
    def ranking(self) -> Ranking | None:
        """The detectors of one group by their headline measure, with ties; None without intervals.

        Raises:
            NotComparableError: the detectors are of several groups.
        """
        return ranking(self._replicates) if self._replicates else None

    @cached_property
    def _replicates(self) -> list[Replicates]:
        """The bootstrap replicates of the headline measure; empty if there is nothing to rank."""
        detectors = self.require_one_group().detectors
        if not all(scored.intervals for scored in detectors):
            return []
        replicates = resample_for_ranking([scored.evaluation for scored in detectors])
        if not replicates:
            return []
        return [
            replace(values, name=scored.name)
            for values, scored in zip(replicates, detectors, strict=True)
        ]

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row for each pair of detectors of a group; empty without intervals.

        `measure`; `better` and `worse`: names, by the headline measure; `difference` of the
        measure with `difference_low` and `difference_high`, its 95% interval over the same
        bootstrap resamples; `p` of no difference, corrected for the number of pairs;
        `significant`: whether p is at most .05.
        """
        rows = [
            (frames.detectors[0].group, *pair)
            for frames in self.split()
            if frames.ranking
            for pair in frames.ranking.pairs()
        ]
        return table_of(rows, PAIR_COLUMNS)

    @cached_property
    def class_pairs(self) -> pd.DataFrame:
        """One row for each class and each detector but the reference; empty without intervals.

        `reference`: the baseline, else the best of the group. `class`; `difference`: the
        detector's AP minus the reference's, with `difference_low` and `difference_high`; `p`;
        `p_fdr`, corrected for the number of classes (Benjamini–Hochberg); `significant`: whether
        `p_fdr` is at most .05.
        """
        rows = [
            (frames.detectors[0].group, *pair)
            for frames in self.split()
            if frames.ranking
            for pair in class_differences(
                frames._replicates, self.baseline, frames.ranking.detectors[0].name
            )
        ]
        return table_of(rows, CLASS_PAIR_COLUMNS)

    @cached_property
    def bands(self) -> pd.DataFrame:
        """Intervals of the interpolated curves of `curves`: `class`, `recall`, `low`, `high`.

        Each is a 95% interval at its recall alone, at IoU 0.5 or the protocol's lowest. Only runs
        with intervals have them.
        """
        return stacked(self.detectors, band_columns)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Precision-recall curves of every class at every IoU threshold of protocol and COCO.

        `class`, `iou`, `score`, `recall`, `precision` (as measured, of detections of at least this
        score), `interpolated` (the best precision at this recall or a higher one). Each curve is
        thinned to `points` points that look the same (see `detbench.reports.curves.thinned`).
        """
        return self.curves_at(None)

    def curves_at(self, ious: Sequence[float] | None, points: int | None = None) -> pd.DataFrame:
        """Return the table of `curves` at some IoU thresholds, with `points` points of each."""

        def levels(scored: ScoredDetector) -> Sequence[float]:
            return scored.by_iou.protocol.iou_thresholds if ious is None else ious

        count = sum(len(scored.classes) * len(levels(scored)) for scored in self.detectors)
        max_points = points or max(min(self.points, MAX_ROWS // max(count, 1)), MIN_POINTS)
        return stacked(
            self.detectors, lambda scored: curve_columns(scored, levels(scored), max_points)
        )

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """Precision, recall and F1 of each class if only detections of at least `score` are kept.

        `class`, `score` (falling), `precision`, `recall`, `f1`, at IoU 0.5 or the protocol's
        lowest. Thinned to 60 scores at most, the best among them (see `classes`).
        """
        return stacked(self.detectors, threshold_columns)

    @cached_property
    def overall(self) -> pd.DataFrame:
        """As `thresholds`, over all classes: `score`, `precision`, `recall`, `f1`."""
        return stacked(self.detectors, overall_columns)

    @cached_property
    def sizes(self) -> pd.DataFrame:
        """AP by object size: `size` (all, small, medium, large), `AP`, `recall`, `ground_truths`.

        `low_area` and `high_area` are the limits, both included. As in COCO, an object counts only
        in its range, and unmatched detections of another size are ignored.
        """
        return stacked(self.detectors, size_columns)

    @cached_property
    def ious(self) -> pd.DataFrame:
        """Mean AP at each IoU threshold of the protocol and of COCO: `iou`, `AP`."""
        return stacked(self.detectors, iou_columns)

    @cached_property
    def class_ious(self) -> pd.DataFrame:
        """AP of each class at each IoU threshold of `ious`: `class`, `iou`, `AP`."""
        return stacked(self.detectors, class_iou_columns)

    @cached_property
    def latency(self) -> pd.DataFrame:
        """Latency results as recorded, one row each.

        `model`, `stage` (infer: the model alone; end_to_end: from the encoded image), `batch`,
        `scenario`, `p50_ms` with `p50_ms_low` and `p50_ms_high`, `p90_ms`, `p95_ms`, `p99_ms`,
        `throughput_per_s`, `samples`, `processes`, `set_aside_share`, `verdict`, `reasons`, others.
        """
        rows = [
            {"detector": scored.name, "group": scored.group, **latency_row(entry)}
            for scored in self.detectors
            for entry in scored.latency
        ]
        frame = table_of(rows)
        first = ["detector", "group", *LATENCY_COLUMNS]
        others = [column for column in frame.columns if column not in first]
        return frame.reindex(columns=[*first, *others])

    def of_group(self, group: int) -> Frames:
        """Return the tables of one group."""
        detectors = tuple(scored for scored in self.detectors if scored.group == group)
        return self if len(detectors) == len(self.detectors) else replace(self, detectors=detectors)

    def split(self) -> list[Frames]:
        """Return the tables of each group, so that every table holds comparable detectors only."""
        groups = sorted({scored.group for scored in self.detectors})
        return [self.of_group(group) for group in groups]

    def require_one_group(self) -> Frames:
        """Return these tables.

        Raises:
            NotComparableError: detectors were scored on different data or by different protocols.
        """
        first, *others = (frames.detectors[0] for frames in self.split())
        for other in others:
            differences = "; ".join(differences_between(first.evaluation, other.evaluation))
            raise NotComparableError(
                f"{first.name!r} and {other.name!r} cannot be compared in one table: {differences}"
            )
        return self

    def __repr__(self) -> str:
        return f"<Frames of {', '.join(scored.name for scored in self.detectors)}>"

    def _repr_html_(self) -> str:
        """Return the summary of each group under its heading, for notebooks."""
        summaries = [(overview(each.summary, each.measures), each.groups) for each in self.split()]
        return "".join(html_table(table, groups["heading"].iloc[0]) for table, groups in summaries)


def frames(
    sources: Source | Iterable[Source],
    *,
    intervals: Sequence[ValueIntervals] | None = None,
    baseline: str | None = None,
    points: int = MAX_POINTS,
) -> Frames:
    """Return the tables of runs and evaluations.

    Args:
        sources: one or more runs (`read_run`), run folders or evaluations, in the order of the
            tables. Runs are scored again under their recorded protocol.
        intervals: those of each source (`value_intervals`), in place of what a run recorded.
        baseline: name of the detector that differences refer to; None: the best one.
        points: maximum number of points of a precision-recall curve, 4 or more.

    The second detector of a name on the same data is called "NAME #2".

    Raises:
        DetbenchError: there is no source, or no detector of the baseline's name.
    """
    if isinstance(sources, Run | Evaluation | str | Path):
        sources = [sources]
    listed: list[Source] = list(sources)
    if not listed:
        raise DetbenchError("there is nothing to tabulate; pass at least one run or evaluation")
    detectors: list[ScoredDetector] = []
    for place, source in enumerate(listed):
        ends = intervals[place] if intervals else None
        detectors.append(scored_detector(source, detectors, ends))
    names = [scored.name for scored in detectors]
    if baseline is not None and baseline not in names:
        raise DetbenchError(
            f"baseline {baseline!r} is not one of the detectors; choose from {', '.join(names)}"
        )
    if points < 4:
        raise DetbenchError(f"a curve needs 4 points or more, got {points}")
    return Frames(tuple(detectors), baseline, points)

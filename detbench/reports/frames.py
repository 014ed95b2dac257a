"""Frames: the pandas tables of one or several scored detectors, the one source of every table, plot and page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.bench.results import ValueIntervals
from detbench.bench.runs import Run
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.ranking import Ranking, paired, ranking
from detbench.metrics.uncertainty.replicates import Resampled
from detbench.reports.class_differences import CLASS_PAIR_COLUMNS, PAIR_COLUMNS, class_differences
from detbench.reports.comparable_groups import Given, grouped, what_differs
from detbench.reports.headings import evaluation_heading
from detbench.reports.scored_detector import Columns, Scored, latency_row

if TYPE_CHECKING:
    import pandas as pd

MOST_POINTS = 160
"""Points of one precision-recall curve, unless asked for otherwise."""
MOST_ROWS = 100_000
"""Rows of `Frames.curves`: with many classes, each curve gets fewer points."""
FEWEST_POINTS = 16
LATENCY_COLUMNS = (
    "model", "stage", "batch", "scenario", "p50_ms", "p50_ms_low", "p50_ms_high", "p90_ms", "p95_ms", "p99_ms",
    "throughput_per_s", "samples", "verdict", "reasons",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Frames:
    """Tables of D detectors. Every table has the columns `detector` (name) and `group` (which data and protocol, see `groups`).

    Scores, precisions, recalls and F1 lie in 0..1; areas are square pixels; absent values are NaN. A measure `X` may have an interval in
    the columns `X_low` and `X_high`. Tables are made when first asked for.
    """

    detectors: tuple[Scored, ...]
    baseline: str | None = None
    """The detector that differences refer to; None: the best one."""
    points: int = MOST_POINTS
    """At most so many points for each precision-recall curve."""

    @cached_property
    def groups(self) -> pd.DataFrame:
        """One row for each data and protocol.

        `group`, `dataset`, `protocol`, `images`, `ground_truths`, `detectors` (how many), `measure` (the headline measure's name),
        `heading` (a line that says all this), `ground_truth_digest`.
        """
        rows = []
        for group in self._group_numbers():
            members = [scored for scored in self.detectors if scored.group == group]
            evaluation = members[0].evaluation
            truth = evaluation.ground_truth
            rows.append(
                {
                    "group": group,
                    "dataset": truth.name,
                    "protocol": evaluation.protocol.name,
                    "images": len(truth.image_ids),
                    "ground_truths": int(evaluation.counts[:, 0, 0, 3].sum()),
                    "detectors": len(members),
                    "measure": next(iter(evaluation.summary)),
                    "heading": evaluation_heading(evaluation),
                    "ground_truth_digest": truth.digest,
                }
            )
        return _table(rows)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row for each detector.

        `dataset`, `protocol`, `images`, `ground_truths`, `detections`; the protocol's measures by name (`mAP`; `AP`, `AP50`, ...), NaN
        where a detector of another group lacks one, each with the ends `X_low` and `X_high` of its 95 % interval where runs know it;
        `best` (highest headline measure of its group) and `difference` (headline measure minus that of the baseline, else of the best);
        `best_threshold`, `best_f1`, `best_precision`, `best_recall`: the operating point of the highest F1 over all boxes;
        `infer_p50_ms`, `end_to_end_p50_ms` (each with `_low`, `_high` and `infer_verdict`,
        `end_to_end_verdict`): median time of the model alone and from the encoded image to boxes, for one image at a time.
        """
        frame = self._stacked(lambda scored: scored.summary_columns())
        headline = [next(iter(scored.evaluation.summary.values())) for scored in self.detectors]
        frame["_headline"] = np.array(
            [np.nan if value is None else value for value in headline], np.float64
        )
        return self._with_differences(frame, "_headline", ["group"]).drop(columns="_headline")

    @cached_property
    def classes(self) -> pd.DataFrame:
        """One row for each detector and class.

        `class`, `AP` with `AP_low` and `AP_high` where runs know them (also `AP50`, `AP75` where the protocol has several thresholds),
        `recall`, `ground_truths`, `detections`; `best` and `difference` of AP as in the summary, within the class; the operating
        point of the highest F1 of this class (`best_threshold`, `best_f1`, `best_precision`, `best_recall`) at IoU 0.5, or the protocol's
        lowest.
        """
        return self._with_differences(
            self._stacked(lambda scored: scored.class_columns()), "AP", ["group", "class"]
        )

    @cached_property
    def ranking(self) -> Ranking | None:
        """The detectors of one group by their headline measure, with ties; None where intervals are not wanted or cannot be told.

        Raises:
            NotComparableError: the detectors are of several groups.
        """
        return ranking(self._paired) if self._paired else None

    @cached_property
    def _paired(self) -> list[Resampled]:
        detectors = self.require_one_group().detectors
        found = (
            paired([scored.evaluation for scored in detectors])
            if all(scored.intervals for scored in detectors)
            else []
        )
        return [
            replace(each, name=scored.name)
            for each, scored in zip(found, detectors, strict=bool(found))
        ]

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row for each pair of detectors of a group: `better` and `worse` (names, by the headline measure), `measure`.

        `difference` of the measure with the ends `difference_low` and `difference_high` of its 95 % interval by itself, over the same draws
        of images; `p` of no difference, corrected for the number of pairs; `told_apart`, whether p is at most .05. Empty without
        intervals.
        """
        rows = [
            (part.detectors[0].group, *row)
            for part in self.split()
            if part.ranking
            for row in part.ranking.pairs()
        ]
        return _table(rows, PAIR_COLUMNS)

    @cached_property
    def class_pairs(self) -> pd.DataFrame:
        """One row for each class and detector that is not the reference: the baseline, else the best of the group.

        `class`, `reference`, `difference` (the detector's AP less the reference's) with `difference_low` and `difference_high`, `p`, and
        `p_fdr`, corrected for the number of classes (Benjamini–Hochberg); `told_apart`, whether that is at most .05. Empty without
        intervals.
        """
        rows = [
            (part.detectors[0].group, *row)
            for part in self.split()
            if part.ranking
            for row in class_differences(part._paired, self.baseline, part.ranking.places[0].name)
        ]
        return _table(rows, CLASS_PAIR_COLUMNS)

    @cached_property
    def bands(self) -> pd.DataFrame:
        """Where the interpolated curves of `curves` lie at IoU 0.5, or the protocol's lowest: `class`, `recall`, `low`, `high`.

        95 % intervals at each recall by itself; only of runs that know intervals.
        """
        return self._stacked(lambda scored: scored.band_columns())

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Precision-recall curves of every class at every IoU threshold of the protocol and of COCO (.50 to .95).

        `class`, `iou`, `score`, `recall`, `precision` (as measured, of detections of at least this score), `interpolated` (the best
        precision at this recall or a higher one). Thinned to `points` points for each curve, so that it looks the same:
        `detbench.reports.curves.thinned` states the rule. Corners of the interpolated curve have equal `precision` and `interpolated`.
        """
        return self.curves_at(None)

    def curves_at(self, ious: Sequence[float] | None, points: int | None = None) -> pd.DataFrame:
        """Return the table of `curves` at some of the IoU thresholds, with as many points as asked for."""
        levels = [
            scored.by_iou.protocol.iou_thresholds if ious is None else ious
            for scored in self.detectors
        ]
        curves = sum(
            len(scored.classes) * len(each)
            for scored, each in zip(self.detectors, levels, strict=True)
        )
        most = points or max(min(self.points, MOST_ROWS // max(curves, 1)), FEWEST_POINTS)
        chosen = {id(scored): each for scored, each in zip(self.detectors, levels, strict=True)}
        return self._stacked(lambda scored: scored.curve_columns(chosen[id(scored)], most))

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """What each detector does in each class when only detections of at least `score` are taken.

        `class`, `score` (falling), `precision`, `recall`, `f1`, at IoU 0.5 or the protocol's lowest. Thinned to at most 60 scores, among
        them the best (see `classes`).
        """
        return self._stacked(lambda scored: scored.threshold_columns())

    @cached_property
    def overall(self) -> pd.DataFrame:
        """As `thresholds`, all boxes of all classes together: `score`, `precision`, `recall`, `f1`."""
        return self._stacked(lambda scored: scored.overall_columns())

    @cached_property
    def sizes(self) -> pd.DataFrame:
        """AP by size: `size` (all, small, medium, large), `low_area`, `high_area` (both included), `AP`, `recall`, `ground_truths`.

        Areas and rules are COCO's: an object counts in its range only, unmatched detections of another size are ignored.
        """
        return self._stacked(lambda scored: scored.size_columns())

    @cached_property
    def ious(self) -> pd.DataFrame:
        """Mean AP at each IoU threshold of the protocol and of COCO: `iou`, `AP`."""
        return self._stacked(lambda scored: scored.iou_columns())

    @cached_property
    def class_ious(self) -> pd.DataFrame:
        """AP of each class at each IoU threshold of the protocol and of COCO: `class`, `iou`, `AP`."""
        return self._stacked(lambda scored: scored.class_iou_columns())

    @cached_property
    def latency(self) -> pd.DataFrame:
        """Latency results as recorded, one row each.

        `model`, `stage` (infer: the model alone; end_to_end: from the encoded image), `batch`, `scenario`, `p50_ms` with `p50_ms_low` and
        `p50_ms_high`, `p90_ms`, `p95_ms`, `p99_ms`, `throughput_per_s`, `samples`, `verdict`, `reasons`, and what else was recorded.
        """
        rows = [
            {"detector": scored.name, "group": scored.group, **latency_row(entry)}
            for scored in self.detectors
            for entry in scored.latency
        ]
        frame = _table(rows)
        first = ["detector", "group", *LATENCY_COLUMNS]
        return frame.reindex(
            columns=[*first, *(name for name in frame.columns if name not in first)]
        )

    def of_group(self, group: int) -> Frames:
        """Return the tables of one group only."""
        if self._group_numbers() == [group]:
            return self
        return replace(
            self, detectors=tuple(scored for scored in self.detectors if scored.group == group)
        )

    def split(self) -> list[Frames]:
        """Return the tables of each group, so that no table holds what cannot be compared."""
        return [self.of_group(group) for group in self._group_numbers()]

    def require_one_group(self) -> Frames:
        """Return these tables; NotComparableError when detectors were scored on different data or by different protocols."""
        first, *others = (frames.detectors[0] for frames in self.split())
        for other in others:
            raise NotComparableError(
                f"{first.name!r} and {other.name!r} cannot be compared in one table: {what_differs(first.evaluation, other.evaluation)}"
            )
        return self

    def __repr__(self) -> str:
        return f"<Frames of {', '.join(scored.name for scored in self.detectors)}>"

    def _repr_html_(self) -> str:
        """Return the summary of each group under its heading, for notebooks."""
        from detbench.reports.writers import html

        return html(self)

    def _group_numbers(self) -> list[int]:
        return sorted({scored.group for scored in self.detectors})

    def _stacked(self, columns: Callable[[Scored], Columns]) -> pd.DataFrame:
        """Put the columns of every detector one below the other."""
        import pandas as pd

        parts = []
        for scored in self.detectors:
            part = columns(scored)
            scalars = all(np.ndim(value) == 0 for value in part.values())
            table = pd.DataFrame(part, index=[0] if scalars else None)
            table.insert(0, "detector", scored.name)
            table.insert(1, "group", scored.group)
            parts.append(table)
        return pd.concat(parts, ignore_index=True)

    def _with_differences(self, frame: pd.DataFrame, measure: str, by: list[str]) -> pd.DataFrame:
        """Add `best` and `difference`: to the baseline's value of the same rows, else to the best."""
        best = frame.groupby(by, sort=False)[measure].transform("max")
        reference = best
        if self.baseline is not None:
            own = frame[measure].where(frame["detector"] == self.baseline)
            reference = own.groupby([frame[name] for name in by], sort=False).transform("max")
        return frame.assign(best=frame[measure] == best, difference=frame[measure] - reference)


def frames(
    given: Given | Iterable[Given],
    *,
    known: Sequence[ValueIntervals] | None = None,
    baseline: str | None = None,
    points: int = MOST_POINTS,
) -> Frames:
    """Return the tables of runs and evaluations.

    Args:
        given: runs (`read_run`), run folders, evaluations, one or several of them, in the order of the tables. Runs are scored again
            under their recorded protocol.
        known: for each of them its intervals (`value_intervals`), in place of what a run recorded.
        baseline: the name of the detector that differences refer to; None: the best one.
        points: at most so many points for each precision-recall curve, 4 or more.

    A second detector of the same name on the same data gets " #2" behind it.

    Raises:
        DetbenchError: nothing is given, or there is no detector of the baseline's name.
    """
    several = [given] if isinstance(given, Run | Evaluation | str | Path) else list(given)
    if not several:
        raise DetbenchError("there is nothing to tabulate: give at least one run or evaluation")
    detectors: list[Scored] = []
    for place, each in enumerate(several):
        detectors.append(grouped(each, detectors, known[place] if known else None))
    names = [scored.name for scored in detectors]
    if baseline is not None and baseline not in names:
        raise DetbenchError(
            f"there is no detector {baseline!r} to be the baseline; there are {', '.join(names)}"
        )
    if points < 4:
        raise DetbenchError(f"a curve needs 4 points or more, got {points}")
    return Frames(tuple(detectors), baseline, points)


def _table(rows: Sequence[Any], columns: list[str] | None = None) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=columns)

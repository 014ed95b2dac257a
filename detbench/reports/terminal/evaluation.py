"""Evaluations: summary, differences and classes of one or more detectors, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from detbench.bench.results import ValueIntervals
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.intervals import WHY_NO_INTERVAL, Interval
from detbench.reports.terminal.table import number_text, plain_table

if TYPE_CHECKING:
    from detbench.metrics.uncertainty.ranking import Ranking

INTERVAL_HEADING = "95% CI"
_MAX_MEASURES_ACROSS = 3
"""With more measures than this, the summary has measures as rows and detectors as columns."""
_MAX_INTERVAL_COLUMNS = 3
"""With more detectors than this, the class table leaves out the intervals, to fit a terminal."""
_MIN_NAME_WIDTH = 12
_COLUMN_HEADINGS = {"ground_truths": "objects"}


def summary_table(
    evaluations: Sequence[Evaluation], intervals: Sequence[ValueIntervals] | None = None
) -> Table:
    """Return the measures of each detector, the best values in bold.

    Detectors are rows if the protocol has few measures, else columns. `intervals` holds those of
    each evaluation; they stand beside the values.
    """
    intervals = intervals or [{} for _ in evaluations]
    if len(evaluations[0].summary) <= _MAX_MEASURES_ACROSS:
        return _detectors_as_rows(evaluations, intervals)
    return _measures_as_rows(evaluations, intervals)


def _detectors_as_rows(
    evaluations: Sequence[Evaluation], intervals: Sequence[ValueIntervals]
) -> Table:
    headings = ["detector"]
    columns = [[Text(name) for name in _names(evaluations)]]
    for measure in evaluations[0].summary:
        headings.append(measure)
        columns.append(_value_cells(_summary_values(evaluations, measure), 6))
        if any(intervals):
            headings.append(INTERVAL_HEADING)
            columns.append([Text(_summary_interval(each, measure, 3)) for each in intervals])
    headings.append("detections")
    columns.append(_detection_counts(evaluations))
    return _filled_table(headings, [list(row) for row in zip(*columns, strict=True)])


def _measures_as_rows(
    evaluations: Sequence[Evaluation], intervals: Sequence[ValueIntervals]
) -> Table:
    rows = []
    for measure in evaluations[0].summary:
        values = _value_cells(_summary_values(evaluations, measure), 4)
        cells = [
            Text.assemble(value, f"  {_summary_interval(each, measure, 2)}") if each else value
            for value, each in zip(values, intervals, strict=True)
        ]
        rows.append([Text(measure), *cells])
    rows.append([Text("detections"), *_detection_counts(evaluations)])
    return _filled_table(["measure", *_names(evaluations)], rows)


def pair_table(ranking: Ranking) -> Table:
    """Return the difference of each pair of detectors, and whether it is significant."""
    headings = [f"difference in {ranking.measure}", "points", INTERVAL_HEADING, "p", ""]
    rows = []
    for pair in ranking.pairs():
        interval = "" if math.isnan(pair.low) else f"{_points(pair.low)} to {_points(pair.high)}"
        verdict = "significant" if pair.significant else "not significant"
        cells = (_points(pair.difference), interval, number_text(pair.p, 3), verdict)
        rows.append([Text(f"{pair.better} − {pair.worse}"), *map(Text, cells)])
    return _filled_table(headings, rows)


def class_table(
    evaluations: Sequence[Evaluation], intervals: Sequence[ValueIntervals] | None = None
) -> Table:
    """Return the AP of each class and detector, the best in bold; of one detector all columns.

    Intervals of AP stand beside the values, unless there are too many detectors for a terminal.
    """
    if len(evaluations) == 1:
        return _classes_of_one(evaluations[0], intervals[0] if intervals else {})
    class_names = evaluations[0].ground_truth.class_names
    objects = evaluations[0].class_columns()["ground_truths"]
    scores = zip(*(evaluation.class_ap.tolist() for evaluation in evaluations), strict=True)
    rows = [
        [Text(name), Text(number_text(count, 0)), *_value_cells(values, 4)]
        for name, count, values in zip(class_names, objects, scores, strict=True)
    ]
    if intervals and _shows_class_intervals(intervals):
        by_detector = [_class_intervals(each) for each in intervals]
        for row, *ends in zip(rows, *by_detector, strict=True):
            row[2:] = [
                Text.assemble(cell, f"  {_interval_text(interval, 2):>7}")
                for cell, interval in zip(row[2:], ends, strict=True)
            ]
    return _filled_table(["AP by class", "objects", *_names(evaluations)], rows)


def interval_footnotes(intervals: Sequence[ValueIntervals] | None) -> list[str]:
    """Return why values in summary and class table have no interval; empty if all have one."""
    intervals = intervals or []
    shown = [interval for each in intervals for interval, _ in each.values()]
    if _shows_class_intervals(intervals):
        shown += [interval for each in intervals for interval in _class_intervals(each)]
    return [WHY_NO_INTERVAL] if any(interval.is_missing for interval in shown) else []


def _shows_class_intervals(intervals: Sequence[ValueIntervals]) -> bool:
    """Return whether the class table has room for the intervals of each detector."""
    return all(intervals) and len(intervals) <= _MAX_INTERVAL_COLUMNS


def _classes_of_one(evaluation: Evaluation, intervals: ValueIntervals) -> Table:
    columns = evaluation.class_columns()
    headings = ["class", *(_COLUMN_HEADINGS.get(heading, heading) for heading in columns)]
    rows = [
        [Text(name), *(Text(number_text(value, 4)) for value in values)]
        for name, *values in zip(
            evaluation.ground_truth.class_names, *columns.values(), strict=True
        )
    ]
    if intervals:
        headings.insert(2, INTERVAL_HEADING)
        for row, interval in zip(rows, _class_intervals(intervals), strict=True):
            row.insert(2, Text(_interval_text(interval, 2)))
    return _filled_table(headings, rows)


def _names(evaluations: Sequence[Evaluation]) -> list[str]:
    return [evaluation.detections.name for evaluation in evaluations]


def _summary_values(evaluations: Sequence[Evaluation], measure: str) -> list[float | None]:
    return [evaluation.summary[measure] for evaluation in evaluations]


def _detection_counts(evaluations: Sequence[Evaluation]) -> list[Text]:
    return [Text(number_text(len(evaluation.detections), 0)) for evaluation in evaluations]


def _class_intervals(intervals: ValueIntervals) -> tuple[Interval, ...]:
    """Return the intervals of the first measure, AP, of each class."""
    _, by_class = next(iter(intervals.values()))
    return by_class


def _summary_interval(intervals: ValueIntervals, measure: str, digits: int) -> str:
    return _interval_text(intervals[measure][0], digits) if measure in intervals else ""


def _interval_text(interval: Interval, digits: int) -> str:
    """Return `.72–.74`; nothing for an unknown interval."""
    if not interval.is_defined:
        return ""
    ends = (f"{end:.{digits}f}" for end in (interval.low, interval.high))
    return "–".join(end.replace("0.", ".", 1) for end in ends)


def _points(value: float) -> str:
    """Return a difference of scores in points, hundredths of the measure."""
    return f"{value * 100:+.2f}"


def _value_cells(values: Sequence[float | None], digits: int) -> list[Text]:
    """Return the cells of one row, the best of several values in bold."""
    present = [value for value in values if value is not None and not math.isnan(value)]
    best = max(present, default=None) if len(values) > 1 else None
    return [
        Text(
            number_text(value, digits),
            style="bold green" if value is not None and value == best else "",
        )
        for value in values
    ]


def _filled_table(headings: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    """Return a table of one column of names and columns of numbers.

    Headings and names fold in a narrow terminal; numbers never do.
    """
    table = plain_table()
    for place, heading in enumerate(headings):
        width = max((len(row[place]) for row in rows), default=0)
        if place == 0:
            min_width = min(width, _MIN_NAME_WIDTH)
            table.add_column(Text(heading), overflow="fold", min_width=min_width)
        else:
            table.add_column(Text(heading), justify="right", overflow="fold", min_width=width)
    for row in rows:
        table.add_row(*row)
    return table

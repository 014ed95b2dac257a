"""Terminal: evaluations as tables for people, with rich."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from detbench.metrics.audit import Audit
from detbench.metrics.conventions import INTERPOLATIONS, Convention
from detbench.metrics.evaluation import Evaluation
from detbench.reports.frames import class_frame, summary_frame

ABSENT = "–"
_MOST_MEASURES_ACROSS = 3
_RULES = {"ignore": "ignored", "count": "counted", "drop": "dropped"}


def headline(evaluations: Sequence[Evaluation]) -> str:
    """Return what was scored, in a line."""
    first = evaluations[0]
    size = f"{len(first.ground_truth.image_ids):,} images, {_positives(first):,} objects"
    return f"{first.ground_truth.name}: {size}, protocol {first.protocol.name}"


def summary_table(evaluations: Sequence[Evaluation]) -> Table:
    """Return detectors down and measures across, or the other way round for protocols of many measures; best values are bold."""
    frame = summary_frame(evaluations)
    counts = [f"{len(evaluation.detections):,}" for evaluation in evaluations]
    table = _table()
    if len(frame.columns) <= _MOST_MEASURES_ACROSS:
        table.add_column("detector", overflow="fold")
        for measure in [*frame.columns, "detections"]:
            table.add_column(str(measure), justify="right", no_wrap=True)
        for row, name in enumerate(frame.index):
            table.add_row(str(name), *(_cell(frame[measure].iloc[row], frame[measure], 6) for measure in frame.columns), counts[row])
        return table
    table.add_column("measure")
    for name in frame.index:
        table.add_column(str(name), justify="right", overflow="fold")
    for measure in frame.columns:
        table.add_row(str(measure), *(_cell(value, frame[measure], 4) for value in frame[measure]))
    table.add_row("detections", *counts)
    return table


def class_table(evaluations: Sequence[Evaluation]) -> Table:
    """Return classes against detectors' AP, the best in bold; of a single detector every per-class column."""
    if len(evaluations) == 1:
        return _single_class_table(evaluations[0])
    frame = class_frame(evaluations)
    table = _table()
    table.add_column("AP of class", overflow="fold")
    table.add_column("objects", justify="right", no_wrap=True)
    for name in frame.columns:
        table.add_column(str(name), justify="right", overflow="fold")
    objects = evaluations[0].per_class()["ground_truths"]
    for row, values in frame.iterrows():
        table.add_row(str(row), f"{objects[str(row)]:,}", *(_cell(value, values, 4) for value in values))
    return table


def _single_class_table(evaluation: Evaluation) -> Table:
    frame = evaluation.per_class()
    table = _table()
    table.add_column("class", overflow="fold")
    headings = {"ground_truths": "objects"}
    for column in frame.columns:
        table.add_column(headings.get(str(column), str(column)), justify="right", no_wrap=True)
    for name, values in frame.iterrows():
        cells = [f"{values[c]:,.0f}" if c in {"ground_truths", "detections"} else _number(values[c], 4) for c in frame.columns]
        table.add_row(str(name), *cells)
    return table


def convention_grid(rows: Sequence[Convention]) -> Table:
    """Return the convention table of one detector: interpolation and difficult objects down, "+1" and the overlap test across."""
    table = _table()
    table.add_column("AP from")
    table.add_column("difficult")
    columns = [(plus_one, strict) for plus_one in (True, False) for strict in (False, True)]
    for plus_one, strict in columns:
        table.add_column(f"{'+1' if plus_one else 'no +1'}, {'>' if strict else '≥'} 0.5", justify="right", no_wrap=True)
    values = {(row.interpolation, row.difficult, row.plus_one, row.strict_overlap): row.value for row in rows}
    rules = list(dict.fromkeys(row.difficult for row in rows))
    for interpolation in INTERPOLATIONS:
        for n, difficult in enumerate(rules):
            cells = [_number(values[interpolation, difficult, plus_one, strict], 5) for plus_one, strict in columns]
            rule = _RULES[difficult] if len(rules) > 1 else "none marked"
            table.add_row(interpolation if n == 0 else "", rule, *cells, end_section=difficult == rules[-1])
    return table


def convention_lines(name: str, coco: dict[str, float | None]) -> tuple[str, str]:
    """Return what stands above and below a convention table."""
    numbers = ", ".join(f"{key} {_number(value, 5)}" for key, value in coco.items())
    return f"{name}: mAP at IoU 0.5 under every convention", f"COCO protocol on the same boxes: {numbers}"


def audit_lines(name: str, audit: Audit) -> list[str]:
    """Return what the audit found."""
    verdict = "equal bit for bit" if audit.identical else "not equal"
    return [
        f"{name}: the same boxes scored by pycocotools, COCO protocol",
        f"  largest absolute difference of the 12 numbers: {audit.summary_difference:g}",
        f"  precision, recall and scores arrays: {verdict}, largest absolute difference {audit.array_difference:g}",
    ]


def _table() -> Table:
    return Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)


def _positives(evaluation: Evaluation) -> int:
    return int(evaluation.counts[:, 0, 0, 3].sum())


def _cell(value: float, peers: pd.Series, digits: int) -> Text:
    best = len(peers) > 1 and value == peers.max()
    return Text(_number(value, digits), style="bold green" if best else "")


def _number(value: float | None, digits: int) -> str:
    return ABSENT if value is None or pd.isna(value) else f"{value:.{digits}f}"

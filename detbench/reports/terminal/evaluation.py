"""Terminal: evaluations as tables for people, with rich."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from detbench.adapters.catalogue import Adapter
from detbench.adapters.classes import ClassMapping
from detbench.adapters.counting import counted
from detbench.bench.resize_trial import Trial
from detbench.bench.results import ValueIntervals
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.scoring.audit import Audit
from detbench.metrics.scoring.conventions import INTERPOLATIONS, Convention
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import group_count
from detbench.metrics.uncertainty.intervals import Interval
from detbench.metrics.uncertainty.ranking import Ranking

ABSENT = "–"
INTERVAL_HEADING = "95 %"
_MOST_MEASURES_ACROSS = 3
_MOST_BESIDE = 3
_NARROWEST_NAME = 12
_HEADINGS = {"ground_truths": "objects"}
_RULES = {"ignore": "ignored", "count": "counted", "drop": "dropped"}


def headline(evaluations: Sequence[Evaluation]) -> str:
    """Return what was scored, in a line."""
    first = evaluations[0]
    size = f"{images_drawn(first.ground_truth)}, {_positives(first):,} objects"
    changed = ", ".join(
        f"{switch} {_plainly(value)}" for switch, value in first.protocol.changed.items()
    )
    return f"{first.ground_truth.name}: {size}, protocol {first.protocol.name}" + (
        f" but {changed}" if changed else ""
    )


def images_drawn(truth: GroundTruth) -> str:
    """Return how many images there are, and in how many groups they are drawn."""
    groups = group_count(truth)
    return f"{len(truth.image_ids):,} images" + (
        "" if groups is None else f" in {counted(groups, 'group')}"
    )


def _plainly(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def summary_table(
    evaluations: Sequence[Evaluation], known: Sequence[ValueIntervals] | None = None
) -> Table:
    """Return detectors down and measures across, or the other way round for protocols of many measures; best values are bold.

    `known` gives each evaluation's intervals, which stand beside the values.
    """
    each = known or [{} for _ in evaluations]
    names = [evaluation.detections.name for evaluation in evaluations]
    counts = [_number(len(evaluation.detections), 0) for evaluation in evaluations]
    measures = {
        measure: [evaluation.summary[measure] for evaluation in evaluations]
        for measure in evaluations[0].summary
    }
    if len(measures) <= _MOST_MEASURES_ACROSS:
        headings, columns = ["detector"], [[*map(Text, names)]]
        for measure, values in measures.items():
            headings.append(measure)
            columns.append(_cells(values, 6))
            if any(each):
                headings.append(INTERVAL_HEADING)
                columns.append(
                    [Text(_range(one[measure][0] if measure in one else None, 3)) for one in each]
                )
        rows = [list(row) for row in zip(*columns, map(Text, counts), strict=True)]
        return _filled([*headings, "detections"], rows)
    rows = [
        [
            Text(measure),
            *(
                _beside(cell, one.get(measure))
                for cell, one in zip(_cells(values, 4), each, strict=True)
            ),
        ]
        for measure, values in measures.items()
    ]
    return _filled(["measure", *names], [*rows, [Text("detections"), *map(Text, counts)]])


def pair_table(ranked: Ranking) -> Table:
    """Return the differences of each pair of detectors in points, and whether the images tell them apart."""
    headings = [f"difference in {ranked.measure}", "points", INTERVAL_HEADING, "p", ""]
    rows = []
    for pair in ranked.pairs():
        verdict = "more than chance" if pair.told_apart else "cannot be told"
        between = "" if math.isnan(pair.low) else f"{pair.low * 100:+.2f} to {pair.high * 100:+.2f}"
        cells = (f"{pair.difference * 100:+.2f}", between, _number(pair.p, 3), verdict)
        rows.append([Text(f"{pair.better} − {pair.worse}"), *map(Text, cells)])
    return _filled(headings, rows)


def class_table(
    evaluations: Sequence[Evaluation], known: Sequence[ValueIntervals] | None = None
) -> Table:
    """Return classes against detectors' AP, the best in bold; of a single detector every per-class column.

    Intervals of AP stand beside it, unless there are too many detectors for a terminal.
    """
    first = evaluations[0]
    columns = first.class_columns()
    names = [Text(name) for name in first.ground_truth.class_names]
    if len(evaluations) == 1:
        headings = ["class", *(_HEADINGS.get(heading, heading) for heading in columns)]
        rows = [
            [name, *(Text(_number(value, 4)) for value in values)]
            for name, *values in zip(names, *columns.values(), strict=True)
        ]
        if known and known[0]:
            _, intervals = next(iter(known[0].values()))
            headings.insert(2, INTERVAL_HEADING)
            for row, interval in zip(rows, intervals, strict=True):
                row.insert(2, Text(_range(interval, 2)))
        return _filled(headings, rows)
    scores = zip(*(evaluation.class_ap.tolist() for evaluation in evaluations), strict=True)
    objects = [Text(_number(count, 0)) for count in columns["ground_truths"]]
    rows = [
        [name, count, *_cells(values, 4)]
        for name, count, values in zip(names, objects, scores, strict=True)
    ]
    if known and all(known) and len(evaluations) <= _MOST_BESIDE:
        by_detector = [next(iter(one.values()))[1] for one in known]
        for row, *ends in zip(rows, *by_detector, strict=True):
            row[2:] = [
                Text.assemble(cell, f"  {_range(interval, 2):>7}")
                for cell, interval in zip(row[2:], ends, strict=True)
            ]
    return _filled(
        ["AP of class", "objects", *(evaluation.detections.name for evaluation in evaluations)],
        rows,
    )


def _beside(cell: Text, known: tuple[Interval, tuple[Interval, ...]] | None) -> Text:
    """Return a value with its interval."""
    return Text.assemble(cell, f"  {_range(known[0], 2)}") if known else cell


def _range(interval: Interval | None, digits: int) -> str:
    """Return `.72–.74`; nothing where there is no telling."""
    if interval is None or not interval.known:
        return ""
    return "–".join(
        f"{end:.{digits}f}".replace("0.", ".", 1) for end in (interval.low, interval.high)
    )


def _filled(headings: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    """Return a table of a column of names and columns of numbers, in which headings and names may fold and numbers never do."""
    table = _table()
    for place, heading in enumerate(headings):
        widest = max((len(row[place]) for row in rows), default=0)
        if place == 0:
            table.add_column(Text(heading), overflow="fold", min_width=min(widest, _NARROWEST_NAME))
        else:
            table.add_column(Text(heading), justify="right", overflow="fold", min_width=widest)
    for row in rows:
        table.add_row(*row)
    return table


def convention_grid(rows: Sequence[Convention]) -> Table:
    """Return the convention table of one detector: interpolation and difficult objects down, "+1" and the overlap test across."""
    table = _table()
    table.add_column("AP from")
    table.add_column("difficult")
    columns = [(plus_one, strict) for plus_one in (True, False) for strict in (False, True)]
    for plus_one, strict in columns:
        table.add_column(
            f"{'+1' if plus_one else 'no +1'}, {'>' if strict else '≥'} 0.5",
            justify="right",
            no_wrap=True,
        )
    values = {
        (row.interpolation, row.difficult, row.plus_one, row.strict_overlap): row.value
        for row in rows
    }
    rules = list(dict.fromkeys(row.difficult for row in rows))
    for interpolation in INTERPOLATIONS:
        for n, difficult in enumerate(rules):
            cells = [
                _number(values[interpolation, difficult, plus_one, strict], 5)
                for plus_one, strict in columns
            ]
            rule = _RULES[difficult] if len(rules) > 1 else "none marked"
            table.add_row(
                interpolation if n == 0 else "", rule, *cells, end_section=difficult == rules[-1]
            )
    return table


def convention_lines(name: str, coco: dict[str, float | None]) -> tuple[str, str]:
    """Return what stands above and below a convention table."""
    numbers = ", ".join(f"{key} {_number(value, 5)}" for key, value in coco.items())
    return (
        f"{name}: mAP at IoU 0.5 under every convention",
        f"COCO protocol on the same boxes: {numbers}",
    )


def mapping_table(mapping: ClassMapping) -> Table:
    """Return which model class stands for which dataset class, and what has no partner; fillers are left out."""
    table = _table()
    for heading in ("model class", "dataset class", "how"):
        table.add_column(heading, overflow="fold")
    for model_class, dataset_class, how in sorted(mapping.rows, key=lambda row: row[1]):
        if dataset_class:
            table.add_row(Text(model_class), Text(dataset_class), how)
    for dataset_class in mapping.missing:
        table.add_row(ABSENT, Text(dataset_class), "not known to the model")
    if mapping.unmapped:
        table.add_row(
            Text(f"{len(mapping.unmapped)} others"), ABSENT, "not in the dataset, dropped"
        )
    return table


def trial_table(trials: Sequence[Trial]) -> Table:
    """Return the scores under each way to fit pictures into the model's input, best first."""
    table = _table()
    table.add_column("fit")
    table.add_column(trials[0].measure, justify="right")
    table.add_column("detections", justify="right")
    table.add_column("")
    for row, trial in enumerate(trials):
        cells = (
            trial.fit,
            _number(trial.value, 4),
            f"{trial.detections:,}",
            "as given" if trial.own else "",
        )
        table.add_row(*cells, style="bold" if row == 0 else "")
    return table


def adapter_table(adapters: Sequence[Adapter]) -> Table:
    """Return adapters, whether each can be used, and the line that installs it."""
    table = _table()
    for heading in ("adapter", "from", "installed", "install with"):
        table.add_column(heading, overflow="fold")
    for adapter in adapters:
        table.add_row(
            adapter.name,
            adapter.package,
            "yes" if adapter.installed else "no",
            Text(adapter.install),
        )
    return table


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


def _cells(values: Sequence[float | None], digits: int) -> list[Text]:
    """Return the values of one row as text, the best of several in bold."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    best = max(known, default=None) if len(values) > 1 else None
    return [
        Text(
            _number(value, digits),
            style="bold green" if value is not None and value == best else "",
        )
        for value in values
    ]


def _number(value: float | None, digits: int) -> str:
    if value is None or math.isnan(value):
        return ABSENT
    return f"{value:,}" if isinstance(value, int | np.integer) else f"{value:.{digits}f}"

"""Analysis tables for people at a terminal; JSON, CSV and the page have the rest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from detbench.bench.analysis.analyze import IOU, Analysis, Study
from detbench.bench.analysis.intervals import CONFIDENT
from detbench.bench.analysis.tables import CalibrationRow, LrpRow, intervals_of
from detbench.metrics.errors.label_errors import KINDS
from detbench.metrics.errors.tide import MAIN_ERRORS
from detbench.metrics.uncertainty.intervals import WHY_NO_INTERVAL, Interval
from detbench.reports.dataset_and_protocol import evaluation_heading
from detbench.reports.terminal.table import ABSENT, number_text, plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

_MAX_CONFUSIONS = 8
_MAX_LABEL_ERRORS = 10
_MAX_SLICES = 40


def study_tables(study: Study) -> list[RenderableType]:
    """Return what fits on a screen; the full tables are in JSON, CSV and on the page."""
    shown: list[RenderableType] = [
        evaluation_heading(study.analyses[0].evaluation),
        "Cost of each kind of error: AP gained by fixing all errors of the kind (TIDE)",
        error_cost_table(study),
        base_line(study),
        "Optimal LRP: errors at the best score threshold of each class (0 is perfect)",
        lrp_table(study),
        "Calibration errors (0 is perfect)",
        calibration_table(study),
        *(threshold_line(analysis, study.settings.beta) for analysis in study.analyses),
        "Recall at the score of the best F1, by properties of the objects",
        recall_table(study),
    ]
    for analysis in study.analyses:
        start = _score_text(analysis.score_threshold)
        shown += [f"{analysis.name}: most frequent confusions {start}", confusion_table(analysis)]
    for analysis in study.analyses:
        shown += [
            f"{analysis.name}: {study.headline} by image attribute, compared with all other images",
            slice_table(analysis),
            *_left_out("slices", _MAX_SLICES, len(analysis.slices)),
            f"{analysis.name}: sensitivity of {study.headline} to ties, limits and thresholds",
            sensitivity_table(analysis),
        ]
    if study.label_errors:
        shown += [
            label_error_line(study),
            label_error_table(study),
            *_left_out("likely label errors", _MAX_LABEL_ERRORS, len(study.label_errors)),
        ]
    return [*shown, *_interval_footnotes(study)]


def error_cost_table(study: Study) -> Table:
    """Return kinds of errors down; for each detector the cost in points of AP, and the errors."""
    headings = [heading for analysis in study.analyses for heading in (analysis.name, "errors")]
    table = plain_table("points of AP", *headings)
    for rows in zip(*(analysis.tide for analysis in study.analyses), strict=True):
        kind, cells = rows[0].kind, []
        for row in rows:
            errors = "" if row.errors is None else f"{row.errors:,}"
            cells += [_with_interval(row.cost, digits=2, scale=100), errors]
        name = f"base: AP{100 * IOU:g}" if kind == "base" else kind
        table.add_row(name, *cells, end_section=kind in {"base", MAIN_ERRORS[-1]})
    return table


def base_line(study: Study) -> str:
    """Return what the base of the costs is."""
    rules = [analysis.base_rule for analysis in study.analyses]
    rule = rules[0]
    if len(set(rules)) > 1:
        rule = "; ".join(f"{analysis.name}: {analysis.base_rule}" for analysis in study.analyses)
    return f"Base: {rule}. It is TIDE's own AP, not the protocol's {study.headline}."


def lrp_table(study: Study) -> Table:
    """Return the mean optimal LRP of each detector and its components."""
    table = plain_table("detector", "oLRP", "1 − IoU of hits", "false positives", "misses")
    for analysis in study.analyses:
        mean: LrpRow = analysis.lrp[0]
        components = mean.error, mean.localization, mean.false_positives, mean.false_negatives
        table.add_row(Text(analysis.name), *map(_with_interval, components))
    return table


def calibration_table(study: Study) -> Table:
    """Return the calibration errors of each detector."""
    table = plain_table("detector", "D-ECE", f"D-ECE, score ≥ {CONFIDENT:g}", "LaECE")
    for analysis in study.analyses:
        name = Text(analysis.name)
        if not analysis.calibration:
            table.add_row(name, "scores are not within 0..1", "", "")
            continue
        mean: CalibrationRow = analysis.calibration[0]
        errors = mean.d_ece, mean.d_ece_confident, mean.la_ece
        table.add_row(name, *map(_with_interval, errors))
    return table


def threshold_line(analysis: Analysis, beta: float) -> str:
    """Return the threshold for all classes, and its results on the held-out half."""
    row, measure = analysis.thresholds[0], f"F{beta:g}"
    if not math.isfinite(row.threshold):
        return f"{analysis.name}: no threshold, since half of the images have no {measure} above 0"
    return (
        f"{analysis.name}: best {measure} on half of the images is {_number(row.f_chosen)} "
        f"{_score_text(row.threshold)}; on the other half, this threshold gives "
        f"{_with_interval(row.f_held_out)}, precision {_number(row.precision)}, "
        f"recall {_number(row.recall)}"
    )


def recall_table(study: Study) -> Table:
    """Return traits and their values down, detectors across."""
    names = [analysis.name for analysis in study.analyses]
    table = plain_table("trait", "value", "objects", *names, text_columns=2)
    previous = None
    for rows in zip(*(analysis.recall for analysis in study.analyses), strict=True):
        first = rows[0]
        if previous not in (None, first.trait):
            table.add_section()
        trait = "" if first.trait == previous else first.trait
        recalls = [_with_interval(row.recall) for row in rows]
        table.add_row(trait, first.value, f"{first.objects:,}", *recalls)
        previous = first.trait
    return table


def confusion_table(analysis: Analysis) -> Table:
    """Return the most frequent confusions of two classes, and those with background."""
    names, confusion = analysis.evaluation.ground_truth.class_names, analysis.confusion_matrix
    table = plain_table("object", "detected as", "count", "share of objects", text_columns=2)
    counts, objects = confusion.counts, confusion.objects
    for row, column in confusion.confused_classes(_MAX_CONFUSIONS):
        count = counts[row, column]
        share = f"{count / objects[row]:.1%}"
        table.add_row(Text(names[row]), Text(names[column]), f"{count:,}", share)
    missed, total = int(counts[:-1, -1].sum()), int(objects.sum())
    table.add_row("any", "background", f"{missed:,}", f"{missed / total:.1%}" if total else ABSENT)
    table.add_row("background", "any", f"{int(counts[-1].sum()):,}", "")
    return table


def slice_table(analysis: Analysis) -> Table:
    """Return the slices, attribute by attribute."""
    headings = "attribute", "value", "images", "score", "difference", "p (Holm)", "p (FDR)"
    table = plain_table(*headings, text_columns=2)
    previous = None
    for row in analysis.slices[:_MAX_SLICES]:
        table.add_row(
            Text("" if row.attribute == previous else row.attribute),
            Text(row.value),
            f"{row.images:,}",
            _number(row.score),
            _with_interval(row.difference, signed=True),
            _number(row.p_holm),
            _number(row.p_fdr),
        )
        previous = row.attribute
    return table


def sensitivity_table(analysis: Analysis) -> Table:
    """Return the lowest and highest value under each choice, and how much input it affects."""
    table = plain_table("choice", "low", "high", "")
    table.columns[3].justify = "left"
    for row in analysis.sensitivity:
        table.add_row(row.choice, number_text(row.low, 4), number_text(row.high, 4), row.evidence)
    return table


def label_error_line(study: Study) -> str:
    """Return the number of likely label errors, and the scores if they were real."""
    counts = {kind: sum(error.kind == kind for error in study.label_errors) for kind in KINDS}
    scores = "; ".join(
        f"{analysis.name} {_corrected_text(analysis)}" for analysis in study.analyses
    )
    return (
        f"Likely label errors: {counts['missing']:,} missing objects, {counts['class']:,} wrong "
        f"classes, {counts['spurious']:,} spurious objects. {study.headline} if all of them "
        f"were corrected: {scores}"
    )


def label_error_table(study: Study) -> Table:
    """Return the most suspicious label errors."""
    headings = "image", "suspected", "class", "detected", "box", "suspicion"
    table = plain_table(*headings, text_columns=5)
    for row in study.label_error_rows[:_MAX_LABEL_ERRORS]:
        table.add_row(
            Text(row.image_id),
            row.kind,
            Text(row.class_name),
            Text(row.detected or ABSENT),
            " ".join(f"{side:.0f}" for side in (row.x1, row.y1, row.x2, row.y2)),
            _number(row.suspicion),
        )
    return table


def _interval_footnotes(study: Study) -> list[str]:
    """Return why numbers have no interval although images were resampled; empty if all have one."""
    intervals: list[Interval] = []
    for analysis in study.analyses:
        tables = analysis.tide, analysis.lrp[:1], analysis.calibration[:1], analysis.thresholds[:1]
        for table in (*tables, analysis.recall):
            intervals += [interval for row in table for interval in intervals_of(row)]
    missing = study.settings.resamples and any(interval.is_missing for interval in intervals)
    return [WHY_NO_INTERVAL] if missing else []


def _corrected_text(analysis: Analysis) -> str:
    """Return the change of the headline measure, and its range if one kind alone changes more."""
    ends = analysis.corrected[0].value, analysis.corrected[-1].value
    text = f"from {number_text(ends[0], 4)} to {number_text(ends[1], 4)}"
    low, high = analysis.corrected_range or ends
    if (low, high) in {ends, ends[::-1]}:
        return text
    between = f"{number_text(low, 4)} to {number_text(high, 4)}"
    return f"{text} ({between} with one kind alone corrected)"


def _left_out(rows: str, shown: int, total: int) -> list[str]:
    """Return a line that says how many rows are shown, if these are not all."""
    return [f"{shown:,} of {total:,} {rows}; use --json to get all"] if total > shown else []


def _score_text(score: float) -> str:
    return f"at score ≥ {_number(score)}" if math.isfinite(score) else "without any hit"


def _with_interval(
    interval: Interval, digits: int = 3, scale: float = 1, *, signed: bool = False
) -> str:
    numbers = scale * interval.estimate, scale * interval.low, scale * interval.high
    value, low, high = (_number(number, digits, signed=signed) for number in numbers)
    return f"{value} ({low} to {high})" if interval.is_defined else value


def _number(value: float, digits: int = 3, *, signed: bool = False) -> str:
    if not math.isfinite(value):
        return ABSENT
    return f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"

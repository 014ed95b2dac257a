"""Analysis tables: a study as tables for people, in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table
from rich.text import Text

from detbench.bench.analyze import Analysis, Study
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.label_errors import LabelError
from detbench.metrics.errors.tide import ERRORS
from detbench.metrics.uncertainty.intervals import Interval
from detbench.reports.headings import evaluation_heading
from detbench.reports.terminal.table import ABSENT, plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

_MOST_CONFUSIONS = 8
_MOST_ERRORS = 10
_MOST_SLICES = 40


def study_tables(study: Study) -> list[RenderableType]:
    """Return everything worth seeing at once; the rest is in JSON, CSV and on the page."""
    shown: list[RenderableType] = [evaluation_heading(study.analyses[0].evaluation)]
    shown += [
        "What each kind of error costs: AP that mending all errors of the kind would add to the base (TIDE)"
    ]
    shown += [tide_table(study.analyses), base_line(study.analyses)]
    shown += [
        "Localisation, false positives and misses at the best score threshold of each class (optimal LRP, 0 is perfect)"
    ]
    shown += [
        lrp_table(study.analyses),
        "What scores are worth (0 is perfect)",
        calibration_table(study.analyses),
    ]
    shown += [threshold_line(each) for each in study.analyses]
    shown += [
        "Recall at the score of the best F1, by what objects are like",
        recall_table(study.analyses),
    ]
    for each in study.analyses:
        shown += [
            f"{each.name}: what is taken for what most often, {_from_score(each.score)}",
            confusion_table(each),
        ]
    for each in study.analyses:
        measure = each.evaluation.protocol.measures[0].name
        shown += [
            f"{each.name}: {measure} on images that share an attribute, against all others",
            slice_table(each),
        ]
        shown += _cut("slices", _MOST_SLICES, len(each.slices))
        shown += [f"{each.name}: how far {measure} is open", band_table(each)]
    truth = study.analyses[0].evaluation.ground_truth
    if study.label_errors:
        shown += [
            label_error_line(study),
            label_error_table(truth, study.label_errors[:_MOST_ERRORS]),
        ]
        shown += _cut("suspects", _MOST_ERRORS, len(study.label_errors))
    return shown


def tide_table(analyses: Sequence[Analysis]) -> Table:
    """Return kinds of errors down; for each detector the cost in points of AP, with its interval, and the number of errors."""
    table = _headed(
        "points of AP", *(heading for each in analyses for heading in (each.name, "errors"))
    )
    first = analyses[0].tide
    for name in ("base", *first.costs):
        cells = []
        for each in analyses:
            value = each.tide.base if name == "base" else each.tide.costs[name]
            count = each.tide.counts.get(name)
            cells += [
                _with_interval(100 * value, each.tide_intervals.get(name), 100),
                "" if count is None else f"{count:,}",
            ]
        table.add_row(
            f"base: AP{100 * first.iou:g}" if name == "base" else name,
            *cells,
            end_section=name in {"base", ERRORS[-1]},
        )
    return table


def base_line(analyses: Sequence[Analysis]) -> str:
    """Return what the base of the costs is, and how far it is from the measure that detectors are compared by."""
    rules = list(dict.fromkeys(each.tide.rule for each in analyses))
    what = (
        rules[0]
        if len(rules) == 1
        else "; ".join(f"{each.name}: {each.tide.rule}" for each in analyses)
    )
    return f"Base: {what}. It is TIDE's own, not the protocol's {analyses[0].evaluation.protocol.measures[0].name}."


def lrp_table(analyses: Sequence[Analysis]) -> Table:
    """Return the mean optimal LRP of each detector and its parts."""
    table = _headed("detector", "oLRP", "1 − IoU of hits", "false positives", "misses")
    for each in analyses:
        cells = [
            _with_interval(value, each.lrp_intervals.get(part), digits=3)
            for part, value in each.lrp.means.items()
        ]
        table.add_row(Text(each.name), *cells)
    return table


def calibration_table(analyses: Sequence[Analysis]) -> Table:
    """Return the calibration errors of each detector."""
    table = _headed("detector", "D-ECE", "D-ECE, score ≥ 0.3", "LaECE")
    for each in analyses:
        found = each.calibration
        if found is None:
            table.add_row(Text(each.name), "scores are not within 0..1", "", "")
            continue
        names = ("d_ece", "d_ece_sure", "la_ece")
        cells = [
            _with_interval(getattr(found, name), getattr(found.intervals, name, None), digits=3)
            for name in names
        ]
        table.add_row(Text(each.name), *cells)
    return table


def threshold_line(analysis: Analysis) -> str:
    """Return what the threshold chosen on one half of the images gives on the other."""
    found = analysis.pooled
    beta = f"F{found.beta:g}"
    if not math.isfinite(found.threshold[0]):
        return f"{analysis.name}: no score of one half of the images has an {beta} above 0, so that there is none to try on the other"
    chosen, precision, recall = (
        _number(column[0]) for column in (found.chosen, found.precision, found.recall)
    )
    value = _with_interval(found.value[0], analysis.pooled_interval, digits=3)
    return (
        f"{analysis.name}: best {beta} of one half of the images is {chosen} {_from_score(found.threshold[0])}; "
        f"on the other half this gives {value}, precision {precision}, recall {recall}"
    )


def recall_table(analyses: Sequence[Analysis]) -> Table:
    """Return traits and their values down, detectors across."""
    table = _headed("trait", "value", "objects", *(each.name for each in analyses), text=2)
    for n, first in enumerate(analyses[0].recalls):
        for v, value in enumerate(first.trait.values):
            cells = []
            for each in analyses:
                intervals = each.recall_intervals[n]
                cells.append(
                    _with_interval(
                        each.recalls[n].taken[v], intervals[v] if intervals else None, digits=3
                    )
                )
            last = v == len(first.trait.values) - 1
            table.add_row(
                "" if v else first.trait.name,
                value,
                f"{first.objects[v]:,}",
                *cells,
                end_section=last,
            )
    return table


def confusion_table(analysis: Analysis) -> Table:
    """Return the most frequent confusions of two classes, and how much is taken from and for background."""
    names, counts = analysis.evaluation.ground_truth.class_names, analysis.confusion.counts
    table = _headed("object", "taken for", "times", "of its objects", text=2)
    classes = counts[:-1, :-1].copy()
    np.fill_diagonal(classes, 0)
    objects = counts[:-1].sum(axis=1)
    for place in np.argsort(-classes, axis=None, kind="stable")[:_MOST_CONFUSIONS]:
        true, said = divmod(int(place), len(names))
        if classes[true, said]:
            table.add_row(
                Text(names[true]),
                Text(names[said]),
                f"{classes[true, said]:,}",
                f"{classes[true, said] / objects[true]:.1%}",
            )
    missed = int(counts[:-1, -1].sum())
    table.add_row(
        "any",
        "background",
        f"{missed:,}",
        f"{missed / objects.sum():.1%}" if objects.sum() else ABSENT,
    )
    table.add_row("background", "any", f"{int(counts[-1].sum()):,}", "")
    return table


def slice_table(analysis: Analysis) -> Table:
    """Return the slices, attribute by attribute."""
    table = _headed(
        "attribute", "value", "images", "score", "difference", "p (Holm)", "p (FDR)", text=2
    )
    before = ""
    for found in analysis.slices[:_MOST_SLICES]:
        name, before = ("" if found.attribute == before else found.attribute), found.attribute
        difference = _with_interval(
            found.difference.estimate, found.difference, signed=True, digits=3
        )
        table.add_row(
            Text(name),
            Text(found.value),
            f"{found.images:,}",
            _number(found.score),
            difference,
            _number(found.p_holm),
            _number(found.p_fdr),
        )
    return table


def band_table(analysis: Analysis) -> Table:
    """Return the bands with what they rest on."""
    table = _headed("because of", "low", "high", "", text=1)
    table.columns[3].justify = "left"
    for band in analysis.bands:
        table.add_row(band.name, _number(band.low, 4), _number(band.high, 4), band.evidence)
    return table


def label_error_line(study: Study) -> str:
    """Return how many annotations are suspected and what AP would be if they were wrong."""
    kinds = {
        kind: sum(error.kind == kind for error in study.label_errors)
        for kind in ("missing", "class", "spurious")
    }
    counted = f"{kinds['missing']:,} missing objects, {kinds['class']:,} wrong classes, {kinds['spurious']:,} objects that are not there"
    measure = study.analyses[0].evaluation.protocol.measures[0].name
    ranges = "; ".join(f"{each.name} {_corrected(each)}" for each in study.analyses)
    return f"Suspected label errors: {counted}. {measure} if all of them were wrong: {ranges}"


def _corrected(analysis: Analysis) -> str:
    """Return from where to where a score would go, and how far it would get with the suspects of one kind where that is further."""
    annotated, everything = analysis.corrected["as annotated"], analysis.corrected["all"]
    if annotated is None or everything is None or analysis.corrected_range is None:
        return f"from {_number(annotated, 4)} to {_number(everything, 4)}"
    low, high = analysis.corrected_range
    wider = (
        f" ({low:.4f} to {high:.4f} with one kind alone corrected)"
        if (low, high) != tuple(sorted((annotated, everything)))
        else ""
    )
    return f"from {annotated:.4f} to {everything:.4f}{wider}"


def _cut(what: str, shown: int, total: int) -> list[str]:
    """Return a line that says how many are shown, where these are not all."""
    return [f"{shown:,} of {total:,} {what}; all in --json"] if total > shown else []


def label_error_table(truth: GroundTruth, errors: Sequence[LabelError]) -> Table:
    """Return suspected label errors, the most suspicious first."""
    table = _headed("image", "suspected", "class", "detected", "box", "suspicion", text=5)
    for error in errors:
        box = " ".join(f"{side:.0f}" for side in error.box)
        said = error.detected or ABSENT
        table.add_row(
            Text(truth.image_ids[error.image]),
            error.kind,
            Text(error.class_name),
            Text(said),
            box,
            _number(error.suspicion),
        )
    return table


def _headed(*headings: str, text: int = 1) -> Table:
    """Return a table whose first columns hold texts and the others numbers."""
    table = plain_table()
    for place, heading in enumerate(headings):
        table.add_column(
            Text(heading), justify="left" if place < text else "right", overflow="fold"
        )
    return table


def _with_interval(
    value: float,
    interval: Interval | None,
    scale: float = 1,
    *,
    signed: bool = False,
    digits: int = 2,
) -> str:
    shown = _number(value, digits, signed)
    if interval is None or not interval.known:
        return shown
    return f"{shown} ({_number(scale * interval.low, digits, signed)} to {_number(scale * interval.high, digits, signed)})"


def _from_score(score: float) -> str:
    return (
        f"at score ≥ {_number(score)}" if math.isfinite(score) else "where no score finds anything"
    )


def _number(value: float | None, digits: int = 3, signed: bool = False) -> str:
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"

"""Analysis tables: a study as tables for people, in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from detbench.bench.analyze import Analysis, Study
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.intervals import Interval
from detbench.metrics.label_errors import LabelError
from detbench.metrics.tide import ERRORS
from detbench.reports.terminal import ABSENT, headline

if TYPE_CHECKING:
    from rich.console import RenderableType

_MOST_CONFUSIONS = 8
_MOST_ERRORS = 10
_MOST_SLICES = 40


def study_tables(study: Study) -> list[RenderableType]:
    """Return everything worth seeing at once; the rest is in JSON, CSV and on the page."""
    shown: list[RenderableType] = [headline([each.evaluation for each in study.analyses])]
    shown += ["What each kind of error costs: AP that mending all errors of the kind would add (TIDE)", tide_table(study.analyses)]
    shown += ["Localisation, false positives and misses at the best score threshold of each class (optimal LRP, 0 is perfect)"]
    shown += [lrp_table(study.analyses), "What scores are worth (0 is perfect)", calibration_table(study.analyses)]
    shown += [threshold_line(each) for each in study.analyses]
    shown += ["Recall at the score of the best F1, by what objects are like", recall_table(study.analyses)]
    for each in study.analyses:
        shown += [f"{each.name}: what is taken for what most often, at score ≥ {_number(each.score)}", confusion_table(each)]
    for each in study.analyses:
        measure = each.evaluation.protocol.measures[0].name
        shown += [f"{each.name}: {measure} on images that share an attribute, against all others", slice_table(each)]
        shown += [f"{each.name}: how far {measure} is open", band_table(each)]
    truth = study.analyses[0].evaluation.ground_truth
    if study.label_errors:
        shown += [label_error_line(study), label_error_table(truth, study.label_errors[:_MOST_ERRORS])]
    return shown


def tide_table(analyses: Sequence[Analysis]) -> Table:
    """Return kinds of errors down; for each detector the cost in points of AP, with its interval, and the number of errors."""
    table = _headed("points of AP", *(heading for each in analyses for heading in (each.name, "errors")))
    first = analyses[0].tide
    for name in ("base", *first.costs):
        cells = []
        for each in analyses:
            value = each.tide.base if name == "base" else each.tide.costs[name]
            count = each.tide.counts.get(name)
            cells += [_with_interval(100 * value, each.tide_intervals.get(name), 100), "" if count is None else f"{count:,}"]
        table.add_row(f"AP{100 * first.iou:g} itself" if name == "base" else name, *cells, end_section=name in {"base", ERRORS[-1]})
    return table


def lrp_table(analyses: Sequence[Analysis]) -> Table:
    """Return the mean optimal LRP of each detector and its parts."""
    table = _headed("detector", "oLRP", "1 − IoU of hits", "false positives", "misses")
    for each in analyses:
        error, *parts = each.lrp.means.values()
        table.add_row(Text(each.name), _with_interval(error, each.lrp_interval, digits=3), *map(_number, parts))
    return table


def calibration_table(analyses: Sequence[Analysis]) -> Table:
    """Return the calibration errors of each detector."""
    table = _headed("detector", "D-ECE", "D-ECE, score ≥ 0.3", "LaECE")
    for each in analyses:
        found = each.calibration
        if found is None:
            table.add_row(Text(each.name), "scores are not within 0..1", "", "")
            continue
        known = found.la_ece[~np.isnan(found.la_ece)]
        mean = float(known.mean()) if len(known) else math.nan
        table.add_row(Text(each.name), _with_interval(found.d_ece, each.d_ece_interval, digits=3), _number(found.d_ece_sure), _number(mean))
    return table


def threshold_line(analysis: Analysis) -> str:
    """Return what the threshold chosen on one half of the images gives on the other."""
    found = analysis.pooled
    beta, score = f"F{found.beta:g}", _number(found.threshold[0])
    chosen, value, precision, recall = (_number(column[0]) for column in (found.chosen, found.value, found.precision, found.recall))
    return (
        f"{analysis.name}: best {beta} of one half of the images is {chosen} at score ≥ {score}; "
        f"on the other half this gives {value} (precision {precision}, recall {recall})"
    )


def recall_table(analyses: Sequence[Analysis]) -> Table:
    """Return traits and their values down, detectors across."""
    table = _headed("trait", "value", "objects", *(each.name for each in analyses), text=2)
    for n, first in enumerate(analyses[0].recalls):
        for v, value in enumerate(first.trait.values):
            cells = []
            for each in analyses:
                intervals = each.recall_intervals[n]
                cells.append(_with_interval(each.recalls[n].taken[v], intervals[v] if intervals else None, digits=3))
            last = v == len(first.trait.values) - 1
            table.add_row("" if v else first.trait.name, value, f"{first.objects[v]:,}", *cells, end_section=last)
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
            table.add_row(Text(names[true]), Text(names[said]), f"{classes[true, said]:,}", f"{classes[true, said] / objects[true]:.1%}")
    missed = int(counts[:-1, -1].sum())
    table.add_row("any", "background", f"{missed:,}", f"{missed / objects.sum():.1%}" if objects.sum() else ABSENT)
    table.add_row("background", "any", f"{int(counts[-1].sum()):,}", "")
    return table


def slice_table(analysis: Analysis) -> Table:
    """Return the slices, attribute by attribute."""
    table = _headed("attribute", "value", "images", "score", "difference", "p (Holm)", "p (FDR)", text=2)
    before = ""
    for found in analysis.slices[:_MOST_SLICES]:
        name, before = ("" if found.attribute == before else found.attribute), found.attribute
        difference = _with_interval(found.difference.estimate, found.difference, signed=True, digits=3)
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
    kinds = {kind: sum(error.kind == kind for error in study.label_errors) for kind in ("missing", "class", "spurious")}
    counted = f"{kinds['missing']:,} missing objects, {kinds['class']:,} wrong classes, {kinds['spurious']:,} objects that are not there"
    ranges = "; ".join(
        f"{each.name} {_number(each.corrected['as annotated'], 4)} would be {_number(each.corrected['all'], 4)}" for each in study.analyses
    )
    return f"Suspected label errors: {counted}. If all were wrong: {ranges}"


def label_error_table(truth: GroundTruth, errors: Sequence[LabelError]) -> Table:
    """Return suspected label errors, the most suspicious first."""
    table = _headed("image", "suspected", "class", "detected", "box", "suspicion", text=5)
    for error in errors:
        box = " ".join(f"{side:.0f}" for side in error.box)
        said = error.detected or ABSENT
        table.add_row(Text(truth.image_ids[error.image]), error.kind, Text(error.class_name), Text(said), box, _number(error.suspicion))
    return table


def _headed(*headings: str, text: int = 1) -> Table:
    """Return a table whose first columns hold texts and the others numbers."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(Text(heading), justify="left" if place < text else "right", overflow="fold")
    return table


def _with_interval(value: float, interval: Interval | None, scale: float = 1, *, signed: bool = False, digits: int = 2) -> str:
    shown = _number(value, digits, signed)
    if interval is None or not interval.known:
        return shown
    return f"{shown} ({_number(scale * interval.low, digits, signed)} to {_number(scale * interval.high, digits, signed)})"


def _number(value: float | None, digits: int = 3, signed: bool = False) -> str:
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"

"""Analysis plots: costs of errors, LRP, reliability, recall by trait, and confusion matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.bench.analysis.analyze import IOU, Analysis, Study
from detbench.bench.analysis.intervals import CONFIDENT
from detbench.metrics.errors.lrp import COMPONENTS
from detbench.metrics.errors.tide import MAIN_ERRORS, SPECIAL_ERRORS
from detbench.metrics.uncertainty.intervals import Interval
from detbench.reports.plots.figure_files import file_stems, legend_name, save_figures, shortened
from detbench.reports.plots.style import (
    Theme,
    background,
    color,
    dashes,
    marker,
    muted,
    plain_ticks,
    plot_style,
    text_color,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_CLASSES = 40
"""Of the confusion matrix: those with the most objects and false positives."""
_MAX_NUMBERED = 25
"""Up to this many classes, cells of the confusion matrix show their counts."""
_LRP_TITLES = ("optimal LRP", "1 − IoU of hits", "false positives", "misses")


def save_analysis_plots(study: Study, folder: Path, *, theme: Theme = "light") -> list[Path]:
    """Draw a study as PNG files into a folder, replacing older ones; return their paths."""
    figures: dict[str, Callable[[], Figure]] = {
        "tide": partial(tide_bars, study, theme=theme),
        "lrp": partial(lrp_components, study, theme=theme),
        "recall": partial(recall_bars, study, theme=theme),
    }
    if any(analysis.reliability for analysis in study.analyses):
        figures["reliability"] = partial(reliability_diagram, study, theme=theme)
    names = [analysis.name for analysis in study.analyses]
    stems = file_stems(names)
    for analysis in study.analyses:
        draw = partial(confusion_matrix, analysis, theme=theme)
        figures[f"confusion_{stems[analysis.name]}"] = draw
    ground_truth = study.ground_truth
    words = [*names, ground_truth.name, *ground_truth.class_names]
    return save_figures(figures, folder, theme=theme, names=words)


def tide_bars(study: Study, *, theme: Theme = "light") -> Figure:
    """Draw the cost of each kind of error, in points of AP, with intervals."""
    rules = "; ".join(dict.fromkeys(analysis.base_rule for analysis in study.analyses))
    subject = f"TIDE{_interval_note(study)}\nbase: {rules}"
    with plot_style(theme), _figure(study, subject, (9.6, 4.4)) as figure:
        widths = len(MAIN_ERRORS), len(SPECIAL_ERRORS) + 0.6
        panels = figure.subplots(1, 2, width_ratios=widths)
        titles = "Cost of each kind of error", "All of one side"
        for axes, kinds, title in zip(panels, (MAIN_ERRORS, SPECIAL_ERRORS), titles, strict=True):
            for d, analysis in enumerate(study.analyses):
                base, *errors = analysis.tide
                costs = [row.cost for row in errors if row.kind in kinds]
                base_ap = f"AP{100 * IOU:g} {100 * base.cost.estimate:.1f}"
                label = f"{legend_name(analysis.name)}  {base_ap}"
                _bars(axes, costs, 100, d, len(study.analyses), label)
            axes.set_xticks(range(len(kinds)), kinds)
            axes.set_title(title)
            axes.grid(visible=False, axis="x")
        panels[0].set_ylabel(f"points of AP{100 * IOU:g} gained by fixing")
        _legend(figure, panels[0])
    return figure


def lrp_components(study: Study, *, theme: Theme = "light") -> Figure:
    """Draw optimal LRP and its components for each class that has objects, worst class last."""
    by_class = [{row.class_name: row for row in analysis.lrp[1:]} for analysis in study.analyses]
    means = {
        name: np.mean([rows[name].error.estimate for rows in by_class])
        for name in study.ground_truth.class_names
    }
    with_objects = [name for name, mean in means.items() if not np.isnan(mean)]
    shown = sorted(with_objects, key=means.__getitem__)[::-1]
    height = max(0.24 * len(shown) + 1.8, 3.4)
    subject = "error at the best score threshold of each class, 0 is perfect"
    with plot_style(theme), _figure(study, subject, (10.5, height)) as figure:
        panels = figure.subplots(1, 4, sharey=True)
        for axes, component, title in zip(panels, COMPONENTS, _LRP_TITLES, strict=True):
            for d, analysis in enumerate(study.analyses):
                values = [getattr(by_class[d][name], component).estimate for name in shown]
                mean = _number(analysis.lrp[0].error.estimate)
                axes.plot(
                    values,
                    range(len(shown)),
                    color=color(d),
                    marker=marker(d),
                    linestyle="none",
                    markersize=5,
                    label=f"{legend_name(analysis.name)}  {mean}",
                )
            axes.set_xlim(left=0)
            axes.set_title(title, fontsize=10)
        panels[0].set_yticks(range(len(shown)), [shortened(name) for name in shown], fontsize=8)
        _legend(figure, panels[0], title="mean optimal LRP", alignment="left")
    return figure


def recall_bars(study: Study, *, theme: Theme = "light") -> Figure:
    """Draw recall by the values of each trait, a panel for each trait, with intervals."""
    by_trait = [
        {trait: list(rows) for trait, rows in groupby(analysis.recall, lambda row: row.trait)}
        for analysis in study.analyses
    ]
    traits = list(by_trait[0])
    columns = min(3, max(len(traits), 1))
    n_rows = math.ceil(len(traits) / columns)
    subject = f"below each value: objects{_interval_note(study)}"
    with plot_style(theme), _figure(study, subject, (11, 3.0 * n_rows + 0.8)) as figure:
        grid = figure.subplots(n_rows, columns, sharey=True, squeeze=False)
        for axes, trait in zip(grid.flat, traits, strict=False):
            for d, analysis in enumerate(study.analyses):
                recalls = [row.recall for row in by_trait[d][trait]]
                _bars(axes, recalls, 1, d, len(study.analyses), legend_name(analysis.name))
            ticks = [f"{row.value}\n{row.objects:,}" for row in by_trait[0][trait]]
            axes.set_xticks(range(len(ticks)), ticks, fontsize=8)
            axes.set_title(trait, fontsize=10)
            axes.set_ylim(0, 1)
            axes.grid(visible=False, axis="x")
        for axes in grid.flat[len(traits) :]:
            axes.set_axis_off()
        figure.supylabel("recall at the best F1", fontsize=10)
        _legend(figure, grid.flat[0], ncols=3)
    return figure


def reliability_diagram(study: Study, *, theme: Theme = "light") -> Figure:
    """Draw precision over the mean score of each bin, and the number of detections per bin."""
    subject = f"IoU {IOU:g} · below the diagonal: overconfident"
    with plot_style(theme), _figure(study, subject, (6.4, 6.4)) as figure:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        top.plot([0, 1], [0, 1], color=muted(), linewidth=1, linestyle=(0, (2, 2)))
        for d, analysis in enumerate(study.analyses):
            if analysis.reliability:
                _reliability_lines(top, bottom, d, analysis)
        top.set_ylabel("share of hits")
        top.set_title("Reliability diagram")
        top.set_ylim(0, 1)
        bottom.set_ylabel("detections")
        bottom.set_xlabel("score")
        bottom.set_xlim(0, 1)
        if any(row.detections for analysis in study.analyses for row in analysis.reliability):
            bottom.set_yscale("log")
            plain_ticks(bottom.yaxis)
        _legend(figure, top)
    return figure


def confusion_matrix(analysis: Analysis, *, theme: Theme = "light") -> Figure:
    """Draw the confusion matrix; colors are shares of the row, and background is last."""
    from matplotlib.figure import Figure

    ground_truth, confusion = analysis.evaluation.ground_truth, analysis.confusion_matrix
    counts = confusion.counts
    shown = np.argsort(-(confusion.objects + counts[-1, :-1]), kind="stable")[:_MAX_CLASSES]
    shown = np.append(np.sort(shown), len(ground_truth.class_names))
    cells = counts[np.ix_(shown, shown)]
    totals = counts[shown].sum(axis=1, keepdims=True)
    shares = np.divide(cells, totals, out=np.zeros(cells.shape), where=totals > 0)
    names = [*(shortened(ground_truth.class_names[k]) for k in shown[:-1]), "background"]
    with plot_style(theme):
        side = max(0.36 * len(names), 2.4)
        figure = Figure(figsize=(side + 2.8, side + 1.6), layout="constrained")
        axes = figure.subplots()
        axes.set_anchor("N")
        colormap = "Blues" if theme == "light" else "cividis"
        image = axes.imshow(shares, cmap=colormap, vmin=0, vmax=1)
        if len(names) <= _MAX_NUMBERED:
            _write_counts(axes, cells, shares, theme)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set_xlabel("detected as")
        axes.set_ylabel("object")
        axes.grid(visible=False)
        figure.colorbar(image, ax=axes, shrink=0.6, label="share of the row")
        _subtitle(figure, _confusion_subject(analysis, len(names) - 1))
    return figure


def _confusion_subject(analysis: Analysis, n_shown: int) -> str:
    ground_truth, score = analysis.evaluation.ground_truth, analysis.score_threshold
    parts = [
        shortened(analysis.name),
        shortened(ground_truth.name),
        f"IoU {IOU:g}",
        f"score ≥ {score:.3g}" if math.isfinite(score) else "without any hit",
    ]
    if n_shown < len(ground_truth.class_names):
        n_classes = len(ground_truth.class_names)
        parts.append(f"{n_shown} of {n_classes} classes, those with most boxes")
    return " · ".join(parts)


def _write_counts(axes: Axes, cells: np.ndarray, shares: np.ndarray, theme: Theme) -> None:
    """Write each count that is not 0 into its cell, in a color that stands out from it."""
    strong, weak = ("white", "#333333") if theme == "light" else ("#111111", "white")
    for row, column in zip(*np.nonzero(cells), strict=True):
        count = cells[row, column]
        axes.text(
            column,
            row,
            f"{count}",
            ha="center",
            va="center",
            fontsize=6 if count < 1000 else 5,
            color=strong if shares[row, column] > 0.5 else weak,
        )


def _reliability_lines(top: Axes, bottom: Axes, d: int, analysis: Analysis) -> None:
    rows, errors = analysis.reliability, analysis.calibration[0]
    used = [row for row in rows if row.detections]
    confident = _number(errors.d_ece_confident.estimate)
    d_ece = f"D-ECE {_number(errors.d_ece.estimate)}, at score ≥ {CONFIDENT:g} {confident}"
    style: dict[str, Any] = {"color": color(d), "linestyle": dashes(d), "linewidth": 1.6}
    top.plot(
        [row.score for row in used],
        [row.precision for row in used],
        marker=marker(d),
        markersize=5,
        label=f"{legend_name(analysis.name)}  {d_ece}",
        **style,
    )
    edges = [rows[0].low_score, *(row.high_score for row in rows)]
    bottom.stairs([row.detections for row in rows], edges, **style)


def _bars(
    axes: Axes, intervals: Sequence[Interval], scale: float, d: int, detectors: int, label: str
) -> None:
    """Draw the bars of detector d beside those of the others, with intervals as whiskers."""
    width = 0.8 / detectors
    x = np.arange(len(intervals)) + (d - (detectors - 1) / 2) * width
    heights = np.nan_to_num([scale * interval.estimate for interval in intervals])
    axes.bar(x, heights, width * 0.92, color=color(d), label=label)
    for at, interval in zip(x, intervals, strict=True):
        if interval.is_defined:
            ends = [scale * interval.low, scale * interval.high]
            axes.plot([at, at], ends, color=background(), linewidth=3.4, solid_capstyle="butt")
            axes.plot([at, at], ends, color=text_color(), linewidth=1.3, solid_capstyle="butt")


@contextmanager
def _figure(study: Study, subject: str, size: tuple[float, float]) -> Iterator[Figure]:
    """Make a figure; what it is about is written above it at the end."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    yield figure
    _subtitle(figure, f"{shortened(study.ground_truth.name)} · {subject}")


def _subtitle(figure: Figure, text: str) -> None:
    figure.suptitle(text, x=0.01, ha="left", fontsize=9, color=muted())


def _legend(figure: Figure, axes: Axes, **options: Any) -> None:
    labels = axes.get_legend_handles_labels()
    figure.legend(*labels, loc="outside lower left", fontsize=9, **options)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _interval_note(study: Study) -> str:
    resamples = study.settings.resamples
    return f" · lines: 95% CI from {resamples:,} halves of the images" if resamples else ""

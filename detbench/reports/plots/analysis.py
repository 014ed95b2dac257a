"""Analysis plots: what errors cost, confusions, reliability, LRP's parts and recall by what objects are like."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.bench.analyze import SURE, Analysis, Study
from detbench.metrics.errors.tide import ERRORS, SPECIAL
from detbench.metrics.uncertainty.intervals import Interval
from detbench.reports.plots.figure_files import file_stems, legend_name, save_figures, shortened
from detbench.reports.plots.log_axes import plain_ticks
from detbench.reports.plots.style import (
    Theme,
    colour,
    dashes,
    ink,
    marker,
    muted,
    paper,
    plot_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_CLASSES = 40
"""Of the confusion matrix; those with the most objects and false positives."""
_MOST_NUMBERED = 25
_PARTS = ("error", "localisation", "false_positives", "false_negatives")


def save_analysis_plots(study: Study, folder: Path, *, theme: Theme = "light") -> list[Path]:
    """Draw everything of a study as PNG files into a folder, replacing older ones; return their paths."""
    figures: dict[str, Callable[[], Figure]] = {
        "tide": partial(tide_bars, study, theme=theme),
        "lrp": partial(lrp_parts, study, theme=theme),
        "recall": partial(recall_bars, study, theme=theme),
    }
    if any(each.calibration for each in study.analyses):
        figures["reliability"] = partial(reliability_diagram, study, theme=theme)
    stems = file_stems([each.name for each in study.analyses])
    for each in study.analyses:
        figures[f"confusion_{stems[each.name]}"] = partial(confusion_matrix, each, theme=theme)
    names = [each.name for each in study.analyses]
    first = study.analyses[0].evaluation.ground_truth
    return save_figures(
        figures, folder, theme=theme, names=[*names, first.name, *first.class_names]
    )


def tide_bars(study: Study, *, theme: Theme = "light") -> Figure:
    """Draw what each kind of error costs, in points of AP, with intervals; false positives and negatives apart."""
    from matplotlib.figure import Figure

    with plot_style(theme):
        figure = Figure(figsize=(9.6, 4.4), layout="constrained")
        panels = figure.subplots(1, 2, width_ratios=(len(ERRORS), len(SPECIAL) + 0.6))
        for axes, kinds, title in zip(
            panels, (ERRORS, SPECIAL), ("What errors cost", "All of a side"), strict=True
        ):
            for d, each in enumerate(study.analyses):
                costs = [100 * each.tide.costs[kind] for kind in kinds]
                ends = [_scaled(each.tide_intervals.get(kind), 100) for kind in kinds]
                _bars(axes, costs, ends, (d, len(study.analyses)), _tide_label(each))
            axes.set_xticks(range(len(kinds)), kinds)
            axes.set_title(title)
            axes.grid(visible=False, axis="x")
        panels[0].set_ylabel(f"points of AP{100 * study.analyses[0].tide.iou:g} gained by mending")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", fontsize=9)
        rules = dict.fromkeys(each.tide.rule for each in study.analyses)
        _setting(figure, study, f"TIDE{_drawn(study)}\nbase: {'; '.join(rules)}")
    return figure


def lrp_parts(study: Study, *, theme: Theme = "light") -> Figure:
    """Draw optimal LRP and its three parts for each class that has objects, worst class last."""
    from matplotlib.figure import Figure

    names = study.analyses[0].evaluation.ground_truth.class_names
    mean = np.nanmean(
        [np.where(np.isnan(each.lrp.error), 2, each.lrp.error) for each in study.analyses], axis=0
    )
    shown = [k for k in np.argsort(mean, kind="stable") if mean[k] < 2][::-1]
    titles = ("optimal LRP", "1 − IoU of hits", "false positives", "misses")
    with plot_style(theme):
        figure = Figure(figsize=(10.5, max(0.24 * len(shown) + 1.8, 3.4)), layout="constrained")
        panels = figure.subplots(1, 4, sharey=True)
        for axes, part, title in zip(panels, _PARTS, titles, strict=True):
            for d, each in enumerate(study.analyses):
                values = getattr(each.lrp, part)[shown]
                look = {
                    "color": colour(d),
                    "marker": marker(d),
                    "linestyle": "none",
                    "markersize": 5,
                }
                axes.plot(
                    values,
                    range(len(shown)),
                    label=f"{legend_name(each.name)}  {_share(each.lrp.means['error'])}",
                    **look,
                )
            axes.set_xlim(left=0)
            axes.set_title(title, fontsize=10)
        panels[0].set_yticks(range(len(shown)), [shortened(names[k]) for k in shown], fontsize=8)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower left",
            fontsize=9,
            title="mean optimal LRP",
            alignment="left",
        )
        _setting(figure, study, "error at the best score threshold of each class, 0 is perfect")
    return figure


def recall_bars(study: Study, *, theme: Theme = "light") -> Figure:
    """Draw recall by what objects are like, a panel for each trait, with intervals."""
    from matplotlib.figure import Figure

    recalls = study.analyses[0].recalls
    columns = min(3, max(len(recalls), 1))
    rows = math.ceil(len(recalls) / columns)
    with plot_style(theme):
        figure = Figure(figsize=(11, 3.0 * rows + 0.8), layout="constrained")
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for n, (axes, first) in enumerate(zip(grid.flat, recalls, strict=False)):
            for d, each in enumerate(study.analyses):
                ends = each.recall_intervals[n] or (None,) * len(first.trait.values)
                values = each.recalls[n].taken.tolist()
                _bars(
                    axes,
                    values,
                    [_scaled(end, 1) for end in ends],
                    (d, len(study.analyses)),
                    legend_name(each.name),
                )
            ticks = [
                f"{value}\n{count:,}"
                for value, count in zip(first.trait.values, first.objects, strict=True)
            ]
            axes.set_xticks(range(len(ticks)), ticks, fontsize=8)
            axes.set_title(first.trait.name, fontsize=10)
            axes.set_ylim(0, 1)
            axes.grid(visible=False, axis="x")
        for axes in grid.flat[len(recalls) :]:
            axes.set_axis_off()
        figure.supylabel("recall at the best F1", fontsize=10)
        figure.legend(
            *grid.flat[0].get_legend_handles_labels(), loc="outside lower left", fontsize=9, ncols=3
        )
        _setting(figure, study, f"below each value: objects{_drawn(study)}")
    return figure


def reliability_diagram(study: Study, *, theme: Theme = "light") -> Figure:
    """Draw precision over the mean score in each bin, and how many detections each bin has."""
    from matplotlib.figure import Figure

    with plot_style(theme):
        figure = Figure(figsize=(6.4, 6.4), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        top.plot([0, 1], [0, 1], color=muted(), linewidth=1, linestyle=(0, (2, 2)))
        for d, each in enumerate(study.analyses):
            if each.calibration is None:
                continue
            found = each.calibration.diagram
            used = found.counts > 0
            errors = f"D-ECE {_share(each.calibration.d_ece)}, at score ≥ {SURE:g} {_share(each.calibration.d_ece_sure)}"
            look = {
                "color": colour(d),
                "linestyle": dashes(d),
                "linewidth": 1.6,
                "label": f"{legend_name(each.name)}  {errors}",
            }
            top.plot(
                found.score[used], found.precision[used], marker=marker(d), markersize=5, **look
            )
            bottom.stairs(
                found.counts, found.edges, color=colour(d), linestyle=dashes(d), linewidth=1.6
            )
        top.set_ylabel("share of hits")
        top.set_title("Are scores probabilities?")
        top.set_ylim(0, 1)
        bottom.set_ylabel("detections")
        bottom.set_xlabel("score")
        bottom.set_xlim(0, 1)
        if any(
            each.calibration and each.calibration.diagram.counts.any() for each in study.analyses
        ):
            bottom.set_yscale("log")
            plain_ticks(bottom.yaxis)
        figure.legend(*top.get_legend_handles_labels(), loc="outside lower left", fontsize=9)
        _setting(
            figure, study, f"IoU {study.analyses[0].tide.iou:g} · below the diagonal: too sure"
        )
    return figure


def confusion_matrix(analysis: Analysis, *, theme: Theme = "light") -> Figure:
    """Draw which class is taken for which, rows as shares of their objects, with background last in both directions."""
    from matplotlib.figure import Figure

    truth, counts = analysis.evaluation.ground_truth, analysis.confusion.counts
    weight = counts[:-1].sum(axis=1) + counts[-1, :-1]
    shown = np.sort(np.argsort(-weight, kind="stable")[:_MOST_CLASSES])
    places = np.append(shown, len(truth.class_names))
    cells = counts[np.ix_(places, places)]
    totals = counts[places].sum(axis=1, keepdims=True)
    shares = np.divide(cells, totals, out=np.zeros(cells.shape), where=totals > 0)
    names = [*(shortened(truth.class_names[k]) for k in shown), "background"]
    with plot_style(theme):
        side = max(0.36 * len(names), 2.4)
        figure = Figure(figsize=(side + 2.8, side + 1.6), layout="constrained")
        axes = figure.subplots()
        axes.set_anchor("N")
        picture = axes.imshow(
            shares, cmap="Blues" if theme == "light" else "cividis", vmin=0, vmax=1
        )
        if len(names) <= _MOST_NUMBERED:
            _numbers(axes, cells, shares, theme)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set_xlabel("taken for")
        axes.set_ylabel("object")
        axes.grid(visible=False)
        figure.colorbar(picture, ax=axes, shrink=0.6, label="share of the row")
        score = (
            f"score ≥ {analysis.score:.3g}"
            if math.isfinite(analysis.score)
            else "no score finds anything"
        )
        part = (
            f" · {len(shown)} of {len(truth.class_names)} classes, those with most boxes"
            if len(shown) < len(truth.class_names)
            else ""
        )
        title = f"{shortened(analysis.name)} · {shortened(truth.name)} · IoU {analysis.confusion.iou:g} · {score}{part}"
        figure.suptitle(title, x=0.01, ha="left", fontsize=9, color=muted())
    return figure


def _numbers(axes: Axes, cells: np.ndarray, shares: np.ndarray, theme: Theme) -> None:
    for row, column in zip(*np.nonzero(cells), strict=True):
        strong = shares[row, column] > 0.5
        ink = (
            ("white" if strong else "#333333")
            if theme == "light"
            else ("#111111" if strong else "white")
        )
        size = 6 if cells[row, column] < 1000 else 5
        axes.text(
            column, row, f"{cells[row, column]}", ha="center", va="center", fontsize=size, color=ink
        )


def _bars(
    axes: Axes,
    values: Sequence[float],
    ends: Sequence[tuple[float, float] | None],
    place: tuple[int, int],
    label: str,
) -> None:
    """Draw the bars of one detector of several, beside those of the others, with intervals as whiskers."""
    d, detectors = place
    width = 0.8 / detectors
    x = np.arange(len(values)) + (d - (detectors - 1) / 2) * width
    axes.bar(x, np.nan_to_num(values), width * 0.92, color=colour(d), label=label)
    for at, span in zip(x, ends, strict=True):
        if span is not None:
            axes.plot([at, at], span, color=paper(), linewidth=3.4, solid_capstyle="butt")
            axes.plot([at, at], span, color=ink(), linewidth=1.3, solid_capstyle="butt")


def _scaled(interval: Interval | None, scale: float) -> tuple[float, float] | None:
    return (
        (scale * interval.low, scale * interval.high)
        if interval is not None and interval.known
        else None
    )


def _tide_label(analysis: Analysis) -> str:
    return f"{legend_name(analysis.name)}  AP{100 * analysis.tide.iou:g} {100 * analysis.tide.base:.1f}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _drawn(study: Study) -> str:
    return (
        f" · lines: 95 % intervals from {study.replicates:,} halves of the images"
        if study.replicates
        else ""
    )


def _setting(figure: Figure, study: Study, what: str) -> None:
    truth = study.analyses[0].evaluation.ground_truth
    figure.suptitle(
        f"{shortened(truth.name)} · {what}", x=0.01, ha="left", fontsize=9, color=muted()
    )

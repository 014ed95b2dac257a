"""Plots: precision-recall curves as matplotlib figures, and all plots of scored detectors as files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.columns import Floats
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.curves import interpolated, plotted_iou, threshold_curve
from detbench.reports.frames import Frames, frames
from detbench.reports.plots.accuracy import class_ap, iou_ap, size_ap
from detbench.reports.plots.figure_files import (
    LEGEND_ROW,
    file_stems,
    legend_name,
    save_figures,
    shortened,
)
from detbench.reports.plots.latency import latency_figures
from detbench.reports.plots.over_score import all_f1, over_score
from detbench.reports.plots.style import Theme, colour, dashes, marker, muted, paper, plot_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLUMNS = 5
_MOST_DOTS = 21
_MOST_BANDS = 4


def precision_recall(
    evaluations: Sequence[Evaluation],
    class_name: str,
    *,
    bands: pd.DataFrame | None = None,
    theme: Theme = "light",
) -> Figure:
    """Draw one class: for each detector the measured curve (thin), the interpolated one (thick), sample points, and AP in the legend.

    A ringed mark is the operating point of the highest F1; the legend says its score threshold. `bands` (of `Frames`) are shaded, unless
    there are too many to be told apart.
    """
    from matplotlib.figure import Figure

    with plot_style(theme):
        figure = Figure(figsize=(6.4, 4.6 + LEGEND_ROW * len(evaluations)), layout="constrained")
        axes = figure.add_subplot()
        _draw_curves(axes, evaluations, class_name, labelled=True)
        axes.set_title(shortened(class_name))
        first = evaluations[0]
        objects = int(first.counts[first.ground_truth.class_names.index(class_name), 0, 0, 3])
        setting = f"{shortened(first.ground_truth.name)} · IoU {plotted_iou(first):g} · {objects:,} objects"
        axes.set_title(setting, loc="right", fontsize=9, fontweight="normal", color=muted())
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        sampled = (
            first.protocol.interpolation == "sampled"
            and len(first.protocol.recall_grid) <= _MOST_DOTS
        )
        dots = (
            f" · dots: the {len(first.protocol.recall_grid)} recalls that AP averages"
            if sampled
            else ""
        )
        shaded = (
            _draw_bands(axes, evaluations, class_name, bands)
            if bands is not None and len(evaluations) <= _MOST_BANDS
            else ""
        )
        title = f"thick: interpolated · thin: measured{dots} · ringed: best F1{shaded}"
        below = {
            "loc": "upper left",
            "bbox_to_anchor": (0, -0.13),
            "borderaxespad": 0,
            "alignment": "left",
        }
        axes.legend(**below, fontsize=9, title=title, title_fontsize=8)
    return figure


def all_precision_recall(evaluations: Sequence[Evaluation], *, theme: Theme = "light") -> Figure:
    """Draw every class that has ground truth as a small multiple, interpolated curves only, with one legend for all."""
    from matplotlib.figure import Figure

    names = scored_classes(evaluations)
    columns = min(_MOST_COLUMNS, max(len(names), 1))
    rows = max(math.ceil(len(names) / columns), 1)
    with plot_style(theme):
        figure = Figure(
            figsize=(max(2.5 * columns + 0.6, 6.4), 2.3 * rows + 0.9), layout="constrained"
        )
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            _draw_curves(axes, evaluations, name, labelled=False)
            axes.set_title(shortened(name), fontsize=10)
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        figure.supxlabel("recall", fontsize=10)
        figure.supylabel("precision", fontsize=10)
        if names:
            handles = grid.flat[0].get_lines()
            labels = [f"{legend_name(e.detections.name)}  {_headline(e)}" for e in evaluations]
            figure.legend(
                handles, labels, loc="outside upper left", ncols=min(len(labels), 3), fontsize=10
            )
    return figure


def scored_classes(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return the classes that have ground truth."""
    first = evaluations[0]
    return [
        name
        for name, count in zip(
            first.ground_truth.class_names, first.counts[:, 0, 0, 3], strict=True
        )
        if count
    ]


def save_plots(
    evaluations: Sequence[Evaluation],
    folder: Path,
    *,
    tables: Frames | None = None,
    theme: Theme = "light",
) -> list[Path]:
    """Write all plots of detectors scored on the same data into a folder, replacing older ones of these names.

    `tables` are those of the runs that the evaluations belong to, which may know times and intervals; None: made from the evaluations.

    `all-classes.png` and `pr-CLASS.png` for every class with ground truth (precision over recall); `class-ap.png`, `size-ap.png` and
    `iou-ap.png` (AP by class, size and IoU threshold); `scores.png` and `f1.png` (precision, recall and F1 over the score). Where times are
    known, `speed-accuracy.png` and, where the raw samples are, `latency.png`.
    """
    if not evaluations:
        raise DetbenchError("there is nothing to plot")
    classes = scored_classes(evaluations)
    figures: dict[str, Callable[[], Figure]] = {
        "all-classes": partial(all_precision_recall, evaluations, theme=theme)
    }
    tables = (tables or frames(evaluations)).require_one_group()
    for name, stem in file_stems(classes).items():
        figures[f"pr-{stem}"] = partial(
            precision_recall, evaluations, name, bands=tables.bands, theme=theme
        )
    if classes:
        for stem, draw in (
            ("class-ap", class_ap),
            ("size-ap", size_ap),
            ("iou-ap", iou_ap),
            ("scores", over_score),
            ("f1", all_f1),
        ):
            figures[stem] = partial(draw, tables, theme=theme)
        figures |= latency_figures(tables, theme=theme)
    return save_figures(
        figures,
        folder,
        theme=theme,
        names=[*classes, *(evaluation.detections.name for evaluation in evaluations)],
    )


def _draw_curves(
    axes: Axes, evaluations: Sequence[Evaluation], class_name: str, *, labelled: bool
) -> None:
    """Draw the interpolated curve of each detector, and with `labelled` the measured one, sampled points and operating point as well."""
    for index, evaluation in enumerate(evaluations):
        iou = plotted_iou(evaluation)
        precision, recall, _ = evaluation.curve(class_name, iou)
        corners, levels = interpolated(recall, precision)
        label = f"{legend_name(evaluation.detections.name)}  {_class_label(evaluation, class_name, iou)}"
        [line] = axes.plot(
            corners,
            levels,
            color=colour(index),
            linestyle=dashes(index),
            linewidth=1.8,
            label=label,
            zorder=3,
        )
        if labelled:
            axes.plot(recall, precision, color=colour(index), linewidth=0.7, alpha=0.45, zorder=2)
            grid = evaluation.protocol.recall_grid
            if 0 < len(grid) <= _MOST_DOTS:
                samples = _sampled(evaluation, class_name, iou)
                axes.plot(
                    grid,
                    samples,
                    color=colour(index),
                    linestyle="none",
                    marker="o",
                    markersize=3.5,
                    zorder=4,
                )
            line.set_label(label + _mark_operating_point(axes, evaluation, class_name, index))
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set_xticks(ticks, ["0", ".25", ".5", ".75", "1"])
    axes.set_yticks(ticks, ["0", ".25", ".5", ".75", "1"])


def _draw_bands(
    axes: Axes, evaluations: Sequence[Evaluation], class_name: str, bands: pd.DataFrame
) -> str:
    """Shade the intervals of the interpolated precision, and return what the legend says of it."""
    of_class = bands[bands["class"] == class_name]
    for index, evaluation in enumerate(evaluations):
        rows = of_class[of_class["detector"] == evaluation.detections.name]
        axes.fill_between(
            rows["recall"],
            rows["low"],
            rows["high"],
            color=colour(index),
            alpha=0.14,
            linewidth=0,
            zorder=1,
        )
    return "\nshaded: 95 % interval at each recall" if len(of_class) else ""


def _mark_operating_point(axes: Axes, evaluation: Evaluation, class_name: str, index: int) -> str:
    """Mark where F1 is highest, and return what the legend says of it."""
    k = evaluation.ground_truth.class_names.index(class_name)
    curve = threshold_curve(evaluation, np.array([k]), plotted_iou(evaluation))
    at = curve.best()
    if at is None:
        return ""
    look: dict[str, Any] = {
        "marker": marker(index),
        "markeredgecolor": colour(index),
        "markerfacecolor": paper(),
    }
    axes.plot(
        [curve.recall[at]],
        [curve.precision[at]],
        linestyle="none",
        markersize=9,
        markeredgewidth=1.6,
        zorder=5,
        **look,
    )
    return f"  best F1 {curve.f1[at]:.3f} at score ≥ {curve.score[at]:.3g}"


def _sampled(evaluation: Evaluation, class_name: str, iou: float) -> Floats:
    k = evaluation.ground_truth.class_names.index(class_name)
    t = int(np.argmin(np.abs(np.array(evaluation.protocol.iou_thresholds) - iou)))
    return evaluation.sampled_precision[k, 0, -1, t]  # type: ignore[no-any-return]


def _class_label(evaluation: Evaluation, class_name: str, iou: float) -> str:
    values = evaluation.class_values(
        Measure("AP", iou=iou, area=evaluation.protocol.area_ranges[0].name)
    )
    value = values[evaluation.ground_truth.class_names.index(class_name)]
    name = "AP" if len(evaluation.protocol.iou_thresholds) == 1 else f"AP{iou * 100:.0f}"
    return f"{name} {value:.3f}"


def _headline(evaluation: Evaluation) -> str:
    name, value = next(iter(evaluation.summary.items()))
    return f"{name} –" if value is None else f"{name} {value:.3f}"

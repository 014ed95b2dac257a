"""Precision-recall plots: the curves of one class in detail, and of all classes as small plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.columns import Floats
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.curves import interpolated, plotted_iou, threshold_curve
from detbench.reports.plots.figure_files import LEGEND_ROW, legend_name, shortened
from detbench.reports.plots.style import Theme, background, color, dashes, marker, muted, plot_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_COLUMNS = 5
_MAX_SAMPLES = 21
"""Sampled points are drawn up to this size of the protocol's recall grid."""
_MAX_BANDS = 4
"""Bands are drawn up to this number of detectors; more would hide each other."""


def precision_recall(
    evaluations: Sequence[Evaluation],
    class_name: str,
    *,
    bands: pd.DataFrame | None = None,
    theme: Theme = "light",
) -> Figure:
    """Plot the precision-recall curves of one class.

    For each detector: the interpolated curve (thick), the measured one (thin), the recalls that AP
    averages (dots), and the best F1 (ringed). The legend has AP and the threshold of the best F1.

    Args:
        evaluations: of detectors on the same data under the same protocol.
        class_name: one of their classes.
        bands: the table of intervals `Frames.bands`; shaded with up to four detectors.
        theme: of the figure.
    """
    from matplotlib.figure import Figure

    first = evaluations[0]
    n_objects = int(first.counts[_class_index(first, class_name), 0, 0, 3])
    dataset = shortened(first.ground_truth.name)
    iou = plotted_iou(first)
    notes = ["thick: interpolated", "thin: measured"]
    n_samples = len(first.protocol.recall_grid)
    if first.protocol.interpolation == "sampled" and n_samples <= _MAX_SAMPLES:
        notes.append(f"dots: the {n_samples} recalls that AP averages")
    notes.append("ringed: best F1")
    with plot_style(theme):
        figure = Figure(figsize=(6.4, 4.6 + LEGEND_ROW * len(evaluations)), layout="constrained")
        axes = figure.add_subplot()
        for index, evaluation in enumerate(evaluations):
            _plot_in_detail(axes, evaluation, class_name, index)
        _set_axes(axes)
        axes.set_title(shortened(class_name))
        setting = f"{dataset} · IoU {iou:g} · {n_objects:,} objects"
        axes.set_title(
            setting,
            loc="right",
            fontsize=9,
            fontweight="normal",
            color=muted(),
        )
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        legend_title = " · ".join(notes)
        if bands is not None and len(evaluations) <= _MAX_BANDS:
            of_class = bands[bands["class"] == class_name]
            _plot_bands(axes, evaluations, of_class)
            if len(of_class):
                legend_title += "\nshaded: 95% confidence interval at each recall"
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(0, -0.13),
            borderaxespad=0,
            alignment="left",
            fontsize=9,
            title=legend_title,
            title_fontsize=8,
        )
    return figure


def all_precision_recall(evaluations: Sequence[Evaluation], *, theme: Theme = "light") -> Figure:
    """Plot the interpolated curves of every class with ground truth, each in a small plot."""
    from matplotlib.figure import Figure

    names = scored_classes(evaluations)
    n_columns = min(_MAX_COLUMNS, max(len(names), 1))
    n_rows = max(math.ceil(len(names) / n_columns), 1)
    with plot_style(theme):
        size = (max(2.5 * n_columns + 0.6, 6.4), 2.3 * n_rows + 0.9)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(
            n_rows,
            n_columns,
            sharex=True,
            sharey=True,
            squeeze=False,
        )
        for axes, name in zip(grid.flat, names, strict=False):
            for index, evaluation in enumerate(evaluations):
                _plot_interpolated(axes, evaluation, name, index)
            _set_axes(axes)
            axes.set_title(shortened(name), fontsize=10)
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        figure.supxlabel("recall", fontsize=10)
        figure.supylabel("precision", fontsize=10)
        if names:
            figure.legend(
                grid.flat[0].get_lines(),
                [
                    f"{legend_name(evaluation.detections.name)}  {_headline_text(evaluation)}"
                    for evaluation in evaluations
                ],
                loc="outside upper left",
                ncols=min(len(evaluations), 3),
                fontsize=10,
            )
    return figure


def scored_classes(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return the classes that have ground truth."""
    first = evaluations[0]
    counts = first.counts[:, 0, 0, 3]
    return [
        name for name, count in zip(first.ground_truth.class_names, counts, strict=True) if count
    ]


def _plot_interpolated(axes: Axes, evaluation: Evaluation, class_name: str, index: int) -> None:
    """Plot the interpolated curve of one detector, with AP and the best F1 as its label."""
    precision, recall, _ = evaluation.curve(class_name, plotted_iou(evaluation))
    name = legend_name(evaluation.detections.name)
    axes.plot(
        *interpolated(recall, precision),
        color=color(index),
        linestyle=dashes(index),
        linewidth=1.8,
        label=f"{name}  {_ap_text(evaluation, class_name)}",
        zorder=3,
    )


def _plot_in_detail(axes: Axes, evaluation: Evaluation, class_name: str, index: int) -> None:
    """Plot the interpolated and measured curves, the sampled points and the best F1."""
    _plot_interpolated(axes, evaluation, class_name, index)
    line = axes.get_lines()[-1]
    precision, recall, _ = evaluation.curve(class_name, plotted_iou(evaluation))
    axes.plot(
        recall,
        precision,
        color=color(index),
        linewidth=0.7,
        alpha=0.45,
        zorder=2,
    )
    grid = evaluation.protocol.recall_grid
    if 0 < len(grid) <= _MAX_SAMPLES:
        axes.plot(
            grid,
            _sampled_precision(evaluation, class_name),
            color=color(index),
            linestyle="none",
            marker="o",
            markersize=3.5,
            zorder=4,
        )
    line.set_label(f"{line.get_label()}{_mark_best_f1(axes, evaluation, class_name, index)}")


def _mark_best_f1(axes: Axes, evaluation: Evaluation, class_name: str, index: int) -> str:
    """Mark the best F1, and return its values for the legend."""
    k = _class_index(evaluation, class_name)
    curve = threshold_curve(evaluation, np.array([k]), plotted_iou(evaluation))
    best = curve.best()
    if best is None:
        return ""
    axes.plot(
        [curve.recall[best]],
        [curve.precision[best]],
        linestyle="none",
        marker=marker(index),
        markersize=9,
        markeredgewidth=1.6,
        markeredgecolor=color(index),
        markerfacecolor=background(),
        zorder=5,
    )
    return f"  best F1 {curve.f1[best]:.3f} at score ≥ {curve.score[best]:.3g}"


def _plot_bands(axes: Axes, evaluations: Sequence[Evaluation], bands: pd.DataFrame) -> None:
    """Shade the intervals of the interpolated precision of one class."""
    for index, evaluation in enumerate(evaluations):
        rows = bands[bands["detector"] == evaluation.detections.name]
        axes.fill_between(
            rows["recall"],
            rows["low"],
            rows["high"],
            color=color(index),
            alpha=0.14,
            linewidth=0,
            zorder=1,
        )


def _set_axes(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    labels = ["0", ".25", ".5", ".75", "1"]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)


def _sampled_precision(evaluation: Evaluation, class_name: str) -> Floats:
    thresholds = np.array(evaluation.protocol.iou_thresholds)
    t = int(np.argmin(np.abs(thresholds - plotted_iou(evaluation))))
    k = _class_index(evaluation, class_name)
    return evaluation.sampled_precision[k, 0, -1, t]  # type: ignore[no-any-return]


def _ap_text(evaluation: Evaluation, class_name: str) -> str:
    """Return `AP 0.712`, or `AP50 0.712` under a protocol of several IoU thresholds."""
    iou = plotted_iou(evaluation)
    area = evaluation.protocol.area_ranges[0].name
    values = evaluation.class_values(Measure("AP", iou=iou, area=area))
    value = values[_class_index(evaluation, class_name)]
    name = "AP" if len(evaluation.protocol.iou_thresholds) == 1 else f"AP{iou * 100:.0f}"
    return f"{name} {value:.3f}"


def _headline_text(evaluation: Evaluation) -> str:
    name, value = next(iter(evaluation.summary.items()))
    return f"{name} –" if value is None else f"{name} {value:.3f}"


def _class_index(evaluation: Evaluation, class_name: str) -> int:
    return evaluation.ground_truth.class_names.index(class_name)

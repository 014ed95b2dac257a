"""Threshold plots: precision, recall and F1 when only detections from a score on are kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from detbench.metrics.errors.thresholds import ThresholdCurve
from detbench.reports.curves import plotted_iou
from detbench.reports.frames import Frames
from detbench.reports.plots.figure_files import LEGEND_ROW, legend_name, shortened
from detbench.reports.plots.style import Theme, background, color, dashes, marker, muted, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_COLUMNS = 5


def threshold_curves(
    frames: Frames, class_name: str | None = None, *, theme: Theme = "light"
) -> Figure:
    """Plot precision, recall and F1 by score threshold, of one class or of all boxes together.

    The best F1 is marked.
    """
    from matplotlib.figure import Figure

    detectors = frames.require_one_group().detectors
    curves = [
        scored.overall_curve
        if class_name is None
        else scored.threshold_curves[scored.classes.index(class_name)]
        for scored in detectors
    ]
    with plot_style(theme):
        figure = Figure(figsize=(10.5, 3.6 + LEGEND_ROW * len(curves)), layout="constrained")
        panels = figure.subplots(
            1,
            3,
            sharex=True,
            sharey=True,
        )
        for axes, measure in zip(panels, ("precision", "recall", "f1"), strict=True):
            for index, (scored, curve) in enumerate(zip(detectors, curves, strict=True)):
                label = f"{legend_name(scored.name)}{_best_f1_text(curve)}"
                _plot_curve(axes, curve, measure, index, label)
            axes.set_title("F1" if measure == "f1" else measure)
            axes.set_ylim(-0.02, 1.04)
        subject = "all classes" if class_name is None else shortened(class_name)
        _set_heading(figure, frames, subject)
        panels[1].set_xlabel("score threshold")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", fontsize=9)
    return figure


def f1_by_class(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Plot F1 by score threshold, a small plot for each class with ground truth.

    The best F1 of each detector is marked.
    """
    from matplotlib.figure import Figure

    detectors = frames.require_one_group().detectors
    positives = detectors[0].evaluation.counts[:, 0, 0, 3]
    classes = [k for k, count in enumerate(positives) if count]
    n_columns = min(_MAX_COLUMNS, max(len(classes), 1))
    n_rows = max(math.ceil(len(classes) / n_columns), 1)
    with plot_style(theme):
        width = max(2.5 * n_columns + 0.6, 6.4)
        height = 2.3 * n_rows + 0.6 + LEGEND_ROW * len(detectors)
        figure = Figure(figsize=(width, height), layout="constrained")
        grid = figure.subplots(
            n_rows,
            n_columns,
            sharex=True,
            sharey=True,
            squeeze=False,
        )
        for axes, k in zip(grid.flat, classes, strict=False):
            for index, scored in enumerate(detectors):
                label = f"{legend_name(scored.name)}{_best_f1_text(scored.overall_curve)}"
                _plot_curve(axes, scored.threshold_curves[k], "f1", index, label)
            axes.set_title(shortened(detectors[0].classes[k]), fontsize=10)
            axes.set_ylim(-0.02, 1.04)
        for axes in grid.flat[len(classes) :]:
            axes.set_axis_off()
        figure.supxlabel("score threshold", fontsize=10)
        figure.supylabel("F1", fontsize=10)
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside upper left",
            fontsize=9,
            title="over all classes",
            alignment="left",
        )
    return figure


def _plot_curve(axes: Axes, curve: ThresholdCurve, measure: str, index: int, label: str) -> None:
    """Plot a measure as a step function of the threshold, with the best F1 marked.

    Between two scores, the value is that of the detections from the higher one on.
    """
    values = getattr(curve, measure)
    axes.plot(
        curve.score[::-1],
        values[::-1],
        drawstyle="steps-pre",
        color=color(index),
        linestyle=dashes(index),
        linewidth=1.6,
        label=label,
    )
    best = curve.best()
    if best is None:
        return
    axes.plot(
        [curve.score[best]],
        [values[best]],
        linestyle="none",
        marker=marker(index),
        markersize=7,
        markeredgewidth=1.5,
        markeredgecolor=color(index),
        markerfacecolor=background(),
        zorder=4,
    )


def _best_f1_text(curve: ThresholdCurve) -> str:
    best = curve.best()
    if best is None:
        return "  no detections"
    values = f"precision {curve.precision[best]:.3f}, recall {curve.recall[best]:.3f}"
    return f"  best F1 {curve.f1[best]:.3f} at score ≥ {curve.score[best]:.3g} ({values})"


def _set_heading(figure: Figure, frames: Frames, subject: str) -> None:
    first = frames.detectors[0].evaluation
    dataset = shortened(first.ground_truth.name)
    iou = plotted_iou(first)
    heading = f"{subject} · {dataset} · IoU {iou:g} · marked: best F1"
    figure.suptitle(
        heading,
        x=0.01,
        ha="left",
        fontsize=9,
        color=muted(),
    )

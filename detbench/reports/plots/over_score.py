"""Plots over the score: what precision, recall and F1 become when only detections of at least a score are taken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from detbench.reports.curves import ThresholdCurve, plotted_iou
from detbench.reports.frames import Frames
from detbench.reports.plots.figure_files import LEGEND_ROW, legend_name, shortened
from detbench.reports.plots.style import Theme, colour, dashes, marker, muted, paper, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLUMNS = 5


def over_score(frames: Frames, class_name: str | None = None, *, theme: Theme = "light") -> Figure:
    """Draw precision, recall and F1 over the score threshold, the best F1 marked, of one class or of all boxes together."""
    from matplotlib.figure import Figure

    curves = [
        scored.overall_curve
        if class_name is None
        else scored.threshold_curves[scored.classes.index(class_name)]
        for scored in frames.require_one_group().detectors
    ]
    with plot_style(theme):
        figure = Figure(figsize=(10.5, 3.6 + LEGEND_ROW * len(curves)), layout="constrained")
        panels = figure.subplots(1, 3, sharex=True, sharey=True)
        for axes, measure in zip(panels, ("precision", "recall", "f1"), strict=True):
            for index, (scored, curve) in enumerate(zip(frames.detectors, curves, strict=True)):
                _draw(axes, curve, measure, index, f"{legend_name(scored.name)}{_best(curve)}")
            axes.set_title("F1" if measure == "f1" else measure)
            axes.set_ylim(-0.02, 1.04)
        _setting(figure, frames, "all classes" if class_name is None else shortened(class_name))
        panels[1].set_xlabel("score threshold")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", fontsize=9)
    return figure


def all_f1(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Draw F1 over the score threshold of every class with ground truth as a small multiple, each detector's best marked."""
    from matplotlib.figure import Figure

    detectors = frames.require_one_group().detectors
    positives = detectors[0].evaluation.counts[:, 0, 0, 3]
    classes = [k for k, count in enumerate(positives) if count]
    columns = min(_MOST_COLUMNS, max(len(classes), 1))
    rows = max(math.ceil(len(classes) / columns), 1)
    with plot_style(theme):
        figure = Figure(
            figsize=(max(2.5 * columns + 0.6, 6.4), 2.3 * rows + 0.6 + LEGEND_ROW * len(detectors)),
            layout="constrained",
        )
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, k in zip(grid.flat, classes, strict=False):
            for index, scored in enumerate(detectors):
                _draw(
                    axes,
                    scored.threshold_curves[k],
                    "f1",
                    index,
                    f"{legend_name(scored.name)}{_best(scored.overall_curve)}",
                )
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
            title="all classes together",
            alignment="left",
        )
    return figure


def _draw(axes: Axes, curve: ThresholdCurve, measure: str, index: int, label: str) -> None:
    """Draw a step function of the threshold: up to each score, what detections of at least this score give."""
    values = getattr(curve, measure)
    look: dict[str, Any] = {
        "color": colour(index),
        "linestyle": dashes(index),
        "linewidth": 1.6,
        "label": label,
    }
    axes.plot(curve.score[::-1], values[::-1], drawstyle="steps-pre", **look)
    at = curve.best()
    if at is not None:
        ring: dict[str, Any] = {
            "marker": marker(index),
            "markersize": 7,
            "markeredgecolor": colour(index),
            "markerfacecolor": paper(),
        }
        axes.plot(
            [curve.score[at]], [values[at]], linestyle="none", zorder=4, markeredgewidth=1.5, **ring
        )


def _best(curve: ThresholdCurve) -> str:
    at = curve.best()
    if at is None:
        return "  no detections"
    parts = f"precision {curve.precision[at]:.3f}, recall {curve.recall[at]:.3f}"
    return f"  best F1 {curve.f1[at]:.3f} at score ≥ {curve.score[at]:.3g} ({parts})"


def _setting(figure: Figure, frames: Frames, what: str) -> None:
    first = frames.detectors[0].evaluation
    setting = f"{what} · {shortened(first.ground_truth.name)} · IoU {plotted_iou(first):g} · marked: best F1"
    figure.suptitle(setting, x=0.01, ha="left", fontsize=9, color=muted())

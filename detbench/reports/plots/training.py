"""Plots of a training: learning curves, and the average IoU of objects with 1, 2, … anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.columns import Floats
from detbench.data.files import atomic_path
from detbench.reports.plots.style import color, dashes, muted, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]
"""One row per epoch: `epoch` from 1, scores, and losses by name; `val_` marks those on the
validation images."""
_DOTTED = 2
"""Index of the dotted line style."""


def learning_curves(history: History, parts: Sequence[str], score: str, score_name: str) -> Figure:
    """Draw the losses on a logarithmic axis, and below them the score with its best epoch.

    Args:
        history: of all epochs.
        parts: columns of the parts of the loss.
        score: column of the score.
        score_name: label of the score.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with plot_style():
        figure = Figure(figsize=(7.2, 6.4), layout="constrained")
        losses, scores = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _draw_losses(losses, history, parts)
        _draw_score(scores, history, score, score_name)
        scores.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def anchor_curve(average_ious: Floats, n_anchors: int) -> Figure:
    """Draw the average IoU (m,) of objects with the best of 1, 2, … anchors.

    `n_anchors`, the number in use, is marked.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    counts = np.arange(1, len(average_ious) + 1)
    with plot_style():
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(counts, average_ious, color=color(0), marker="o", markersize=4)
        if n_anchors <= len(average_ious):
            value = average_ious[n_anchors - 1]
            axes.plot([n_anchors], [value], color=color(1), marker="o", markersize=9)
            axes.annotate(
                f"{n_anchors}: {value:.3f}",
                (n_anchors, value),
                (8, -14),
                textcoords="offset points",
                color=color(1),
            )
        axes.set_title("Fit of anchors to the objects")
        axes.set_xlabel("number of anchors")
        axes.set_ylabel("average IoU with the best anchor")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def save_training_plots(
    history: History,
    average_ious: Floats,
    n_anchors: int,
    parts: Sequence[str],
    score: str,
    folder: Path,
) -> list[Path]:
    """Write `learning-curves.png` and `anchors.png` into a folder, replacing older ones."""
    figures = {
        "learning-curves": learning_curves(history, parts, score, "VOC 2007 mAP"),
        "anchors": anchor_curve(average_ious, n_anchors),
    }
    paths = []
    for name, figure in figures.items():
        path = folder / f"{name}.png"
        with atomic_path(path) as temporary:
            figure.savefig(temporary)
        paths.append(path)
    return paths


def _draw_losses(axes: Axes, history: History, parts: Sequence[str]) -> None:
    """Draw the loss and its parts: solid for training, dotted for validation."""
    epochs = [row["epoch"] for row in history]
    for number, name in enumerate(("loss", *parts)):
        line_color, width = color(number), 2.2 if name == "loss" else 1.3
        label = name.replace("_", " ")
        values = [row[name] for row in history]
        axes.plot(epochs, values, color=line_color, linewidth=width, label=label)
        if f"val_{name}" in history[0]:
            values = [row[f"val_{name}"] for row in history]
            style = dashes(_DOTTED)
            axes.plot(epochs, values, color=line_color, linewidth=width, linestyle=style)
    axes.set_yscale("log")
    axes.set_title("Learning curves")
    axes.set_title(
        "solid: training · dotted: validation",
        loc="right",
        fontsize=9,
        fontweight="normal",
        color=muted(),
    )
    axes.set_ylabel("loss per image")
    axes.legend(ncols=len(parts) + 1, loc="upper right", fontsize=8, columnspacing=1.2)


def _draw_score(axes: Axes, history: History, score: str, score_name: str) -> None:
    """Draw the score of each epoch, and mark the best one."""
    epochs, values = [row["epoch"] for row in history], [row[score] for row in history]
    axes.plot(epochs, values, color=color(0), linewidth=2.2)
    # NaN stands for epochs without a score; if no epoch has one, the first one is marked.
    best = int(np.nanargmax(values)) if not np.isnan(values).all() else 0
    best_epoch, best_value = epochs[best], values[best]
    axes.plot([best_epoch], [best_value], color=color(1), marker="o", markersize=8)
    # The label goes into the half of the plot where there is room.
    is_left, is_low = best < len(values) / 2, best_value < 0.2
    axes.annotate(
        f"{best_value:.3f} in epoch {best_epoch:g}",
        (best_epoch, best_value),
        (8 if is_left else -8, 8 if is_low else -16),
        textcoords="offset points",
        ha="left" if is_left else "right",
        color=color(1),
    )
    axes.set_ylim(0, 1)
    axes.set_xlabel("epoch")
    axes.set_ylabel(score_name)

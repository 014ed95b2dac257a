"""Plots of a training: learning curves, and how well anchors fit the objects by their number."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.columns import Floats
from detbench.data.files import atomic_path
from detbench.reports.plots.style import colour, dashes, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]
"""One row per epoch: `epoch` from 1, losses by name, with `val_` before those of the validation pictures, and scores."""


def learning_curves(history: History, parts: Sequence[str], score: str, score_name: str) -> Figure:
    """Draw losses on a logarithmic axis, the sum and its parts, and below them the score with its best epoch marked.

    Args:
        history: of all epochs.
        parts: columns of the loss's parts.
        score: column of the score.
        score_name: what to call it.
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


def anchor_curve(average_ious: Floats, chosen: int) -> Figure:
    """Draw the average IoU (m,) of objects with their best of 1, 2, … anchors, and mark the number that was chosen."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    numbers = np.arange(1, len(average_ious) + 1)
    with plot_style():
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(numbers, average_ious, color=colour(0), marker="o", markersize=4)
        if chosen <= len(average_ious):
            value = average_ious[chosen - 1]
            axes.plot([chosen], [value], color=colour(1), marker="o", markersize=9)
            axes.annotate(
                f"{chosen}: {value:.3f}",
                (chosen, value),
                (8, -14),
                textcoords="offset points",
                color=colour(1),
            )
        axes.set_title("How well anchors fit the objects")
        axes.set_xlabel("number of anchors")
        axes.set_ylabel("average IoU with the best anchor")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def save_training_plots(
    history: History,
    average_ious: Floats,
    anchors: int,
    parts: Sequence[str],
    score: str,
    folder: Path,
) -> list[Path]:
    """Write `learning-curves.png` and `anchors.png` into a folder, replacing older ones."""
    drawn = {
        "learning-curves": learning_curves(history, parts, score, "VOC 2007 mAP"),
        "anchors": anchor_curve(average_ious, anchors),
    }
    paths = []
    for name, figure in drawn.items():
        path = folder / f"{name}.png"
        with atomic_path(path) as hidden:
            figure.savefig(hidden)
        paths.append(path)
    return paths


def _draw_losses(axes: Axes, history: History, parts: Sequence[str]) -> None:
    epochs = [row["epoch"] for row in history]
    for number, name in enumerate(("loss", *parts)):
        thick = 2.2 if name == "loss" else 1.3
        axes.plot(
            epochs,
            [row[name] for row in history],
            color=colour(number),
            linewidth=thick,
            label=name.replace("_", " "),
        )
        if f"val_{name}" in history[0]:
            axes.plot(
                epochs,
                [row[f"val_{name}"] for row in history],
                color=colour(number),
                linewidth=thick,
                linestyle=dashes(2),
            )
    axes.set_yscale("log")
    axes.set_title("Learning curves")
    axes.set_title(
        "solid: training · dotted: validation",
        loc="right",
        fontsize=9,
        fontweight="normal",
        color="#555555",
    )
    axes.set_ylabel("loss per picture")
    axes.legend(ncols=len(parts) + 1, loc="upper right", fontsize=8, columnspacing=1.2)


def _draw_score(axes: Axes, history: History, score: str, score_name: str) -> None:
    epochs, values = [row["epoch"] for row in history], [row[score] for row in history]
    axes.plot(epochs, values, color=colour(0), linewidth=2.2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        best = int(np.nanargmax(values)) if not np.isnan(values).all() else 0
    axes.plot([epochs[best]], [values[best]], color=colour(1), marker="o", markersize=8)
    left = best < len(values) / 2
    text, place = f"{values[best]:.3f} in epoch {epochs[best]:g}", (epochs[best], values[best])
    side = "left" if left else "right"
    axes.annotate(
        text,
        place,
        (8 if left else -8, 8 if values[best] < 0.2 else -16),
        textcoords="offset points",
        ha=side,
        color=colour(1),
    )
    axes.set_ylim(0, 1)
    axes.set_xlabel("epoch")
    axes.set_ylabel(score_name)

"""Accuracy plots: AP by class, by object size and by IoU threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.reports.frames import Frames
from detbench.reports.plots.figure_files import legend_name, shortened
from detbench.reports.plots.style import Theme, color, dashes, marker, muted, plot_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CLASSES = 100
"""Maximum number of classes in a dot plot.

Of more, those in which the detectors differ most are shown, or the worst of a single detector.
"""
_MAX_HEADING_LENGTH = 80
_ROW_HEIGHT = 0.24
"""Height in inches of a class in a dot plot."""


def class_ap(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Plot AP of each class as dots, the best class on top.

    With several detectors, a second panel shows the differences to the baseline, else to the best
    detector. Bars are the intervals, if known.
    """
    from matplotlib.figure import Figure

    names, values, intervals = _class_values(frames)
    reference = _reference(frames)
    shown = _shown_classes(values)
    order = shown[np.argsort(values[reference][shown], kind="stable")]
    several = len(values) > 1
    with plot_style(theme):
        width = 10 if several else 6.4
        height = _ROW_HEIGHT * len(order) + 1.9
        figure = Figure(figsize=(width, height), layout="constrained")
        widths = [3, 2] if several else [1]
        [panels] = figure.subplots(
            1,
            len(widths),
            sharey=True,
            squeeze=False,
            width_ratios=widths,
        )
        _plot_dots(panels[0], frames, values[:, order], intervals[:, :, order], joined=True)
        panels[0].set_yticks(range(len(order)), [shortened(names[k]) for k in order])
        panels[0].set_xlabel(_with_bars("AP", bool(np.isfinite(intervals).any())))
        panels[0].set_ylim(-0.7, len(order) - 0.3)
        if several:
            differences = values[:, order] - values[reference][order]
            ends = _class_difference_intervals(frames, names)[:, :, order]
            _plot_dots(panels[1], frames, differences, ends)
            panels[1].axvline(0, color=muted(), linewidth=0.9)
            name = shortened(frames.detectors[reference].name)
            panels[1].set_xlabel(f"difference in AP from {name}")
        selection = "" if len(shown) == len(names) else f" · {len(shown)} of {len(names)} classes"
        _set_heading(panels[0], frames, f"AP by class{selection}")
        handles, labels = panels[0].get_legend_handles_labels()
        _add_legend(figure, handles, labels)
    return figure


def size_ap(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Plot AP of small, medium and large objects, with COCO's limits."""
    from matplotlib.figure import Figure

    table = frames.require_one_group().sizes
    first = table[table["detector"] == frames.detectors[0].name]
    has_intervals = "AP_low" in table
    with plot_style(theme):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        positions = np.arange(float(len(first)))
        for index, scored in enumerate(frames.detectors):
            rows = table[table["detector"] == scored.name]
            _plot_sizes(axes, positions + _offset(index, len(frames.detectors)), rows, index)
        labels = [
            f"{size}\n{count:,} objects"
            for size, count in zip(first["size"], first["ground_truths"], strict=True)
        ]
        axes.set_xticks(positions, labels)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel(_with_bars("AP", has_intervals))
        axes.grid(visible=False, axis="x")
        _set_heading(axes, frames, "AP by object size: up to 32² pixels, up to 96², larger")
        _add_legend(figure, *axes.get_legend_handles_labels())
    return figure


def _plot_sizes(axes: Axes, x: Floats, rows: pd.DataFrame, index: int) -> None:
    """Plot the AP of one detector by size, with intervals as bars, else with a line from 0."""
    name = rows["detector"].iloc[0]
    values = rows["AP"].to_numpy()
    if "AP_low" in rows:
        low, high = rows["AP_low"], rows["AP_high"]
        axes.vlines(
            x,
            low,
            high,
            color=color(index),
            linewidth=1.6,
            alpha=0.7,
        )
    else:
        axes.vlines(
            x,
            0,
            values,
            color=color(index),
            linewidth=1.4,
            alpha=0.5,
        )
    axes.plot(
        x,
        values,
        label=legend_name(name),
        markersize=8,
        **_dot_style(index),
    )


def iou_ap(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Plot mean AP by IoU threshold."""
    from matplotlib.figure import Figure

    table = frames.require_one_group().ious
    with plot_style(theme):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        for index, scored in enumerate(frames.detectors):
            rows = table[table["detector"] == scored.name]
            axes.plot(
                rows["iou"],
                rows["AP"],
                color=color(index),
                linestyle=dashes(index),
                linewidth=1.8,
                marker=marker(index),
                markersize=5,
                label=legend_name(scored.name),
            )
            if "AP_low" in rows:
                ends = rows["AP_low"], rows["AP_high"]
                axes.fill_between(
                    rows["iou"],
                    *ends,
                    color=color(index),
                    alpha=0.16,
                    linewidth=0,
                )
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("IoU threshold")
        axes.set_ylabel("mean AP; shaded: 95% CI" if "AP_low" in table else "mean AP")
        _set_heading(axes, frames, "AP by IoU threshold")
        _add_legend(figure, *axes.get_legend_handles_labels())
    return figure


def _class_values(frames: Frames) -> tuple[Sequence[str], Floats, Floats]:
    """Return the classes with ground truth, and their AP and intervals.

    Returns:
        The names of K classes; AP (D, K) of D detectors; and the ends of its intervals (D, 2, K),
        NaN if unknown.
    """
    table = frames.require_one_group().classes
    present = table[table["ground_truths"] > 0]
    rows_of = [present[present["detector"] == scored.name] for scored in frames.detectors]
    ends = [rows.reindex(columns=["AP_low", "AP_high"]).to_numpy(np.float64).T for rows in rows_of]
    values = np.stack([rows["AP"].to_numpy() for rows in rows_of])
    return rows_of[0]["class"].tolist(), values, np.stack(ends)


def _class_difference_intervals(frames: Frames, names: Sequence[str]) -> Floats:
    """Return the intervals (D, 2, K) of the differences to the reference, NaN if unknown."""
    table = frames.class_pairs
    intervals = np.full((len(frames.detectors), 2, len(names)), np.nan)
    for index, scored in enumerate(frames.detectors):
        rows = table[table["detector"] == scored.name].set_index("class").reindex([*names])
        intervals[index] = rows[["difference_low", "difference_high"]].to_numpy(np.float64).T
    return intervals


def _reference(frames: Frames) -> int:
    """Return the index of the detector that differences refer to."""
    if frames.baseline is not None:
        return [scored.name for scored in frames.detectors].index(frames.baseline)
    best = np.flatnonzero(frames.summary["best"])
    return int(best[0]) if len(best) else 0


def _shown_classes(values: Floats) -> NDArray[np.intp]:
    """Return the indices of the classes to show, in their order."""
    n_classes = values.shape[1]
    if n_classes <= MAX_CLASSES:
        return np.arange(n_classes)
    priority = -np.ptp(values, axis=0) if len(values) > 1 else values[0]
    return np.sort(np.argsort(priority, kind="stable")[:MAX_CLASSES])


def _plot_dots(
    axes: Axes, frames: Frames, values: Floats, intervals: Floats, *, joined: bool = False
) -> None:
    """Plot a row of dots for each class, one dot for each detector.

    Args:
        axes: to plot into.
        frames: of D detectors.
        values: (D, K) of K classes.
        intervals: (D, 2, K) drawn as bars; NaN if unknown.
        joined: without any interval, join the lowest and highest dot of each row.
    """
    rows = np.arange(float(values.shape[1]))
    has_intervals = bool(np.isfinite(intervals).any())
    if joined and not has_intervals and len(values) > 1:
        low, high = values.min(axis=0), values.max(axis=0)
        axes.hlines(
            rows,
            low,
            high,
            color=muted(),
            linewidth=1,
            alpha=0.6,
        )
    for index, scored in enumerate(frames.detectors):
        heights = rows
        if has_intervals:
            heights = rows - _offset(index, len(values), 0.2)
            axes.hlines(
                heights,
                *intervals[index],
                color=color(index),
                linewidth=1.6,
                alpha=0.6,
            )
        label = legend_name(scored.name)
        axes.plot(
            values[index],
            heights,
            label=label,
            markersize=6,
            zorder=3,
            **_dot_style(index),
        )


def _dot_style(index: int) -> dict[str, Any]:
    return {"color": color(index), "marker": marker(index), "linestyle": "none"}


def _offset(index: int, count: int, max_step: float = 0.16) -> float:
    """Return how far the dot of a detector is shifted, so that those of `count` do not overlap."""
    return (index - (count - 1) / 2) * min(max_step, 0.7 / count)


def _with_bars(measure: str, has_intervals: bool) -> str:
    return f"{measure}; bars: 95% CI" if has_intervals else measure


def _add_legend(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    columns = min(len(labels), 3)
    figure.legend(
        handles,
        labels,
        loc="outside lower left",
        ncols=columns,
        fontsize=9,
    )


def _set_heading(axes: Axes, frames: Frames, title: str) -> None:
    """Set the title, and below it, smaller, the data and the protocol."""
    axes.set_title(title, pad=22)
    axes.annotate(
        shortened(frames.groups["heading"].iloc[0], _MAX_HEADING_LENGTH),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 6),
        textcoords="offset points",
        fontsize=8.5,
        color=muted(),
    )

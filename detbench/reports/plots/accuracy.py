"""Accuracy plots: AP by class, by size of the objects and by IoU threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.reports.frames import Frames
from detbench.reports.plots.figure_files import legend_name, shortened
from detbench.reports.plots.style import Theme, colour, dashes, marker, muted, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CLASSES = 100
"""Classes in one dot plot; of more, those are shown in which the detectors differ most, or a single one is worst."""

_LONGEST_HEADING = 80


def class_ap(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Draw AP of each class as dots, the best class on top, and beside them the differences to the baseline or best detector.

    Where intervals of AP are known, each dot has its own as a bar.
    """
    from matplotlib.figure import Figure

    names, values, intervals = _class_values(frames)
    reference = _reference(frames)
    shown = _shown(values)
    order = shown[np.argsort(values[reference][shown], kind="stable")]
    several = len(values) > 1
    with plot_style(theme):
        figure = Figure(
            figsize=(10 if several else 6.4, 0.24 * len(order) + 1.9), layout="constrained"
        )
        panels = figure.subplots(
            1,
            2 if several else 1,
            sharey=True,
            squeeze=False,
            width_ratios=[3, 2] if several else [1],
        )[0]
        _dots(panels[0], frames, values[:, order], intervals[:, :, order], joined=True)
        panels[0].set_yticks(range(len(order)), [shortened(names[k]) for k in order])
        panels[0].set_xlabel("AP, bars: 95 % intervals" if np.isfinite(intervals).any() else "AP")
        panels[0].set_ylim(-0.7, len(order) - 0.3)
        if several:
            changes = values[:, order] - values[reference][order]
            _dots(panels[1], frames, changes, _class_changes(frames, names)[:, :, order])
            panels[1].axvline(0, color=muted(), linewidth=0.9)
            panels[1].set_xlabel(
                f"difference of AP to {shortened(frames.detectors[reference].name)}"
            )
        note = "" if len(shown) == len(names) else f" · {len(shown)} of {len(names)} classes"
        _heading(panels[0], frames, f"AP by class{note}")
        figure.legend(
            *panels[0].get_legend_handles_labels(),
            loc="outside lower left",
            ncols=min(len(values), 3),
            fontsize=9,
        )
    return figure


def size_ap(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Draw AP of small, medium and large objects (COCO's limits)."""
    from matplotlib.figure import Figure

    table = frames.require_one_group().sizes
    with plot_style(theme):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        first = table[table["detector"] == frames.detectors[0].name]
        places = np.arange(len(first))
        for index, scored in enumerate(frames.detectors):
            rows = table[table["detector"] == scored.name]
            shift = (index - (len(frames.detectors) - 1) / 2) * min(
                0.16, 0.7 / len(frames.detectors)
            )
            look: dict[str, Any] = {
                "color": colour(index),
                "marker": marker(index),
                "markersize": 8,
                "linestyle": "none",
            }
            values = rows["AP"].to_numpy()
            if "AP_low" in rows:
                axes.vlines(
                    places + shift,
                    rows["AP_low"],
                    rows["AP_high"],
                    color=colour(index),
                    linewidth=1.6,
                    alpha=0.7,
                )
            else:
                axes.vlines(
                    places + shift, 0, values, color=colour(index), linewidth=1.4, alpha=0.5
                )
            axes.plot(places + shift, values, label=legend_name(scored.name), **look)
        labels = [
            f"{size}\n{count:,} objects"
            for size, count in zip(first["size"], first["ground_truths"], strict=True)
        ]
        axes.set_xticks(places, labels)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel("AP, bars: 95 % intervals" if "AP_low" in table else "AP")
        axes.grid(visible=False, axis="x")
        _heading(axes, frames, "AP by size: up to 32² pixels, up to 96², larger")
        figure.legend(loc="outside lower left", ncols=min(len(frames.detectors), 3), fontsize=9)
    return figure


def iou_ap(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Draw mean AP over the IoU threshold."""
    from matplotlib.figure import Figure

    table = frames.require_one_group().ious
    with plot_style(theme):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        for index, scored in enumerate(frames.detectors):
            rows = table[table["detector"] == scored.name]
            look: dict[str, Any] = {
                "color": colour(index),
                "linestyle": dashes(index),
                "marker": marker(index),
                "markersize": 5,
            }
            axes.plot(
                rows["iou"], rows["AP"], linewidth=1.8, label=legend_name(scored.name), **look
            )
            if "AP_low" in rows:
                axes.fill_between(
                    rows["iou"],
                    rows["AP_low"],
                    rows["AP_high"],
                    color=colour(index),
                    alpha=0.16,
                    linewidth=0,
                )
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("IoU threshold")
        axes.set_ylabel("mean AP, shaded: 95 % intervals" if "AP_low" in table else "mean AP")
        _heading(axes, frames, "AP by IoU threshold: how well boxes are placed")
        figure.legend(loc="outside lower left", ncols=min(len(frames.detectors), 3), fontsize=9)
    return figure


def _class_values(frames: Frames) -> tuple[Sequence[str], Floats, Floats]:
    """Return the classes with ground truth, AP (detectors, classes) and its intervals (detectors, 2, classes), NaN where not known."""
    table = frames.require_one_group().classes
    present = table[table["ground_truths"] > 0]
    parts = [present[present["detector"] == scored.name] for scored in frames.detectors]
    ends = [part.reindex(columns=["AP_low", "AP_high"]).to_numpy(np.float64).T for part in parts]
    return (
        parts[0]["class"].tolist(),
        np.stack([part["AP"].to_numpy() for part in parts]),
        np.stack(ends),
    )


def _class_changes(frames: Frames, names: Sequence[str]) -> Floats:
    """Return the intervals (detectors, 2, classes) of the differences to the reference, NaN where not known and 0 for itself."""
    table = frames.class_pairs
    out = np.full((len(frames.detectors), 2, len(names)), np.nan)
    for index, scored in enumerate(frames.detectors):
        rows = table[table["detector"] == scored.name].set_index("class").reindex([*names])
        out[index] = rows[["difference_low", "difference_high"]].to_numpy(np.float64).T
    return out


def _reference(frames: Frames) -> int:
    """Return which detector differences refer to."""
    if frames.baseline is not None:
        return [scored.name for scored in frames.detectors].index(frames.baseline)
    best = np.flatnonzero(frames.summary["best"])
    return int(best[0]) if len(best) else 0


def _shown(values: Floats) -> NDArray[np.intp]:
    """Return the classes to show, all or those that say most."""
    classes = values.shape[1]
    if classes <= MOST_CLASSES:
        return np.arange(classes)
    telling = -np.ptp(values, axis=0) if len(values) > 1 else values[0]
    return np.sort(np.argsort(telling, kind="stable")[:MOST_CLASSES])


def _dots(
    axes: Axes, frames: Frames, values: Floats, intervals: Floats, *, joined: bool = False
) -> None:
    """Draw a row of dots for each class, with intervals (detectors, 2, classes) as bars where they are known.

    With `joined`, where none is known, the lowest and the highest of a row are joined instead.
    """
    rows = np.arange(float(values.shape[1]))
    known = bool(np.isfinite(intervals).any())
    if joined and not known and len(values) > 1:
        axes.hlines(
            rows, values.min(axis=0), values.max(axis=0), color=muted(), linewidth=1, alpha=0.6
        )
    for index, scored in enumerate(frames.detectors):
        heights = rows
        if known:
            heights = rows + ((len(values) - 1) / 2 - index) * min(0.2, 0.7 / len(values))
            axes.hlines(heights, *intervals[index], color=colour(index), linewidth=1.6, alpha=0.6)
        look: dict[str, Any] = {
            "color": colour(index),
            "marker": marker(index),
            "markersize": 6,
            "linestyle": "none",
        }
        axes.plot(values[index], heights, label=legend_name(scored.name), zorder=3, **look)


def _heading(axes: Axes, frames: Frames, what: str) -> None:
    """Write what is drawn, and below it, smaller, the data and the protocol."""
    heading = frames.groups["heading"].iloc[0]
    axes.set_title(what, pad=22)
    short = heading if len(heading) <= _LONGEST_HEADING else heading[: _LONGEST_HEADING - 1] + "…"
    lesser: dict[str, Any] = {
        "xytext": (0, 6),
        "textcoords": "offset points",
        "fontsize": 8.5,
        "color": muted(),
    }
    axes.annotate(short, (0, 1), xycoords="axes fraction", **lesser)

"""Dataset plots: classes, objects per image, areas and shapes of boxes and pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.columns import Floats
from detbench.reports.dataset_frames import SIZES, DatasetFrames
from detbench.reports.plots.figure_files import save_figures, shortened
from detbench.reports.plots.log_axes import plain_ticks
from detbench.reports.plots.style import Theme, colour, muted, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CLASSES = 100
_BINS = 60
_RATIO_TICKS, _CLOSE_RATIO_TICKS = (
    (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16),
    (1 / 3, 1 / 2, 2 / 3, 1, 3 / 2, 2, 3),
)
_WIDE = 4.0
"""From this ratio on, ticks are powers of two."""


def save_dataset_plots(
    frames: DatasetFrames, folder: Path, *, theme: Theme = "light"
) -> list[Path]:
    """Write all plots of a dataset into a folder, replacing older ones of these names.

    `classes.png`, `objects-per-image.png`, `box-areas.png`, `box-shapes.png`, `aspect-ratios.png`.
    """
    draw = {
        "classes": class_counts,
        "objects-per-image": objects_per_image,
        "box-areas": box_areas,
        "box-shapes": box_shapes,
        "aspect-ratios": aspect_ratios,
    }
    figures = {name: partial(each, frames, theme=theme) for name, each in draw.items()}
    return save_figures(figures, folder, theme=theme, names=frames.ground_truth.class_names)


def class_counts(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Draw the number of objects of each class by size, the most frequent class on top; beside it the images that have one."""
    table = (
        frames.classes.sort_values("objects", ascending=False, kind="stable")
        .head(MOST_CLASSES)
        .iloc[::-1]
    )
    rows = np.arange(len(table))
    with plot_style(theme):
        figure, panels = _figure(2, (9.6, 0.24 * len(rows) + 1.7), [3, 2])
        left = np.zeros(len(table))
        for index, size in enumerate(SIZES):
            panels[0].barh(
                rows, table[size], left=left, color=colour(index), label=size, height=0.72
            )
            left += table[size].to_numpy()
        panels[1].barh(rows, table["images"], color=colour(3), height=0.72)
        panels[0].set_yticks(rows, [shortened(name) for name in table["class"]])
        panels[1].set_yticks(rows, [""] * len(rows))
        note = (
            ""
            if len(table) == len(frames.classes)
            else f" · the {len(table)} most frequent of {len(frames.classes)} classes"
        )
        _title(panels[0], frames, f"objects{note}")
        panels[1].set_title("images with at least one", fontsize=10)
        for axes in panels:
            axes.grid(visible=False, axis="y")
            axes.set_ylim(-0.6, max(len(rows), 1) - 0.4)
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=9
        )
    return figure


def objects_per_image(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Draw how many images have how many objects."""
    counts = frames.images["objects"].to_numpy()
    with plot_style(theme):
        figure, [axes] = _figure(1, (6.4, 4.0))
        most = int(counts.max(initial=1))
        width = max(most // _BINS + 1, 1)
        axes.hist(
            counts, bins=np.arange(-0.5, most + width, width).tolist(), color=colour(0), rwidth=0.9
        )
        axes.set_ylim(0.7, max(np.bincount(counts, minlength=1).max(), 1) * 1.3)
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
        mean = float(counts.mean()) if len(counts) else 0.0
        axes.set_xlabel(
            f"objects in an image; {mean:.2f} on average, {int((counts == 0).sum()):,} images without any"
        )
        axes.set_ylabel("images (log scale)")
        _title(axes, frames, "objects per image")
    return figure


def box_areas(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Draw the areas of the objects, by their square roots, with COCO's limits between small, medium and large."""
    sides = np.sqrt(np.maximum(frames.objects["area"].to_numpy(), 0))
    positive = sides[sides > 0]
    with plot_style(theme):
        figure, [axes] = _figure(1, (6.4, 4.0))
        if len(positive):
            edges = np.geomspace(
                min(positive.min() / 1.05, 16), max(positive.max() * 1.05, 192), _BINS
            )
            axes.hist(positive, bins=edges.tolist(), color=colour(0))
            axes.set_xscale("log")
            axes.set_xlim(edges[0], edges[-1])
            axes.margins(y=0.15)
            plain_ticks(axes.xaxis)
            _mark_sizes(axes, frames, edges[0], edges[-1])
        axes.set_xlabel("square root of the area in pixels (log scale); dashed: 32 and 96")
        axes.set_ylabel("objects")
        _title(axes, frames, "box areas")
    return figure


def _mark_sizes(axes: Axes, frames: DatasetFrames, lowest: float, highest: float) -> None:
    """Draw the limits between COCO's sizes and say which share of the objects each has."""
    shares = frames.objects["size"].value_counts(normalize=True)
    for size, (low, high) in SIZES.items():
        begin, end = max(np.sqrt(low), lowest), min(np.sqrt(high), highest)
        if low > 0:
            axes.axvline(begin, color=muted(), linewidth=1, linestyle=(0, (4, 3)))
        text = f"{size}\n{shares.get(size, 0.0):.1%}"
        axes.text(
            np.sqrt(begin * end),
            0.99,
            text,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=9,
        )


def box_shapes(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Draw the widths of the boxes against their heights, as a density on log scales."""
    width, height = (frames.objects[name].to_numpy() for name in ("width", "height"))
    known = (width > 0) & (height > 0)
    with plot_style(theme):
        figure, [axes] = _figure(1, (5.8, 5.2))
        if known.any():
            edges = np.geomspace(
                min(width[known].min(), height[known].min()),
                max(width[known].max(), height[known].max()) * 1.02,
                _BINS,
            )
            counts = np.histogram2d(width[known], height[known], bins=[edges, edges])[0].T
            mesh = axes.pcolormesh(
                edges,
                edges,
                np.ma.masked_equal(counts, 0),
                cmap="viridis",
                norm="log",
                rasterized=True,
            )
            bar = figure.colorbar(mesh, ax=axes, label="objects", fraction=0.05)
            plain_ticks(bar.ax.yaxis)
            axes.plot(
                edges[[0, -1]], edges[[0, -1]], color=muted(), linewidth=0.9, linestyle=(0, (4, 3))
            )
            axes.set_xscale("log")
            axes.set_yscale("log")
            plain_ticks(axes.xaxis)
            plain_ticks(axes.yaxis)
        axes.set_xlabel("width in pixels (log scale)")
        axes.set_ylabel("height in pixels (log scale)")
        _title(axes, frames, "widths against heights")
    return figure


def aspect_ratios(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Draw width / height of boxes and of pictures."""
    with plot_style(theme):
        figure, panels = _figure(2, (9.6, 4.0), [1, 1])
        for index, (axes, what, values) in enumerate(
            zip(
                panels,
                ("boxes", "pictures"),
                (frames.objects["aspect"].to_numpy(), frames.images["aspect"].to_numpy()),
                strict=True,
            )
        ):
            _draw_ratios(axes, values, colour(index))
            axes.set_xlabel("width / height (log scale)")
            axes.set_ylabel(what)
        _title(panels[0], frames, "aspect ratios of boxes")
        panels[1].set_title("aspect ratios of pictures", fontsize=12)
    return figure


def _draw_ratios(axes: Axes, values: Floats, fill: str) -> None:
    known = values[np.isfinite(values) & (values > 0)]
    if not len(known):
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", color=muted())
        return
    reach = max(known.max(), 1 / known.min(), 1.5) * 1.05
    axes.hist(known, bins=np.geomspace(1 / reach, reach, _BINS).tolist(), color=fill)
    axes.set_xscale("log")
    axes.axvline(1, color=muted(), linewidth=0.9)
    ticks = [
        ratio
        for ratio in (_RATIO_TICKS if reach > _WIDE else _CLOSE_RATIO_TICKS)
        if 1 / reach <= ratio <= reach
    ]
    axes.set_xticks(ticks, [f"{ratio:.2g}" for ratio in ticks])
    axes.set_xticks([], minor=True)


def _figure(
    panels: int, size: tuple[float, float], widths: list[int] | None = None
) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False, width_ratios=widths)[0])


def _title(axes: Axes, frames: DatasetFrames, what: str) -> None:
    """Write what is drawn, and below it, smaller, of which dataset."""
    axes.set_title(what, pad=22)
    counts = f"{len(frames.images):,} images, {len(frames.objects):,} objects in {len(frames.classes):,} classes"
    text = f"{shortened(frames.ground_truth.name)}: {counts}"
    axes.annotate(
        text,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 6),
        textcoords="offset points",
        fontsize=8.5,
        color=muted(),
    )

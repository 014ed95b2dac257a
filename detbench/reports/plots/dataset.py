"""Dataset plots: classes, objects per image, and areas and shapes of boxes and images."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.columns import Floats
from detbench.reports.dataset_frames import SIZES, DatasetFrames
from detbench.reports.plots.figure_files import save_figures, shortened
from detbench.reports.plots.style import Theme, color, muted, plain_ticks, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CLASSES = 100
_BINS = 60
_RATIO_TICKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16)
_CLOSE_RATIO_TICKS = (1 / 3, 1 / 2, 2 / 3, 1, 3 / 2, 2, 3)
_WIDE_RATIO = 4.0
"""From this ratio on, ticks are powers of two."""
_DASHED = (0, (4, 3))


def save_dataset_plots(
    frames: DatasetFrames, folder: Path, *, theme: Theme = "light"
) -> list[Path]:
    """Write all plots of a dataset into a folder, replacing older ones.

    `classes.png`, `objects-per-image.png`, `box-areas.png`, `box-shapes.png`, `aspect-ratios.png`.
    """
    plots = {
        "classes": class_counts,
        "objects-per-image": objects_per_image,
        "box-areas": box_areas,
        "box-shapes": box_shapes,
        "aspect-ratios": aspect_ratios,
    }
    figures = {name: partial(plot, frames, theme=theme) for name, plot in plots.items()}
    return save_figures(
        figures,
        folder,
        theme=theme,
        names=frames.ground_truth.class_names,
    )


def class_counts(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Plot the number of objects of each class by size, and of images with at least one.

    The most frequent class is on top.
    """
    by_frequency = frames.classes.sort_values("objects", ascending=False, kind="stable")
    table = by_frequency.head(MAX_CLASSES).iloc[::-1]
    rows = np.arange(len(table))
    with plot_style(theme):
        figure, panels = _figure(2, (9.6, 0.24 * len(rows) + 1.7), [3, 2])
        left = np.zeros(len(table))
        for index, size in enumerate(SIZES):
            counts = table[size].to_numpy()
            panels[0].barh(
                rows,
                counts,
                left=left,
                color=color(index),
                label=size,
                height=0.72,
            )
            left += counts
        panels[1].barh(
            rows,
            table["images"],
            color=color(3),
            height=0.72,
        )
        panels[0].set_yticks(rows, [shortened(name) for name in table["class"]])
        panels[1].set_yticks(rows, [""] * len(rows))
        selection = ""
        if len(table) < len(frames.classes):
            selection = f" · the {len(table)} most frequent of {len(frames.classes)} classes"
        _set_title(panels[0], frames, f"objects{selection}")
        panels[1].set_title("images with at least one", fontsize=10)
        for axes in panels:
            axes.grid(visible=False, axis="y")
            axes.set_ylim(-0.6, max(len(rows), 1) - 0.4)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower left",
            ncols=3,
            fontsize=9,
        )
    return figure


def objects_per_image(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Plot the number of images by their number of objects."""
    counts = frames.images["objects"].to_numpy()
    with plot_style(theme):
        figure, [axes] = _figure(1, (6.4, 4.0))
        highest = int(counts.max(initial=1))
        width = max(highest // _BINS + 1, 1)
        edges = np.arange(-0.5, highest + width, width).tolist()
        axes.hist(
            counts,
            bins=edges,
            color=color(0),
            rwidth=0.9,
        )
        axes.set_ylim(0.7, max(np.bincount(counts, minlength=1).max(), 1) * 1.3)
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
        mean = float(counts.mean()) if len(counts) else 0.0
        n_empty = int((counts == 0).sum())
        axes.set_xlabel(f"objects per image; mean {mean:.2f}, {n_empty:,} images without objects")
        axes.set_ylabel("images (log scale)")
        _set_title(axes, frames, "objects per image")
    return figure


def box_areas(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Plot the areas of objects by their square roots, with the limits of COCO's sizes."""
    sides = np.sqrt(np.maximum(frames.objects["area"].to_numpy(), 0))
    positive = sides[sides > 0]
    with plot_style(theme):
        figure, [axes] = _figure(1, (6.4, 4.0))
        if len(positive):
            low = min(positive.min() / 1.05, 16)
            high = max(positive.max() * 1.05, 192)
            edges = np.geomspace(low, high, _BINS)
            axes.hist(positive, bins=edges.tolist(), color=color(0))
            axes.set_xscale("log")
            axes.set_xlim(edges[0], edges[-1])
            axes.margins(y=0.15)
            plain_ticks(axes.xaxis)
            _mark_sizes(axes, frames, edges[0], edges[-1])
        axes.set_xlabel("square root of the area in pixels (log scale); dashed: 32 and 96")
        axes.set_ylabel("objects")
        _set_title(axes, frames, "box areas")
    return figure


def _mark_sizes(axes: Axes, frames: DatasetFrames, lowest: float, highest: float) -> None:
    """Draw the limits of COCO's sizes, and the share of the objects of each size."""
    shares = frames.objects["size"].value_counts(normalize=True)
    for size, (low, high) in SIZES.items():
        begin = max(np.sqrt(low), lowest)
        end = min(np.sqrt(high), highest)
        if low > 0:
            axes.axvline(
                begin,
                color=muted(),
                linewidth=1,
                linestyle=_DASHED,
            )
        axes.text(
            np.sqrt(begin * end),
            0.99,
            f"{size}\n{shares.get(size, 0.0):.1%}",
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=9,
        )


def box_shapes(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Plot the widths and heights of boxes as a density on log scales."""
    width, height = (frames.objects[name].to_numpy() for name in ("width", "height"))
    positive = (width > 0) & (height > 0)
    with plot_style(theme):
        figure, [axes] = _figure(1, (5.8, 5.2))
        if positive.any():
            _plot_density(figure, axes, width[positive], height[positive])
        axes.set_xlabel("width in pixels (log scale)")
        axes.set_ylabel("height in pixels (log scale)")
        _set_title(axes, frames, "box widths and heights")
    return figure


def _plot_density(figure: Figure, axes: Axes, width: Floats, height: Floats) -> None:
    low = min(width.min(), height.min())
    high = max(width.max(), height.max()) * 1.02
    edges = np.geomspace(low, high, _BINS)
    counts = np.histogram2d(width, height, bins=[edges, edges])[0].T
    nonzero = np.ma.masked_equal(counts, 0)
    mesh = axes.pcolormesh(
        edges,
        edges,
        nonzero,
        cmap="viridis",
        norm="log",
        rasterized=True,
    )
    bar = figure.colorbar(
        mesh,
        ax=axes,
        label="objects",
        fraction=0.05,
    )
    plain_ticks(bar.ax.yaxis)
    ends = edges[[0, -1]]
    axes.plot(
        ends,
        ends,
        color=muted(),
        linewidth=0.9,
        linestyle=_DASHED,
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_ticks(axes.xaxis)
    plain_ticks(axes.yaxis)


def aspect_ratios(frames: DatasetFrames, *, theme: Theme = "light") -> Figure:
    """Plot width / height of boxes and of images."""
    ratios = {"boxes": frames.objects["aspect"], "images": frames.images["aspect"]}
    with plot_style(theme):
        figure, panels = _figure(2, (9.6, 4.0), [1, 1])
        for index, (axes, subject) in enumerate(zip(panels, ratios, strict=True)):
            _plot_ratios(axes, ratios[subject].to_numpy(), color(index))
            axes.set_xlabel("width / height (log scale)")
            axes.set_ylabel(subject)
        _set_title(panels[0], frames, "aspect ratios of boxes")
        panels[1].set_title("aspect ratios of images", fontsize=12)
    return figure


def _plot_ratios(axes: Axes, values: Floats, fill: str) -> None:
    valid = values[np.isfinite(values) & (values > 0)]
    if not len(valid):
        axes.text(
            0.5,
            0.5,
            "unknown",
            transform=axes.transAxes,
            ha="center",
            color=muted(),
        )
        return
    reach = max(valid.max(), 1 / valid.min(), 1.5) * 1.05
    axes.hist(valid, bins=np.geomspace(1 / reach, reach, _BINS).tolist(), color=fill)
    axes.set_xscale("log")
    axes.axvline(1, color=muted(), linewidth=0.9)
    candidates = _RATIO_TICKS if reach > _WIDE_RATIO else _CLOSE_RATIO_TICKS
    ticks = [ratio for ratio in candidates if 1 / reach <= ratio <= reach]
    axes.set_xticks(ticks, [f"{ratio:.2g}" for ratio in ticks])
    axes.set_xticks([], minor=True)


def _figure(
    n_panels: int, size: tuple[float, float], widths: list[int] | None = None
) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, list(
        figure.subplots(
            1,
            n_panels,
            squeeze=False,
            width_ratios=widths,
        )[0]
    )


def _set_title(axes: Axes, frames: DatasetFrames, title: str) -> None:
    """Set the title, and below it, smaller, the dataset with its counts."""
    axes.set_title(title, pad=22)
    counts = (
        f"{len(frames.images):,} images, {len(frames.objects):,} objects "
        f"in {len(frames.classes):,} classes"
    )
    axes.annotate(
        f"{shortened(frames.ground_truth.name)}: {counts}",
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 6),
        textcoords="offset points",
        fontsize=8.5,
        color=muted(),
    )

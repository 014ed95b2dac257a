"""Plots: precision-recall curves as matplotlib figures."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.columns import Floats
from detbench.data.files import atomic_path
from detbench.errors import DetbenchError, DetbenchWarning
from detbench.metrics.evaluation import Evaluation
from detbench.metrics.protocol import Measure
from detbench.reports.style import colour, dashes, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLUMNS = 5
_LONGEST_NAME = 28
_LONGEST_STEM = 200
"""Bytes; file systems take 255, of which a hidden name and a number need some."""
_MOST_DOTS = 21


def interpolated(recall: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Return the interpolated curve (recall, precision): at each recall the best precision at this recall or a higher one.

    Starts at recall 0 and ends where the detector ends; the steps' corners are points of it.
    """
    if not len(recall):
        return np.zeros(0), np.zeros(0)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    rises = np.flatnonzero(np.diff(recall, prepend=0.0) > 0)
    if not len(rises):
        return np.zeros(1), envelope[:1]
    levels = envelope[rises]
    return np.concatenate([[0.0], np.repeat(recall[rises], 2)[:-1]]), np.repeat(levels, 2)


def plotted_iou(evaluation: Evaluation) -> float:
    """Return the IoU threshold whose curve is drawn: 0.5 where the protocol has it, else its lowest."""
    thresholds = evaluation.protocol.iou_thresholds
    return 0.5 if any(math.isclose(threshold, 0.5) for threshold in thresholds) else thresholds[0]


def precision_recall(evaluations: Sequence[Evaluation], class_name: str) -> Figure:
    """Draw one class: for each detector the measured curve (thin), the interpolated one (thick), sample points, and AP in the legend."""
    from matplotlib.figure import Figure

    with plot_style():
        figure = Figure(figsize=(6.4, 5.2), layout="constrained")
        axes = figure.add_subplot()
        _draw_curves(axes, evaluations, class_name, labelled=True)
        axes.set_title(_shortened(class_name))
        first = evaluations[0]
        objects = int(first.counts[first.ground_truth.class_names.index(class_name), 0, 0, 3])
        setting = f"{_shortened(first.ground_truth.name)} · IoU {plotted_iou(first):g} · {objects:,} objects"
        axes.set_title(setting, loc="right", fontsize=9, fontweight="normal", color="#555555")
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        sampled = first.protocol.interpolation == "sampled" and len(first.protocol.recall_grid) <= _MOST_DOTS
        dots = f" · dots: the {len(first.protocol.recall_grid)} recalls that AP averages" if sampled else ""
        title = f"thick: interpolated · thin: measured{dots}"
        below = {"loc": "upper left", "bbox_to_anchor": (0, -0.13), "borderaxespad": 0, "alignment": "left"}
        axes.legend(**below, fontsize=9, title=title, title_fontsize=8)
    return figure


def all_precision_recall(evaluations: Sequence[Evaluation]) -> Figure:
    """Draw every class that has ground truth as a small multiple, interpolated curves only, with one legend for all."""
    from matplotlib.figure import Figure

    names = scored_classes(evaluations)
    columns = min(_MOST_COLUMNS, max(len(names), 1))
    rows = max(math.ceil(len(names) / columns), 1)
    with plot_style():
        figure = Figure(figsize=(2.5 * columns + 0.6, 2.3 * rows + 0.9), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            _draw_curves(axes, evaluations, name, labelled=False)
            axes.set_title(_shortened(name), fontsize=10)
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        figure.supxlabel("recall", fontsize=10)
        figure.supylabel("precision", fontsize=10)
        if names:
            handles = grid.flat[0].get_lines()
            labels = [f"{_legend_name(e)}  {_headline(e)}" for e in evaluations]
            figure.legend(handles, labels, loc="outside upper left", ncols=min(len(labels), 3), fontsize=10)
    return figure


def scored_classes(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return the classes that have ground truth."""
    first = evaluations[0]
    return [name for name, count in zip(first.ground_truth.class_names, first.counts[:, 0, 0, 3], strict=True) if count]


def save_plots(evaluations: Sequence[Evaluation], folder: Path) -> list[Path]:
    """Write `all-classes.png` and `pr-CLASS.png` for every class with ground truth into a folder, replacing older ones of these names."""
    if not evaluations:
        raise DetbenchError("there is nothing to plot")
    paths = [folder / "all-classes.png"]
    _warn_of_characters([*scored_classes(evaluations), *(evaluation.detections.name for evaluation in evaluations)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        _save(all_precision_recall(evaluations), paths[0])
        for name, stem in _file_stems(scored_classes(evaluations)).items():
            paths.append(folder / f"pr-{stem}.png")
            _save(precision_recall(evaluations, name), paths[-1])
    return paths


def _warn_of_characters(names: Sequence[str]) -> None:
    """Say once, and not for every plot, which characters of the names the plots' font lacks."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    with plot_style():
        known = get_font(findfont(FontProperties())).get_charmap()
    missing = sorted({character for name in names for character in name if character.isprintable() and ord(character) not in known})
    if missing:
        shown = " ".join(missing[:10])
        warnings.warn(f"the plots' font has no {shown}; such characters are drawn as boxes", DetbenchWarning, stacklevel=3)


def _file_stems(names: Sequence[str]) -> dict[str, str]:
    """Return a file name for each class: what is unsafe in file names becomes a dash, repeats get a number."""
    stems: dict[str, str] = {}
    for name in names:
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-.").encode()[:_LONGEST_STEM].decode(errors="ignore") or "class"
        taken = {other.casefold() for other in stems.values()}
        number = 2
        unique = stem
        while unique.casefold() in taken:
            unique, number = f"{stem}-{number}", number + 1
        stems[name] = unique
    return stems


def _save(figure: Figure, path: Path) -> None:
    with plot_style(), atomic_path(path) as temporary:
        figure.savefig(temporary)


def _draw_curves(axes: Axes, evaluations: Sequence[Evaluation], class_name: str, *, labelled: bool) -> None:
    """Draw the interpolated curve of each detector, and with `labelled` the measured one and the sampled points as well."""
    for index, evaluation in enumerate(evaluations):
        iou = plotted_iou(evaluation)
        precision, recall, _ = evaluation.curve(class_name, iou)
        corners, levels = interpolated(recall, precision)
        label = f"{_legend_name(evaluation)}  {_class_label(evaluation, class_name, iou)}"
        axes.plot(corners, levels, color=colour(index), linestyle=dashes(index), linewidth=1.8, label=label, zorder=3)
        if labelled:
            axes.plot(recall, precision, color=colour(index), linewidth=0.7, alpha=0.45, zorder=2)
            grid = evaluation.protocol.recall_grid
            if 0 < len(grid) <= _MOST_DOTS:
                samples = _sampled(evaluation, class_name, iou)
                axes.plot(grid, samples, color=colour(index), linestyle="none", marker="o", markersize=3.5, zorder=4)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set_xticks(ticks, ["0", ".25", ".5", ".75", "1"])
    axes.set_yticks(ticks, ["0", ".25", ".5", ".75", "1"])


def _sampled(evaluation: Evaluation, class_name: str, iou: float) -> Floats:
    k = evaluation.ground_truth.class_names.index(class_name)
    t = int(np.argmin(np.abs(np.array(evaluation.protocol.iou_thresholds) - iou)))
    return evaluation.sampled_precision[k, 0, -1, t]  # type: ignore[no-any-return]


def _class_label(evaluation: Evaluation, class_name: str, iou: float) -> str:
    values = evaluation.class_values(Measure("AP", iou=iou, area=evaluation.protocol.area_ranges[0].name))
    value = values[evaluation.ground_truth.class_names.index(class_name)]
    name = "AP" if len(evaluation.protocol.iou_thresholds) == 1 else f"AP{iou * 100:.0f}"
    return f"{name} {value:.3f}"


def _headline(evaluation: Evaluation) -> str:
    name, value = next(iter(evaluation.summary.items()))
    return f"{name} –" if value is None else f"{name} {value:.3f}"


def _legend_name(evaluation: Evaluation) -> str:
    """Return the detector's name, so that matplotlib does not leave it out of a legend for beginning with an underscore."""
    name = _shortened(evaluation.detections.name)
    return f" {name}" if name.startswith("_") else name


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"

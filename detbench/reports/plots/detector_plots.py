"""Detector plots: all plots of scored detectors, as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.frames import Frames, frames
from detbench.reports.plots.accuracy import class_ap, iou_ap, size_ap
from detbench.reports.plots.figure_files import file_stems, save_figures
from detbench.reports.plots.latency import latency_figures
from detbench.reports.plots.precision_recall import (
    all_precision_recall,
    precision_recall,
    scored_classes,
)
from detbench.reports.plots.style import Theme
from detbench.reports.plots.thresholds import f1_by_class, threshold_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_plots(
    evaluations: Sequence[Evaluation],
    folder: Path,
    *,
    tables: Frames | None = None,
    theme: Theme = "light",
) -> list[Path]:
    """Write all plots of comparable detectors into a folder, replacing older ones.

    - `all-classes.png`, and `pr-CLASS.png` for every class with ground truth: precision by recall.
    - `class-ap.png`, `size-ap.png`, `iou-ap.png`: AP by class, object size and IoU threshold.
    - `scores.png`, `f1.png`: precision, recall and F1 by score threshold.
    - `speed-accuracy.png` with times, and `latency.png` with their raw samples.

    Args:
        evaluations: one or more.
        folder: where the files are written.
        tables: those of the runs of the evaluations, with times and intervals; None: computed.
        theme: of the figures.

    Raises:
        DetbenchError: there is no evaluation.
    """
    if not evaluations:
        raise DetbenchError("there is nothing to plot; pass at least one evaluation")
    classes = scored_classes(evaluations)
    tables = (tables or frames(evaluations)).require_one_group()
    figures: dict[str, Callable[[], Figure]] = {
        "all-classes": partial(all_precision_recall, evaluations, theme=theme)
    }
    for name, stem in file_stems(classes).items():
        figures[f"pr-{stem}"] = partial(
            precision_recall, evaluations, name, bands=tables.bands, theme=theme
        )
    if classes:
        plots: dict[str, Callable[..., Figure]] = {
            "class-ap": class_ap,
            "size-ap": size_ap,
            "iou-ap": iou_ap,
            "scores": threshold_curves,
            "f1": f1_by_class,
        }
        figures |= {stem: partial(plot, tables, theme=theme) for stem, plot in plots.items()}
        figures |= latency_figures(tables, theme=theme)
    names = [*classes, *(evaluation.detections.name for evaluation in evaluations)]
    return save_figures(figures, folder, theme=theme, names=names)

"""Explorer: the curves of every class as compact values, for the page's script that plots them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.columns import Ints
from detbench.reports.curves import plotted_iou
from detbench.reports.frames import MIN_POINTS, Frames

if TYPE_CHECKING:
    import pandas as pd

_MAX_POINTS, _MAX_POINTS_IN_ALL = 280, 170_000
_MAX_CURVES = 3_000
"""With more curves than this, only a few IoU thresholds are kept."""
_FEW_IOUS = (0.5, 0.75, 0.9)
_STEPS = 10_000
"""Recall and precision are whole multiples of 1 / this; half of it is .01 pixels of the plot."""


def explorer_data(frames: Frames) -> dict[str, Any]:
    """Return the curves of all classes, IoU thresholds and detectors of one group.

    - `curves[class][iou][detector]`: `r`, differences of recall, and `p`, precision, both in
      ten-thousandths; `s`, scores with five digits; `ap`, with all digits.
    - `bands[class][detector]`: `l` and `h`, the ends of the interval of the interpolated precision
      in ten-thousandths, at recalls in equal steps from 0 to 1, at the plotted IoU; or null.
    - `scores[class][detector]`: `s`, falling scores; `p`, `r` and `f`, precision, recall and F1 in
      ten-thousandths, at the plotted IoU.
    """
    first = frames.detectors[0]
    detectors = range(len(frames.detectors))
    classes = range(len(first.classes))
    curves_per_iou = len(classes) * len(detectors)
    ious = _kept_ious(first.by_iou.protocol.iou_thresholds, curves_per_iou)
    # The page stays small: with many curves, each has fewer points.
    n_curves = max(curves_per_iou * len(ious), 1)
    max_points = min(max(_MAX_POINTS_IN_ALL // n_curves, MIN_POINTS), _MAX_POINTS)
    curves = _by_position(frames, frames.curves_at(ious, max_points), ious)
    values = _by_position(frames, frames.class_ious, ious)
    scores = _by_position(frames, frames.thresholds, None)
    bands = _by_position(frames, frames.bands, None)
    return {
        "detectors": [scored.name for scored in frames.detectors],
        "classes": list(first.classes),
        "objects": first.evaluation.counts[:, 0, 0, 3].tolist(),
        "ious": [round(iou, 6) for iou in ious],
        "plotted": round(plotted_iou(first.evaluation), 6),
        "curves": [
            [
                [_curve(curves.get((d, k, t)), values.get((d, k, t))) for d in detectors]
                for t in range(len(ious))
            ]
            for k in classes
        ],
        "bands": [[_band(bands.get((d, k, 0))) for d in detectors] for k in classes],
        "scores": [[_score_curve(scores.get((d, k, 0))) for d in detectors] for k in classes],
    }


def _kept_ious(thresholds: Sequence[float], curves_per_iou: int) -> list[float]:
    """Return all IoU thresholds, or a few of them if there were too many curves for one page."""
    if len(thresholds) * curves_per_iou <= _MAX_CURVES:
        return [*thresholds]
    few = [
        iou
        for iou in thresholds
        if np.isclose(
            iou,
            _FEW_IOUS,
            rtol=0,
            atol=1e-9,
        ).any()
    ]
    return few or [thresholds[0]]


def _by_position(
    frames: Frames, table: pd.DataFrame, ious: Sequence[float] | None
) -> dict[tuple[int, int, int], pd.DataFrame]:
    """Split a table by detector, class and IoU threshold (0 without one), given by position."""
    if not len(table):
        return {}
    detectors = {scored.name: place for place, scored in enumerate(frames.detectors)}
    classes = {name: place for place, name in enumerate(frames.detectors[0].classes)}
    if ious is None:
        by_class: Any = table.groupby(["detector", "class"], sort=False)
        return {
            (detectors[name], classes[class_name], 0): rows for (name, class_name), rows in by_class
        }
    levels = {iou: place for place, iou in enumerate(ious)}
    by_iou: Any = table.groupby(["detector", "class", "iou"], sort=False)
    return {
        (detectors[name], classes[class_name], levels[iou]): rows
        for (name, class_name, iou), rows in by_iou
        if iou in levels
    }


def _curve(points: pd.DataFrame | None, value: pd.DataFrame | None) -> dict[str, Any]:
    ap = None
    if value is not None and not np.isnan(value["AP"].iloc[0]):
        ap = float(value["AP"].iloc[0])
    if points is None:
        return {"r": [], "p": [], "s": [], "ap": ap}
    return {
        "r": np.diff(_steps(points["recall"]), prepend=0).tolist(),
        "p": _steps(points["precision"]).tolist(),
        "s": _scores(points["score"]),
        "ap": ap,
    }


def _band(rows: pd.DataFrame | None) -> dict[str, Any] | None:
    if rows is None:
        return None
    return {"l": _steps(rows["low"]).tolist(), "h": _steps(rows["high"]).tolist()}


def _score_curve(points: pd.DataFrame | None) -> dict[str, Any]:
    if points is None:
        return {"s": [], "p": [], "r": [], "f": []}
    return {
        "s": _scores(points["score"]),
        "p": _steps(points["precision"]).tolist(),
        "r": _steps(points["recall"]).tolist(),
        "f": _steps(points["f1"]).tolist(),
    }


def _steps(values: pd.Series[float]) -> Ints:
    return np.round(values.to_numpy() * _STEPS).astype(np.int64)


def _scores(values: pd.Series[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values.to_numpy()]

"""Explorer: the curves of every class as compact values, for the script that draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.reports.curves import plotted_iou
from detbench.reports.frames import FEWEST_POINTS, Frames

if TYPE_CHECKING:
    import pandas as pd

_MOST_POINTS, _MOST_IN_ALL = 280, 170_000
_MOST_CURVES = 3_000
_FEW_IOUS = (0.5, 0.75, 0.9)
_STEPS = 10_000
"""Recall and precision are whole numbers of this part of 1: half of it is a hundredth of a pixel of the plot."""


def explorer_data(frames: Frames) -> dict[str, Any]:
    """Return the curves of all classes, IoU thresholds and detectors of one group.

    `curves[class][iou][detector]` holds `r`, recall as differences in ten-thousandths; `p`, precision in ten-thousandths; `s`, the scores
    to five digits; and `ap`, every digit of it. `bands[class][detector]` holds `l` and `h`, the ends of the interval of the interpolated
    precision at recalls in equal steps from 0 to 1, in ten-thousandths, at the plotted IoU; null where it is not known.
    `scores[class][detector]` holds `s`, `p`, `r` and `f` (F1) over falling score at the plotted IoU, ten-thousandths all but the scores.
    With very many classes only a few IoU thresholds are kept.
    """
    first = frames.detectors[0]
    ious = _kept_ious(
        first.by_iou.protocol.iou_thresholds, len(first.classes) * len(frames.detectors)
    )
    count = len(first.classes) * len(ious) * len(frames.detectors)
    points = min(max(_MOST_IN_ALL // max(count, 1), FEWEST_POINTS), _MOST_POINTS)
    curves = _by_place(frames, frames.curves_at(ious, points), ious)
    values = _by_place(frames, frames.class_ious, ious)
    scores = _by_place(frames, frames.thresholds, [None])
    bands = _by_place(frames, frames.bands, [None])
    places = range(len(frames.detectors))
    return {
        "detectors": [each.name for each in frames.detectors],
        "classes": list(first.classes),
        "objects": first.evaluation.counts[:, 0, 0, 3].tolist(),
        "ious": [round(iou, 6) for iou in ious],
        "plotted": round(plotted_iou(first.evaluation), 6),
        "curves": [
            [
                [_curve(curves.get((d, k, t)), values.get((d, k, t))) for d in places]
                for t in range(len(ious))
            ]
            for k in range(len(first.classes))
        ],
        "bands": [[_band(bands.get((d, k, 0))) for d in places] for k in range(len(first.classes))],
        "scores": [
            [_score_curve(scores.get((d, k, 0))) for d in places] for k in range(len(first.classes))
        ],
    }


def _kept_ious(thresholds: Sequence[float], classes: int) -> list[float]:
    """Return all IoU thresholds, or a few where there would be too many curves for one page."""
    if len(thresholds) * classes <= _MOST_CURVES:
        return [*thresholds]
    return [
        each for each in thresholds if np.isclose(each, _FEW_IOUS, rtol=0, atol=1e-9).any()
    ] or [thresholds[0]]


def _by_place(
    frames: Frames, table: pd.DataFrame, ious: Sequence[float | None]
) -> dict[tuple[int, int, int], pd.DataFrame]:
    """Cut a table into the rows of each detector, class and IoU threshold, by their places."""
    detectors = {each.name: place for place, each in enumerate(frames.detectors)}
    classes = {name: place for place, name in enumerate(frames.detectors[0].classes)}
    if not len(table):
        return {}
    keys = ["detector", "class"] if ious == [None] else ["detector", "class", "iou"]
    levels = {iou: place for place, iou in enumerate(ious)}
    groups: Any = table.groupby(keys, sort=False)
    return {
        (detectors[name], classes[class_name], levels[iou[0]] if iou else 0): rows
        for (name, class_name, *iou), rows in groups
        if not iou or iou[0] in levels
    }


def _curve(points: pd.DataFrame | None, value: pd.DataFrame | None) -> dict[str, Any]:
    ap = None if value is None or np.isnan(value["AP"].iloc[0]) else float(value["AP"].iloc[0])
    if points is None:
        return {"r": [], "p": [], "s": [], "ap": ap}
    return {
        "r": np.diff(_steps(points["recall"]), prepend=0).tolist(),
        "p": _steps(points["precision"]).tolist(),
        "s": _scores(points["score"]),
        "ap": ap,
    }


def _band(rows: pd.DataFrame | None) -> dict[str, Any] | None:
    return (
        None
        if rows is None
        else {"l": _steps(rows["low"]).tolist(), "h": _steps(rows["high"]).tolist()}
    )


def _score_curve(points: pd.DataFrame | None) -> dict[str, Any]:
    if points is None:
        return {"s": [], "p": [], "r": [], "f": []}
    columns = {
        short: _steps(points[name]).tolist()
        for short, name in (("p", "precision"), ("r", "recall"), ("f", "f1"))
    }
    return {"s": _scores(points["score"]), **columns}


def _steps(values: pd.Series[float]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.round(values.to_numpy() * _STEPS).astype(np.int64)


def _scores(values: pd.Series[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values.to_numpy()]

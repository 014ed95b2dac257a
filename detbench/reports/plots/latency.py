"""Latency plots: accuracy against time with the Pareto front, and how times are distributed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.errors import DetbenchError
from detbench.reports.frames import Frames
from detbench.reports.plots.figure_files import shortened
from detbench.reports.plots.log_axes import plain_ticks
from detbench.reports.plots.style import Theme, colour, marker, muted, paper, plot_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STAGES = {"infer": "the model alone", "end_to_end": "end to end, from the encoded image"}
PERCENTILES = (50, 90, 99)
_BINS = 90


def pareto_front(times: Floats, values: Floats) -> Flags:
    """Return which points (N,) no other beats: none is at least as fast and as accurate and better in one of the two. NaN never is."""
    known = ~(np.isnan(times) | np.isnan(values))
    quicker = times[None, :] <= times[:, None]
    better = values[None, :] >= values[:, None]
    strictly = (times[None, :] < times[:, None]) | (values[None, :] > values[:, None])
    beaten = (quicker & better & strictly & known[None, :]).any(axis=1)
    return known & ~beaten


def latency_figures(frames: Frames, *, theme: Theme = "light") -> dict[str, Callable[[], Figure]]:
    """Return what draws the plots that the known times allow, by file stem: none without times."""
    figures: dict[str, Callable[[], Figure]] = {}
    summary = frames.summary
    if summary[[f"{stage}_p50_ms" for stage in STAGES]].notna().to_numpy().any():
        figures["speed-accuracy"] = partial(speed_accuracy, frames, theme=theme)
    if samples := samples_by_name(frames):
        figures["latency"] = partial(latency_distributions, samples, theme=theme)
    return figures


def speed_accuracy(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Draw the headline measure against the median time for one image, with the Pareto front of valid times: model alone, and end to end.

    Bars are intervals, where the frames know them. A hollow mark is a time whose verdict is not `valid`.

    Raises:
        DetbenchError: no detector has a time.
    """
    from matplotlib.figure import Figure

    summary, measure = frames.require_one_group().summary, frames.groups["measure"].iloc[0]
    stages = [
        stage
        for stage in STAGES
        if (summary[f"{stage}_p50_ms"].notna() & summary[measure].notna()).any()
    ]
    if not stages:
        raise DetbenchError(
            "no detector has both a score and a time for one image; time them with `detbench latency`"
        )
    with plot_style(theme):
        figure = Figure(figsize=(5.8 * len(stages) + 0.6, 4.8), layout="constrained")
        for axes, stage in zip(
            figure.subplots(1, len(stages), sharey=True, squeeze=False)[0], stages, strict=True
        ):
            _draw_stage(axes, summary, stage, measure)
            axes.set_title(STAGES[stage], fontsize=10)
            axes.set_xlabel("ms for one image, p50 (log scale)")
        figure.axes[0].set_ylabel(measure)
        missing = summary.loc[
            summary["infer_p50_ms"].isna() & summary["end_to_end_p50_ms"].isna(), "detector"
        ]
        note = f" · without a time: {', '.join(map(shortened, missing))}" if len(missing) else ""
        figure.suptitle(
            f"line: Pareto front of valid times · bars: intervals{note}",
            x=0.01,
            ha="left",
            fontsize=9,
            color=muted(),
        )
    return figure


def _draw_stage(axes: Axes, summary: pd.DataFrame, stage: str, measure: str) -> None:
    times, values = (
        summary[f"{stage}_p50_ms"].to_numpy(np.float64),
        summary[measure].to_numpy(np.float64),
    )
    across = _reach(summary, f"{stage}_p50_ms", times)
    along = _reach(summary, measure, values)
    valid = np.flatnonzero(summary[f"{stage}_verdict"] == "valid")
    front = valid[pareto_front(times[valid], values[valid])]
    front = front[np.argsort(times[front])]
    axes.plot(
        times[front], values[front], drawstyle="steps-post", color=muted(), linewidth=1.2, zorder=1
    )
    drawn = np.flatnonzero(~np.isnan(times + values))
    names = summary["detector"].tolist()
    for place, index in enumerate(drawn[np.argsort(times[drawn], kind="stable")].tolist()):
        quotable = index in valid
        axes.errorbar(
            times[index], values[index], xerr=across[:, [index]], yerr=along[:, [index]], color=colour(index), marker=marker(index),
            markersize=9, markerfacecolor=colour(index) if quotable else paper(), markeredgecolor=colour(index), capsize=3, zorder=3,
        )  # fmt: skip
        text = f"{shortened(names[index])}\n{times[index]:.3g} ms, {values[index]:.3f}" + (
            "" if quotable else ", not valid"
        )
        beside: dict[str, Any] = {
            "va": "bottom" if place % 2 else "top",
            "ha": "right" if 0 < place == len(drawn) - 1 else "left",
        }
        shift = (-9 if beside["ha"] == "right" else 9, 5 if place % 2 else -5)
        axes.annotate(
            text,
            (times[index], values[index]),
            xytext=shift,
            textcoords="offset points",
            fontsize=8.5,
            **beside,
        )
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.2)
    plain_ticks(axes.xaxis)


def _reach(summary: pd.DataFrame, column: str, values: Floats) -> Floats:
    """Return how far intervals reach below and above values, as (2, N); 0 where no interval is known."""
    ends = [
        summary[f"{column}{end}"].to_numpy(np.float64) if f"{column}{end}" in summary else values
        for end in ("_low", "_high")
    ]
    return np.nan_to_num(np.maximum([values - ends[0], ends[1] - values], 0.0))


def samples_by_name(frames: Frames, *, batch: int = 1) -> dict[str, Floats]:
    """Return the raw samples in ms of the run folders' model-only and end-to-end times at a batch size, by detector and stage."""
    return {
        f"{scored.name} · {result.stage}": result.samples_ns / 1e6
        for scored in frames.detectors
        for result in (scored.run.latency if scored.run else ())
        if result.stage in STAGES and result.batch == batch and len(result.samples_ns)
    }


def latency_distributions(samples: Mapping[str, Floats], *, theme: Theme = "light") -> Figure:
    """Draw the distribution of each series of times on one log axis, with marks at p50, p90 and p99.

    Args:
        samples: the name of each series (detector, stage) → its raw samples in ms, warm-up left out (`samples_by_name`).
        theme: light or dark.

    Raises:
        DetbenchError: no series, or one without samples or with times that are not positive.
    """
    from matplotlib.figure import Figure

    series = {name: np.asarray(values, np.float64) for name, values in samples.items()}
    for name, values in series.items():
        if not len(values) or not (np.isfinite(values) & (values > 0)).all():
            raise DetbenchError(f"latency samples of {name!r} must be positive times, at least one")
    if not series:
        raise DetbenchError("there are no latency samples to draw")
    lowest, highest = (edge(list(map(edge, series.values()))) for edge in (np.min, np.max))
    edges = np.geomspace(lowest / 1.05, highest * 1.05, _BINS + 1)
    with plot_style(theme):
        figure = Figure(figsize=(7.6, 0.95 * len(series) + 1.6), layout="constrained")
        axes = figure.add_subplot()
        for row, values in enumerate(series.values()):
            _draw_ridge(axes, values, edges, len(series) - 1 - row, row)
        axes.set_xscale("log")
        axes.set_xlim(edges[0], edges[-1])
        plain_ticks(axes.xaxis)
        axes.set_yticks(
            range(len(series) - 1, -1, -1),
            [_described(name, values) for name, values in series.items()],
            fontsize=9,
        )
        axes.set_ylim(-0.25, len(series))
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("ms (log scale)")
        axes.set_title("marks: p50, p90 and p99", fontsize=9, fontweight="normal", color=muted())
    return figure


def _draw_ridge(axes: Axes, values: Floats, edges: Floats, base: int, index: int) -> None:
    """Draw a histogram that stands on a line of its own, and its percentiles."""
    counts = np.histogram(values, edges)[0]
    heights = base + 0.72 * counts / counts.max()
    axes.stairs(heights, edges, baseline=base, fill=True, color=colour(index), alpha=0.45)
    axes.stairs(heights, edges, baseline=base, color=colour(index), linewidth=1.2)
    for percentile, at in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True):
        axes.plot(
            [at, at],
            [base - 0.06, base + 0.8],
            color=colour(index),
            linewidth=1.6 if percentile == PERCENTILES[0] else 1,
        )


def _described(name: str, values: Floats) -> str:
    """Return a series' name, the number of its samples and its percentiles."""
    numbers = " · ".join(
        f"p{p} {at:.3g}"
        for p, at in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)
    )
    return f"{shortened(name)}\n{numbers} ms\n{len(values):,} samples"

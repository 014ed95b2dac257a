"""Latency plots: accuracy against time with the Pareto front, and distributions of times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.bench.latency.result import Verdict
from detbench.bench.latency.statistics.percentiles import percentile
from detbench.bench.latency.statistics.processes import geometric_mean
from detbench.data.columns import Flags, Floats
from detbench.errors import DetbenchError
from detbench.reports.frames import Frames
from detbench.reports.plots.figure_files import shortened
from detbench.reports.plots.style import (
    Theme,
    background,
    color,
    marker,
    muted,
    pale_color,
    plain_ticks,
    plot_style,
)
from detbench.wording import plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STAGES = {"infer": "the model alone", "end_to_end": "end to end, from the encoded image"}
PERCENTILES = (50, 90, 99)
_BINS = 90
_MARKS = {"quick look": "pale: quick look at one process", "invalid": "hollow: not valid"}
_NOTES = {"quick look": ", quick look", "invalid": ", not valid"}
_NS_PER_MS = 1e6


def pareto_front(times: Floats, values: Floats) -> Flags:
    """Return which points (N,) are not dominated.

    A point dominates another if it is at least as fast and as accurate, and better in one of the
    two. Points with NaN are never on the front.
    """
    is_known = ~(np.isnan(times) | np.isnan(values))
    # [row, column]: how the column's point compares with the row's.
    as_fast = times[None, :] <= times[:, None]
    as_accurate = values[None, :] >= values[:, None]
    better_in_one = (times[None, :] < times[:, None]) | (values[None, :] > values[:, None])
    is_dominated = (as_fast & as_accurate & better_in_one & is_known[None, :]).any(axis=1)
    return is_known & ~is_dominated


def latency_figures(frames: Frames, *, theme: Theme = "light") -> dict[str, Callable[[], Figure]]:
    """Return functions that draw the plots, by file stem; empty without times."""
    figures: dict[str, Callable[[], Figure]] = {}
    medians = frames.summary[[f"{stage}_p50_ms" for stage in STAGES]]
    if medians.notna().to_numpy().any():
        figures["speed-accuracy"] = partial(speed_accuracy, frames, theme=theme)
    if samples := samples_by_name(frames):
        figures["latency"] = partial(latency_distributions, samples, theme=theme)
    return figures


def speed_accuracy(frames: Frames, *, theme: Theme = "light") -> Figure:
    """Draw the headline measure against the median time per image, with the Pareto front.

    One plot is for the model alone, one for end to end. Bars are intervals, if there are any. A
    pale mark is a quick look at one process, whose interval does not cover how much processes
    differ. A hollow mark is a time that is not valid; only such times are never on the front.

    Raises:
        DetbenchError: No detector has both a score and a time.
    """
    from matplotlib.figure import Figure

    summary, measure = frames.require_one_group().summary, frames.groups["measure"].iloc[0]
    has_score = summary[measure].notna()
    stages = [stage for stage in STAGES if (summary[f"{stage}_p50_ms"].notna() & has_score).any()]
    if not stages:
        raise DetbenchError(
            "no detector has both a score and a time per image;"
            " time the detectors with `detbench latency`"
        )
    with plot_style(theme):
        figure = Figure(figsize=(5.8 * len(stages) + 0.6, 4.8), layout="constrained")
        plots = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
        for axes, stage in zip(plots, stages, strict=True):
            _draw_stage(axes, summary, stage, measure)
            axes.set_title(STAGES[stage], fontsize=10)
            axes.set_xlabel("ms per image, p50 (log scale)")
        figure.axes[0].set_ylabel(measure)
        key = _speed_accuracy_key(summary)
        figure.suptitle(key, x=0.01, ha="left", fontsize=9, color=muted())
    return figure


def _speed_accuracy_key(summary: pd.DataFrame) -> str:
    without_time = summary["infer_p50_ms"].isna() & summary["end_to_end_p50_ms"].isna()
    names = ", ".join(map(shortened, summary.loc[without_time, "detector"]))
    key = "line: Pareto front · bars: intervals"
    verdicts = {str(verdict) for stage in STAGES for verdict in summary[f"{stage}_verdict"]}
    for verdict, meaning in _MARKS.items():
        if verdict in verdicts:
            key += f" · {meaning}"
    return f"{key} · without a time: {names}" if names else key


def _draw_stage(axes: Axes, summary: pd.DataFrame, stage: str, measure: str) -> None:
    times = summary[f"{stage}_p50_ms"].to_numpy(np.float64)
    values = summary[measure].to_numpy(np.float64)
    verdicts = summary[f"{stage}_verdict"].to_numpy()
    is_usable = verdicts != "invalid"
    _draw_front(axes, times[is_usable], values[is_usable])
    time_reach = _reach(summary, f"{stage}_p50_ms", times)
    value_reach = _reach(summary, measure, values)
    drawable = np.flatnonzero(~np.isnan(times + values))
    left_to_right = drawable[np.argsort(times[drawable], kind="stable")].tolist()
    for place, index in enumerate(left_to_right):
        point = (times[index], values[index])
        reach = (time_reach[:, [index]], value_reach[:, [index]])
        _draw_point(axes, point, reach, index, verdicts[index])
        name = shortened(summary["detector"].iloc[index])
        text = f"{name}\n{times[index]:.3g} ms, {values[index]:.3f}"
        _annotate(
            axes,
            f"{text}{_NOTES.get(verdicts[index], '')}",
            point,
            above=place % 2 == 1,
            leftwards=0 < place == len(left_to_right) - 1,
        )
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.2)
    plain_ticks(axes.xaxis)


def _draw_point(
    axes: Axes,
    point: tuple[float, float],
    reach: tuple[Floats, Floats],
    index: int,
    verdict: Verdict,
) -> None:
    """Draw a detector's mark, filled by the verdict on its time, and its intervals."""
    shade = color(index)
    faces = {"valid": shade, "quick look": pale_color(index), "invalid": background()}
    axes.errorbar(
        *point,
        xerr=reach[0],
        yerr=reach[1],
        color=shade,
        marker=marker(index),
        markersize=9,
        markerfacecolor=faces[verdict],
        markeredgecolor=shade,
        capsize=3,
        zorder=3,
    )


def _draw_front(axes: Axes, times: Floats, values: Floats) -> None:
    front = np.flatnonzero(pareto_front(times, values))
    front = front[np.argsort(times[front])]
    look: dict[str, Any] = {"drawstyle": "steps-post", "linewidth": 1.2, "zorder": 1}
    axes.plot(times[front], values[front], color=muted(), **look)


def _annotate(
    axes: Axes, text: str, point: tuple[float, float], *, above: bool, leftwards: bool
) -> None:
    """Write beside a point, alternately above and below, so that neighbors do not overlap."""
    axes.annotate(
        text,
        point,
        xytext=(-9 if leftwards else 9, 5 if above else -5),
        textcoords="offset points",
        ha="right" if leftwards else "left",
        va="bottom" if above else "top",
        fontsize=8.5,
    )


def _reach(summary: pd.DataFrame, column: str, values: Floats) -> Floats:
    """Return how far intervals reach below and above values (2, N); 0 without an interval."""
    low, high = (
        summary[f"{column}{end}"].to_numpy(np.float64) if f"{column}{end}" in summary else values
        for end in ("_low", "_high")
    )
    return np.nan_to_num(np.maximum([values - low, high - values], 0.0))


def samples_by_name(frames: Frames, *, batch: int = 1) -> dict[str, list[Floats]]:
    """Return the samples in ms of each process, by detector and stage, at one batch size."""
    return {
        f"{scored.name} · {result.stage}": [
            one.samples_ns / _NS_PER_MS for one in result.processes if len(one.samples_ns)
        ]
        for scored in frames.detectors
        for result in (scored.run.latency if scored.run else ())
        if result.stage in STAGES and result.batch == batch and len(result.samples_ns)
    }


def latency_distributions(
    samples: Mapping[str, Sequence[Floats]], *, theme: Theme = "light"
) -> Figure:
    """Draw the distribution of each series of times on one log axis, with p50, p90 and p99.

    These are geometric means over processes. Ticks below show the p50 of each process, and thereby
    how much processes differ.

    Args:
        samples: By the name of each series (detector and stage): the samples in ms of each process,
            without warm-up (see `samples_by_name`).
        theme: Light or dark.

    Raises:
        DetbenchError: There is no series, or one without samples or with times that are not
            positive.
    """
    from matplotlib.figure import Figure

    series = {
        name: [np.asarray(values, np.float64) for values in processes]
        for name, processes in samples.items()
    }
    _check_series(series)
    lowest = min(values.min() for processes in series.values() for values in processes)
    highest = max(values.max() for processes in series.values() for values in processes)
    edges = np.geomspace(lowest / 1.05, highest * 1.05, _BINS + 1)
    rows = range(len(series) - 1, -1, -1)  # the first series at the top
    with plot_style(theme):
        figure = Figure(figsize=(7.6, 0.95 * len(series) + 1.6), layout="constrained")
        axes = figure.add_subplot()
        for index, (row, processes) in enumerate(zip(rows, series.values(), strict=True)):
            _draw_ridge(axes, processes, edges, row, index)
        axes.set_xscale("log")
        axes.set_xlim(edges[0], edges[-1])
        plain_ticks(axes.xaxis)
        labels = [_label(name, processes) for name, processes in series.items()]
        axes.set_yticks(rows, labels, fontsize=9)
        axes.set_ylim(-0.35, len(series))
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("ms (log scale)")
        key = "lines: p50, p90 and p99 · ticks below: p50 of each process"
        axes.set_title(key, fontsize=9, fontweight="normal", color=muted())
    return figure


def _check_series(series: Mapping[str, Sequence[Floats]]) -> None:
    if not series:
        raise DetbenchError("there are no latency samples to draw")
    for name, processes in series.items():
        are_times = [
            len(values) > 0 and bool((np.isfinite(values) & (values > 0)).all())
            for values in processes
        ]
        if not are_times or not all(are_times):
            raise DetbenchError(
                f"latency samples of {name!r} must be positive times, at least one per process"
            )


def _draw_ridge(
    axes: Axes, processes: Sequence[Floats], edges: Floats, base: int, index: int
) -> None:
    """Draw a histogram on its own base line, its percentiles, and ticks for the processes."""
    counts = np.histogram(np.concatenate(processes), edges)[0]
    heights = base + 0.72 * counts / counts.max()
    axes.stairs(heights, edges, baseline=base, fill=True, color=color(index), alpha=0.45)
    axes.stairs(heights, edges, baseline=base, color=color(index), linewidth=1.2)
    for q, time in zip(PERCENTILES, _percentiles(processes), strict=True):
        width = 1.6 if q == PERCENTILES[0] else 1
        axes.plot([time, time], [base - 0.03, base + 0.8], color=color(index), linewidth=width)
    medians = [float(np.median(values)) for values in processes]
    axes.vlines(medians, base - 0.24, base - 0.08, color=color(index), linewidth=1.2)


def _percentiles(processes: Sequence[Floats]) -> list[float]:
    """Return the mean over processes of each of `PERCENTILES`, as `LatencyResult` does."""
    return [geometric_mean([percentile(values, q) for values in processes]) for q in PERCENTILES]


def _label(name: str, processes: Sequence[Floats]) -> str:
    """Return a series' name, its percentiles and the numbers of samples and processes."""
    times = zip(PERCENTILES, _percentiles(processes), strict=True)
    percentiles = " · ".join(f"p{q} {time:.3g}" for q, time in times)
    count = sum(map(len, processes))
    counts = f"{plural(count, 'sample')}, {plural(len(processes), 'process')}"
    return f"{shortened(name)}\n{percentiles} ms\n{counts}"

"""History plot: a measure over commits, with intervals and what the gate said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DetbenchError
from detbench.reports.plots.figure_files import legend_name
from detbench.reports.plots.style import Theme, colour, dashes, marker, muted, paper, plot_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 24
_COMMIT = 9
_BAND = 0.18


def trend(frame: pd.DataFrame, measure: str, *, theme: Theme = "light") -> Figure:
    """Draw a measure over commits, a line for each detector.

    Bands are 95 % intervals, of each value alone: whether two commits differ is for the gate to say, which compares them in pairs. A cross
    marks a run that failed, a hollow mark one that the gate did not pass or was not asked about.

    Raises:
        DetbenchError: no run has the measure.
    """
    from matplotlib.figure import Figure

    rows = frame[frame["measure"] == measure]
    if rows.empty:
        known = ", ".join(sorted(frame["measure"].unique())) or "none"
        raise DetbenchError(
            f"no run of the history has {measure!r}; the measures there are {known}"
        )
    commits = frame.drop_duplicates("number").set_index("number")["commit"]
    with plot_style(theme):
        figure = Figure(
            figsize=(max(6.4, min(0.34 * len(commits) + 2.5, 16)), 4.6), layout="constrained"
        )
        axes = figure.subplots()
        for index, (name, runs) in enumerate(rows.groupby("name", sort=True)):
            _draw(axes, runs.sort_values(["number", "date"]), str(name), index)
        _label(axes, commits)
        axes.set_title(measure)
        figure.legend(loc="outside lower center", ncols=3)
        figure.text(
            0.995,
            0.995,
            "bands: 95 % intervals · × failed · hollow: not passed",
            ha="right",
            va="top",
            fontsize=8,
            color=muted(),
        )
    return figure


def _draw(axes: Axes, runs: pd.DataFrame, name: str, index: int) -> None:
    number, value = runs["number"].to_numpy(), runs["value"].to_numpy()
    low, high = (runs[end].to_numpy(dtype=np.float64) for end in ("low", "high"))
    shade = colour(index)
    axes.fill_between(number, low, high, color=shade, alpha=_BAND, linewidth=0)
    axes.plot(
        number, value, color=shade, linestyle=dashes(index), label=legend_name(name), zorder=3
    )
    axes.errorbar(
        number,
        value,
        [value - low, high - value],
        fmt="none",
        ecolor=shade,
        elinewidth=1,
        capsize=2,
        zorder=3,
    )
    for verdict, look in (("passed", shade), ("failed", paper()), ("", paper())):
        chosen = (
            runs["verdict"].eq(verdict) if verdict else ~runs["verdict"].isin(["passed", "failed"])
        )
        sign = "X" if verdict == "failed" else marker(index)
        size = 80 if verdict == "failed" else 36
        axes.scatter(
            number[chosen],
            value[chosen],
            s=size,
            marker=sign,
            facecolor=shade if verdict == "failed" else look,
            edgecolor=shade,
            zorder=4,
        )


def _label(axes: Axes, commits: pd.Series) -> None:
    shown = commits.index[:: max(1, -(-len(commits) // _MOST_LABELS))]
    names = [
        str(commits[number])[:_COMMIT] if isinstance(commits[number], str) else "–"
        for number in shown
    ]
    axes.set_xticks(list(shown), names, rotation=45, ha="right", fontsize=8, family="monospace")
    axes.set_xlabel("commit, oldest first")
    axes.margins(x=0.03)

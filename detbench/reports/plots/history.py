"""History plot: a measure across commits, with intervals and the gate's verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DetbenchError
from detbench.reports.plots.figure_files import legend_name
from detbench.reports.plots.style import Theme, background, color, dashes, marker, muted, plot_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_LABELS = 24
_COMMIT_LENGTH = 9
_BAND_ALPHA = 0.18
_MIN_WIDTH, _MAX_WIDTH, _WIDTH_PER_COMMIT, _MARGINS, _HEIGHT = 6.4, 16, 0.34, 2.5, 4.6
"""In inches."""


def trend(frame: pd.DataFrame, measure: str, *, theme: Theme = "light") -> Figure:
    """Draw a measure across commits, one line per detector.

    Bands are the 95% intervals of each value on its own. Whether two commits differ is decided by
    the gate, which compares them in pairs. A cross marks a run that failed. A hollow mark is a run
    that is inconclusive or was not gated.

    Args:
        frame: As `history_frame` returns.
        measure: One of its measures.
        theme: Light or dark.

    Raises:
        DetbenchError: No run has the measure.
    """
    from matplotlib.figure import Figure

    rows = frame[frame["measure"] == measure]
    if rows.empty:
        measures = ", ".join(sorted(frame["measure"].unique())) or "none"
        raise DetbenchError(f"no run in the history has {measure!r}; the measures are {measures}")
    commits = frame.drop_duplicates("number").set_index("number")["commit"]
    width = max(_MIN_WIDTH, min(_WIDTH_PER_COMMIT * len(commits) + _MARGINS, _MAX_WIDTH))
    with plot_style(theme):
        figure = Figure(figsize=(width, _HEIGHT), layout="constrained")
        axes = figure.subplots()
        for index, (name, runs) in enumerate(rows.groupby("name", sort=True)):
            _draw_detector(axes, runs.sort_values(["number", "date"]), str(name), index)
        _label_commits(axes, commits)
        axes.set_title(measure)
        figure.legend(loc="outside lower center", ncols=3)
        _add_key(figure)
    return figure


def _add_key(figure: Figure) -> None:
    text = "bands: 95% intervals · × failed · hollow: not passed"
    figure.text(0.995, 0.995, text, ha="right", va="top", fontsize=8, color=muted())


def _draw_detector(axes: Axes, runs: pd.DataFrame, name: str, index: int) -> None:
    number, value = runs["number"].to_numpy(), runs["value"].to_numpy()
    low, high = (runs[end].to_numpy(dtype=np.float64) for end in ("low", "high"))
    shade = color(index)
    axes.fill_between(number, low, high, color=shade, alpha=_BAND_ALPHA, linewidth=0)
    label = legend_name(name)
    axes.plot(number, value, color=shade, linestyle=dashes(index), label=label, zorder=3)
    reach = [value - low, high - value]
    bars = {"fmt": "none", "ecolor": shade, "elinewidth": 1, "capsize": 2, "zorder": 3}
    axes.errorbar(number, value, reach, **bars)  # type: ignore[arg-type]
    passed, failed = (runs["verdict"].eq(verdict).to_numpy() for verdict in ("passed", "failed"))
    for chosen, sign, size, fill in (
        (passed, marker(index), 36, shade),
        (failed, "X", 80, shade),
        (~passed & ~failed, marker(index), 36, background()),
    ):
        look = {"s": size, "marker": sign, "facecolor": fill, "edgecolor": shade, "zorder": 4}
        axes.scatter(number[chosen], value[chosen], **look)  # type: ignore[arg-type]


def _label_commits(axes: Axes, commits: pd.Series) -> None:
    step = max(1, -(-len(commits) // _MAX_LABELS))
    numbers = commits.index[::step]
    names = [
        str(commits[number])[:_COMMIT_LENGTH] if isinstance(commits[number], str) else "–"
        for number in numbers
    ]
    axes.set_xticks(list(numbers), names, rotation=45, ha="right", fontsize=8, family="monospace")
    axes.set_xlabel("commit, oldest first")
    axes.margins(x=0.03)

"""Writers: tables as CSV, Markdown, LaTeX and HTML, with a heading for each data and protocol."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd

    from detbench.reports.frames import Frames

TABLES = (
    "groups",
    "summary",
    "pairs",
    "classes",
    "class_pairs",
    "curves",
    "bands",
    "thresholds",
    "overall",
    "sizes",
    "ious",
    "class_ious",
    "latency",
)
"""The tables of `Frames`; `save_csv` writes each to a file of its name."""
INTERVAL_HEADING = "95% CI"
_ABSENT = "–"
_DIGITS = 4


def save_csv(frames: Frames, folder: Path) -> list[Path]:
    """Write every table that has rows as TABLE.csv, with all digits.

    A table holds the rows of all groups; its column `group` says to which one a row belongs.
    """
    paths = []
    for name in TABLES:
        table: pd.DataFrame = getattr(frames, name)
        if len(table):
            paths.append(folder / f"{name}.csv")
            with atomic_path(paths[-1]) as temporary:
                table.to_csv(temporary, index=False, lineterminator="\n")
    return paths


def overview(frames: Frames) -> pd.DataFrame:
    """Return the summary of one group for people, detectors down.

    Columns are the measures, the interval of the headline measure if known, the number of
    detections, and median times if known.
    """
    measures = list(frames.require_one_group().detectors[0].evaluation.summary)
    times = [
        name for name in ("infer_p50_ms", "end_to_end_p50_ms") if frames.summary[name].notna().any()
    ]
    table = frames.summary[["detector", *measures, "detections", *times]]
    low, high = (frames.summary.get(f"{measures[0]}_{end}") for end in ("low", "high"))
    if low is not None and high is not None:
        intervals = [
            _ABSENT if np.isnan(a) else f"{a:.3f}–{b:.3f}" for a, b in zip(low, high, strict=True)
        ]
        table.insert(2, INTERVAL_HEADING, intervals)
    return table


def pair_overview(frames: Frames) -> pd.DataFrame:
    """Return the differences between the detectors of one group in points, for people.

    Empty without intervals.
    """
    pairs = frames.require_one_group().pairs
    names = zip(pairs["better"], pairs["worse"], strict=True)
    intervals = zip(pairs["difference_low"], pairs["difference_high"], strict=True)
    significant = pairs["significant"].to_numpy(bool)
    columns = {
        "difference": [f"{better} − {worse}" for better, worse in names],
        "points": [_points(value) for value in pairs["difference"]],
        INTERVAL_HEADING: [f"{_points(low)} to {_points(high)}" for low, high in intervals],
        "p": pairs["p"].to_numpy(np.float64).round(3),
        "verdict": np.where(significant, "significant", "not significant"),
    }
    return type(pairs)(columns)


def class_overview(frames: Frames) -> pd.DataFrame:
    """Return AP of one group for people, classes down and detectors across."""
    table = frames.require_one_group().classes
    of_detector = {
        scored.name: table[table["detector"] == scored.name] for scored in frames.detectors
    }
    first = of_detector[frames.detectors[0].name]
    result = first[["class", "ground_truths"]].reset_index(drop=True)
    for name, rows in of_detector.items():
        result.insert(len(result.columns), name, rows["AP"].to_numpy(), allow_duplicates=True)
    return result


def markdown(frames: Frames) -> str:
    """Return summary, differences and classes as Markdown tables."""
    parts = []
    for group in frames.split():
        heading, measure = group.groups[["heading", "measure"]].iloc[0]
        parts += [f"## {_in_markdown(heading)}", _markdown_table(overview(group))]
        if len(group.pairs):
            parts += [f"Differences in {measure}", _markdown_table(pair_overview(group))]
        parts += ["AP by class", _markdown_table(class_overview(group))]
    return "\n\n".join(parts) + "\n"


def latex(frames: Frames) -> str:
    """Return summary, differences and classes as LaTeX tables, for the package booktabs."""
    parts = []
    for group in frames.split():
        heading, measure = group.groups[["heading", "measure"]].iloc[0]
        tables = (
            (overview(group), heading),
            (pair_overview(group), f"Differences in {measure}. {heading}"),
            (class_overview(group), f"AP by class. {heading}"),
        )
        parts += [_latex_table(table, caption) for table, caption in tables if len(table)]
    return "\n".join(parts)


def html(frames: Frames) -> str:
    """Return the summaries as HTML, with all text escaped."""
    parts = []
    for group in frames.split():
        heading = escape(group.groups["heading"].iloc[0])
        table = _as_text(overview(group)).to_html(index=False)
        parts.append(f"<h4>{heading}</h4>{table}")
    return "".join(parts)


def _markdown_table(table: pd.DataFrame) -> str:
    texts = _as_text(table)
    header, *rows = [
        [_in_markdown(str(cell)) for cell in row]
        for row in (list(texts.columns), *texts.to_numpy().tolist())
    ]
    alignment = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, alignment, *rows))


def _in_markdown(text: str) -> str:
    """Return text as Markdown shows it: markup is escaped, line breaks become spaces."""
    flat = " ".join(text.split("\n"))
    return "".join(
        "\\" + character if character in "\\`*_{}[]<>#|&$~" else character for character in flat
    )


def _latex_table(table: pd.DataFrame, caption: str) -> str:
    return _as_text(table).to_latex(
        index=False,
        escape=True,
        caption=_in_latex(caption),
        column_format="l" + "r" * (table.shape[1] - 1),
    )


def _in_latex(text: str) -> str:
    words = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(
        words.get(character, "\\" + character if character in "&%$#_{}" else character)
        for character in text
    )


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of texts: four decimals, separators of thousands, a dash if absent."""
    import pandas as pd

    columns = [[_cell(value) for value in table.iloc[:, place]] for place in range(table.shape[1])]
    return pd.DataFrame(list(zip(*columns, strict=True)), columns=table.columns)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return _ABSENT if np.isnan(value) else f"{value:.{_DIGITS}f}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)


def _points(value: float) -> str:
    """Return a difference of scores in points, hundredths of the measure."""
    return f"{value * 100:+.2f}"

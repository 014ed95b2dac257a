"""Writers: tables as CSV, Markdown and LaTeX, with a heading for each data and protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.reports.csv_tables import write_csv
from detbench.reports.frames import Frames
from detbench.reports.text_tables import INTERVAL_HEADING, as_text, overview
from detbench.wording import one_line

if TYPE_CHECKING:
    import pandas as pd

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


def save_csv(frames: Frames, folder: Path) -> list[Path]:
    """Write every table that has rows as TABLE.csv, with all digits.

    A table holds the rows of all groups; its column `group` says to which one a row belongs.
    """
    paths = []
    for name in TABLES:
        table: pd.DataFrame = getattr(frames, name)
        if len(table):
            paths.append(folder / f"{name}.csv")
            write_csv(table, paths[-1])
    return paths


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
        summary = overview(group.summary, group.measures)
        parts += [f"## {_in_markdown(heading)}", _markdown_table(summary)]
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
            (overview(group.summary, group.measures), heading),
            (pair_overview(group), f"Differences in {measure}. {heading}"),
            (class_overview(group), f"AP by class. {heading}"),
        )
        parts += [_latex_table(table, caption) for table, caption in tables if len(table)]
    return "\n".join(parts)


def _markdown_table(table: pd.DataFrame) -> str:
    texts = as_text(table)
    header, *rows = [
        [_in_markdown(str(cell)) for cell in row]
        for row in (list(texts.columns), *texts.to_numpy().tolist())
    ]
    alignment = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, alignment, *rows))


def _in_markdown(text: str) -> str:
    """Return text as Markdown shows it: markup is escaped, line breaks become spaces."""
    return "".join(
        "\\" + character if character in "\\`*_{}[]<>#|&$~" else character
        for character in one_line(text)
    )


def _latex_table(table: pd.DataFrame, caption: str) -> str:
    return as_text(table).to_latex(
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


def _points(value: float) -> str:
    """Return a difference of scores in points, hundredths of the measure."""
    return f"{value * 100:+.2f}"

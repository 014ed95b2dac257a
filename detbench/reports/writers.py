"""Writers: tables as CSV, Markdown, LaTeX and HTML, under a heading for each data and protocol."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.files import atomic_path
from detbench.reports.frames import Frames

if TYPE_CHECKING:
    import pandas as pd

_DIGITS = 4
TABLES = (
    "groups", "summary", "pairs", "classes", "class_pairs", "curves", "bands", "thresholds", "overall", "sizes", "ious", "class_ious",
    "latency",
)  # fmt: skip
"""The tables of `Frames`, each of which becomes a file in `save_csv`."""


def save_csv(frames: Frames, folder: Path) -> list[Path]:
    """Write every table that has rows as TABLE.csv, all digits kept; numbers of different groups are told apart by `group`."""
    paths = []
    for name in TABLES:
        frame: pd.DataFrame = getattr(frames, name)
        if len(frame):
            paths.append(folder / f"{name}.csv")
            with atomic_path(paths[-1]) as temporary:
                frame.to_csv(temporary, index=False, lineterminator="\n")
    return paths


def overview(frames: Frames) -> pd.DataFrame:
    """Return the summary of one group as people read it: detectors down, measures, detections and, where known, times across.

    Beside the headline measure stands its interval, where it is known.
    """
    measures = list(frames.require_one_group().detectors[0].evaluation.summary)
    times = [
        name for name in ("infer_p50_ms", "end_to_end_p50_ms") if frames.summary[name].notna().any()
    ]
    table = frames.summary[["detector", *measures, "detections", *times]]
    low, high = (frames.summary.get(f"{measures[0]}_{end}") for end in ("low", "high"))
    if low is not None and high is not None:
        table.insert(
            2,
            "95 %",
            ["–" if np.isnan(a) else f"{a:.3f}–{b:.3f}" for a, b in zip(low, high, strict=True)],
        )
    return table


def pair_overview(frames: Frames) -> pd.DataFrame:
    """Return the differences between the detectors of one group in points; empty where the images were not asked."""
    rows = frames.require_one_group().pairs
    columns = {
        "difference": [
            f"{better} − {worse}"
            for better, worse in zip(rows["better"], rows["worse"], strict=True)
        ],
        "points": [f"{value * 100:+.2f}" for value in rows["difference"]],
        "95 %": [
            f"{a * 100:+.2f} to {b * 100:+.2f}"
            for a, b in zip(rows["difference_low"], rows["difference_high"], strict=True)
        ],
        "p": rows["p"].to_numpy(np.float64).round(3),
        "verdict": np.where(
            rows["told_apart"].to_numpy(bool), "more than chance", "cannot be told"
        ),
    }
    return type(rows)(columns)


def class_overview(frames: Frames) -> pd.DataFrame:
    """Return AP of one group, classes down and detectors across, in their order."""
    table = frames.require_one_group().classes
    first = table[table["detector"] == frames.detectors[0].name]
    values = {
        scored.name: table.loc[table["detector"] == scored.name, "AP"].to_numpy()
        for scored in frames.detectors
    }
    result = first[["class", "ground_truths"]].reset_index(drop=True)
    for name, column in values.items():
        result.insert(len(result.columns), name, column, allow_duplicates=True)
    return result


def markdown(frames: Frames) -> str:
    """Return summary, differences and classes as Markdown tables, a heading for each data and protocol."""
    parts = []
    for group in frames.split():
        parts += [
            f"## {_in_markdown(group.groups['heading'].iloc[0])}",
            _markdown_table(overview(group)),
        ]
        if len(group.pairs):
            parts += [
                f"Differences in {group.groups['measure'].iloc[0]}",
                _markdown_table(pair_overview(group)),
            ]
        parts += ["AP by class", _markdown_table(class_overview(group))]
    return "\n\n".join(parts) + "\n"


def latex(frames: Frames) -> str:
    """Return summary, differences and classes as LaTeX tables (booktabs), a caption for each data and protocol."""
    parts = []
    for group in frames.split():
        heading = group.groups["heading"].iloc[0]
        tables = [
            (overview(group), heading),
            (pair_overview(group), f"Differences in {group.groups['measure'].iloc[0]}. {heading}"),
        ]
        for table, caption in (*tables, (class_overview(group), f"AP by class. {heading}")):
            if not len(table):
                continue
            columns = "l" + "r" * (table.shape[1] - 1)
            parts.append(
                _written(table).to_latex(
                    index=False, escape=True, caption=_in_latex(caption), column_format=columns
                )
            )
    return "\n".join(parts)


def html(frames: Frames) -> str:
    """Return the summaries as HTML, everything escaped."""
    return "".join(
        f"<h4>{escape(group.groups['heading'].iloc[0])}</h4>{_written(overview(group)).to_html(index=False)}"
        for group in frames.split()
    )


def _markdown_table(frame: pd.DataFrame) -> str:
    written = _written(frame)
    rows = [
        [_in_markdown(str(cell)) for cell in row]
        for row in (list(written.columns), *written.to_numpy().tolist())
    ]
    marks = ["---" if place == 0 else "---:" for place in range(len(written.columns))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], marks, *rows[1:]))


def _in_markdown(text: str) -> str:
    """Return text as Markdown shows it: what would be markup is escaped, a line break becomes a space."""
    flat = " ".join(text.split("\n"))
    return "".join(
        "\\" + character if character in "\\`*_{}[]<>#|&$~" else character for character in flat
    )


def _in_latex(text: str) -> str:
    words = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(
        words.get(character, "\\" + character if character in "&%$#_{}" else character)
        for character in text
    )


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of texts: scores with four digits, counts with thousands grouped, absent values as a dash."""
    import pandas as pd

    cells = [[_cell(value) for value in frame.iloc[:, place]] for place in range(frame.shape[1])]
    return pd.DataFrame(list(zip(*cells, strict=True)), columns=frame.columns)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.{_DIGITS}f}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)

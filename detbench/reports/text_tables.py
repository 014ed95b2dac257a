"""Text tables: pandas tables as people read them, and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

INTERVAL_HEADING = "95% CI"
ABSENT = "–"
_DIGITS = 4
_TIMES = ("infer_p50_ms", "end_to_end_p50_ms")


def overview(summary: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Return the summary of one group for people, detectors down.

    Columns are the measures, the interval of the headline measure if known, the number of
    detections, and median times if known.

    Args:
        summary: the table `Frames.summary` of one group.
        measures: those of its protocol, the headline measure first.
    """
    times = [name for name in _TIMES if summary[name].notna().any()]
    table = summary[["detector", *measures, "detections", *times]]
    low = summary.get(f"{measures[0]}_low")
    high = summary.get(f"{measures[0]}_high")
    if low is not None and high is not None:
        intervals = [
            ABSENT if np.isnan(a) else f"{a:.3f}–{b:.3f}" for a, b in zip(low, high, strict=True)
        ]
        table.insert(2, INTERVAL_HEADING, intervals)
    return table


def html_table(table: pd.DataFrame, heading: str) -> str:
    """Return a table under its heading as HTML, with all text escaped."""
    return f"<h4>{escape(heading)}</h4>{as_text(table).to_html(index=False)}"


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of texts: four decimals, separators of thousands, a dash if absent."""
    import pandas as pd

    columns = [[_cell(value) for value in table.iloc[:, place]] for place in range(table.shape[1])]
    return pd.DataFrame(list(zip(*columns, strict=True)), columns=table.columns)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return ABSENT if np.isnan(value) else f"{value:.{_DIGITS}f}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)

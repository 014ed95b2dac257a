"""Tables: the look that all tables of the terminal share, and numbers as their cells show them."""

from __future__ import annotations

import math

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

ABSENT = "–"
"""What a cell shows for a value that does not exist."""


def plain_table(*headings: str, text_columns: int = 1) -> Table:
    """Return an empty table with these headings.

    The first `text_columns` columns are aligned left, the others right, as numbers are. Cells that
    are too wide are folded, never cut. Without headings, the caller adds the columns.
    """
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for place, heading in enumerate(headings):
        justify = "left" if place < text_columns else "right"
        table.add_column(Text(heading), justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table


def number_text(value: float | None, digits: int) -> str:
    """Return a number with this many decimals, whole numbers with separators of thousands."""
    if value is None or math.isnan(value):
        return ABSENT
    return f"{value:,}" if isinstance(value, int | np.integer) else f"{value:.{digits}f}"

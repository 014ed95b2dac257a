"""Tables: the look that all tables of the terminal share, and numbers as their cells show them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from detbench.wording import UNPRINTABLE, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

ABSENT = "–"
"""What a cell shows for a value that does not exist."""


class PlainTable(Table):
    """A table that shows its texts as they are: no markup, nothing that controls a terminal."""

    def add_column(self, header: RenderableType = "", *args: Any, **options: Any) -> None:
        """Add a column."""
        super().add_column(_as_it_is(header), *args, **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row."""
        super().add_row(*map(_as_it_is, cells), **options)


def _as_it_is(cell: Any) -> Any:
    if isinstance(cell, str):
        return Text(printable(cell))
    if isinstance(cell, Text) and UNPRINTABLE.search(cell.plain):
        return Text(printable(cell.plain), cell.style)
    return cell


def plain_table(*headings: str, text_columns: int = 1) -> PlainTable:
    """Return an empty table with these headings.

    The first `text_columns` columns are aligned left, the others right, as numbers are. Cells that
    are too wide are folded, never cut. Without headings, the caller adds the columns.
    """
    table = PlainTable(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for place, heading in enumerate(headings):
        justify = "left" if place < text_columns else "right"
        table.add_column(heading, justify=justify, overflow="fold")
    return table


def number_text(value: float | None, digits: int) -> str:
    """Return a number with this many decimals, whole numbers with separators of thousands."""
    if value is None or math.isnan(value):
        return ABSENT
    return f"{value:,}" if isinstance(value, int | np.integer) else f"{value:.{digits}f}"

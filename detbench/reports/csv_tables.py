"""CSV tables: exact numbers, and texts of users that break no row and run in no spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.files import atomic_path
from detbench.wording import printable

if TYPE_CHECKING:
    import pandas as pd

_FORMULA_STARTS = ("=", "+", "-", "@", "\t")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with all digits.

    A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV
    injection"), and control characters become U+FFFD. Line feeds stay, quoted.
    """
    texts = table.select_dtypes(exclude="number").columns
    cells = table.assign(**{name: table[name].map(_cell) for name in texts})
    with atomic_path(path) as temporary:
        cells.rename(columns=_cell).to_csv(temporary, index=False, lineterminator="\n")


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text

"""History table: results of runs across commits, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from detbench.bench.history.entry import Entry, Value
from detbench.reports.terminal.table import ABSENT, plain_table
from detbench.wording import one_line

_COMMIT_LENGTH = 9
_DATE_LENGTH = len("2026-11-21 10:00")
_STYLES = {"passed": "green", "failed": "bold red", "inconclusive": "yellow"}


def history_table(entries: Sequence[Entry], measures: Sequence[str]) -> Table:
    """Return a row per run, oldest first, and a column per measure with its interval."""
    table = plain_table()
    for heading in ("date (UTC)", "commit", "branch", "detector", *measures, "verdict"):
        justify = "right" if heading in measures else "left"
        table.add_column(heading, justify=justify, overflow="fold")
    for entry in entries:
        cells = (
            entry.date[:_DATE_LENGTH].replace("T", " "),
            (entry.commit or ABSENT)[:_COMMIT_LENGTH],
            entry.branch or ABSENT,
            entry.name,
            *(value_text(entry.measures.get(measure)) for measure in measures),
        )
        verdict = Text(entry.verdict or ABSENT, _STYLES.get(entry.verdict or "", "dim"))
        table.add_row(*(Text(one_line(cell)) for cell in cells), verdict)
    return table


def value_text(value: Value | None) -> str:
    """Return a value with its interval."""
    if value is None:
        return ABSENT
    if value.low is None or value.high is None:
        return f"{value.value:.4g}"
    return f"{value.value:.4g} ({value.low:.4g} to {value.high:.4g})"

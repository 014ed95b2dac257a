"""History table: what runs came to over commits, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from detbench.bench.history import Entry, Value
from detbench.reports.one_line import one_line
from detbench.reports.terminal.table import ABSENT, plain_table

_COMMIT = 9
_STYLES = {"passed": "green", "failed": "bold red", "inconclusive": "yellow"}


def history_table(entries: Sequence[Entry], measures: Sequence[str]) -> Table:
    """Return runs down, oldest first, and measures across with their intervals."""
    table = plain_table()
    for heading in ("date (UTC)", "commit", "branch", "detector", *measures, "verdict"):
        table.add_column(
            heading, justify="right" if heading in measures else "left", overflow="fold"
        )
    for entry in entries:
        values = [value_text(entry.measures.get(measure)) for measure in measures]
        names = (
            entry.date[:16].replace("T", " "),
            (entry.commit or ABSENT)[:_COMMIT],
            entry.branch or ABSENT,
            entry.name,
        )
        verdict = Text(entry.verdict or ABSENT, _STYLES.get(entry.verdict or "", "dim"))
        table.add_row(*(Text(one_line(cell)) for cell in (*names, *values)), verdict)
    return table


def value_text(value: Value | None) -> str:
    """Return a value with its interval, as the file has it."""
    if value is None:
        return ABSENT
    if value.low is None or value.high is None:
        return f"{value.value:.4g}"
    return f"{value.value:.4g} ({value.low:.4g} to {value.high:.4g})"

"""History frame: a history as a table, one row per run and measure."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.bench.history.entry import Entry
from detbench.bench.history.history_file import read_history

if TYPE_CHECKING:
    import pandas as pd

_TEXTS = ("date", "commit", "branch", "verdict", "name", "machine", "measure")
_NUMBERS = ("value", "low", "high")
# Runs of one commit share a number, which counts commits by their first run.
_ROWS = """
with dated as (
    select *, min(recorded) over (partition by coalesce(commit, date)) as first from runs
)
select dense_rank() over (order by first, coalesce(commit, date)) - 1 as number,
       date, commit, branch, verdict, name, machine, measure, value, low, high
from dated order by number, name, measure, recorded
"""


def history_frame(file: Path) -> pd.DataFrame:
    """Return one row per run and measure.

    The columns are number, date, commit, branch, verdict, name, machine, measure, value, low and
    high. `number` counts commits from the oldest, from 0.

    Raises:
        InputError: As `read_history`.
    """
    import duckdb
    import pyarrow as pa

    schema = pa.schema(
        [
            ("recorded", pa.timestamp("us")),
            *((name, pa.string()) for name in _TEXTS),
            *((name, pa.float64()) for name in _NUMBERS),
        ]
    )
    rows = [row for entry in read_history(file) for row in _rows(entry)]
    with duckdb.connect() as database:
        database.register("runs", pa.Table.from_pylist(rows, schema))
        return database.execute(_ROWS).df()


def _rows(entry: Entry) -> list[dict[str, Any]]:
    run = {
        "recorded": datetime.fromisoformat(entry.date).replace(tzinfo=None),
        "date": entry.date,
        "commit": entry.commit,
        "branch": entry.branch,
        "verdict": entry.verdict,
        "name": entry.name,
        "machine": entry.machine.get("cpu"),
    }
    return [
        {**run, "measure": measure, "value": value.value, "low": value.low, "high": value.high}
        for measure, value in entry.measures.items()
    ]

"""Stacking: the columns of several detectors as one pandas table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.reports.detector_columns import Columns
from detbench.reports.scored_detector import ScoredDetector

if TYPE_CHECKING:
    import pandas as pd


def stacked(
    detectors: Sequence[ScoredDetector], columns_of: Callable[[ScoredDetector], Columns]
) -> pd.DataFrame:
    """Return the columns of every detector, one detector below the other.

    The columns `detector` and `group` come first.
    """
    import pandas as pd

    tables = []
    for scored in detectors:
        columns = columns_of(scored)
        is_row = all(np.ndim(value) == 0 for value in columns.values())
        table = pd.DataFrame(columns, index=[0] if is_row else None)
        table.insert(0, "detector", scored.name)
        table.insert(1, "group", scored.group)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def with_differences(
    table: pd.DataFrame, measure: str, by: Sequence[str], baseline: str | None
) -> pd.DataFrame:
    """Add the columns `best` and `difference` of a measure.

    Args:
        table: with the columns `detector`, `measure` and those of `by`.
        measure: the column that is compared.
        by: rows are compared if these columns are equal.
        baseline: the detector that differences refer to; None: the best of the compared rows.
    """
    best = table.groupby(list(by), sort=False)[measure].transform("max")
    reference = best
    if baseline is not None:
        own = table[measure].where(table["detector"] == baseline)
        reference = own.groupby([table[name] for name in by], sort=False).transform("max")
    return table.assign(best=table[measure] == best, difference=table[measure] - reference)


def table_of(rows: Sequence[Any], columns: list[str] | None = None) -> pd.DataFrame:
    """Return a table of dicts, or of tuples in the order of `columns`."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=columns)

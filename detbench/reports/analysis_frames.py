"""Analysis frames: the tables of a study as pandas frames and CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detbench.bench.analysis.analyze import TABLES, Study
from detbench.bench.analysis.tables import columns_of
from detbench.reports.csv_tables import write_csv

if TYPE_CHECKING:
    import pandas as pd

FRAMES = (*TABLES, "label_errors")
"""The frames of a study, each of which becomes a file in `save_analysis_csv`."""
_WHOLE_NUMBERS = ("errors", "object_in_image", "object_row")
"""Columns of whole numbers that some rows lack."""


def analysis_frames(study: Study) -> dict[str, pd.DataFrame]:
    """Return the tables of a study by name, see `FRAMES`.

    The columns are described in `detbench.bench.analysis.tables`. All frames but `label_errors`
    begin with the column `detector`. Shares, scores and AP lie in 0..1; absent values are NaN. The
    interval of column X is X_low … X_high, 95%; both are NaN without resamples.
    """
    import pandas as pd

    rows = {
        name: [
            {"detector": analysis.name, **columns_of(row)}
            for analysis in study.analyses
            for row in getattr(analysis, name)
        ]
        for name in TABLES
    }
    rows["label_errors"] = [columns_of(row) for row in study.label_error_rows]
    return {name: _with_whole_numbers(pd.DataFrame(table)) for name, table in rows.items()}


def save_analysis_csv(study: Study, folder: Path) -> list[Path]:
    """Write every table that has rows as NAME.csv, with all digits; return the paths."""
    paths = []
    for name, frame in analysis_frames(study).items():
        if len(frame):
            paths.append(folder / f"{name}.csv")
            write_csv(frame, paths[-1])
    return paths


def _with_whole_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose whole numbers stay whole though some are absent."""
    partial = [name for name in _WHOLE_NUMBERS if name in frame]
    return frame.astype(dict.fromkeys(partial, "Int64"))

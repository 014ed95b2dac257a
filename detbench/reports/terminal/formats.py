"""The table of file formats on the terminal."""

from __future__ import annotations

from rich.table import Table

from detbench.data.formats.table import (
    GROUND_TRUTH_FORMATS,
    detections_readers,
    ground_truth_readers,
)
from detbench.reports.terminal.table import ABSENT, plain_table


def format_table() -> Table:
    """Return a row for each format: what its files look like, and whether they are written."""
    ground_truth = {name: reader.description for name, reader in ground_truth_readers()}
    detections = {name: reader.description for name, reader in detections_readers()}
    table = plain_table("format", "ground truth", "detections", "written", text_columns=4)
    for name in ground_truth:
        written = "yes" if name in GROUND_TRUTH_FORMATS else "no"
        table.add_row(name, ground_truth[name] or ABSENT, detections[name] or ABSENT, written)
    return table

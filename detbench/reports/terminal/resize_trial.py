"""Resize trial: the score under each way to fit images into a model's input, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from detbench.bench.resize_trial import ResizeTrial
from detbench.reports.terminal.table import number_text, plain_table


def trial_table(trials: Sequence[ResizeTrial]) -> Table:
    """Return a row for each way to fit images into the model's input, best score first."""
    table = plain_table("fit", trials[0].measure, "detections")
    table.add_column("")
    for row, trial in enumerate(trials):
        table.add_row(
            trial.fit,
            number_text(trial.value, 4),
            f"{trial.detections:,}",
            "current setting" if trial.is_current else "",
            style="bold" if row == 0 else "",
        )
    return table

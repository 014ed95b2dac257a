"""Class mapping: which class of a model stands for which class of a dataset, as a table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from detbench.adapters.classes import ClassMapping
from detbench.reports.terminal.table import ABSENT, plain_table


def mapping_table(mapping: ClassMapping) -> Table:
    """Return pairs of model class and dataset class, then the classes without a counterpart.

    Fillers, outputs of a model that stand for no class, are left out.
    """
    table = plain_table("model class", "dataset class", "how", text_columns=3)
    for model_class, dataset_class, how in sorted(mapping.rows, key=lambda row: row[1]):
        if dataset_class:
            table.add_row(Text(model_class), Text(dataset_class), how)
    for dataset_class in mapping.missing:
        table.add_row(ABSENT, Text(dataset_class), "not in the model")
    if mapping.unmapped:
        others = Text(f"{len(mapping.unmapped)} others")
        table.add_row(others, ABSENT, "not in the dataset, dropped")
    return table

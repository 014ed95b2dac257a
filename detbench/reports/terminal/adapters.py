"""Adapters: the ways to run a model, and how to install each, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from detbench.adapters.catalogue import Adapter
from detbench.reports.terminal.table import plain_table


def adapter_table(adapters: Sequence[Adapter]) -> Table:
    """Return a row for each adapter: package, whether it is installed, and how to install it."""
    table = plain_table("adapter", "package", "installed", "install with", text_columns=4)
    for adapter in adapters:
        installed = "yes" if adapter.installed else "no"
        table.add_row(adapter.name, adapter.package, installed, Text(adapter.install))
    return table

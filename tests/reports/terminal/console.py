"""What a table looks like in a terminal of a given width."""

from __future__ import annotations

import io

from rich.console import Console


def rendered(renderable, width: int, **options) -> str:
    """Return a renderable as text without styles."""
    console = Console(width=width, file=io.StringIO(), record=True, highlight=False, **options)
    console.print(renderable)
    return console.export_text()

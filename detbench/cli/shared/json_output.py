"""JSON output: the option `--json PATH|-`, which means the same in every command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.shared.console import log, show, show_json

if TYPE_CHECKING:
    from rich.console import RenderableType

JsonTarget = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="PATH|-",
        help="Write the results as JSON to a file; - prints JSON alone on stdout.",
        show_default=False,
    ),
]
_STDOUT = "-"


def json_files(target: str | None) -> list[Path]:
    """Return the file that `--json` names: one, or none without the option and for `-`."""
    return [] if target is None or target == _STDOUT else [Path(target)]


def save_json(target: str | None, document: dict[str, Any], label: str = "results") -> None:
    """Write the document if `--json` names a file, and print `LABEL: FILE` on stderr."""
    for file in json_files(target):
        from detbench.bench.json_documents import write_json

        write_json(file, document)
        log(f"{label}: {file}")


def show_results(
    target: str | None,
    document: dict[str, Any],
    tables: Callable[[], Iterable[RenderableType]],
) -> None:
    """Print the document alone for `--json -`, otherwise the tables.

    `tables` is called only if they are printed.
    """
    if target == _STDOUT:
        show_json(document)
    else:
        show(*tables())

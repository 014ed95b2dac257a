"""Command line: the command and its options as typed, for the records of runs."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer


def command_line() -> str:
    """Return the command line as typed, quoted for a shell."""
    return shlex.join(["detbench", *sys.argv[1:]])


def passed_options(context: typer.Context) -> dict[str, Any]:
    """Return the options of a command as passed, JSON-ready, with the command line itself."""
    options = {option: _plain(value) for option, value in context.params.items()}
    return options | {"command": command_line()}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value

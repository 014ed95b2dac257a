"""The command line: `detbench COMMAND`. Results go to stdout, talk to stderr; exit codes are 0, 1, 2 and 3 as documented.

Each command has a file; libraries are imported inside the commands that need them, so that `detbench --help` is quick.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
import warnings
from typing import Annotated

import typer

from detbench.cli import (
    analyze,
    compare,
    data,
    demo,
    doctor,
    evaluate,
    export,
    files,
    gate,
    history,
    latency,
    plan,
    predict,
    train,
)
from detbench.cli.shared.app import app
from detbench.cli.shared.talk import show_warning, talk
from detbench.errors import DetbenchError, DetbenchWarning

__all__ = [
    "analyze",
    "app",
    "compare",
    "data",
    "demo",
    "doctor",
    "evaluate",
    "export",
    "files",
    "gate",
    "history",
    "latency",
    "main",
    "plan",
    "predict",
    "train",
]


def main() -> None:
    """Run the command line; users' mistakes become one sentence on stderr and an exit code, bugs keep their traceback."""
    warnings.simplefilter("always", DetbenchWarning)
    warnings.showwarning = show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except DetbenchError as error:
        talk(f"error: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the samples are there; a model that fails now is no early return
        talk(traceback.format_exc().rstrip())
        sys.exit(2)


def _show_version(asked: bool) -> None:
    if asked:
        from detbench import __version__

        typer.echo(f"detbench {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Compare object detectors: exact VOC and COCO scores, faster than every peer."""

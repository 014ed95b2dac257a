"""The command line: `detbench COMMAND`, one file for each command.

Results go to stdout, messages to stderr. Exit codes: 0 success or passed, 1 regression or findings,
2 usage or input error, 3 inconclusive or not comparable. Libraries are imported inside the commands
that need them, so that `detbench --help` is fast.
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
from detbench.cli.shared.console import log, show_warning
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
    """Run the command line.

    A mistake of the user becomes one sentence on stderr and an exit code. A bug keeps its
    traceback.
    """
    warnings.simplefilter("always", DetbenchWarning)
    warnings.showwarning = show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except DetbenchError as error:
        log(f"error: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception:  # noqa: BLE001 - Python would exit with 1, the code of a regression
        log(traceback.format_exc().rstrip())
        sys.exit(2)


def _show_version(requested: bool) -> None:
    if requested:
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
    """Compare object detectors by exact PASCAL VOC and COCO scores."""

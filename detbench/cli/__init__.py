"""The command line: `detbench COMMAND`, one file for each command.

Results go to stdout, messages to stderr. Exit codes: 0 success or passed, 1 regression or findings,
2 usage or input error, 3 inconclusive or not comparable. Libraries are imported inside the commands
that need them, so that `detbench --help` is fast.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from detbench.cache_folder import ensure_home
from detbench.cli.shared.app import app
from detbench.cli.shared.console import log, show_warning
from detbench.cli.shared.streams import guarded_streams
from detbench.errors import DetbenchError, DetbenchWarning

COMMANDS = {
    "adapters": "predict",
    "analyze": "analyze",
    "compare": "compare",
    "convert": "files",
    "data": "data",
    "demo": "demo",
    "doctor": "doctor",
    "env": "environment",
    "eval": "evaluate",
    "export": "export",
    "fetch": "files",
    "gate": "gate",
    "history": "history",
    "latency": "latency",
    "plan": "plan",
    "predict": "predict",
    "report": "compare",
    "train": "train",
}
"""Each command and the file in this folder that defines it."""


def load_commands(arguments: Sequence[str] = ()) -> None:
    """Import the file of the command in the arguments, or all files if there is none."""
    command = next((word for word in arguments if not word.startswith("-")), None)
    files = [COMMANDS[command]] if command in COMMANDS else sorted(set(COMMANDS.values()))
    for file in files:
        import_module(f"detbench.cli.{file}")


def main() -> None:
    """Run the command line.

    A mistake of the user becomes one sentence on stderr and an exit code. A bug keeps its
    traceback.
    """
    warnings.simplefilter("always", DetbenchWarning)
    warnings.showwarning = show_warning
    with guarded_streams():
        code = _exit_code()
    sys.exit(code)


def _exit_code() -> int:
    try:
        ensure_home()
        code = _run()
        sys.stdout.flush()
    except DetbenchError as error:
        log(f"error: {error}")
        return error.exit_code
    except Exception:  # noqa: BLE001 - Python would exit with 1, the code of a regression
        log(traceback.format_exc().rstrip())
        return 2
    return code


def _run() -> int:
    load_commands(sys.argv[1:])
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


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

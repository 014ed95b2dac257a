"""Console: results go to stdout; messages, warnings and progress go to stderr."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from detbench.errors import DetbenchWarning
from detbench.wording import UNPRINTABLE, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_FILE_WIDTH = 200
"""Columns of output that goes into a file or pipe."""

# GitHub Actions reads commands from the output of a job: lines that begin with `::`, and `##[`
# anywhere in a line. It compares by the rules of a language (actions/runner, ActionCommand.cs), so
# that characters without width between the marks do not prevent a command.
_WITHOUT_WIDTH = (
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]*"
)
_OPENING_MARK = re.compile(f"#(?={_WITHOUT_WIDTH}\\[)")
_ANY_MARK = re.compile(f"(:(?={_WITHOUT_WIDTH}:)|{_OPENING_MARK.pattern})")


def escape_workflow_commands(text: str) -> str:
    """Return a text that GitHub Actions reads as text: a space splits the marks of commands.

    Outside GitHub Actions the text is returned unchanged.
    """
    return _ANY_MARK.sub(r"\1 ", text) if os.environ.get("GITHUB_ACTIONS") else text


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Print a warning as one line; replaces `warnings.showwarning`."""
    kind = "warning" if issubclass(category, DetbenchWarning) else category.__name__
    log(f"{kind}: {message}")


def _console(stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _FILE_WIDTH
    return Console(stderr=stderr, soft_wrap=False, highlight=False, width=width)


def show(*renderables: RenderableType) -> None:
    """Print results on stdout: texts as they are, if printable, and tables by rich."""
    for renderable in renderables:
        text = _rendered(_console(stderr=False), renderable)
        print(escape_workflow_commands(text), end="")  # noqa: T201


def show_json(document: dict[str, Any]) -> None:
    """Print a document on stdout as JSON without commands to a terminal or to GitHub Actions."""
    from detbench.bench.json_documents import json_bytes

    text = UNPRINTABLE.sub(_json_escape, json_bytes(document).decode())
    if os.environ.get("GITHUB_ACTIONS"):
        text = _OPENING_MARK.sub(r"\\u0023", text)
    sys.stdout.buffer.write(text.encode())


def _json_escape(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def log(text: str) -> None:
    """Print a line on stderr."""
    log_to_github(escape_workflow_commands(printable(text)))


def log_to_github(command: str) -> None:
    """Print a line on stderr without escaping the commands to GitHub Actions in it."""
    print(command, file=sys.stderr)  # noqa: T201


def log_table(table: RenderableType) -> None:
    """Print a table on stderr."""
    text = _rendered(_console(stderr=True), table)
    print(escape_workflow_commands(text), end="", file=sys.stderr)  # noqa: T201


@contextmanager
def status(text: str) -> Iterator[None]:
    """Show a text while work is in progress, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.text import Text

    with _console(stderr=True).status(Text(printable(text))):
        yield


@contextmanager
def progress_bar(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress, rate and remaining time, on a terminal only.

    Yields a function that takes how many of `total` are done.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(text), total=total, rate="")

        def advance(done: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, rate=f"{speed:.1f}/s" if speed else "")

        yield advance


def _rendered(console: Console, renderable: RenderableType) -> str:
    with console.capture() as captured:
        if isinstance(renderable, str):
            console.print(printable(renderable), markup=False, soft_wrap=True)
        else:
            console.print(renderable, crop=False)
    return captured.get()

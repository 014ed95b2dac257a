"""Talk: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from detbench.errors import DetbenchWarning

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_WIDTH_OF_FILES = 200
"""Columns of output that goes into a file or pipe."""
_IGNORED = "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]*"
"""Characters that a comparison by the rules of a language passes over."""
_OPENING = re.compile(f"#(?={_IGNORED}\\[)")
_MARKS = re.compile(f"(:(?={_IGNORED}:)|{_OPENING.pattern})")


def harmless(text: str) -> str:
    """Return a text without commands to GitHub Actions, where that is what reads it: a space parts the marks of each.

    Commands are lines that begin with `::`, and `##[` anywhere in a line (actions/runner, ActionCommand.cs, which compares by the rules of
    a language, so that characters without width do not part them).
    """
    return _MARKS.sub(r"\1 ", text) if os.environ.get("GITHUB_ACTIONS") else text


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Print a warning as one line; takes the place of `warnings.showwarning`."""
    kind = "warning" if issubclass(category, DetbenchWarning) else category.__name__
    talk(f"{kind}: {message}")


def _console(stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_FILES
    return Console(stderr=stderr, soft_wrap=False, highlight=False, width=width)


def show(*renderables: RenderableType) -> None:
    """Print results on stdout: texts as they are, tables by rich."""
    with _whoever_reads():
        for renderable in renderables:
            print(harmless(_rendered(_console(stderr=False), renderable)), end="")  # noqa: T201


def show_json(document: dict[str, Any]) -> None:
    """Print a document on stdout as JSON, in which no command to GitHub Actions is spelt out."""
    from detbench.bench.runs import json_bytes

    content = json_bytes(document)
    if os.environ.get("GITHUB_ACTIONS"):
        content = _OPENING.sub(r"\\u0023", content.decode()).encode()
    with _whoever_reads():
        sys.stdout.buffer.write(content)


@contextmanager
def _whoever_reads() -> Iterator[None]:
    """Write to stdout as long as somebody reads it; a reader that goes away changes neither files nor the exit code, which is a verdict."""
    try:
        yield
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # the second is rich's answer to the first
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def talk(text: str) -> None:
    """Print a line on stderr."""
    talk_to_github(harmless(text))


def talk_to_github(command: str) -> None:
    """Print a line on stderr as it is, with the commands in it."""
    print(command, file=sys.stderr)  # noqa: T201


@contextmanager
def status(text: str) -> Iterator[None]:
    """Show what is going on while it goes on, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.text import Text

    with _console(stderr=True).status(Text(text)):
        yield


@contextmanager
def tracked(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of `total` are done, the rate and the time left, on a terminal only; yields what takes the number done."""
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
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total, rate="")

        def advance(done: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, rate=f"{speed:.1f}/s" if speed else "")

        yield advance


def talk_table(table: RenderableType) -> None:
    """Print a table on stderr."""
    print(harmless(_rendered(_console(stderr=True), table)), end="", file=sys.stderr)  # noqa: T201


def _rendered(console: Console, renderable: RenderableType) -> str:
    with console.capture() as captured:
        if isinstance(renderable, str):
            console.print(renderable, markup=False, soft_wrap=True)
        else:
            console.print(renderable, crop=False)
    return captured.get()

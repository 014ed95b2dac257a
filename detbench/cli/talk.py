"""Talk: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from detbench.errors import DetbenchWarning

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_WIDTH_OF_FILES = 200
"""Columns of output that goes into a file or pipe."""


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Print a warning as one line; takes the place of `warnings.showwarning`."""
    kind = "warning" if issubclass(category, DetbenchWarning) else category.__name__
    print(f"{kind}: {message}", file=sys.stderr)  # noqa: T201


def _console(stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_FILES
    return Console(stderr=stderr, soft_wrap=False, highlight=False, width=width)


def show(*renderables: RenderableType) -> None:
    """Print results on stdout: texts as they are, tables by rich."""
    console = _console(stderr=False)
    for renderable in renderables:
        if isinstance(renderable, str):
            console.print(renderable, markup=False, soft_wrap=True)
        else:
            console.print(renderable, crop=False)


def talk(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr)  # noqa: T201


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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
    _console(stderr=True).print(table)

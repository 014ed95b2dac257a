"""Talk: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from detbench.errors import DetbenchWarning

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Print a warning as one line; takes the place of `warnings.showwarning`."""
    kind = "warning" if issubclass(category, DetbenchWarning) else category.__name__
    print(f"{kind}: {message}", file=sys.stderr)  # noqa: T201


def _console(stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=False, highlight=False)


def show(*renderables: RenderableType) -> None:
    """Print results on stdout: texts as they are, tables by rich."""
    console = _console(stderr=False)
    for renderable in renderables:
        if isinstance(renderable, str):
            console.print(renderable, markup=False, soft_wrap=True)
        else:
            console.print(renderable)


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

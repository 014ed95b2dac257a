"""Compile events: a callback when numba compiles a kernel and does not find it in its cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event


class _FirstCompilation(event.Listener):  # type: ignore[misc]  # numba has no types
    """Calls back once, at the start of the first compilation."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def on_start(self, _event: Any) -> None:
        """Call back if nothing has been compiled before."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    def on_end(self, _event: Any) -> None:
        """Do nothing."""


@contextmanager
def on_first_compilation(callback: Callable[[], None]) -> Iterator[None]:
    """Call back when the first kernel starts to compile inside the block.

    Kernels that are loaded from numba's cache, or that have been compiled or loaded before, do not
    count. numba sends the event after its cache has missed (`Dispatcher.compile`).
    """
    with event.install_listener("numba:compile", _FirstCompilation(callback)):
        yield

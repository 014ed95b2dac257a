"""Threads side by side, and a Ctrl-C that stops them without leaving a lock behind.

Python raises KeyboardInterrupt between any two steps of the main thread, among them the moment in which a `threading.Condition` is
locked and its `with` block not yet entered (issue 74174 of python/cpython). A thread that then waits for this lock waits for ever, and
so does the end of its pool. While threads of this module run, Ctrl-C is therefore noted first and raised where no lock is held.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType, MethodType, TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Threads(ThreadPoolExecutor):
    """A pool of threads, for a `with` block.

    The first Ctrl-C lets the calls that run end. Calls that have not begun raise KeyboardInterrupt where their result is asked for, and
    so do `submit` and the end of the block. A second Ctrl-C is raised at once. A block that is left by an error begins no further
    calls. Only Python's own answer to Ctrl-C is put off; a program that has set another one keeps it.
    """

    def __init__(self, count: int | None = None) -> None:
        """Make room for `count` threads; None for as many as the process may use cores."""
        super().__init__(count or usable_cores())
        self._interrupted = False
        self._before: Any = None

    def __enter__(self) -> Threads:
        """Put off Ctrl-C."""
        if threading.current_thread() is threading.main_thread() and _can_be_put_off(answer := signal.getsignal(signal.SIGINT)):
            self._before = answer
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Wait for the threads, and raise a Ctrl-C that nothing has raised yet."""
        try:
            self.shutdown(cancel_futures=kind is not None)
        finally:
            if self._before is not None:
                signal.signal(signal.SIGINT, self._before)
        if kind is None:
            self._raise_if_interrupted()

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have something called by the next free thread."""

        def unless_interrupted() -> T:
            self._raise_if_interrupted()
            return call(*args, **kwargs)

        self._raise_if_interrupted()
        return super().submit(unless_interrupted)

    def _raise_if_interrupted(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._raise_if_interrupted()
        self._interrupted = True
        if _is_of_threads(self._before):
            self._before(number, frame)


def _can_be_put_off(answer: object) -> bool:
    return answer is signal.default_int_handler or _is_of_threads(answer)


def _is_of_threads(answer: object) -> bool:
    return isinstance(answer, MethodType) and isinstance(answer.__self__, Threads)

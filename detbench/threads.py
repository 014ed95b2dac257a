"""Threads side by side, and a Ctrl-C that stops them without leaving a lock behind.

Python raises KeyboardInterrupt between any two steps of the main thread, among them the moment in which a `threading.Condition` is
locked and its `with` block not yet entered (issue 74174 of python/cpython). A thread that then waits for this lock waits for ever, and
so does the end of its pool. While pools of this module are open, Ctrl-C is therefore noted first and raised where no lock is held.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType, TracebackType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Threads(ThreadPoolExecutor):
    """A pool of threads, for a `with` block.

    The first Ctrl-C lets the calls that run end. Calls that have not begun raise KeyboardInterrupt where their result is asked for, and
    so do `submit` and the end of the block, of this pool and of all that are open. A second Ctrl-C is raised at once. A generator that
    holds a pool open between its values puts off Ctrl-C meanwhile: close it (`contextlib.closing`). A block that is left by an error
    begins no further calls. Only Python's own handler is replaced; a program that has set another one keeps it, as do pools that are
    opened outside the main thread, which never sees a Ctrl-C.
    """

    def __init__(self, count: int | None = None) -> None:
        """Make room for `count` threads; None for as many as the process may use cores."""
        super().__init__(usable_cores() if count is None else count)
        self._watched = False

    def __enter__(self) -> Threads:
        """Put off Ctrl-C."""
        self._watched = _ctrl_c.watch(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the threads, and raise a Ctrl-C that was put off."""
        try:
            self.shutdown(cancel_futures=kind is not None)
        finally:
            interrupted = self._is_interrupted()
            _ctrl_c.leave(self)
        if interrupted and kind is not KeyboardInterrupt:
            raise KeyboardInterrupt from error

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have something called by the next free thread."""

        def unless_interrupted() -> T:
            self._raise_if_interrupted()
            return call(*args, **kwargs)

        self._raise_if_interrupted()
        return super().submit(unless_interrupted)

    def _is_interrupted(self) -> bool:
        return self._watched and _ctrl_c.noted

    def _raise_if_interrupted(self) -> None:
        if self._is_interrupted():
            raise KeyboardInterrupt


class _CtrlC:
    """What becomes of Ctrl-C while pools are open: one handler for all of them, so that the order in which they close is all one."""

    def __init__(self) -> None:
        self.noted = False
        self._pools: set[Threads] = set()

    def watch(self, pool: Threads) -> bool:
        """Put off Ctrl-C until the pool leaves; False where that is not for this module to do."""
        if threading.current_thread() is not threading.main_thread():
            return False
        handler = signal.getsignal(signal.SIGINT)
        if handler not in (signal.default_int_handler, self._handle):
            return False
        self._pools.add(pool)
        signal.signal(signal.SIGINT, self._handle)
        return True

    def leave(self, pool: Threads) -> None:
        """Stop putting off Ctrl-C after the last pool. A generator can be closed by another thread, which may not change handlers."""
        self._pools.discard(pool)
        if not self._pools:
            self.noted = False
            in_main_thread = threading.current_thread() is threading.main_thread()
            if in_main_thread and signal.getsignal(signal.SIGINT) == self._handle:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.noted or not self._pools:
            signal.default_int_handler(number, frame)
        self.noted = True


_ctrl_c = _CtrlC()

"""Thread pools that Ctrl-C stops without leaving a lock behind.

Python raises KeyboardInterrupt between any two steps of the main thread. One such moment is after
a `threading.Condition` is locked and before its `with` block is entered (python/cpython issue
74174). A thread that then waits for this lock waits forever, and so does the end of its pool. While
a pool of this module is open, Ctrl-C is therefore noted first, and raised later where no lock is
held.
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
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ThreadPool(ThreadPoolExecutor):
    """A pool of threads, used as a `with` block.

    The first Ctrl-C lets running calls end. After it, KeyboardInterrupt is raised by the results of
    calls that have not started, by `submit`, and by the end of the block, in all open pools. A
    second Ctrl-C is raised at once. A block that is left by an error starts no further calls.

    Ctrl-C is only deferred in the main thread, which alone receives it, and only where Python's own
    handler is installed: a program with its own handler keeps it. A generator that yields while
    its pool is open defers Ctrl-C in the meantime, so close it (`contextlib.closing`).
    """

    def __init__(self, max_workers: int | None = None) -> None:
        """Create a pool of `max_workers` threads; None for one per usable core."""
        super().__init__(usable_cores() if max_workers is None else max_workers)
        self._defers_ctrl_c = False

    def __enter__(self) -> ThreadPool:
        """Start to defer Ctrl-C."""
        self._defers_ctrl_c = _ctrl_c.defer_for(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the threads, then raise a deferred Ctrl-C."""
        try:
            self.shutdown(cancel_futures=kind is not None)
        finally:
            interrupted = self._is_interrupted()
            _ctrl_c.release(self)
        if interrupted and kind is not KeyboardInterrupt:
            raise KeyboardInterrupt from error

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Schedule a call for the next free thread."""

        def call_unless_interrupted() -> T:
            self._raise_if_interrupted()
            return call(*args, **kwargs)

        self._raise_if_interrupted()
        return super().submit(call_unless_interrupted)

    def _is_interrupted(self) -> bool:
        return self._defers_ctrl_c and _ctrl_c.noted

    def _raise_if_interrupted(self) -> None:
        if self._is_interrupted():
            raise KeyboardInterrupt


class _DeferredCtrlC:
    """The one handler of Ctrl-C for all open pools, so that they may close in any order."""

    def __init__(self) -> None:
        self.noted = False
        self._pools: set[ThreadPool] = set()

    def defer_for(self, pool: ThreadPool) -> bool:
        """Defer Ctrl-C until the pool is released; return whether that was possible."""
        # Only the main thread may install handlers.
        if threading.current_thread() is not threading.main_thread():
            return False
        # A handler that the program has set itself stays.
        handler = signal.getsignal(signal.SIGINT)
        if handler not in (signal.default_int_handler, self._handle):
            return False
        self._pools.add(pool)
        signal.signal(signal.SIGINT, self._handle)
        return True

    def release(self, pool: ThreadPool) -> None:
        """Restore Python's handler after the last pool."""
        self._pools.discard(pool)
        if self._pools:
            return
        self.noted = False
        # A generator can be closed by another thread, which may not change handlers. The handler
        # then stays until the next pool, and acts as Python's own while no pool is open.
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.noted or not self._pools:
            signal.default_int_handler(number, frame)
        self.noted = True


_ctrl_c = _DeferredCtrlC()

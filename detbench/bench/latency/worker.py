"""Workers: one process per model, so that neither memory, caches of allocators nor thread pools of another model are in its way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from detbench.bench.latency.contender import INTERRUPTED, Facts, Slice, Task
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.models import Model, load_contender
from detbench.errors import DetbenchError, DetbenchWarning

_START_S, _STOP_S = 600, 10
_GONE = "failed: its process ended without a word (killed, or out of memory on the host)"


class WorkerContender:
    """A model in a process of its own; this side asks, that side answers."""

    def __init__(self, model: Model, images: Sequence[EncodedImage]) -> None:
        """Start the process and load the model; raises the DetbenchError that loading it raised there."""
        self.name = model.name
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, model, tuple(images)), daemon=True
        )
        with _ctrl_c_later():
            self._process.start()
        theirs.close()
        self.settings: Mapping[str, Any]
        self.batch_size: int | None
        try:
            remarks, self.settings, self.batch_size = self._loaded(model)
        except BaseException:
            self.close()
            raise
        for remark in remarks:
            warnings.warn(remark, DetbenchWarning, stacklevel=2)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid or os.getpid()

    def prepare(self, task: Task) -> Facts:
        """As `LocalContender.prepare`, over there."""
        try:
            answer = self._ask("prepare", task)
        except KeyboardInterrupt:
            return Facts(problem=INTERRUPTED)
        return answer if isinstance(answer, Facts) else Facts(problem=_GONE)

    def take(self, count: int, lead_in: int) -> Slice:
        """As `LocalContender.take`, over there."""
        import numpy as np

        answer = self._ask("take", count, lead_in)
        return answer if isinstance(answer, Slice) else Slice(np.zeros(0, np.int64), 0, _GONE)

    def left_over_ns(self, repeats: int) -> list[tuple[int, int]]:
        """As `LocalContender.left_over_ns`, over there."""
        return self._ask("left_over_ns", repeats) or []

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(_STOP_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_STOP_S)

    def _loaded(self, model: Model) -> tuple[list[str], Mapping[str, Any], int | None]:
        """Wait until the model is loaded and return remarks, settings and batch size; raises DetbenchError where it is not."""
        if not self._pipe.poll(_START_S):
            raise DetbenchError(f"{model.spec}: was not loaded within {_START_S} s")
        try:
            problem, *found = self._pipe.recv()
        except (EOFError, OSError):
            raise DetbenchError(
                f"{model.spec}: its process ended while it was loaded; run it without --isolate to see why"
            ) from None
        if problem:
            raise DetbenchError(problem)
        remarks, settings, batch_size = found
        return remarks, settings, batch_size

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Return the answer, None where the process is gone."""
        try:
            self._pipe.send((method, arguments))
            return self._pipe.recv()
        except (EOFError, OSError):
            return None


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Block Ctrl-C in this thread: a process started meanwhile is deaf to it from its first import on; none is lost to this one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let it through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, model: Model, images: Sequence[EncodedImage]) -> None:
    """Load the model and answer until the other side hangs up; Ctrl-C is for the other side to deal with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with warnings.catch_warnings(
            record=True, action="always", category=DetbenchWarning
        ) as caught:
            contender = load_contender(model, images)
    except DetbenchError as error:
        pipe.send((str(error), [], {}, None))
        return
    remarks = [str(each.message) for each in caught if issubclass(each.category, DetbenchWarning)]
    try:
        pipe.send(("", remarks, dict(contender.settings), contender.batch_size))
        while True:
            method, arguments = pipe.recv()
            pipe.send(getattr(contender, method)(*arguments))
    except (EOFError, OSError):
        contender.close()

"""Isolated model: a model that is timed in its own process.

Memory, allocator caches and thread pools of other models cannot disturb it.
"""

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

from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.local_model import load_model
from detbench.bench.latency.model_specs import ModelSpec
from detbench.bench.latency.timed_model import INTERRUPTED, Preparation, SampleSlice, TimingTask
from detbench.errors import DetbenchError, DetbenchWarning

_START_S, _STOP_S = 600, 10
_PROCESS_DIED = "failed: its process ended unexpectedly (killed, or out of host memory)"


class IsolatedModel:
    """A model in a child process, which answers requests over a pipe."""

    def __init__(self, spec: ModelSpec, images: Sequence[EncodedImage]) -> None:
        """Start the process and load the model.

        Raises:
            DetbenchError: The error that loading the model raised there.
        """
        self.name = spec.name
        context = multiprocessing.get_context("spawn")
        self._pipe, child_end = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(child_end, spec, tuple(images)), daemon=True
        )
        with _ctrl_c_blocked():
            self._process.start()
        child_end.close()
        self.settings: Mapping[str, Any]
        self.batch_size: int | None
        try:
            messages, self.settings, self.batch_size = self._wait_until_loaded(spec)
        except BaseException:
            self.close()
            raise
        for message in messages:
            warnings.warn(message, DetbenchWarning, stacklevel=2)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid or os.getpid()

    def prepare(self, task: TimingTask) -> Preparation:
        """Do as `LocalModel.prepare`, in the process."""
        try:
            answer = self._call("prepare", task)
        except KeyboardInterrupt:
            return Preparation(problem=INTERRUPTED)
        return answer if isinstance(answer, Preparation) else Preparation(problem=_PROCESS_DIED)

    def take_samples(self, count: int, lead_in: int) -> SampleSlice:
        """Do as `LocalModel.take_samples`, in the process."""
        import numpy as np

        answer = self._call("take_samples", count, lead_in)
        if isinstance(answer, SampleSlice):
            return answer
        return SampleSlice(np.zeros(0, np.int64), 0, _PROCESS_DIED)

    def fetch_times_ns(self, repeats: int) -> list[tuple[int, int]]:
        """Do as `LocalModel.fetch_times_ns`, in the process."""
        return self._call("fetch_times_ns", repeats) or []

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(_STOP_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_STOP_S)

    def _wait_until_loaded(
        self, spec: ModelSpec
    ) -> tuple[list[str], Mapping[str, Any], int | None]:
        """Return the warnings, the settings and the batch size of the loaded model."""
        if not self._pipe.poll(_START_S):
            raise DetbenchError(f"{spec.text}: loading took more than {_START_S} s")
        try:
            problem, messages, settings, batch_size = self._pipe.recv()
        except (EOFError, OSError):
            raise DetbenchError(
                f"{spec.text}: its process ended while loading; run without --isolate to see why"
            ) from None
        if problem:
            raise DetbenchError(problem)
        return messages, settings, batch_size

    def _call(self, method: str, *arguments: Any) -> Any:
        """Return what a method of the `LocalModel` there returns; None if the process has ended."""
        try:
            self._pipe.send((method, arguments))
            return self._pipe.recv()
        except (EOFError, OSError):
            return None


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Block Ctrl-C in this thread while a process starts, so that the child inherits the block.

    The child then ignores Ctrl-C from its first import on. This process still receives it
    afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it later would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, spec: ModelSpec, images: Sequence[EncodedImage]) -> None:
    """Load the model and answer calls until the pipe closes. The parent handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with warnings.catch_warnings(
            record=True, action="always", category=DetbenchWarning
        ) as caught:
            model = load_model(spec, images)
    except DetbenchError as error:
        pipe.send((str(error), [], {}, None))
        return
    messages = [
        str(warning.message) for warning in caught if issubclass(warning.category, DetbenchWarning)
    ]
    try:
        pipe.send(("", messages, dict(model.settings), model.batch_size))
        while True:
            method, arguments = pipe.recv()
            pipe.send(getattr(model, method)(*arguments))
    except (EOFError, OSError):
        model.close()

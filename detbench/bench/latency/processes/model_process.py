"""Model process: a model that is timed in a process of its own, and stopped between its turns.

Memory, allocator caches and thread pools of other models cannot disturb it there. Their threads
could: thread pools spin for a while after each call. So a paused process is stopped by a signal.
Where there are no signals, or none is permitted, a pause waits until the process is idle.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
import warnings
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from detbench.bench.interrupts import ctrl_c_blocked
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.local_model import load_model
from detbench.bench.latency.model_specs import ModelSpec
from detbench.bench.latency.processes.process_tree import ProcessTree, lead_own_group
from detbench.bench.latency.result import Turns
from detbench.bench.latency.timed_model import (
    INTERRUPTED,
    PROCESS_FAILED,
    Preparation,
    SampleSlice,
    TimingTask,
)
from detbench.errors import DetbenchError, DetbenchWarning
from detbench.metrics.warmup import warm_postprocessing

_START_S, _ANSWER_S, _END_S = 600.0, 120.0, 10.0
_NS_PER_S = 1e9
_PROCESS_DIED = f"{PROCESS_FAILED} ended unexpectedly (killed, or out of host memory)"
_IDLE_S, _MAX_IDLE_WAIT_S = 0.02, 0.5
"""A parked process is idle once it has used no CPU time for so long; it gets so long to do so."""


class ModelProcess:
    """A model in a child process, which answers requests over a pipe."""

    def __init__(
        self, spec: ModelSpec, images: Sequence[EncodedImage], *, answer_s: float = _ANSWER_S
    ) -> None:
        """Start the process and load the model.

        Args:
            spec: Of the model.
            images: Queries rotate over these.
            answer_s: A process that does not answer for so long, besides the time that its turn
                takes, has failed.

        Raises:
            DetbenchError: The error that loading the model raised there.
        """
        self.name = spec.name
        self._answer_s = answer_s
        context = multiprocessing.get_context("spawn")
        self._pipe, child_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(child_end,), daemon=True)
        with ctrl_c_blocked():
            self._process.start()
        child_end.close()
        self._tree = ProcessTree(self._process.pid or 0)
        self.settings: Mapping[str, Any]
        self.batch_size: int | None
        self.warnings: list[str]
        """Messages of the DetbenchWarnings that loading the model gave there."""
        try:
            self.warnings, self.settings, self.batch_size = self._wait_until_loaded(spec, images)
        except BaseException:
            self.close()
            raise
        self._tree.refresh()

    @property
    def pids(self) -> Sequence[int]:
        """Ids of the process and of those that it has started."""
        return self._tree.pids

    @property
    def turns(self) -> Turns:
        """What a pause does: whether it stops the process or parks it."""
        return "stopped" if self._tree.can_stop else "parked"

    def prepare(self, task: TimingTask) -> Preparation:
        """Do as `LocalModel.prepare`, in the process."""
        try:
            answer = self._call(_START_S, "prepare", task)
        except KeyboardInterrupt:
            return Preparation(problem=INTERRUPTED)
        self._tree.refresh()
        return answer if isinstance(answer, Preparation) else Preparation(problem=answer)

    def take_samples(self, count: int, max_ns: int) -> SampleSlice:
        """Do as `LocalModel.take_samples`, in the process."""
        allowed_s = self._answer_s + max_ns / _NS_PER_S
        answer = self._call(allowed_s, "take_samples", count, max_ns)
        if isinstance(answer, SampleSlice):
            return answer
        return SampleSlice(np.zeros(0, np.int64), 0, answer)

    def fetch_times_ns(self, repeats: int) -> list[tuple[int, int]]:
        """Do as `LocalModel.fetch_times_ns`, in the process."""
        answer = self._call(self._answer_s, "fetch_times_ns", repeats)
        return answer if isinstance(answer, list) else []

    def pause(self) -> None:
        """Stop the process and its children, or wait until they are idle."""
        if not self._tree.stop():
            self._wait_until_idle()

    def resume(self) -> None:
        """Continue the process and its children."""
        self._tree.resume()

    def cpu_s(self) -> float:
        """Return the CPU time of the process and its children in s."""
        return self._tree.cpu_s()

    def close(self) -> None:
        """End the process and all that it has started, also if they are stopped."""
        if self._pipe.closed:
            return
        self._pipe.close()
        try:
            self._tree.refresh()
            self._tree.resume()
            self._process.join(_END_S)
        finally:
            self._tree.kill()
            self._process.join(_END_S)

    def _wait_until_loaded(
        self, spec: ModelSpec, images: Sequence[EncodedImage]
    ) -> tuple[list[str], Mapping[str, Any], int | None]:
        """Return the warnings, the settings and the batch size of the loaded model."""
        try:
            # Not an argument of the process: if it ends early, a start that passes much never ends.
            self._pipe.send((spec, tuple(images)))
            if not self._pipe.poll(_START_S):
                self._tree.kill()
                raise DetbenchError(f"{spec.text}: loading took more than {_START_S:g} s")
            problem, messages, settings, batch_size = self._pipe.recv()
        except (EOFError, OSError):
            raise DetbenchError(
                f"{spec.text}: its process ended while loading (killed, or out of host memory);"
                " run `detbench latency` on it with --turns in_process to see why, or on all models"
                " with --loaded 1 to save memory"
            ) from None
        if problem:
            raise DetbenchError(problem)
        return messages, settings, batch_size

    def _call(self, allowed_s: float, method: str, *arguments: Any) -> Any:
        """Return what a method of the `LocalModel` there returns, or a text why it did not."""
        try:
            self._pipe.send((method, arguments))
            if self._pipe.poll(allowed_s):
                return self._pipe.recv()
        except (EOFError, OSError):
            return _PROCESS_DIED
        self._tree.kill()
        return f"{PROCESS_FAILED} did not answer for {allowed_s:.3g} s"

    def _wait_until_idle(self) -> None:
        deadline = time.perf_counter() + _MAX_IDLE_WAIT_S
        before = self.cpu_s()
        while time.perf_counter() < deadline:
            time.sleep(_IDLE_S)
            used = self.cpu_s()
            if used == before:
                return
            before = used


def _serve(pipe: Connection) -> None:
    """Load the model and answer calls until the pipe closes. The parent handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lead_own_group()
    # A daemon may not start processes by multiprocessing, but a model may.
    multiprocessing.current_process().daemon = False
    # Loading the kernels belongs neither to the model's memory nor to its first call.
    warm_postprocessing(lambda _: None)
    try:
        spec, images = pipe.recv()
    except (EOFError, OSError):
        return
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

"""Contender: one model in a measurement, here or in a process of its own: prepared for a stage, then asked for samples, slice by slice."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from detbench.adapters.counting import counted
from detbench.adapters.detector import Detector
from detbench.bench.latency.clock import Clock, clock_for
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.result import SamplesNs
from detbench.bench.latency.scenario import Scenario
from detbench.bench.latency.stages import Requests, Stage, Work
from detbench.bench.latency.verdict import device_of
from detbench.bench.memory import HostMemory
from detbench.errors import DetbenchError

INTERRUPTED = "interrupted"
OUT_OF_MEMORY = "out of memory"
"""How the problem of a model begins whose batch does not fit."""
_MEMORY_WORDS = (
    "out of memory",
    "resource_exhausted",
    "resource exhausted",
    "bad_alloc",
    "failed to allocate",
    "oom when",
)
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "XLA_FLAGS",
)


@dataclass(frozen=True)
class Task:
    """What is timed."""

    stage: Stage
    batch: int
    scenario: Scenario


@dataclass(frozen=True)
class Facts:
    """What is known of a model once it is prepared for a task."""

    first_call_s: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    peak_host_bytes: int | None = None
    peak_device_bytes: int | None = None
    problem: str = ""
    """Why it cannot be timed; empty if it can."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Some samples in a row."""

    samples_ns: SamplesNs
    taken_ns: int
    """From the beginning to the end of the slice, with all that was not timed."""
    problem: str = ""
    """Why it ended early; empty if it did not."""


class Contender(Protocol):
    """A model that can be timed."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The detector's own."""

    @property
    def batch_size(self) -> int | None:
        """The only batch size it takes, None for any."""

    def prepare(self, task: Task) -> Facts:
        """Make everything ready for a task; what fails is told in the facts."""

    def take(self, count: int, lead_in: int) -> Slice:
        """Return `count` samples, after `lead_in` queries that do not count."""

    def left_over_ns(self, repeats: int) -> list[tuple[int, int]]:
        """Return pairs as `Requests.left_over_ns` does; empty where the model fails by now."""

    def close(self) -> None:
        """Free the model."""


class LocalContender:
    """A model in this process."""

    def __init__(
        self,
        detector: Detector,
        images: Sequence[EncodedImage],
        *,
        name: str | None = None,
        memory: HostMemory | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Take a detector to be timed on encoded images.

        `memory` has counted how the model was loaded; a `clock` other than the detector's own is for tests.
        """
        self._detector, self._images = detector, images
        self.name = name or detector.name
        self.clock = clock or clock_for(detector)
        self._memory = memory or HostMemory()
        self._requests: dict[int, Requests] = {}
        self._queries: list[list[Any]] = []
        self._work: Work | None = None
        self._next = 0

    @property
    def settings(self) -> Mapping[str, Any]:
        """The detector's own."""
        return self._detector.settings

    @property
    def batch_size(self) -> int | None:
        """The only batch size it takes, None for any."""
        return self._detector.batch_size

    def prepare(self, task: Task) -> Facts:
        """Make the batches, take them through the model once, and line up the queries of a task."""
        try:
            requests = self._requests_of(task.batch)
            self._work = requests.work(task.stage)
        except KeyboardInterrupt:
            return Facts(problem=INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - whatever a model raises is a finding
            return Facts(problem=problem_of(error, task.batch))
        wanted, have = task.scenario.requests(task.batch), self._work.arguments
        self._queries = [
            [have[(first + step) % len(have)] for step in range(wanted)]
            for first in range(len(have))
        ]
        self._batch, self._next = task.batch, 0
        return Facts(
            requests.first_call_s[task.stage],
            self._facts(wanted),
            self._memory.peak_bytes,
            self.clock.peak_device_bytes(),
        )

    def take(self, count: int, lead_in: int) -> Slice:
        """Return samples of queries that rotate; garbage is not collected meanwhile."""
        now, samples = self.clock.now, np.zeros(count, np.int64)
        done, problem, begun = 0, "", now()
        try:
            with _no_garbage_collection():
                for _ in range(lead_in):
                    self._sample()
                while done < count:
                    samples[done] = self._sample()
                    done += 1
        except KeyboardInterrupt:
            problem = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - whatever a model raises is a finding
            problem = problem_of(error, self._batch)
        return Slice(samples[:done], now() - begun, problem)

    def left_over_ns(self, repeats: int) -> list[tuple[int, int]]:
        """Return how long outputs took to reach the host, straight after the clock stopped and after a pause."""
        try:
            return [self._requests[self._batch].left_over_ns() for _ in range(repeats)]
        except Exception:  # noqa: BLE001 - the samples are there; a model that fails now is no early return
            return []

    def again(self, name: str) -> LocalContender:
        """Return the same loaded model as another contender, with batches of its own: what A/A compares."""
        return LocalContender(
            self._detector, self._images, name=name, memory=self._memory, clock=self.clock
        )

    def close(self) -> None:
        """Free the model and its batches."""
        self._requests.clear()
        self._queries, self._work = [], None
        self._detector.close()

    def _sample(self) -> int:
        """Time one query: all its requests, then one wait."""
        work, wait, now = self._work, self.clock.wait, self.clock.now
        assert work is not None  # noqa: S101 - prepared before
        call, query = work.call, self._queries[self._next]
        self._next = (self._next + 1) % len(self._queries)
        if work.ready is not None:
            query = [work.ready(argument) for argument in query]
        started = now()
        for argument in query:
            outputs = call(argument)
        wait(outputs)
        return now() - started

    def _requests_of(self, batch: int) -> Requests:
        """Return the batches of one size; those of another are freed first."""
        if batch not in self._requests:
            self._requests.clear()
            self._queries, self._work = [], None
            with self._memory.counted():
                self._requests[batch] = Requests(self._detector, self.clock, batch, self._images)
        return self._requests[batch]

    def _facts(self, requests: int) -> dict[str, Any]:
        settings = self._detector.settings
        known = {key: settings[key] for key in ("provider", "backend") if key in settings}
        threads = settings.get("options", {}).get("threads", "not set")
        variables = {name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ}
        return {
            **known,
            "clock": self.clock.name,
            "device": device_of(settings),
            "threads": threads,
            "thread_variables": variables,
            "streams": 1,
            "requests_per_query": requests,
        }


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether a framework says with this error that memory ran out; each has its own words for it."""
    return isinstance(error, MemoryError) or any(
        word in f"{type(error).__name__} {error}".lower() for word in _MEMORY_WORDS
    )


def problem_of(error: BaseException, batch: int) -> str:
    """Return an error as a reason."""
    if _is_out_of_memory(error):
        return f"{OUT_OF_MEMORY} at {counted(batch, 'picture')} per batch"
    first = (str(error).strip().splitlines() or [""])[0][:300]
    return (
        f"failed: {first}"
        if isinstance(error, DetbenchError)
        else f"failed: {type(error).__name__}: {first}"
    )

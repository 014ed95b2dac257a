"""Local model: a model that is timed in this process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detbench.adapters.catalogue import load_detector, parse_spec
from detbench.adapters.detector import Detector
from detbench.adapters.replay import ReplayDetector
from detbench.bench.latency.clock import Clock, clock_for
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.model_specs import ModelSpec, hide_gpus, stored_detections_error
from detbench.bench.latency.result import Turns
from detbench.bench.latency.stages import PreparedBatches, StageCall
from detbench.bench.latency.timed_model import (
    INTERRUPTED,
    OUT_OF_MEMORY,
    Preparation,
    SampleSlice,
    TimingTask,
)
from detbench.bench.latency.validity import device_of
from detbench.bench.memory import HostMemory
from detbench.data.garbage_collection import paused_collection
from detbench.errors import DetbenchError
from detbench.wording import plural

_OUT_OF_MEMORY_MESSAGES = (
    "out of memory",
    "resource_exhausted",
    "resource exhausted",
    "bad_alloc",
    "failed to allocate",
    "oom when",
)
"""How frameworks report that memory ran out, in lower case."""
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "XLA_FLAGS",
)
_MAX_MESSAGE = 300
_ONNX_PROVIDERS = {"cpu": "cpu", "gpu": "cuda"}


class LocalModel:
    """A model in this process."""

    def __init__(
        self,
        detector: Detector,
        images: Sequence[EncodedImage],
        *,
        name: str | None = None,
        memory: HostMemory | None = None,
        clock: Clock | None = None,
        closes_detector: bool = True,
    ) -> None:
        """Time a detector on encoded images.

        Args:
            detector: A loaded detector.
            images: Queries rotate over these.
            name: None for the detector's own.
            memory: Has recorded the memory that loading the detector took.
            clock: None for the clock of the detector's framework; others are for tests.
            closes_detector: Whether `close` closes the detector too.
        """
        self._closes_detector = closes_detector
        self._detector, self._images = detector, images
        self.name = name or detector.name
        self.clock = clock or clock_for(detector)
        self._memory = memory or HostMemory()
        self._batches: dict[int, PreparedBatches] = {}
        self._queries: list[list[Any]] = []
        self._call: StageCall | None = None
        self._next_query = 0

    @property
    def settings(self) -> Mapping[str, Any]:
        """The detector's own settings."""
        return self._detector.settings

    @property
    def batch_size(self) -> int | None:
        """The only batch size it accepts, None for any."""
        return self._detector.batch_size

    def prepare(self, task: TimingTask) -> Preparation:
        """Make the batches, run them through the model once, and line up the task's queries."""
        try:
            batches = self._batches_of(task.batch)
            self._call = batches.stage_call(task.stage)
        except KeyboardInterrupt:
            return Preparation(problem=INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - any error of a model is a result, not a bug
            return Preparation(problem=problem_of(error, task.batch))
        n_requests = task.scenario.requests(task.batch)
        self._queries = _rotated(self._call.arguments, n_requests)
        self._batch, self._next_query = task.batch, 0
        return Preparation(
            batches.first_call_s[task.stage],
            self._timing_settings(n_requests),
            self._memory.peak_bytes,
            self.clock.peak_device_bytes(),
        )

    def take_samples(self, count: int, max_ns: int) -> SampleSlice:
        """Return samples of rotating queries; Python collects no garbage meanwhile."""
        now, samples = self.clock.now, np.zeros(count, np.int64)
        n_done, problem, started = 0, "", now()
        try:
            with paused_collection():
                while n_done < count and now() - started < max_ns:
                    samples[n_done] = self._time_query()
                    n_done += 1
        except KeyboardInterrupt:
            problem = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - any error of a model is a result, not a bug
            problem = problem_of(error, self._batch)
        return SampleSlice(samples[:n_done], now() - started, problem)

    def fetch_times_ns(self, repeats: int) -> list[tuple[int, int]]:
        """Return pairs as `PreparedBatches.fetch_times_ns` does; empty if the model fails now."""
        try:
            return [self._batches[self._batch].fetch_times_ns() for _ in range(repeats)]
        except Exception:  # noqa: BLE001 - the samples are complete; a failure now proves nothing
            return []

    @property
    def pids(self) -> Sequence[int]:
        """None besides this process."""
        return ()

    @property
    def turns(self) -> Turns:
        """Pauses do nothing here."""
        return "in_process"

    def pause(self) -> None:
        """Do nothing: threads of this process cannot be stopped one by one."""

    def resume(self) -> None:
        """Do nothing, as `pause`."""

    def cpu_s(self) -> float | None:
        """Return None: the models of one process share their CPU time."""
        return None

    def close(self) -> None:
        """Free the model and its batches."""
        self._free_batches()
        if self._closes_detector:
            self._detector.close()

    def _time_query(self) -> int:
        """Time one query: all its requests, then one wait."""
        stage_call, wait, now = self._call, self.clock.wait, self.clock.now
        assert stage_call is not None  # noqa: S101 - `prepare` comes first
        call, query = stage_call.call, self._queries[self._next_query]
        self._next_query = (self._next_query + 1) % len(self._queries)
        if stage_call.prepare is not None:
            query = [stage_call.prepare(argument) for argument in query]
        # The timed part: all requests of the query are sent before the one wait.
        started = now()
        for argument in query:
            outputs = call(argument)
        wait(outputs)
        return now() - started

    def _batches_of(self, batch: int) -> PreparedBatches:
        """Return the batches of one size; those of another size are freed first."""
        if batch not in self._batches:
            self._free_batches()
            with self._memory.recording():
                self._batches[batch] = PreparedBatches(
                    self._detector, self.clock, batch, self._images
                )
        return self._batches[batch]

    def _free_batches(self) -> None:
        self._batches.clear()
        self._queries, self._call = [], None

    def _timing_settings(self, n_requests: int) -> dict[str, Any]:
        """Return the settings that a time depends on, JSON-ready."""
        settings = self._detector.settings
        runtime = {key: settings[key] for key in ("provider", "backend") if key in settings}
        return {
            **runtime,
            "clock": self.clock.name,
            "device": device_of(settings),
            "threads": settings.get("options", {}).get("threads", "not set"),
            "thread_variables": {
                name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ
            },
            "streams": 1,
            "requests_per_query": n_requests,
        }


def load_model(spec: ModelSpec, images: Sequence[EncodedImage]) -> LocalModel:
    """Load a model into this process.

    Raises:
        DetbenchError: Its adapter refuses it, it holds stored detections, or its device is missing.
    """
    memory = HostMemory()
    adapter = parse_spec(spec.text).name
    options = {}
    if adapter == "onnx" and spec.device:
        options["provider"] = _ONNX_PROVIDERS[spec.device]
    elif spec.device == "cpu":
        hide_gpus()
    with memory.recording():
        detector = load_detector(spec.text, **options)
    if isinstance(detector, ReplayDetector):
        raise stored_detections_error(spec.text)
    device = device_of(detector.settings)
    if spec.device is not None and device != spec.device:
        raise DetbenchError(
            f"{spec.text}: --device {spec.device} is not available; the model runs on {device}"
        )
    return LocalModel(detector, images, name=spec.name, memory=memory)


def problem_of(error: BaseException, batch: int) -> str:
    """Return an error of a model as the reason why its times are not valid."""
    if _is_out_of_memory(error):
        return f"{OUT_OF_MEMORY} at {plural(batch, 'image')} per batch"
    first_line = (str(error).strip().splitlines() or [""])[0][:_MAX_MESSAGE]
    if isinstance(error, DetbenchError):
        return f"failed: {first_line}"
    return f"failed: {type(error).__name__}: {first_line}"


def _is_out_of_memory(error: BaseException) -> bool:
    message = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(
        words in message for words in _OUT_OF_MEMORY_MESSAGES
    )


def _rotated(arguments: Sequence[Any], n_requests: int) -> list[list[Any]]:
    """Return one query per argument: `n_requests` arguments, starting from that one."""
    count = len(arguments)
    return [
        [arguments[(first + step) % count] for step in range(n_requests)] for first in range(count)
    ]

"""Timed model: what every model in a measurement can do, in this process or in its own.

A source starts a model anew as often as a measurement needs it. A started model is prepared for a
task, then asked for samples, a few at a time, so that several models can take turns. Between its
turns it is paused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from detbench.bench.latency.result import SamplesNs, Turns
from detbench.bench.latency.scenario import Scenario
from detbench.bench.latency.stages import Stage

INTERRUPTED = "interrupted"
"""The problem of a model that was being timed at Ctrl-C."""
OUT_OF_MEMORY = "out of memory"
"""The beginning of the problem of a model whose batch does not fit into memory."""
PROCESS_FAILED = "failed: its process"
"""The beginning of the problem of a model whose process died or did not answer."""


@dataclass(frozen=True)
class TimingTask:
    """What is timed."""

    stage: Stage
    batch: int
    """Images per batch."""
    scenario: Scenario


@dataclass(frozen=True)
class Preparation:
    """What is known about a model after it was prepared for a task."""

    first_call_s: float | None = None
    """Of the stage's first call at this batch size, including compilation."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Clock, device, threads and the like, JSON-ready."""
    peak_host_bytes: int | None = None
    peak_device_bytes: int | None = None
    problem: str = ""
    """Why it cannot be timed; empty if it can."""


@dataclass(frozen=True, eq=False)
class SampleSlice:
    """Consecutive samples of one model."""

    samples_ns: SamplesNs
    """(n,) in order of time."""
    elapsed_ns: int
    """From the start to the end of the slice, including what is not timed."""
    problem: str = ""
    """Why the slice ended early; empty if it did not."""


class TimedModel(Protocol):
    """A started model that can be timed."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The detector's own settings."""

    @property
    def batch_size(self) -> int | None:
        """The only batch size it accepts, None for any."""

    @property
    def pids(self) -> Sequence[int]:
        """Ids of the processes that belong to it, besides this one."""

    @property
    def turns(self) -> Turns:
        """What a pause does."""

    def prepare(self, task: TimingTask) -> Preparation:
        """Make everything ready for a task. Failures are reported in the result."""

    def take_samples(self, count: int, max_ns: int) -> SampleSlice:
        """Return at most `count` samples; the last one starts before `max_ns` have passed."""

    def fetch_times_ns(self, repeats: int) -> list[tuple[int, int]]:
        """Return pairs as `PreparedBatches.fetch_times_ns` does; empty if the model fails now."""

    def pause(self) -> None:
        """Keep it from using the machine until `resume`, as far as that is possible."""

    def resume(self) -> None:
        """Let it run again."""

    def cpu_s(self) -> float | None:
        """Return the CPU time that it has used in s; None if that is unknown."""

    def close(self) -> None:
        """Free the model."""


class ModelSource(Protocol):
    """Where fresh copies of a model come from."""

    @property
    def name(self) -> str:
        """What people call the model."""

    def start(self) -> TimedModel:
        """Load the model anew.

        Raises:
            DetbenchError: It cannot be loaded.
        """

"""Turns: one model awake, all others paused, with the machine's speed before and after."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from detbench.bench.latency.result import SamplesNs
from detbench.bench.latency.timed_model import TimedModel
from detbench.bench.machine import MachineMonitor, busy_s
from detbench.bench.machine_speed.speed import MachineSpeed

_SAME_MOMENT_S = 0.1
"""A speed measured so shortly before a turn, at the end of the last one, holds for it too."""

_MIN_LOAD_S = 0.15
"""CPU times count in steps of 0.01 s, too coarse for shorter spans."""


@dataclass
class LoadWindow:
    """The load of other programs during successive turns, long enough together to be known."""

    duration_s: float = 0.0
    background_s: float = 0.0
    """CPU time of all other programs."""

    @property
    def cores(self) -> float | None:
        """Cores that other programs kept busy on average; None if the turns were too short."""
        if self.duration_s < _MIN_LOAD_S:
            return None
        return max(self.background_s, 0.0) / self.duration_s


@dataclass(frozen=True, eq=False)
class Turn:
    """What one turn of a model gave."""

    samples_ns: SamplesNs
    """(n,) in order of time."""
    elapsed_s: float
    """From the first sample to the last, including what is not timed."""
    own_cpu_s: float | None
    """CPU time of the model's processes; None if unknown."""
    others_cpu_s: float | None
    """CPU time of all other models' processes."""
    load: LoadWindow | None = None
    """The load of other programs in this turn and those next to it; None if unknown."""
    speeds: tuple[MachineSpeed, ...] = ()
    """Before and after; empty if they are not measured."""
    problem: str = ""

    @property
    def background_cores(self) -> float | None:
        """Cores that other programs kept busy meanwhile; None if unknown."""
        return self.load.cores if self.load else None


class TurnTaker:
    """Wakes one model at a time."""

    def __init__(
        self,
        monitor: MachineMonitor,
        measure_speed: Callable[[], MachineSpeed | None] = lambda: None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._monitor, self._measure_speed, self._now = monitor, measure_speed, now
        self._speed: MachineSpeed | None = None
        self._measured_at = -math.inf
        self._load = LoadWindow()

    def take(
        self, model: TimedModel, others: Sequence[TimedModel], count: int, max_ns: int
    ) -> Turn:
        """Resume a model, take its samples and pause it again.

        Args:
            model: Paused.
            others: All other loaded models, paused.
            count: Maximum number of samples.
            max_ns: Maximum time.
        """
        before, own, theirs = self._speed_now(), model.cpu_s(), _total_cpu_s(others)
        started, busy, here = self._now(), busy_s(), time.process_time()
        model.resume()
        try:
            piece = model.take_samples(count, max_ns)
        finally:
            model.pause()
        busy, here = busy_s() - busy, time.process_time() - here
        duration_s = self._now() - started
        own, theirs = _increase(own, model.cpu_s()), _increase(theirs, _total_cpu_s(others))
        after = self._measured_speed()
        self._monitor.observe()
        if self._load.duration_s >= _MIN_LOAD_S:
            self._load = LoadWindow()
        self._load.duration_s += duration_s
        self._load.background_s += busy - here - (own or 0.0) - (theirs or 0.0)
        return Turn(
            piece.samples_ns,
            piece.elapsed_ns / 1e9,
            own,
            theirs,
            self._load,
            () if before is None or after is None else (before, after),
            piece.problem,
        )

    def _speed_now(self) -> MachineSpeed | None:
        is_recent = self._now() - self._measured_at < _SAME_MOMENT_S
        return self._speed if is_recent else self._measured_speed()

    def _measured_speed(self) -> MachineSpeed | None:
        self._speed = self._measure_speed()
        self._measured_at = self._now()
        return self._speed


def _increase(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _total_cpu_s(models: Sequence[TimedModel]) -> float | None:
    times = [model.cpu_s() for model in models]
    return sum(one for one in times if one is not None) if None not in times else None

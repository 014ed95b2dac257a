"""Machine state: clocks, temperature, throttling and what other processes do, looked at again and again while something is timed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from detbench.bench.gpu import Gpu, GpuState, open_gpu

_CPUS = Path("/sys/devices/system/cpu")
_EVERY_S = 0.5


@dataclass(frozen=True)
class MachineState:
    """One look at the machine; None for what it does not tell."""

    elapsed_s: float
    """Since the watch began."""
    cpu_mhz: float | None
    """Of the fastest core."""
    cpu_throttle_events: int | None
    """Of all cores, since the machine was started."""
    outside_cores: float | None
    """How many cores other processes kept busy since the look before."""
    gpu: GpuState | None = None


def governor() -> str | None:
    """Return the frequency governor of the cores, None where the system has none (virtual machines)."""
    found = {path.read_text().strip() for path in _CPUS.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    return ", ".join(sorted(found)) or None


class MachineWatch:
    """Looks at the machine at most every half second, when it is asked to; a look costs about a millisecond."""

    def __init__(
        self,
        pids: Iterable[int] | None = None,
        *,
        gpu: Gpu | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin to watch.

        Args:
            pids: the processes whose load is the measurement's own; None for this one.
            gpu: the device to look at, None for no device.
            now: a monotonic clock in seconds.
        """
        self._own = [psutil.Process(pid) for pid in (os.getpid(), *(pids or ()))]
        self._gpu, self._now = gpu, now
        self._begun = self._last = now()
        self._cpu = self._used()
        self._states = [self._look(None)]

    @property
    def states(self) -> tuple[MachineState, ...]:
        """All looks so far, the first at the beginning."""
        return tuple(self._states)

    def look(self, *, at_once: bool = False) -> None:
        """Look at the machine if half a second has passed since the last look, or `at_once`."""
        passed = self._now() - self._last
        if passed < _EVERY_S and not at_once:
            return
        busy, own = self._used()
        outside = (
            ((busy - self._cpu[0]) - (own - self._cpu[1])) / passed
            if passed >= _EVERY_S / 2
            else None
        )
        self._last, self._cpu = self._now(), (busy, own)
        self._states.append(self._look(None if outside is None else max(outside, 0.0)))

    def _look(self, outside: float | None) -> MachineState:
        gpu = self._gpu.state() if self._gpu else None
        return MachineState(
            self._last - self._begun, _fastest_core_mhz(), _throttle_events(), outside, gpu
        )

    def _used(self) -> tuple[float, float]:
        """Return the seconds of CPU time that the whole machine and our own processes have used."""
        times = psutil.cpu_times()
        idle = (
            times.idle
            + getattr(times, "iowait", 0.0)
            + getattr(times, "guest", 0.0)
            + getattr(times, "guest_nice", 0.0)
        )
        return sum(times) - idle, sum(_used_by(process) for process in self._own)


def watch(pids: Iterable[int] | None = None) -> MachineWatch:
    """Return a watch over this machine and its first GPU, if there is one."""
    return MachineWatch(pids, gpu=open_gpu())


def machine_now() -> MachineState:
    """Return the state of the machine, its load over the next half second included."""
    found = watch()
    time.sleep(_EVERY_S)
    found.look(at_once=True)
    return found.states[-1]


def machine_record(states: Sequence[MachineState]) -> list[dict[str, Any]]:
    """Return looks as JSON-ready values; `machine_states` reads them back."""
    records = [asdict(state) for state in states]
    for record in records:
        if record["gpu"]:
            record["gpu"]["clock_reasons"] = list(record["gpu"]["clock_reasons"])
    return records


def machine_states(records: Sequence[dict[str, Any]]) -> tuple[MachineState, ...]:
    """Read what `machine_record` wrote."""
    return tuple(MachineState(**{**record, "gpu": _gpu_state(record["gpu"])}) for record in records)


def _gpu_state(record: dict[str, Any] | None) -> GpuState | None:
    return (
        GpuState(**{**record, "clock_reasons": tuple(record["clock_reasons"])}) if record else None
    )


def _fastest_core_mhz() -> float | None:
    try:
        cores = psutil.cpu_freq(percpu=True)
    except (OSError, NotImplementedError, RuntimeError):
        return None
    return max((core.current for core in cores), default=0.0) or None


def _throttle_events() -> int | None:
    counters = [*_CPUS.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    try:
        return sum(int(counter.read_text()) for counter in counters) if counters else None
    except (OSError, ValueError):
        return None


def _used_by(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)

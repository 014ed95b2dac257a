"""Machine state: clocks, throttling and background load, observed while something is timed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from detbench.bench.gpu import Gpu, GpuState, open_gpu

_CPUS = Path("/sys/devices/system/cpu")
_INTERVAL_S = 0.5


@dataclass(frozen=True)
class MachineState:
    """The machine at one moment; None for what it does not report."""

    elapsed_s: float
    """Since the monitor started."""
    cpu_mhz: float | None
    """Of the fastest core."""
    cpu_throttle_events: int | None
    """Of all cores, since the machine started."""
    background_load_cores: float | None
    """How many cores other processes kept busy since the last observation."""
    gpu: GpuState | None = None


def governor() -> str | None:
    """Return the frequency governor of the cores; None without one, as on virtual machines."""
    files = _CPUS.glob("cpu[0-9]*/cpufreq/scaling_governor")
    names = {path.read_text().strip() for path in files}
    return ", ".join(sorted(names)) or None


class MachineMonitor:
    """Records the machine's state, at most every half second; one state takes about 1 ms."""

    def __init__(
        self,
        pids: Iterable[int] | None = None,
        *,
        gpu: Gpu | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Start to monitor.

        Args:
            pids: Processes besides this one whose load belongs to the measurement.
            gpu: The device to observe, None for no device.
            now: A monotonic clock in seconds.
        """
        self._own_processes = [psutil.Process(pid) for pid in (os.getpid(), *(pids or ()))]
        self._cpu_s_by_pid: dict[int, float] = {}
        self._gpu, self._now = gpu, now
        self._start_s = self._last_s = now()
        self._busy_s, self._own_s = self._cpu_times()
        self._states = [self._state(None)]

    def watch(self, pids: Iterable[int]) -> None:
        """Count the load of other processes than before as part of the measurement."""
        self._own_processes = [psutil.Process(os.getpid())]
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                self._own_processes.append(psutil.Process(pid))
        self._last_s = self._now()
        self._busy_s, self._own_s = self._cpu_times()

    def restart(self) -> None:
        """Forget the states so far and begin with the present one."""
        self.observe(at_once=True)
        self._start_s = self._last_s
        self._states = [self._state(None)]

    @property
    def states(self) -> tuple[MachineState, ...]:
        """All states so far; the first is from the start."""
        return tuple(self._states)

    def observe(self, *, at_once: bool = False) -> None:
        """Record a state if half a second has passed since the last one, or `at_once`."""
        passed_s = self._now() - self._last_s
        if passed_s < _INTERVAL_S and not at_once:
            return
        busy_s, own_s = self._cpu_times()
        load = None
        if passed_s >= _INTERVAL_S / 2:  # CPU times are too coarse for shorter spans
            background_s = (busy_s - self._busy_s) - (own_s - self._own_s)
            load = max(background_s / passed_s, 0.0)
        self._last_s, self._busy_s, self._own_s = self._now(), busy_s, own_s
        self._states.append(self._state(load))

    def _state(self, background_load_cores: float | None) -> MachineState:
        return MachineState(
            elapsed_s=self._last_s - self._start_s,
            cpu_mhz=_fastest_core_mhz(),
            cpu_throttle_events=_throttle_events(),
            background_load_cores=background_load_cores,
            gpu=self._gpu.state() if self._gpu else None,
        )

    def _cpu_times(self) -> tuple[float, float]:
        """Return the seconds of CPU time that the whole machine and our own processes have used."""
        # A process that has ended keeps its last time: its work was not other processes' work.
        self._cpu_s_by_pid = {
            process.pid: max(_cpu_time_of(process), self._cpu_s_by_pid.get(process.pid, 0.0))
            for process in self._own_processes
        }
        return busy_s(), sum(self._cpu_s_by_pid.values())


def busy_s() -> float:
    """Return the CPU time in s that the whole machine has used, all cores together.

    It includes what a host took from a virtual machine (steal time).
    """
    times = psutil.cpu_times()
    # Linux counts guest time within user time too; subtracting it counts it once.
    not_busy = (
        times.idle
        + getattr(times, "iowait", 0.0)
        + getattr(times, "guest", 0.0)
        + getattr(times, "guest_nice", 0.0)
    )
    return float(sum(times) - not_busy)


def machine_now() -> MachineState:
    """Return the machine's state, including the load over the next half second."""
    monitor = MachineMonitor(gpu=open_gpu())
    time.sleep(_INTERVAL_S)
    monitor.observe(at_once=True)
    return monitor.states[-1]


def machine_records(states: Sequence[MachineState]) -> list[dict[str, Any]]:
    """Return states as JSON-ready values."""
    records = [asdict(state) for state in states]
    for record in records:
        if record["gpu"]:
            record["gpu"]["clock_reasons"] = list(record["gpu"]["clock_reasons"])
    return records


def machine_states(records: Sequence[dict[str, Any]]) -> tuple[MachineState, ...]:
    """Return the states that `machine_records` recorded."""
    return tuple(MachineState(**{**record, "gpu": _gpu_state(record["gpu"])}) for record in records)


def _gpu_state(record: dict[str, Any] | None) -> GpuState | None:
    if not record:
        return None
    return GpuState(**{**record, "clock_reasons": tuple(record["clock_reasons"])})


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


def _cpu_time_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)

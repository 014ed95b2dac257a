"""Environment lines: the machine, its present state and the library versions."""

from __future__ import annotations

from pathlib import Path

from detbench.bench.environment import Environment
from detbench.bench.gpu import GpuState
from detbench.bench.machine import MachineState
from detbench.bench.machine_speed.best_known import BestKnown
from detbench.bench.machine_speed.speed import COMPUTE_NAME, EXCHANGE_NAME, MachineSpeed
from detbench.reports.terminal.table import ABSENT

_GIB = 2**30
_LABEL_WIDTH = 11


def environment_lines(
    environment: Environment,
    state: MachineState,
    speed: MachineSpeed | None,
    best: BestKnown,
    best_file: Path,
) -> list[str]:
    """Return the environment and the machine's present state, one part per line.

    Args:
        environment: The machine and the libraries.
        state: The machine's present state.
        speed: The machine's present speed; None if it cannot be measured.
        best: The best known speed of this machine.
        best_file: Where that is remembered.
    """
    parts = [
        ("machine", f"{environment.platform}, Python {environment.python}"),
        ("CPU", _cpu_text(environment, state)),
        ("speed", _speed_text(speed)),
        ("best speed", _best_text(best, best_file)),
        ("load", f"{state.background_load_cores or 0.0:.1f} cores busy with other processes"),
        ("throttling", _throttling_text(state)),
        *(
            ("GPU", f"{gpu.name}, driver {gpu.driver}, {gpu.memory_bytes / _GIB:.1f} GiB")
            for gpu in environment.gpus
        ),
        ("GPU now", _gpu_text(state.gpu)) if state.gpu else ("GPU", "no NVIDIA device"),
        ("git", environment.git_commit or ABSENT),
        ("libraries", ", ".join(f"{name} {n}" for name, n in environment.libraries.items())),
    ]
    return [f"{label:<{_LABEL_WIDTH}}{text}" for label, text in parts]


def _cpu_text(environment: Environment, state: MachineState) -> str:
    clock = f"{state.cpu_mhz:,.0f} MHz" if state.cpu_mhz else ABSENT
    size = environment.memory_bytes
    memory = f"{size / _GIB:.1f} GiB" if size else ABSENT
    return (
        f"{environment.cpu}, {environment.cores} cores, {clock},"
        f" governor {environment.cpu_governor or ABSENT}, {memory} memory"
    )


def _speed_text(speed: MachineSpeed | None) -> str:
    if speed is None:
        return "not measured"
    exchange = speed.exchange_us
    times = [f"{COMPUTE_NAME} {speed.compute_us:.2f} µs"]
    return ", ".join(times + ([f"{EXCHANGE_NAME} {exchange:.2f} µs"] if exchange else []))


def _best_text(best: BestKnown, file: Path) -> str:
    times = [(COMPUTE_NAME, best.compute), (EXCHANGE_NAME, best.exchange)]
    texts = [f"{name} {time.time_us:.2f} µs on {time.day}" for name, time in times if time]
    if not texts:
        return "unknown until a latency was measured on this machine"
    return f"{', '.join(texts)}; delete {file} to start over"


def _throttling_text(state: MachineState) -> str:
    if state.cpu_throttle_events is None:
        return "not reported by the CPU"
    return f"{state.cpu_throttle_events:,} events since the machine started"


def _gpu_text(gpu: GpuState) -> str:
    values = [(gpu.sm_clock_mhz, "MHz"), (gpu.power_w, "W"), (gpu.temperature_c, "°C")]
    readings = [f"{value:g} {unit}" for value, unit in values if value is not None]
    return ", ".join([*readings, *gpu.clock_reasons])

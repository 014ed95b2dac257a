"""Environment lines: the machine, its present state and the library versions."""

from __future__ import annotations

from detbench.bench.environment import Environment
from detbench.bench.gpu import GpuState
from detbench.bench.machine import MachineState
from detbench.reports.terminal.table import ABSENT

_GIB = 2**30
_LABEL_WIDTH = 11


def environment_lines(environment: Environment, state: MachineState) -> list[str]:
    """Return the environment and the machine's present state, one part per line."""
    parts = [
        ("machine", f"{environment.platform}, Python {environment.python}"),
        ("CPU", _cpu_text(environment, state)),
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


def _throttling_text(state: MachineState) -> str:
    if state.cpu_throttle_events is None:
        return "not reported by the CPU"
    return f"{state.cpu_throttle_events:,} events since the machine started"


def _gpu_text(gpu: GpuState) -> str:
    values = [(gpu.sm_clock_mhz, "MHz"), (gpu.power_w, "W"), (gpu.temperature_c, "°C")]
    readings = [f"{value:g} {unit}" for value, unit in values if value is not None]
    return ", ".join([*readings, *gpu.clock_reasons])

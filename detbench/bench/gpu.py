"""GPU: what NVML says of an NVIDIA device, its state from moment to moment; a machine without a driver has none, which is normal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

_REASONS = {
    0x0000000000000001: "idle",
    0x0000000000000002: "clocks set by the user",
    0x0000000000000004: "power limit (software)",
    0x0000000000000008: "slow-down (hardware)",
    0x0000000000000010: "sync boost",
    0x0000000000000020: "too hot (software)",
    0x0000000000000040: "too hot (hardware)",
    0x0000000000000080: "power brake (hardware)",
    0x0000000000000100: "display clocks",
}
"""NVML's nvmlClocksEventReason bits in words."""
THROTTLING = frozenset(
    {"slow-down (hardware)", "too hot (software)", "too hot (hardware)", "power brake (hardware)"}
)
"""The reasons that make a measurement invalid. A power limit is the normal state of a loaded chip: the clock says whether it mattered."""


@dataclass(frozen=True)
class GpuInfo:
    """What does not change."""

    name: str
    driver: str
    memory_bytes: int
    max_sm_clock_mhz: int | None


@dataclass(frozen=True)
class GpuState:
    """One look at a GPU; None for what this one does not tell."""

    sm_clock_mhz: int | None
    power_w: float | None
    temperature_c: int | None
    memory_used_bytes: int | None
    utilisation: float | None
    """Share of the last moments in which a kernel ran, 0..1."""
    clock_reasons: tuple[str, ...]
    """Why the clock is not higher."""

    @property
    def throttled(self) -> tuple[str, ...]:
        """The reasons that make a measurement invalid."""
        return tuple(reason for reason in self.clock_reasons if reason in THROTTLING)


class Gpu:
    """One device, opened through NVML."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle

    def info(self) -> GpuInfo:
        """Return name, driver, memory and highest clock."""
        nvml = self._nvml
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo)
        return GpuInfo(
            _text(self._ask(nvml.nvmlDeviceGetName)),
            _text(nvml.nvmlSystemGetDriverVersion()),
            int(memory.total) if memory else 0,
            self._ask(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM),
        )

    def state(self) -> GpuState:
        """Look at the device now."""
        nvml = self._nvml
        power, memory, use = (
            self._ask(call)
            for call in (
                nvml.nvmlDeviceGetPowerUsage,
                nvml.nvmlDeviceGetMemoryInfo,
                nvml.nvmlDeviceGetUtilizationRates,
            )
        )
        return GpuState(
            self._ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
            power / 1000 if power is not None else None,
            self._ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            int(memory.used) if memory else None,
            use.gpu / 100 if use else None,
            self._reasons(),
        )

    def _reasons(self) -> tuple[str, ...]:
        nvml = self._nvml
        ask = (
            getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
            or nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        )
        bits = self._ask(ask) or 0
        return tuple(word for bit, word in _REASONS.items() if bits & bit)

    def _ask(self, call: Any, *arguments: Any) -> Any:
        """Return what a call says of the device, None where it is not supported on this one."""
        try:
            return call(self._handle, *arguments)
        except self._nvml.NVMLError:
            return None


def open_gpus() -> list[Gpu]:
    """Return the machine's NVIDIA devices, in NVML's order; empty without a driver."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        return [
            Gpu(pynvml, pynvml.nvmlDeviceGetHandleByIndex(number))
            for number in range(pynvml.nvmlDeviceGetCount())
        ]
    except pynvml.NVMLError:
        return []


def open_gpu() -> Gpu | None:
    """Return the first device that frameworks see: the first of CUDA_VISIBLE_DEVICES where it is a number, else device 0."""
    gpus = open_gpus()
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0]
    place = int(first) if first.removeprefix("-").isdigit() else 0
    return gpus[place] if 0 <= place < len(gpus) else None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "unknown")

"""GPU: name, driver and current state of NVIDIA devices, read through NVML.

A machine without a driver has no devices, which is not an error.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

_CLOCK_REASONS = {
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
"""The bits of NVML's nvmlClocksEventReason in words."""
THROTTLING = frozenset(
    {"slow-down (hardware)", "too hot (software)", "too hot (hardware)", "power brake (hardware)"}
)
"""The reasons that make a measurement invalid. A software power limit is the normal state of a
loaded chip: the clock itself shows whether it mattered."""
_MW_PER_W = 1000


@dataclass(frozen=True)
class GpuInfo:
    """What does not change."""

    name: str
    driver: str
    memory_bytes: int
    max_sm_clock_mhz: int | None


@dataclass(frozen=True)
class GpuState:
    """A GPU at one moment; None for what this device does not report."""

    sm_clock_mhz: int | None
    power_w: float | None
    temperature_c: int | None
    memory_used_bytes: int | None
    utilization: float | None
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
        memory = self._query(nvml.nvmlDeviceGetMemoryInfo)
        return GpuInfo(
            _text(self._query(nvml.nvmlDeviceGetName)),
            _text(nvml.nvmlSystemGetDriverVersion()),
            int(memory.total) if memory else 0,
            self._query(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM),
        )

    def state(self) -> GpuState:
        """Return the present state."""
        nvml = self._nvml
        power_mw = self._query(nvml.nvmlDeviceGetPowerUsage)
        memory = self._query(nvml.nvmlDeviceGetMemoryInfo)
        utilization = self._query(nvml.nvmlDeviceGetUtilizationRates)
        return GpuState(
            sm_clock_mhz=self._query(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
            power_w=power_mw / _MW_PER_W if power_mw is not None else None,
            temperature_c=self._query(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            memory_used_bytes=int(memory.used) if memory else None,
            utilization=utilization.gpu / 100 if utilization else None,
            clock_reasons=self._clock_reasons(),
        )

    def _clock_reasons(self) -> tuple[str, ...]:
        nvml = self._nvml
        # Drivers before 535 know the call only by its older name.
        call = (
            getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
            or nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        )
        bits = self._query(call) or 0
        return tuple(reason for bit, reason in _CLOCK_REASONS.items() if bits & bit)

    def _query(self, call: Any, *arguments: Any) -> Any:
        """Return what a call reports; None if this device does not support it."""
        try:
            return call(self._handle, *arguments)
        except self._nvml.NVMLError:
            return None


def open_gpus() -> list[Gpu]:
    """Return the machine's NVIDIA devices in NVML's order; empty without a driver."""
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
    """Return the first device that frameworks see, None if they see none.

    It is the first number in CUDA_VISIBLE_DEVICES. Without a number there, it is device 0.
    """
    gpus = open_gpus()
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0]
    number = int(first) if first.removeprefix("-").isdigit() else 0
    return gpus[number] if 0 <= number < len(gpus) else None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "unknown")

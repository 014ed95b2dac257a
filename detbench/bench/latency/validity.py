"""Validity: the reasons why a latency must not be reported. A result without any is valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detbench.bench.machine import MachineState

_MAX_CPU_CLOCK_CHANGE = 0.10
_MAX_SM_CLOCK_CHANGE = 0.05
"""Both as shares of the median clock."""
_MAX_BACKGROUND_LOAD = 0.10
"""As a share of all cores."""
_MAX_HIDDEN_SHARE = 0.10
_MIN_HIDDEN_NS = 50_000
_NS_PER_MS = 1e6
_GPU_PROVIDERS = ("CUDA", "Tensorrt", "ROCM", "MIGraphX", "Dml", "CoreML")
_PROVIDER_ALIASES = {"directml": "dml"}


def device_of(settings: Mapping[str, Any]) -> str:
    """Return where a detector with these settings runs: `gpu`, or `cpu` if they do not say."""
    if "device" in settings:
        return "cpu" if str(settings["device"]).lower().startswith("cpu") else "gpu"
    return "gpu" if str(settings.get("provider", "")).startswith(_GPU_PROVIDERS) else "cpu"


def device_reasons(settings: Mapping[str, Any], requested_device: str | None) -> list[str]:
    """Return whether the detector runs on another device or provider than requested.

    Args:
        settings: Of the detector.
        requested_device: `cpu` or `gpu`, None for any.
    """
    reasons = []
    device = device_of(settings)
    if requested_device is not None and device != requested_device:
        reasons.append(f"wrong device: it runs on {device}, not on {requested_device}")
    provider, requested = settings.get("provider"), settings.get("options", {}).get("provider")
    if provider and requested and not _is_same_provider(str(provider), str(requested)):
        reasons.append(f"wrong provider: it runs with {provider}, not with {requested}")
    return reasons


def _is_same_provider(provider: str, requested: str) -> bool:
    """Return whether `cuda`, or its full name, means onnxruntime's `CUDAExecutionProvider`."""
    name, requested_name = (
        text.lower().removesuffix("executionprovider") for text in (provider, requested)
    )
    return name == _PROVIDER_ALIASES.get(requested_name, requested_name)


def machine_reasons(
    states: Sequence[MachineState], loads: Sequence[float], cores: int, device: str
) -> list[str]:
    """Return what the machine did that changed the times: throttling, clocks, background load.

    Args:
        states: Observed during the measurement. The first is from before the first sample, when
            clocks are still low, so its clocks do not count.
        loads: Cores that other programs kept busy, at each moment that counts.
        cores: Of the machine.
        device: Where the model runs, `cpu` or `gpu`. The GPU counts only for models that use it.
    """
    reasons = []
    # The counters run since the machine started: only an increase belongs to the measurement.
    events = [
        state.cpu_throttle_events for state in states if state.cpu_throttle_events is not None
    ]
    if events and events[-1] > events[0]:
        reasons.append(f"throttled: the CPU counted {events[-1] - events[0]:,} thermal events")
    clocks = np.array([state.cpu_mhz for state in states[1:] if state.cpu_mhz is not None])
    reasons += _clock_reasons("CPU clock", clocks, _MAX_CPU_CLOCK_CHANGE)
    if loads and np.mean(loads) > _MAX_BACKGROUND_LOAD * cores:
        reasons.append(
            f"background load: other processes used {np.mean(loads):.1f} of {cores} cores"
        )
    return reasons + (_gpu_reasons(states) if device == "gpu" else [])


def _gpu_reasons(states: Sequence[MachineState]) -> list[str]:
    gpus = [state.gpu for state in states[1:] if state.gpu is not None]
    throttled = sorted({reason for gpu in gpus for reason in gpu.throttled})
    clocks = np.array([gpu.sm_clock_mhz for gpu in gpus if gpu.sm_clock_mhz is not None])
    return [
        *(f"throttled: GPU {reason}" for reason in throttled),
        *_clock_reasons("GPU SM clock", clocks, _MAX_SM_CLOCK_CHANGE),
    ]


def _clock_reasons(clock: str, mhz: Any, max_change: float) -> list[str]:
    if len(mhz) == 0 or mhz.max() - mhz.min() <= max_change * np.median(mhz):
        return []
    return [f"clock changed: {clock} between {mhz.min():,.0f} and {mhz.max():,.0f} MHz"]


def synchronization_reasons(
    fetch_times_ns: Sequence[tuple[int, int]], infer_ns: float
) -> list[str]:
    """Return whether the clock stopped before the device was done.

    Args:
        fetch_times_ns: Pairs of the time to fetch outputs to the host, right after a request and
            after a pause. If the device was still working, the first is longer.
        infer_ns: The measured time of a request.
    """
    if not fetch_times_ns:
        return []
    # Device work that the clock missed delays the immediate fetch only. Small delays are noise.
    immediate, rested = np.median(np.array(fetch_times_ns, np.float64), axis=0)
    hidden = immediate - rested
    if hidden < _MIN_HIDDEN_NS or hidden < _MAX_HIDDEN_SHARE * (infer_ns + hidden):
        return []
    reason = (
        f"not synchronized: the model worked on for {hidden / _NS_PER_MS:.2f} ms"
        f" after the clock had stopped at {infer_ns / _NS_PER_MS:.2f} ms"
    )
    return [reason]

"""Verdict: the reasons for which a latency must not be quoted; a measurement without any is valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detbench.bench.machine import MachineState

_MOST_CPU_CLOCK_CHANGE = 0.10
_MOST_SM_CLOCK_CHANGE = 0.05
_MOST_OUTSIDE_SHARE = 0.10
_MOST_LEFT_OVER_SHARE = 0.10
_LEAST_LEFT_OVER_NS = 50_000
_GPU_PROVIDERS = ("CUDA", "Tensorrt", "ROCM", "MIGraphX", "Dml", "CoreML")
_SHORT_PROVIDERS = {"directml": "dml"}


def device_of(settings: Mapping[str, Any]) -> str:
    """Return where a detector with these settings runs: `gpu` or `cpu`, the latter where they do not say."""
    if "device" in settings:
        return "cpu" if str(settings["device"]).lower().startswith("cpu") else "gpu"
    return "gpu" if str(settings.get("provider", "")).startswith(_GPU_PROVIDERS) else "cpu"


def device_reasons(settings: Mapping[str, Any], asked: str | None) -> list[str]:
    """Return what is wrong with where the detector runs: not on the device asked for (`cpu`, `gpu`), not by the provider of its options."""
    reasons = []
    runs_on = device_of(settings)
    if asked is not None and runs_on != asked:
        reasons.append(f"device {asked} was asked for, and it runs on {runs_on}")
    provider, wanted = settings.get("provider"), settings.get("options", {}).get("provider")
    if provider and wanted and not _same_provider(str(provider), str(wanted)):
        reasons.append(f"provider {wanted} was asked for, and it runs by {provider}")
    return reasons


def _same_provider(found: str, asked: str) -> bool:
    """Return whether onnxruntime's `CUDAExecutionProvider` is what `cuda`, or its full name, asks for."""
    short, long = (
        found.lower().removesuffix("executionprovider"),
        asked.lower().removesuffix("executionprovider"),
    )
    return short == _SHORT_PROVIDERS.get(long, long)


def machine_reasons(states: Sequence[MachineState], cores: int, device: str) -> list[str]:
    """Return what the machine did that moved the numbers: throttled, changed its clock, worked for others.

    Args:
        states: looks at the machine; the first is from before the first sample, when clocks are still low, and says nothing of them.
        cores: of the machine.
        device: where the model runs, `cpu` or `gpu`; the GPU of a model that runs on the CPU is all one.
    """
    reasons = []
    events = [
        state.cpu_throttle_events for state in states if state.cpu_throttle_events is not None
    ]
    if events and events[-1] > events[0]:
        reasons.append(f"throttled: the CPU counted {events[-1] - events[0]:,} thermal events")
    clocks = np.array([state.cpu_mhz for state in states[1:] if state.cpu_mhz is not None])
    reasons += _moved("CPU clock", clocks, _MOST_CPU_CLOCK_CHANGE)
    outside = [state.outside_cores for state in states if state.outside_cores is not None]
    if outside and np.mean(outside) > _MOST_OUTSIDE_SHARE * cores:
        reasons.append(
            f"load from outside: other processes kept {np.mean(outside):.1f} of {cores} cores busy"
        )
    return reasons + (_gpu_reasons(states) if device == "gpu" else [])


def _gpu_reasons(states: Sequence[MachineState]) -> list[str]:
    gpus = [state.gpu for state in states[1:] if state.gpu is not None]
    throttled = sorted({reason for gpu in gpus for reason in gpu.throttled})
    clocks = np.array([gpu.sm_clock_mhz for gpu in gpus if gpu.sm_clock_mhz is not None])
    return [f"throttled: GPU {reason}" for reason in throttled] + _moved(
        "GPU SM clock", clocks, _MOST_SM_CLOCK_CHANGE
    )


def _moved(what: str, clocks: Any, most: float) -> list[str]:
    if len(clocks) == 0 or clocks.max() - clocks.min() <= most * np.median(clocks):
        return []
    return [f"clock moved: {what} between {clocks.min():,.0f} and {clocks.max():,.0f} MHz"]


def left_over_reasons(left_over_ns: Sequence[tuple[int, int]], infer_ns: float) -> list[str]:
    """Return whether the detector came back before its device was done.

    Args:
        left_over_ns: pairs of how long outputs took to reach the host straight after a request and after a pause.
        infer_ns: how long a request takes by the clock.
    """
    if not left_over_ns:
        return []
    straight, rested = np.median(np.array(left_over_ns, np.float64), axis=0)
    hidden = straight - rested
    if hidden < _LEAST_LEFT_OVER_NS or hidden < _MOST_LEFT_OVER_SHARE * (infer_ns + hidden):
        return []
    return [
        f"not synchronised: {hidden / 1e6:.2f} ms of the model's work went on after the clock had stopped at {infer_ns / 1e6:.2f} ms"
    ]

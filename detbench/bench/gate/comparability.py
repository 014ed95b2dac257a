"""Comparability: whether two runs may be compared, and if not, in what they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detbench.bench.gate.rules import Rule
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.validity import device_of
from detbench.bench.machine_speed.speed import slower_machine_difference
from detbench.bench.runs import Run
from detbench.metrics.scoring.comparable import (
    ground_truth_content_differences,
    protocol_differences,
)

_DISTURBANCES = ("disturbed by", "not at rest")
"""How the reasons of a result start whose model was disturbed by another one."""
_PREPARATION = ("preprocessing", "postprocessing")


def accuracy_difference(baseline: Run, candidate: Run) -> str:
    """Return why the accuracies of two runs must not be compared; empty if they may.

    They need the same ground truth and protocol. Runs of one model also need the same preprocessing
    and postprocessing.
    """
    differences = ground_truth_content_differences(baseline.ground_truth, candidate.ground_truth)
    differences += protocol_differences(baseline.protocol, candidate.protocol)
    if differences:
        return f"baseline and candidate have {differences[0]}"
    model = baseline.detections.settings.get("digest")
    if model is not None and model == candidate.detections.settings.get("digest"):
        return _preparation_difference(baseline.detections.settings, candidate.detections.settings)
    return ""


def machine_difference(
    baseline: Run, candidate: Run, first: LatencyResult, second: LatencyResult
) -> str:
    """Return why the times of two results must not be compared; empty if the machines are alike."""
    machine, other = _machine(baseline.record, first), _machine(candidate.record, second)
    for part, value in machine.items():
        if value != other[part]:
            return (
                f"the baseline was timed with {part} {_text(value)},"
                f" the candidate with {_text(other[part])}"
            )
    return ""


def invalid_reason(rule: Rule, baseline: LatencyResult, candidate: LatencyResult) -> str:
    """Return why one of two results is not valid; empty if both are."""
    for run, result in (("baseline", baseline), ("candidate", candidate)):
        if result.reasons:
            return f"the {run}'s {rule.measure.text} is not valid ({result.reasons[0]})"
    return ""


def is_disturbed(first: LatencyResult, second: LatencyResult) -> bool:
    """Return whether other models changed the times of one of two results."""
    reasons = (*first.reasons, *second.reasons)
    return any(reason.startswith(_DISTURBANCES) for reason in reasons)


def machine_speed_difference(baseline: LatencyResult, candidate: LatencyResult) -> str:
    """Return how the machine's speed differed between two results; empty if it did not.

    Also empty if the speed of one of them is unknown.
    """
    difference = slower_machine_difference(baseline.machine_speed, candidate.machine_speed)
    return f"the machine was faster during one of the runs ({difference})" if difference else ""


def interleaved(first: LatencyResult, second: LatencyResult) -> bool:
    """Return whether both were certainly timed in turns.

    That is so if one monitor observed the machine for both, and recorded the same states, and if
    neither model was started after the other had ended.
    """
    has_same_states = bool(first.machine) and first.machine == second.machine
    return has_same_states and "restarted" not in (first.turns, second.turns)


def _preparation_difference(settings: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    for part in _PREPARATION:
        options, other_options = settings.get(part), other.get(part)
        if not isinstance(options, Mapping) or not isinstance(other_options, Mapping):
            continue
        for key in sorted({*options, *other_options}):
            value, other_value = options.get(key), other_options.get(key)
            if value != other_value:
                return (
                    f"the model is the same, but its {part} differs:"
                    f" {key} was {value} in the baseline and {other_value} in the candidate"
                )
    return ""


def _machine(record: Mapping[str, Any], result: LatencyResult) -> dict[str, Any]:
    """Return what the times of a result depend on, by its name in messages."""
    environment = record.get("environment", {})
    uses_gpu = device_of(result.settings) == "gpu"
    gpus = [(gpu.get("name"), gpu.get("driver")) for gpu in environment.get("gpus", ())]
    return {
        "CPU": environment.get("cpu"),
        "cores": environment.get("cores"),
        "GPUs and drivers": gpus if uses_gpu else None,
        "device": result.settings.get("device") or device_of(result.settings),
        "provider": result.settings.get("provider"),
    }


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{name} (driver {driver})" for name, driver in value) or "none"
    return "unknown" if value is None else str(value)

"""Likeness: whether two runs may be compared at all, and if not, in what they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detbench.bench.gate.rules import Rule
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.verdict import device_of
from detbench.bench.runs import Run
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.protocol import Protocol

_PREPARATION = ("preprocessing", "postprocessing")


def unlike_scores(baseline: Run, candidate: Run) -> str:
    """Return why the accuracies of two runs must not be compared; empty if they may."""
    if baseline.ground_truth.digest != candidate.ground_truth.digest:
        return _other_truth(baseline.ground_truth, candidate.ground_truth)
    if baseline.protocol != candidate.protocol:
        return _other_protocol(baseline.protocol, candidate.protocol)
    model = baseline.detections.settings.get("digest")
    if model is not None and model == candidate.detections.settings.get("digest"):
        return _other_preparation(baseline.detections.settings, candidate.detections.settings)
    return ""


def unlike_machines(
    baseline: Run, candidate: Run, first: LatencyResult, second: LatencyResult
) -> str:
    """Return why the times of two results must not be compared; empty if they were taken on machines of one kind."""
    ours, theirs = _machine(baseline.record, first), _machine(candidate.record, second)
    for what, one in ours.items():
        if one != theirs[what]:
            return f"the baseline was timed with {what} {_shown(one)}, the candidate with {_shown(theirs[what])}"
    return ""


def unfit(rule: Rule, *results: LatencyResult) -> str:
    """Return why the results of baseline and candidate must not be quoted; empty if they may."""
    for who, result in zip(("baseline", "candidate"), results, strict=True):
        if result.reasons:
            return f"the {who}'s {rule.measure.text} must not be quoted ({result.reasons[0]})"
    return ""


def in_turns(first: LatencyResult, second: LatencyResult) -> bool:
    """Return whether both were surely timed in turns: one watch looked at the machine for both, and saw the same at the same moments."""
    return bool(first.machine) and first.machine == second.machine


def _other_truth(ours: GroundTruth, theirs: GroundTruth) -> str:
    first, second = set(ours.image_ids), set(theirs.image_ids)
    if first != second:
        return (
            f"the runs are of different images: {len(first - second):,} only in the baseline, {len(second - first):,} only in the "
            f"candidate, {len(first & second):,} in both"
        )
    if ours.class_names != theirs.class_names:
        return "the runs are of different classes on the same images"
    return "the runs are of the same images with different annotations"


def _other_protocol(ours: Protocol, theirs: Protocol) -> str:
    if ours.name != theirs.name:
        return f"the baseline was scored by protocol {ours.name}, the candidate by {theirs.name}"
    switches = sorted({*ours.changed, *theirs.changed}) or ["measures"]
    named = ", ".join(
        f"{switch} {getattr(ours, switch)} and {getattr(theirs, switch)}" for switch in switches
    )
    return f"protocol {ours.name} was not the same in both: {named}"


def _other_preparation(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    for part in _PREPARATION:
        one, other = ours.get(part), theirs.get(part)
        if one != other and isinstance(one, Mapping) and isinstance(other, Mapping):
            key = next(key for key in sorted({*one, *other}) if one.get(key) != other.get(key))
            return f"one model with two ways of {part}: {key} was {one.get(key)} in the baseline and {other.get(key)} in the candidate"
    return ""


def _machine(record: Mapping[str, Any], result: LatencyResult) -> dict[str, Any]:
    found = record.get("environment", {})
    device = result.settings.get("device") or device_of(result.settings)
    kind = {"CPU": found.get("cpu"), "cores": found.get("cores")}
    gpu = device_of(result.settings) == "gpu"
    gpus = (
        [(each.get("name"), each.get("driver")) for each in found.get("gpus", ())] if gpu else None
    )
    return {
        **kind,
        "GPUs and drivers": gpus,
        "device": device,
        "provider": result.settings.get("provider"),
    }


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{name} (driver {driver})" for name, driver in value) or "none"
    return "unknown" if value is None else str(value)

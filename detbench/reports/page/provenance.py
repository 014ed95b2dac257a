"""Provenance: what a number depends on, as labels and values for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detbench.bench.runs import Run
from detbench.metrics.scoring.evaluation import Evaluation

_GIB = 2**30


def part_provenance(evaluation: Evaluation) -> tuple[tuple[str, str], ...]:
    """Return what the runs of a part have in common: dataset and protocol."""
    truth, protocol = evaluation.ground_truth, evaluation.protocol
    changed = ", ".join(f"{switch} {_text(value)}" for switch, value in protocol.changed.items())
    rows = (
        ("dataset", truth.name),
        ("read from", truth.source),
        ("ground truth digest", truth.digest),
        ("protocol", protocol.name),
        ("changed switches", changed or "none, as published"),
        ("IoU thresholds", ", ".join(f"{threshold:g}" for threshold in protocol.iou_thresholds)),
    )
    return tuple(row for row in rows if row[1])


def run_provenance(run: Run) -> tuple[tuple[str, str], ...]:
    """Return what a run says about itself; what its record does not hold is left out."""
    record = run.record
    digests, machine = record["digests"], record.get("environment") or {}
    model = (record.get("options") or {}).get("effective", {}).get("model") or {}
    rows = (
        ("detections", (record.get("sources") or {}).get("detections")),
        ("detections digest", digests.get("detections")),
        ("model", record.get("model")),
        ("model digest", digests.get("model")),
        *((key.replace("_", " "), model.get(key)) for key in _SETTINGS),
        ("recorded", record.get("created")),
        ("machine", _machine(machine)),
        ("git commit", machine.get("git_commit")),
        ("versions", ", ".join(f"{name} {version}" for name, version in _libraries(machine))),
    )
    return tuple((label, _text(value)) for label, value in rows if value not in (None, "", {}))


def command_of(run: Run) -> str:
    """Return the command line that made a run, as it was typed; empty where it was made in Python."""
    return str(((run.record.get("options") or {}).get("passed") or {}).get("command") or "")


_SETTINGS = (
    "adapter",
    "backend",
    "provider",
    "providers",
    "batch_size",
    "preprocessing",
    "decoder",
    "postprocessing",
)
"""Of a model's effective settings those that fit into a line or two; the record holds them all."""


def _machine(machine: Mapping[str, Any]) -> str:
    memory = machine.get("memory_bytes")
    parts = (
        machine.get("cpu"),
        f"{machine['cores']} cores" if machine.get("cores") else "",
        f"{memory / _GIB:.0f} GiB" if memory else "",
        machine.get("platform"),
        f"Python {machine['python']}" if machine.get("python") else "",
    )
    return ", ".join(str(part) for part in parts if part)


def _libraries(machine: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((machine.get("libraries") or {}).items())


def _text(value: object) -> str:
    """Return a value as people read it: names without underscores, numbers to five digits; the record holds them all."""
    if isinstance(value, Mapping):
        return ", ".join(
            f"{str(key).replace('_', ' ')} {_text(each)}" for key, each in value.items()
        )
    if isinstance(value, list | tuple):
        return " ".join(
            f"({_text(each)})" if isinstance(each, list | tuple) else _text(each) for each in value
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.5g}" if isinstance(value, float) else str(value)

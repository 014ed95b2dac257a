"""Provenance: what the numbers depend on, as labels and values for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detbench.bench.runs import Run
from detbench.metrics.protocols.table import changed_switches
from detbench.metrics.scoring.evaluation import Evaluation

Rows = tuple[tuple[str, str], ...]
"""Labels and values."""
_MODEL_SETTINGS = (
    "adapter",
    "backend",
    "provider",
    "providers",
    "batch_size",
    "preprocessing",
    "decoder",
    "postprocessing",
)
"""The effective settings of a model that are short; the record holds all of them."""
_GIB = 2**30


def shared_provenance(evaluation: Evaluation) -> Rows:
    """Return what comparable runs have in common: dataset and protocol."""
    ground_truth = evaluation.ground_truth
    protocol = evaluation.protocol
    ious = ", ".join(f"{threshold:g}" for threshold in protocol.iou_thresholds)
    rows = (
        ("dataset", ground_truth.name),
        ("source", ground_truth.source),
        ("ground truth digest", ground_truth.digest),
        ("protocol", protocol.name),
        ("changed switches", changed_switches_text(evaluation) or "none, as published"),
        ("IoU thresholds", ious),
    )
    return tuple(row for row in rows if row[1])


def changed_switches_text(evaluation: Evaluation) -> str:
    """Return the switches that differ from the named protocol; empty if none does."""
    changed = changed_switches(evaluation.protocol)
    return ", ".join(f"{switch} {_text(value)}" for switch, value in changed.items())


def run_provenance(run: Run) -> Rows:
    """Return what the record of a run says about it; absent entries are left out."""
    record = run.record
    digests = record["digests"]
    machine = record.get("environment") or {}
    model = (record.get("options") or {}).get("effective", {}).get("model") or {}
    versions = sorted((machine.get("libraries") or {}).items())
    rows = (
        ("detections", (record.get("sources") or {}).get("detections")),
        ("detections digest", digests.get("detections")),
        ("model", record.get("model")),
        ("model digest", digests.get("model")),
        *((key.replace("_", " "), model.get(key)) for key in _MODEL_SETTINGS),
        ("recorded", record.get("created")),
        ("machine", _machine_text(machine)),
        ("git commit", machine.get("git_commit")),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions)),
    )
    return tuple((label, _text(value)) for label, value in rows if value not in (None, "", {}))


def command_of(run: Run) -> str:
    """Return the command line that made a run, as typed; empty if it was made in Python."""
    return str(((run.record.get("options") or {}).get("passed") or {}).get("command") or "")


def _machine_text(machine: Mapping[str, Any]) -> str:
    memory = machine.get("memory_bytes")
    parts = (
        machine.get("cpu"),
        f"{machine['cores']} cores" if machine.get("cores") else "",
        f"{memory / _GIB:.0f} GiB" if memory else "",
        machine.get("platform"),
        f"Python {machine['python']}" if machine.get("python") else "",
    )
    return ", ".join(str(part) for part in parts if part)


def _text(value: object) -> str:
    """Return a value for people: no underscores, five digits; the record holds all digits."""
    if isinstance(value, Mapping):
        return ", ".join(
            f"{str(key).replace('_', ' ')} {_text(item)}" for key, item in value.items()
        )
    if isinstance(value, list | tuple):
        return " ".join(
            f"({_text(item)})" if isinstance(item, list | tuple) else _text(item) for item in value
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.5g}" if isinstance(value, float) else str(value)

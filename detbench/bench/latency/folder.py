"""Folder: what one `detbench latency` run leaves, a run folder of timings alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from detbench.bench.environment import environment
from detbench.bench.latency.interleave import Pair
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.store import LATENCY, load_results, save_samples
from detbench.bench.latency.sweep import Timed
from detbench.bench.results import SCHEMA_VERSION
from detbench.bench.runs import RECORD, write_json
from detbench.data.files import atomic_folder
from detbench.errors import InputError


class _Record(msgspec.Struct):
    schema_version: int
    digests: dict[str, str | None]
    latency: list[dict[str, Any]]


def latency_document(timed: Timed) -> dict[str, Any]:
    """Return what `detbench latency --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "results": [result.summary() for result in timed.results],
        "comparisons": [_pair_record(pair) for pair in timed.pairs],
    }


def write_latency(folder: Path, timed: Timed, *, options: dict[str, Any]) -> Path:
    """Write record and raw samples; `folder` must not exist yet or be empty (InputError). A run that was broken off is written too."""
    record = {
        "schema_version": SCHEMA_VERSION,
        "name": folder.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": {"passed": options},
        "environment": environment().as_dict(),
        "evaluations": [],
        "interrupted": timed.interrupted,
        "latency": [result.as_record() for result in timed.results],
        "comparisons": [_pair_record(pair) for pair in timed.pairs],
    }
    with atomic_folder(folder) as hidden:
        digest = save_samples(timed.results, hidden / LATENCY)
        write_json(hidden / RECORD, {**record, "digests": {"latency": digest}})
    return folder


def read_latency(folder: Path) -> tuple[LatencyResult, ...]:
    """Read the latencies of any run folder; InputError where it has none, or they were changed since."""
    path = folder / RECORD
    try:
        record = msgspec.json.decode(path.read_bytes(), type=_Record)
    except OSError as error:
        raise InputError(
            path,
            f"cannot be read: {error.strerror}",
            fix="give a folder, as `detbench latency -o` writes it",
        ) from None
    except msgspec.DecodeError as error:
        raise InputError(path, f"is not a record: {error}") from None
    if record.schema_version > SCHEMA_VERSION:
        raise InputError(
            path,
            f"has schema version {record.schema_version}, of a newer detbench",
            fix="upgrade detbench",
        )
    if not record.latency:
        raise InputError(path, "has no latencies", fix="`detbench latency -o` writes some")
    return load_results(folder / LATENCY, record.latency, record.digests.get("latency"))


def _pair_record(pair: Pair) -> dict[str, Any]:
    found, task = pair.comparison, pair.task
    return {
        "a": pair.a,
        "b": pair.b,
        "stage": task.stage,
        "batch": task.batch,
        "scenario": task.scenario.name,
        "ratio": found.ratio,
        "interval": list(found.interval) if math.isfinite(found.interval[1]) else None,
        "verdict": found.verdict,
    }

"""Latency run folder: the record and the raw samples that `detbench latency -o` writes."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from detbench.bench.environment import environment
from detbench.bench.json_documents import write_json
from detbench.bench.latency.assembly import SweepResult, TimedPair
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.samples_file import load_results, save_samples
from detbench.bench.run_files import LATENCY, RECORD
from detbench.bench.schema_upgrades import upgraded_record
from detbench.data.files import atomic_folder
from detbench.data.formats.parsing.json_text import json_value
from detbench.data.schema_version import SCHEMA_VERSION
from detbench.errors import InputError


class _Record(msgspec.Struct):
    digests: dict[str, str | None]
    latency: list[dict[str, Any]]


def latency_document(sweep_result: SweepResult) -> dict[str, Any]:
    """Return what `detbench latency --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "results": [result.summary() for result in sweep_result.results],
        "comparisons": [_comparison_record(pair) for pair in sweep_result.pairs],
    }


def write_latency(folder: Path, sweep_result: SweepResult, *, options: dict[str, Any]) -> Path:
    """Write record and raw samples, also of an interrupted sweep.

    Args:
        folder: Must be missing or empty.
        sweep_result: What was measured.
        options: As passed by the user.

    Raises:
        InputError: The folder is in use or cannot be written.
    """
    record = {
        "schema_version": SCHEMA_VERSION,
        "name": folder.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": {"passed": options},
        "environment": environment().as_dict(),
        "evaluations": [],
        "interrupted": sweep_result.interrupted,
        "latency": [result.as_record() for result in sweep_result.results],
        "comparisons": [_comparison_record(pair) for pair in sweep_result.pairs],
    }
    with atomic_folder(folder) as temporary:
        digest = save_samples(sweep_result.results, temporary / LATENCY)
        write_json(temporary / RECORD, {**record, "digests": {"latency": digest}})
    return folder


def read_latency(folder: Path) -> tuple[LatencyResult, ...]:
    """Read the latencies of any run folder.

    Raises:
        InputError: The folder has none, or its files are malformed or were changed.
    """
    path = folder / RECORD
    try:
        document = upgraded_record(json_value(path.read_bytes()), path)
        record = msgspec.convert(document, _Record)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        fix = "name a folder that `detbench latency -o` wrote"
        raise InputError(path, problem, fix=fix) from None
    except msgspec.MsgspecError as error:
        raise InputError(path, f"is not a record of a run: {error}") from None
    if not record.latency:
        raise InputError(path, "has no latencies", fix="`detbench latency -o` writes some")
    return load_results(folder / LATENCY, record.latency, record.digests.get("latency"))


def _comparison_record(pair: TimedPair) -> dict[str, Any]:
    comparison, task = pair.comparison, pair.task
    is_bounded = math.isfinite(comparison.interval[1])
    return {
        "a": pair.a,
        "b": pair.b,
        "stage": task.stage,
        "batch": task.batch,
        "scenario": task.scenario.name,
        "ratio": None if math.isnan(comparison.ratio) else comparison.ratio,
        "interval": list(comparison.interval) if is_bounded else None,
        "verdict": comparison.verdict,
        "processes": comparison.processes,
    }

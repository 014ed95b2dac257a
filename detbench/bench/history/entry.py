"""History entry: what the history keeps of one run."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from detbench.bench.gate.verdict import Outcome
from detbench.bench.run_files import RECORD
from detbench.bench.runs import Run
from detbench.data.schema_version import SCHEMA_VERSION
from detbench.errors import InputError
from detbench.metrics.uncertainty.clusters import MIN_CLUSTERS, cluster_count
from detbench.metrics.uncertainty.intervals import intervals
from detbench.metrics.uncertainty.replicates import resample

RESAMPLES = 400
_PERCENTILES = (50.0, 99.0)
_DIGESTS = ("model", "ground_truth", "detections")


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A measure with its 95% interval; null ends without one."""

    value: float
    low: float | None = None
    high: float | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A run in the history."""

    schema_version: int
    name: str
    date: str
    """When the run was recorded, ISO 8601, UTC."""
    commit: str | None
    branch: str | None
    verdict: Outcome | None
    """The gate's verdict; null for a run that was not gated."""
    run: str
    """The run folder, relative to the history file, with forward slashes."""
    protocol: str
    dataset: str
    digests: dict[str, str | None]
    machine: dict[str, Any]
    measures: dict[str, Value]

    @property
    def identity(self) -> tuple[Any, ...]:
        """What distinguishes runs: everything but their verdict and their folder."""
        digests = tuple(sorted(self.digests.items()))
        return (self.name, self.date, self.commit, self.branch, self.protocol, digests)

    @property
    def commit_or_date(self) -> str:
        """The commit, or the date of a run without a commit."""
        return self.commit or self.date


def history_entry(
    run: Run, file: Path, *, commit: str | None, branch: str | None, verdict: Outcome | None
) -> Entry:
    """Return the entry of a run.

    Args:
        run: Its accuracies are bootstrapped over images, its valid times have their own intervals.
        file: The history that the entry is for.
        commit: None for the commit that the run recorded.
        branch: Of the commit.
        verdict: Of the gate.

    Raises:
        InputError: The record has no valid protocol or date.
    """
    environment = run.record.get("environment", {})
    folder = os.path.relpath(run.folder.resolve(), file.resolve().parent)
    return Entry(
        schema_version=SCHEMA_VERSION,
        name=run.name,
        date=_date(run),
        commit=commit or environment.get("git_commit"),
        branch=branch,
        verdict=verdict,
        run=Path(folder).as_posix(),
        protocol=run.protocol.name,
        dataset=run.ground_truth.name,
        digests={key: run.record["digests"].get(key) for key in _DIGESTS},
        machine={
            "cpu": environment.get("cpu"),
            "cores": environment.get("cores"),
            "gpus": [gpu.get("name") for gpu in environment.get("gpus", ())],
        },
        measures=_accuracies(run) | _times(run),
    )


def in_utc(date: str) -> str:
    """Return an ISO 8601 date in UTC, always written in the same way.

    Raises:
        ValueError: It is not ISO 8601, has no time zone, or is out of range.
    """
    moment = datetime.fromisoformat(date)
    if moment.tzinfo is None:
        raise ValueError(f"the date {date!r} has no time zone, as in 2026-11-21T10:00:00+00:00")
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError as error:
        raise ValueError(f"the date {date!r} is out of range") from error


def _date(run: Run) -> str:
    try:
        return in_utc(str(run.record.get("created")))
    except ValueError as error:
        problem = f"has no valid date in 'created': {error}"
        fix = "score again with `detbench eval -o`"
        raise InputError(run.folder / RECORD, problem, fix=fix) from error


def _accuracies(run: Run) -> dict[str, Value]:
    evaluation = run.evaluation()
    values = {
        measure: Value(value=value)
        for measure, value in evaluation.summary.items()
        if value is not None
    }
    if cluster_count(run.ground_truth) < MIN_CLUSTERS or not values:
        return values
    for replicates in resample([evaluation], resamples=RESAMPLES)[0]:
        measure = replicates.measure.name
        interval, _ = intervals(replicates)
        if measure in values and interval.is_defined:
            values[measure] = Value(value=interval.estimate, low=interval.low, high=interval.high)
    return values


def _times(run: Run) -> dict[str, Value]:
    """Return p50 and p99 of each stage in ms, of valid results only.

    A quick look is none: its interval would show changes between commits that are not there.
    """
    values = {}
    for result in run.latency:
        if result.verdict != "valid":
            continue
        for q in _PERCENTILES:
            value, interval = result.percentile_ms(q), result.interval_ms(q)
            if value is not None and not math.isnan(value):
                measure = f"{result.stage} p{q:g} ms, batch {result.batch}, {result.scenario}"
                low, high = interval or (None, None)
                values[measure] = Value(value=value, low=low, high=high)
    return values

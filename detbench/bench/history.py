"""History: what runs came to over commits, one line of JSON for each run, in a file that lives well in git or in a bucket.

Lines are complete in themselves, have sorted keys and hold nothing but what the run says, so that adding a run twice adds nothing, and two
branches that both added runs merge by keeping the lines of both (`merge=union` in `.gitattributes`).
"""

from __future__ import annotations

import math
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.bench.gate.verdict import Outcome
from detbench.bench.results import SCHEMA_VERSION
from detbench.bench.runs import RECORD, Run
from detbench.data.files import check_place
from detbench.errors import InputError
from detbench.metrics.intervals import FEWEST_UNITS, intervals
from detbench.metrics.resampled import resample

if TYPE_CHECKING:
    import pandas as pd

REPLICATES = 400
_PERCENTILES = (50.0, 99.0)
_ROWS = """
with runs as (
    select distinct * from read_json(?, format='newline_delimited', columns={
        date: 'VARCHAR', commit: 'VARCHAR', branch: 'VARCHAR', verdict: 'VARCHAR', name: 'VARCHAR', machine: 'STRUCT(cpu VARCHAR)',
        measures: 'MAP(VARCHAR, STRUCT(value DOUBLE, low DOUBLE, high DOUBLE))'})
), dated as (
    select *, min(date::TIMESTAMPTZ) over (partition by coalesce(commit, date)) as first from runs
), numbered as (
    select *, dense_rank() over (order by first, coalesce(commit, date)) - 1 as number, unnest(map_entries(measures)) as one from dated
)
select number, date, commit, branch, verdict, name, machine.cpu as machine, one.key as measure,
       one.value.value as value, one.value.low as low, one.value.high as high
from numbered order by number, name, measure, date
"""
_MERGE = "remove the marks and keep the lines of both sides; `*.jsonl merge=union` in .gitattributes does so by itself"


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A measure with its 95 % interval; null ends where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A run, as the history keeps it."""

    schema_version: int
    name: str
    date: str
    """When it was recorded, ISO 8601 with its zone."""
    commit: str | None
    branch: str | None
    verdict: Outcome | None
    """What the gate said of it; null where it was not asked."""
    run: str
    """The run folder, relative to the history file, with forward slashes."""
    protocol: str
    dataset: str
    digests: dict[str, str | None]
    machine: dict[str, Any]
    measures: dict[str, Value]


class _Version(msgspec.Struct):
    schema_version: int


def entry_of(run: Run, file: Path, *, commit: str | None, branch: str | None, verdict: Outcome | None) -> Entry:
    """Return the line of a run in a history file; intervals are of the bootstrap over images, and of the samples of times."""
    found = run.record.get("environment", {})
    return Entry(
        schema_version=SCHEMA_VERSION,
        name=run.name,
        date=str(run.record["created"]),
        commit=commit or found.get("git_commit"),
        branch=branch,
        verdict=verdict,
        run=Path(os.path.relpath(run.folder.resolve(), file.resolve().parent)).as_posix(),
        protocol=run.protocol.name,
        dataset=run.ground_truth.name,
        digests={key: run.record["digests"].get(key) for key in ("model", "ground_truth", "detections")},
        machine={"cpu": found.get("cpu"), "cores": found.get("cores"), "gpus": [each.get("name") for each in found.get("gpus", ())]},
        measures=_accuracies(run) | _times(run),
    )


def add(file: Path, entry: Entry) -> bool:
    """Append a run to a history, which is made if there is none; return False where the same line is there already.

    A line is written in one piece at the end of the file, so that two that add at the same time do not harm one another.

    Raises:
        InputError: the file is no history, or cannot be written.
    """
    check_place(file, folder=False)
    known = read_history(file) if file.exists() else []
    if entry in known:
        return False
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_bytes() if file.exists() else b""
        line = msgspec.json.encode(entry, order="sorted") + b"\n"
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, line if before.endswith(b"\n") or not before else b"\n" + line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise InputError(file, f"cannot be written: {error.strerror}", fix="name a place you may write to") from error
    return True


def read_history(file: Path) -> list[Entry]:
    """Read a history, oldest run first; lines that are there twice, as merges leave them, count once.

    Raises:
        InputError: the file cannot be read, or a line is not an entry, or one of a newer version: which line, and what to do.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise InputError(file, f"cannot be read: {error.strerror}", fix="`detbench history add` makes one") from error
    entries = {line: _entry(file, number, line) for number, line in enumerate(lines, 1) if line.strip()}
    return sorted(entries.values(), key=lambda entry: datetime.fromisoformat(entry.date))


def last_passed(file: Path, name: str, branch: str = "main") -> Path:
    """Return the run folder of the last run of a detector that passed on a branch.

    Raises:
        InputError: there is none, or its folder is gone.
    """
    entries = read_history(file)
    passed = [entry for entry in entries if entry.verdict == "passed" and entry.branch == branch and entry.name == name]
    if not passed:
        there = ", ".join(sorted({f"{entry.name} on {entry.branch} ({entry.verdict or 'not gated'})" for entry in entries})) or "nothing"
        raise InputError(
            file,
            f"has no run of {name!r} that passed on {branch!r}, but {there}",
            fix="add one with `detbench history add --verdict passed`",
        )
    folder = (file.parent / passed[-1].run).resolve()
    if not (folder / RECORD).is_file():
        problem = f"the last run of {name!r} that passed on {branch!r} is of commit {passed[-1].commit}, and its folder {folder} is gone"
        raise InputError(file, problem, fix="fetch that folder, for a comparison needs its detections; or add a newer run that passed")
    return folder


def history_frame(file: Path) -> pd.DataFrame:
    """Return one row for each run and measure: number, date, commit, branch, verdict, name, machine, measure, value, low, high.

    `number` counts commits from the oldest, from 0. Raises InputError as `read_history`.
    """
    import duckdb

    read_history(file)
    return duckdb.execute(_ROWS, [str(file)]).df()


def _entry(file: Path, number: int, line: bytes) -> Entry:
    where = f"line {number}"
    if line.startswith((b"<<<<<<<", b"=======", b">>>>>>>")):
        raise InputError(file, "holds the marks of a merge that is not finished", where=where, fix=_MERGE)
    try:
        version = msgspec.json.decode(line, type=_Version).schema_version
        if version > SCHEMA_VERSION:
            raise InputError(file, f"is of schema version {version}, of a newer detbench", where=where, fix="upgrade detbench")
        entry = msgspec.json.decode(line, type=Entry)
        datetime.fromisoformat(entry.date)
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError(
            file, f"is not an entry of a history: {error}", where=where, fix="remove the line, and add the run again"
        ) from error
    return entry


def _accuracies(run: Run) -> dict[str, Value]:
    evaluation = run.evaluation()
    values = {name: Value(value=value) for name, value in evaluation.summary.items() if value is not None}
    if len(run.ground_truth.image_ids) < FEWEST_UNITS or not values:
        return values
    for found in resample([evaluation], replicates=REPLICATES)[0]:
        interval, _ = intervals(found)
        if found.measure.name in values and interval.known:
            values[found.measure.name] = Value(value=interval.estimate, low=interval.low, high=interval.high)
    return values


def _times(run: Run) -> dict[str, Value]:
    """Return p50 and p99 of each stage in ms, of the times that may be quoted."""
    out = {}
    for result in run.latency:
        if result.verdict != "valid":
            continue
        for q in _PERCENTILES:
            value, ends = result.percentile_ms(q), result.interval_ms(q)
            if value is not None and not math.isnan(value):
                name = f"{result.stage} p{q:g} ms, batch {result.batch}, {result.scenario}"
                out[name] = Value(value=value, low=ends[0] if ends else None, high=ends[1] if ends else None)
    return out

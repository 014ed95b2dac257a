"""History: what runs came to over commits, one line of JSON for each run, in a file that lives well in git or in a bucket.

Lines are complete in themselves, have sorted keys and hold nothing but what the run says, so that adding a run twice adds nothing, and two
branches that both added runs merge by keeping the lines of both (`merge=union` in `.gitattributes`). Of several lines about one run the
last counts; one without a verdict leaves the verdict as it was.
"""

from __future__ import annotations

import codecs
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.bench.gate.verdict import Outcome
from detbench.bench.results import SCHEMA_VERSION
from detbench.bench.runs import RECORD, Run
from detbench.data.files import check_place
from detbench.errors import InputError
from detbench.metrics.uncertainty.clusters import unit_count
from detbench.metrics.uncertainty.intervals import FEWEST_UNITS, intervals
from detbench.metrics.uncertainty.replicates import resample

if TYPE_CHECKING:
    import pandas as pd

REPLICATES = 400
_PERCENTILES = (50.0, 99.0)
_ROWS = """
with dated as (
    select *, min(recorded) over (partition by coalesce(commit, date)) as first from runs
)
select dense_rank() over (order by first, coalesce(commit, date)) - 1 as number,
       date, commit, branch, verdict, name, machine, measure, value, low, high
from dated order by number, name, measure, recorded
"""
_MERGE = "remove the marks and keep the lines of both sides; `*.jsonl merge=union` in .gitattributes does so by itself"
_PARQUET_SUFFIXES, _PARQUET_START = {".parquet", ".pq"}, b"PAR1"


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
    """When it was recorded, ISO 8601, UTC."""
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


def entry_of(
    run: Run, file: Path, *, commit: str | None, branch: str | None, verdict: Outcome | None
) -> Entry:
    """Return the line of a run in a history file; intervals are of the bootstrap over images, and of the samples of times."""
    found = run.record.get("environment", {})
    return Entry(
        schema_version=SCHEMA_VERSION,
        name=run.name,
        date=_date(run),
        commit=commit or found.get("git_commit"),
        branch=branch,
        verdict=verdict,
        run=Path(os.path.relpath(run.folder.resolve(), file.resolve().parent)).as_posix(),
        protocol=run.protocol.name,
        dataset=run.ground_truth.name,
        digests={
            key: run.record["digests"].get(key) for key in ("model", "ground_truth", "detections")
        },
        machine={
            "cpu": found.get("cpu"),
            "cores": found.get("cores"),
            "gpus": [each.get("name") for each in found.get("gpus", ())],
        },
        measures=_accuracies(run) | _times(run),
    )


def add(file: Path, entry: Entry) -> bool:
    """Append a run to a history, which is made if there is none; return False where the same line is there already.

    A line is written in one piece at the end of the file, so that two that add at the same time do not harm one another.

    Raises:
        InputError: the file is no history, or cannot be written.
    """
    check_place(file, folder=False)
    before = _content(file) if file.exists() else _of_lines(file, b"")
    there = _last_of_each(file, before).get(_identity(entry))
    if there is not None and _follow_up(there, entry) == there:
        return False
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        line = msgspec.json.encode(entry, order="sorted") + b"\n"
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, line if before.endswith(b"\n") or not before else b"\n" + line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise InputError(
            file, f"cannot be written: {error.strerror}", fix="name a place you may write to"
        ) from error
    return True


def read_history(file: Path) -> list[Entry]:
    """Read a history, oldest run first; of several lines about one run the last counts.

    Raises:
        InputError: the file cannot be read, or a line is not an entry, or one of a newer version: which line, and what to do.
    """
    return sorted(
        _last_of_each(file, _content(file)).values(),
        key=lambda entry: datetime.fromisoformat(entry.date),
    )


def last_passed(file: Path, name: str, branch: str = "main") -> Path:
    """Return the run folder of a detector's newest commit that passed on a branch.

    Commits stand in the order of their first runs there, so that evaluating an old one again does not make it the newest. What was said
    last of the same detections at the same commit counts.

    Raises:
        InputError: there is none, or its folder is gone.
    """
    entries = read_history(file)
    ours = [entry for entry in entries if entry.branch == branch and entry.name == name]
    order = {commit: number for number, commit in enumerate(dict.fromkeys(map(_commit, ours)))}
    told: dict[tuple[str, str | None], Entry] = {}
    for entry in filter(lambda entry: entry.verdict, reversed(ours)):
        told.setdefault((_commit(entry), entry.digests.get("detections")), entry)
    passed = [entry for entry in told.values() if entry.verdict == "passed"]
    if not passed:
        there = (
            ", ".join(
                sorted(
                    {
                        f"{entry.name} on {entry.branch} ({entry.verdict or 'not gated'})"
                        for entry in entries
                    }
                )
            )
            or "nothing"
        )
        raise InputError(
            file,
            f"has no run of {name!r} that passed on {branch!r}, but {there}",
            fix="add one with `detbench history add --verdict passed`",
        )
    last = max(passed, key=lambda entry: order[_commit(entry)])
    folder = (file.parent / last.run).resolve()
    if not (folder / RECORD).is_file():
        problem = f"the last run of {name!r} that passed on {branch!r} is of commit {last.commit}, and its folder {folder} is gone"
        raise InputError(
            file,
            problem,
            fix="fetch that folder, for a comparison needs its detections; or add a newer run that passed",
        )
    return folder


def history_frame(file: Path) -> pd.DataFrame:
    """Return one row for each run and measure: number, date, commit, branch, verdict, name, machine, measure, value, low, high.

    `number` counts commits from the oldest, from 0. Raises InputError as `read_history`.
    """
    import duckdb
    import pyarrow as pa

    texts = ("date", "commit", "branch", "verdict", "name", "machine", "measure")
    columns = [(name, pa.string()) for name in texts] + [
        (name, pa.float64()) for name in ("value", "low", "high")
    ]
    rows = [row for entry in read_history(file) for row in _rows(entry)]
    with duckdb.connect() as database:
        database.register(
            "runs",
            pa.Table.from_pylist(rows, pa.schema([("recorded", pa.timestamp("us")), *columns])),
        )
        return database.execute(_ROWS).df()


def _rows(entry: Entry) -> list[dict[str, Any]]:
    said = {key: getattr(entry, key) for key in ("date", "commit", "branch", "verdict", "name")}
    said |= {
        "machine": entry.machine.get("cpu"),
        "recorded": datetime.fromisoformat(entry.date).replace(tzinfo=None),
    }
    return [
        {**said, "measure": measure, "value": found.value, "low": found.low, "high": found.high}
        for measure, found in entry.measures.items()
    ]


def _content(file: Path) -> bytes:
    try:
        return _of_lines(file, file.read_bytes())
    except OSError as error:
        raise InputError(
            file, f"cannot be read: {error.strerror}", fix="`detbench history add` makes one"
        ) from error


def _of_lines(file: Path, content: bytes) -> bytes:
    """Return the content of a file that may be a history; InputError for Parquet, which cannot be added to by lines nor merged."""
    named = file.suffix.lower() in _PARQUET_SUFFIXES
    if named or content.startswith(_PARQUET_START):
        problem = "names a Parquet file" if named else "is a Parquet file"
        fix = "name a .jsonl file; `duckdb -c \"copy 'history.jsonl' to 'history.parquet'\"` makes Parquet of it"
        raise InputError(
            file,
            f"{problem}, and a history is lines of JSON, which can be added to and merged",
            fix=fix,
        )
    return content


def _last_of_each(file: Path, content: bytes) -> dict[tuple[Any, ...], Entry]:
    """Return what a history says of each run, in the order in which it was last said."""
    found: dict[tuple[Any, ...], Entry] = {}
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).splitlines(), 1):
        if line.strip():
            entry = _entry(file, number, line)
            before = found.pop(_identity(entry), entry)
            found[_identity(entry)] = _follow_up(before, entry)
    return found


def _identity(entry: Entry) -> tuple[Any, ...]:
    """Return what tells runs apart: all but what was said of them, and where they lie."""
    return (
        entry.name,
        entry.date,
        entry.commit,
        entry.branch,
        entry.protocol,
        tuple(sorted(entry.digests.items())),
    )


def _follow_up(before: Entry, entry: Entry) -> Entry:
    return entry if entry.verdict else msgspec.structs.replace(entry, verdict=before.verdict)


def _commit(entry: Entry) -> str:
    """Return the commit, or what stands in for it where a run has none."""
    return entry.commit or entry.date


def _date(run: Run) -> str:
    created = run.record.get("created")
    try:
        return _utc(str(created))
    except ValueError as error:
        raise InputError(
            run.folder / RECORD,
            f"does not say when it was made: {error}",
            fix="score again with `detbench eval -o`",
        ) from error


def _utc(date: str) -> str:
    """Return a date of ISO 8601 in UTC, spelt in one way; ValueError for one that is none, or has no time zone."""
    moment = datetime.fromisoformat(date)
    if moment.tzinfo is None:
        raise ValueError(f"the date {date!r} has no time zone, as in 2026-11-21T10:00:00+00:00")
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError as error:
        raise ValueError(f"the date {date!r} is out of range") from error


def _entry(file: Path, number: int, line: bytes) -> Entry:
    where = f"line {number}"
    if line.startswith((b"<<<<<<<", b"=======", b">>>>>>>")):
        raise InputError(
            file, "holds the marks of a merge that is not finished", where=where, fix=_MERGE
        )
    try:
        version = msgspec.json.decode(line, type=_Version).schema_version
        if version > SCHEMA_VERSION:
            raise InputError(
                file,
                f"is of schema version {version}, of a newer detbench",
                where=where,
                fix="upgrade detbench",
            )
        entry = msgspec.json.decode(line, type=Entry)
        return msgspec.structs.replace(entry, date=_utc(entry.date))
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError(
            file,
            f"is not an entry of a history: {error}",
            where=where,
            fix="remove the line, and add the run again",
        ) from error


def _accuracies(run: Run) -> dict[str, Value]:
    evaluation = run.evaluation()
    values = {
        name: Value(value=value) for name, value in evaluation.summary.items() if value is not None
    }
    if unit_count(run.ground_truth) < FEWEST_UNITS or not values:
        return values
    for found in resample([evaluation], replicates=REPLICATES)[0]:
        interval, _ = intervals(found)
        if found.measure.name in values and interval.known:
            values[found.measure.name] = Value(
                value=interval.estimate, low=interval.low, high=interval.high
            )
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
                out[name] = Value(
                    value=value, low=ends[0] if ends else None, high=ends[1] if ends else None
                )
    return out

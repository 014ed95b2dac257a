"""History file: one line of JSON per run, which can be appended to and merged by git.

Lines are complete in themselves, have sorted keys and depend on nothing but the run. So adding a
run twice adds nothing. Two branches that both added runs are merged by keeping the lines of both
(`merge=union` in `.gitattributes`). Of several lines about one run, the last one counts. A line
without a verdict leaves the verdict as it was.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from detbench.bench.history.entry import Entry, in_utc
from detbench.bench.run_files import RECORD
from detbench.bench.schema_upgrades import upgraded_history_entry
from detbench.data.files import check_writable
from detbench.data.formats.parsing.json_text import json_value
from detbench.errors import InputError

_MERGE_FIX = (
    "remove the marks and keep the lines of both sides;"
    " `*.jsonl merge=union` in .gitattributes does so automatically"
)
_PARQUET_FIX = (
    "name a .jsonl file; to convert it, run"
    " `duckdb -c \"copy 'history.jsonl' to 'history.parquet'\"`"
)
_MERGE_MARKS = (b"<<<<<<<", b"=======", b">>>>>>>")
_PARQUET_SUFFIXES, _PARQUET_START = {".parquet", ".pq"}, b"PAR1"


def add_entry(file: Path, entry: Entry) -> bool:
    """Append a run to a history; return False if it has the same line already.

    A missing file is created. The line is written in one piece at the end of the file, so that
    processes that add at the same time do not harm each other.

    Raises:
        InputError: The file is not a history, or cannot be written.
    """
    check_writable(file, folder=False)
    content = _read(file) if file.exists() else _checked(file, b"")
    earlier = _latest_entries(file, content).get(entry.identity)
    if earlier is not None and _with_verdict_of(earlier, entry) == earlier:
        return False
    line = msgspec.json.encode(entry, order="sorted") + b"\n"
    if content and not content.endswith(b"\n"):
        line = b"\n" + line
    try:
        _append(file, line)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(
            file, problem, fix="free space, or choose a path where you may write"
        ) from error
    return True


def _append(file: Path, line: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # With O_APPEND the system writes at the end of the file, wherever that is by then.
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    n_written = 0
    try:
        while n_written < len(line):
            n_written += os.write(handle, line[n_written:])
        os.fsync(handle)
    except OSError:
        _take_back(handle, n_written)
        raise
    finally:
        os.close(handle)


def _take_back(handle: int, n_written: int) -> None:
    """Remove a part of a line from the end of a file, unless another process wrote behind it."""
    end = os.lseek(handle, 0, os.SEEK_CUR)
    if n_written and os.fstat(handle).st_size == end:
        os.ftruncate(handle, end - n_written)


def read_history(file: Path) -> list[Entry]:
    """Read a history, oldest run first.

    Raises:
        InputError: The file cannot be read, or a line is not an entry or of a newer version.
    """
    entries = _latest_entries(file, _read(file)).values()
    return sorted(entries, key=lambda entry: datetime.fromisoformat(entry.date))


def last_passed(file: Path, name: str, branch: str = "main") -> Path:
    """Return the run folder of a detector's newest commit that passed on a branch.

    Commits are ordered by their first runs on that branch, so that evaluating an old commit again
    does not make it the newest. Of several runs of the same detections at one commit, the last
    verdict counts.

    Raises:
        InputError: No run passed, or its folder is missing.
    """
    entries = read_history(file)
    on_branch = [entry for entry in entries if entry.branch == branch and entry.name == name]
    commits = dict.fromkeys(entry.commit_or_date for entry in on_branch)
    order = {commit: number for number, commit in enumerate(commits)}
    passed = [entry for entry in _last_verdicts(on_branch) if entry.verdict == "passed"]
    if not passed:
        raise InputError(
            file,
            f"has no run of {name!r} that passed on {branch!r}, only {_described(entries)}",
            fix="add one with `detbench history add --verdict passed`",
        )
    last = max(passed, key=lambda entry: order[entry.commit_or_date])
    folder = (file.parent / last.run).resolve()
    if not (folder / RECORD).is_file():
        raise InputError(
            file,
            f"the last run of {name!r} that passed on {branch!r} is of commit {last.commit},"
            f" but its folder {folder} is missing",
            fix="fetch that folder, whose detections the gate compares, or add a newer run",
        )
    return folder


def _last_verdicts(entries: Sequence[Entry]) -> list[Entry]:
    """Return the last gated run of the same detections at each commit, newest first."""
    # Entries are sorted by date, so the first one met backwards is the last verdict.
    last: dict[tuple[str, str | None], Entry] = {}
    for entry in reversed(entries):
        if entry.verdict:
            last.setdefault((entry.commit_or_date, entry.digests.get("detections")), entry)
    return list(last.values())


def _described(entries: Sequence[Entry]) -> str:
    names = {
        f"{entry.name} on {entry.branch} ({entry.verdict or 'not gated'})" for entry in entries
    }
    return ", ".join(sorted(names)) or "no runs at all"


def _read(file: Path) -> bytes:
    try:
        return _checked(file, file.read_bytes())
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise InputError(file, problem, fix="`detbench history add` creates one") from error


def _checked(file: Path, content: bytes) -> bytes:
    """Return the content of a history; Parquet is refused because lines cannot be added to it."""
    has_suffix = file.suffix.lower() in _PARQUET_SUFFIXES
    if has_suffix or content.startswith(_PARQUET_START):
        problem = "has the suffix of a Parquet file" if has_suffix else "is a Parquet file"
        raise InputError(file, f"{problem}; a history has lines of JSON", fix=_PARQUET_FIX)
    return content


def _latest_entries(file: Path, content: bytes) -> dict[tuple[Any, ...], Entry]:
    """Return the state of each run after its last line, in the order of the last lines."""
    entries: dict[tuple[Any, ...], Entry] = {}
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).splitlines(), 1):
        if line.strip():
            entry = _parsed(file, number, line)
            earlier = entries.pop(entry.identity, entry)
            entries[entry.identity] = _with_verdict_of(earlier, entry)
    return entries


def _with_verdict_of(earlier: Entry, entry: Entry) -> Entry:
    """Return an entry, with the earlier verdict if it has none."""
    if entry.verdict:
        return entry
    return msgspec.structs.replace(entry, verdict=earlier.verdict)


def _parsed(file: Path, number: int, line: bytes) -> Entry:
    where = f"line {number}"
    if line.startswith(_MERGE_MARKS):
        raise InputError(
            file, "has conflict markers of an unfinished merge", where=where, fix=_MERGE_FIX
        )
    try:
        document = upgraded_history_entry(json_value(line), f"{file}, {where}")
        entry = msgspec.convert(document, Entry)
        return msgspec.structs.replace(entry, date=in_utc(entry.date))
    except (msgspec.MsgspecError, ValueError) as error:
        problem = f"is not a history entry: {error}"
        fix = "remove the line and add the run again"
        raise InputError(file, problem, where=where, fix=fix) from error

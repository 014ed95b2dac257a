"""Samples file: the raw samples of latency results, in a Parquet file beside their records.

One row per process, in the order of the records and of their processes: `result`, the position of
the record; `process`, that of the process within it; `model`, `stage`, `batch` and `scenario`;
`first_call_s` and `busy_cores_of_others`; then `warmup_ns`, `samples_ns`, `set_aside_ns` and
`alone_ns`, lists of int64 in order of time.

Version 1 has one row per result, with `warmup_ns` and `samples_ns`, which is read as one process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from detbench.bench.latency.result import LatencyResult, ProcessSamples
from detbench.data.files import atomic_path
from detbench.data.formats.parsing.json_text import json_value
from detbench.data.schema_version import check_version
from detbench.errors import InputError

_FILE_VERSION = 2
_METADATA_KEY = b"detbench"
_LABEL_COLUMNS = ("model", "stage", "batch", "scenario")
_NUMBER_COLUMNS = ("first_call_s", "busy_cores_of_others")
_SAMPLE_COLUMNS = ("warmup_ns", "samples_ns", "set_aside_ns", "alone_ns")
_SAMPLE_COLUMNS_OF_VERSION_1 = ("warmup_ns", "samples_ns")
_FIX = "time the models again"
_Row = Mapping[str, Any]


class _Header(msgspec.Struct):
    schema_version: int
    kind: str


def save_samples(results: Sequence[LatencyResult], path: Path) -> str:
    """Write the samples of results and return the file's digest; equal results give equal bytes."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    rows = [
        (place, number, result, process)
        for place, result in enumerate(results)
        for number, process in enumerate(result.processes)
    ]
    list_type = pa.list_(pa.field("element", pa.int64(), nullable=False))
    columns = {
        "result": pa.array([place for place, *_ in rows], pa.int64()),
        "process": pa.array([number for _, number, *_ in rows], pa.int64()),
        **{
            name: pa.array(
                [getattr(result, name) for _, _, result, _ in rows],
                pa.int64() if name == "batch" else pa.string(),
            )
            for name in _LABEL_COLUMNS
        },
        **{
            name: pa.array(
                [getattr(process, name) for *_, process in rows],
                pa.float64() if name in _NUMBER_COLUMNS else list_type,
            )
            for name in (*_NUMBER_COLUMNS, *_SAMPLE_COLUMNS)
        },
    }
    header = msgspec.json.encode(_Header(_FILE_VERSION, "latency"))
    table = pa.table(columns)
    with (
        atomic_path(path) as temporary,
        ParquetWriter(temporary, table.schema, compression="zstd", store_schema=False) as writer,
    ):
        writer.write_table(table)
        writer.add_key_value_metadata({_METADATA_KEY: header})
    return file_digest(path)


def file_digest(path: Path) -> str:
    """Return the digest of a file's bytes."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def load_results(
    path: Path, records: Sequence[Mapping[str, Any]], digest: str | None
) -> tuple[LatencyResult, ...]:
    """Return the results that records describe, with their samples from a file.

    Args:
        path: The samples file; not read if there are no records.
        records: Of the results, in the current schema version.
        digest: Of the file, as recorded.

    Raises:
        InputError: The file is missing, damaged, of a newer version, or has another digest.
    """
    if not records:
        return ()
    try:
        file_digest_now = file_digest(path)
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}", fix=_FIX) from None
    if file_digest_now != digest:
        problem = "is not the file that this run was recorded with: its digest differs"
        raise InputError(path, problem, fix=_FIX)
    version, rows = _read_rows(path)
    try:
        processes = (_processes_of_version_1 if version == 1 else _processes)(records, rows)
        return tuple(map(LatencyResult.from_record, records, processes))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        problem = f"has malformed latency entries ({error})"
        raise InputError(path.with_name("record.json"), problem, fix=_FIX) from None


def _processes(records: Sequence[_Row], rows: Sequence[_Row]) -> list[list[ProcessSamples]]:
    """Return the processes of each record; raises ValueError if rows are of other results."""
    processes: list[list[ProcessSamples]] = [[] for _ in records]
    for row in rows:
        if any(row[name] != records[row["result"]][name] for name in _LABEL_COLUMNS):
            raise ValueError(f"entry {row['result']} has the samples of another result")
        numbers = {name: row[name] for name in _NUMBER_COLUMNS}
        process = ProcessSamples(**numbers, **_samples(row, _SAMPLE_COLUMNS))
        processes[row["result"]].append(process)
    for record, own in zip(records, processes, strict=True):
        if len(record["by_process"]) != len(own):
            raise ValueError(f"{len(record['by_process'])} processes, but samples of {len(own)}")
    return processes


def _processes_of_version_1(
    records: Sequence[_Row], rows: Sequence[_Row]
) -> list[list[ProcessSamples]]:
    """Return one process of each record, none if it has no samples."""
    return [
        [
            ProcessSamples(
                **_samples(row, _SAMPLE_COLUMNS_OF_VERSION_1), first_call_s=record["first_call_s"]
            )
        ]
        if any(row[name] for name in _SAMPLE_COLUMNS_OF_VERSION_1)
        else []
        for record, row in zip(records, rows, strict=True)
    ]


def _samples(row: _Row, columns: Sequence[str]) -> dict[str, Any]:
    return {name: np.array(row[name], np.int64) for name in columns}


def _read_rows(path: Path) -> tuple[int, list[_Row]]:
    """Return the version of the file and its rows."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            metadata = file.metadata.metadata or {}
            header = json_value(metadata.get(_METADATA_KEY, b"{}"), _Header)
            check_version(header.schema_version, _FILE_VERSION, str(path))
            return header.schema_version, file.read(use_threads=False).to_pylist()
    except (pa.ArrowException, OSError, KeyError, msgspec.DecodeError) as error:
        problem = f"is not a file of latency samples: {str(error).partition('.')[0]}"
        raise InputError(path, problem, fix=_FIX) from None

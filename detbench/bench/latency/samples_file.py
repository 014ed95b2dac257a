"""Samples file: the raw samples of latency results, in a Parquet file beside their records.

One row per result, in the order of the records: `model`, `stage`, `batch` and `scenario`, then
`warmup_ns` and `samples_ns`, lists of int64 in order of time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from detbench.bench.latency.result import LatencyResult, SamplesNs
from detbench.data.files import atomic_path
from detbench.data.schema_version import check_version
from detbench.errors import InputError

_FILE_VERSION = 1
_METADATA_KEY = b"detbench"
_LABEL_COLUMNS = ("model", "stage", "batch", "scenario")
_SAMPLE_COLUMNS = ("warmup_ns", "samples_ns")
_FIX = "time the models again"


class _Header(msgspec.Struct):
    schema_version: int
    kind: str


def save_samples(results: Sequence[LatencyResult], path: Path) -> str:
    """Write the samples of results and return the file's digest; equal results give equal bytes."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    list_type = pa.list_(pa.field("element", pa.int64(), nullable=False))
    columns = {
        name: pa.array([getattr(result, name) for result in results]) for name in _LABEL_COLUMNS
    } | {
        name: pa.array([getattr(result, name) for result in results], list_type)
        for name in _SAMPLE_COLUMNS
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
    samples = _read_samples(path)
    try:
        return tuple(
            LatencyResult.from_record(record, *columns)
            for record, columns in zip(records, samples, strict=True)
        )
    except (KeyError, TypeError, ValueError) as error:
        problem = f"has malformed latency entries ({error})"
        raise InputError(path.with_name("record.json"), problem, fix=_FIX) from None


def _read_samples(path: Path) -> list[tuple[SamplesNs, SamplesNs]]:
    """Return warm-up and samples of every row."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            metadata = file.metadata.metadata or {}
            header = msgspec.json.decode(metadata.get(_METADATA_KEY, b"{}"), type=_Header)
            check_version(header.schema_version, _FILE_VERSION, str(path))
            table = file.read([*_SAMPLE_COLUMNS], use_threads=False)
    except (pa.ArrowException, OSError, KeyError, msgspec.DecodeError) as error:
        problem = f"is not a file of latency samples: {str(error).partition('.')[0]}"
        raise InputError(path, problem, fix=_FIX) from None
    warmups, samples = (
        [np.array(row, np.int64) for row in table[name].to_pylist()] for name in _SAMPLE_COLUMNS
    )
    return list(zip(warmups, samples, strict=True))

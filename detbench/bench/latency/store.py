"""Store: the raw samples of results in a Parquet file, beside the records that say what they are samples of.

One row per result, in the order of the records: what it is of, then `warmup_ns` and `samples_ns`, lists of int64 in order of time.
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
from detbench.errors import InputError

LATENCY = "latency.parquet"
SCHEMA_VERSION = 1
_KEY = b"detbench"
_OF = ("model", "stage", "batch", "scenario")
_SAMPLES = ("warmup_ns", "samples_ns")
_AGAIN = "time the models again"


class _Header(msgspec.Struct):
    schema_version: int
    kind: str


def save_samples(results: Sequence[LatencyResult], path: Path) -> str:
    """Write the samples of results and return the digest of the file; the same results give the same bytes."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    columns = {name: pa.array([getattr(result, name) for result in results]) for name in _OF}
    lists = pa.list_(pa.field("element", pa.int64(), nullable=False))
    columns |= {
        name: pa.array([getattr(result, name) for result in results], lists) for name in _SAMPLES
    }
    header = msgspec.json.encode(_Header(SCHEMA_VERSION, "latency"))
    table = pa.table(columns)
    with (
        atomic_path(path) as hidden,
        ParquetWriter(hidden, table.schema, compression="zstd", store_schema=False) as writer,
    ):
        writer.write_table(table)
        writer.add_key_value_metadata({_KEY: header})
    return file_digest(path)


def file_digest(path: Path) -> str:
    """Return the digest of a file's bytes."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def load_results(
    path: Path, records: Sequence[Mapping[str, Any]], digest: str | None
) -> tuple[LatencyResult, ...]:
    """Return the results of records, with their samples from a file; none without records.

    Raises:
        InputError: the file is missing, damaged, of a newer version, or not the one whose digest was recorded.
    """
    if not records:
        return ()
    try:
        found = file_digest(path)
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}", fix=_AGAIN) from None
    if found != digest:
        raise InputError(
            path, "is not the file this run was recorded with: its digest differs", fix=_AGAIN
        )
    samples = _samples(path)
    try:
        return tuple(
            LatencyResult.from_record(record, *lists)
            for record, lists in zip(records, samples, strict=True)
        )
    except (KeyError, TypeError, ValueError) as error:
        problem = f"the latencies of its record are not what detbench writes ({error})"
        raise InputError(path.with_name("record.json"), problem, fix=_AGAIN) from None


def _samples(path: Path) -> list[tuple[SamplesNs, SamplesNs]]:
    """Return warm-up and samples of every row."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            header = msgspec.json.decode(
                (file.metadata.metadata or {}).get(_KEY, b"{}"), type=_Header
            )
            if header.schema_version > SCHEMA_VERSION:
                raise InputError(
                    path,
                    f"has schema version {header.schema_version}, of a newer detbench",
                    fix="upgrade detbench",
                )
            table = file.read([*_SAMPLES], use_threads=False)
    except (pa.ArrowException, OSError, KeyError, msgspec.DecodeError) as error:
        raise InputError(
            path, f"is no file of latencies: {str(error).partition('.')[0]}", fix=_AGAIN
        ) from None
    warmups, samples = (
        [np.array(row, np.int64) for row in table[name].to_pylist()] for name in _SAMPLES
    )
    return list(zip(warmups, samples, strict=True))

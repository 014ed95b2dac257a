"""The container of detbench's Parquet files: a header in the metadata, one row per image, lists for its objects, groups of images.

The i-th entry of each list is the image's i-th object; a column of W numbers per object holds them one object after the other, so that
the file's bytes are the (N, W) array in memory. Groups of about 100,000 objects keep what is read but not yet placed small. Nothing is
compressed: `docs/reading.md` has the measurements.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detbench.data.arrow import from_numpy, from_texts, list_values, to_numpy
from detbench.data.columns import Ints
from detbench.data.files import atomic_path
from detbench.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

SCHEMA_VERSION = 1
_KEY = b"detbench"
_OBJECTS_IN_GROUP = 100_000

Columns = dict[str, NDArray[Any]]
ImageColumns = dict[str, NDArray[Any] | tuple[str, ...]]
Layout = dict[str, tuple[type[np.generic], int]]
"""Name → type and numbers per object."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file's metadata says of its rows."""

    schema_version: int = SCHEMA_VERSION
    kind: Literal["ground_truth", "detections"]
    objects: int
    name: str
    source: str
    digest: str
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...] = ()
    protocol: str = ""
    image_folder: str | None = None
    settings: dict[str, Any] = {}


class _Version(msgspec.Struct):
    schema_version: int


@contextmanager
def opened(path: Path, kind: Literal["ground_truth", "detections"] | None = None) -> Iterator[tuple[ParquetFile, Header]]:
    """Open one of our files, of the kind asked for; whatever Arrow cannot read of it, now or later, is an InputError."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path, pre_buffer=False) as file:
            header = _header(path, (file.metadata.metadata or {}).get(_KEY))
            if kind not in (None, header.kind):
                problem = f"holds {header.kind.replace('_', ' ')}, not {str(kind).replace('_', ' ')}"
                raise InputError(path, problem)
            yield file, header
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise InputError(path, f"cannot be read as Parquet: {reason}", fix="if it was cut off, copy or write it again") from None


def _header(path: Path, text: bytes | None) -> Header:
    if text is None:
        raise InputError(path, "is Parquet, but was not written by detbench", fix="detbench convert writes such files")
    try:
        version = msgspec.json.decode(text, type=_Version).schema_version
        if version > SCHEMA_VERSION:
            problem = f"has schema version {version}, of a newer detbench; this one reads up to {SCHEMA_VERSION}"
            raise InputError(path, problem, fix="update detbench")
        return msgspec.json.decode(text, type=Header)
    except msgspec.DecodeError as error:
        raise InputError(path, f"its metadata is not detbench's: {error}") from None


def read_texts(path: Path, file: ParquetFile, name: str) -> tuple[str, ...]:
    """Return a column of one string per image."""
    _check_columns(path, file, [name])
    return tuple(file.read([name], use_threads=False)[name].to_pylist())


def read_numbers(path: Path, file: ParquetFile, name: str) -> NDArray[Any]:
    """Return a column of one number per image."""
    _check_columns(path, file, [name])
    chunks = file.read([name], use_threads=False)[name].chunks
    return np.concatenate([to_numpy(chunk) for chunk in chunks]) if chunks else np.zeros(0)


def read_objects(path: Path, file: ParquetFile, layout: Layout, objects: int) -> tuple[Ints, Columns]:
    """Return offsets (images + 1,) and the columns of all objects, (N,) or (N, W)."""
    _check_columns(path, file, layout)
    columns: Columns = {name: np.empty((objects, width) if width > 1 else objects, dtype) for name, (dtype, width) in layout.items()}
    unfilled = {name: column.reshape(-1) for name, column in columns.items()}
    first = next(iter(layout))
    counts = [np.zeros(1, np.int32)]
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, list(layout), use_threads=False)
        counts += [np.diff(to_numpy(chunk.offsets)) for chunk in table[first].chunks]
        for name in layout:
            for chunk in table[name].chunks:
                values, place = list_values(chunk), unfilled[name]
                if len(values) > len(place) or values.dtype != place.dtype:
                    raise InputError(path, f"column {name!r} is not what the metadata says", fix="write it again")
                place[: len(values)] = values
                unfilled[name] = place[len(values) :]
    offsets = np.cumsum(np.concatenate(counts), dtype=np.int64) // layout[first][1]
    if any(len(place) for place in unfilled.values()) or offsets[-1] != objects:
        raise InputError(path, f"has fewer objects than the {objects:,} of its metadata", fix="write it again")
    return offsets, columns


def _check_columns(path: Path, file: ParquetFile, names: Layout | list[str]) -> None:
    for name in names:
        if name not in file.schema_arrow.names:
            raise InputError(path, f"has no column {name!r}", fix="detbench convert writes such files")


def write_file(path: Path, header: Header, images: ImageColumns, offsets: Ints, objects: Columns) -> None:
    """Write columns of images, and of objects grouped by image by `offsets`, under a header."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    arrays = {name: from_texts(column) if isinstance(column, tuple) else from_numpy(column) for name, column in images.items()}
    arrays |= {name: _lists(offsets, column) for name, column in objects.items()}
    schema = pa.schema([pa.field(name, array.type, nullable=False) for name, array in arrays.items()])
    table = pa.Table.from_arrays(list(arrays.values()), schema=schema)
    plain = {"compression": "none", "use_dictionary": False, "write_statistics": False, "store_schema": False}
    with atomic_path(path) as hidden, ParquetWriter(hidden, schema, **plain) as writer:
        for start, end in _groups(offsets):
            writer.write_table(table.slice(start, end - start), row_group_size=end - start)
        writer.add_key_value_metadata({_KEY: msgspec.json.encode(header)})


def _lists(offsets: Ints, column: NDArray[Any]) -> pa.ListArray:
    """Return the rows of a column (N,) or (N, W) as one flat list per image."""
    import pyarrow as pa

    values = from_numpy(column.reshape(-1))
    width = column.shape[1] if column.ndim == 2 else 1
    list_type = pa.list_(pa.field("element", values.type, nullable=False))
    return pa.ListArray.from_arrays(from_numpy((offsets * width).astype(np.int32)), values, type=list_type)


def _groups(offsets: Ints) -> Iterator[tuple[int, int]]:
    """Yield start and end of the groups of images."""
    objects, images = int(offsets[-1]), len(offsets) - 1
    wanted = np.arange(_OBJECTS_IN_GROUP, objects, _OBJECTS_IN_GROUP)
    bounds = sorted({0, *np.searchsorted(offsets, wanted).tolist(), images})
    yield from itertools.pairwise(bounds)

"""The container of detbench's Parquet files: a header in the metadata, one row per image, lists for its objects, groups of images.

The i-th entry of each list is the image's i-th object; a column of W numbers per object holds them one object after the other, so that
the file's bytes are the (N, W) array in memory. Groups of about 100,000 objects keep what is read but not yet placed small. Nothing is
compressed: `docs/reading.md` has the measurements.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Ints
from detbench.data.files import atomic_path
from detbench.data.formats.parsing.arrow import from_numpy, from_texts, list_values, to_numpy
from detbench.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

SCHEMA_VERSION = 1
_KEY = b"detbench"
_OBJECTS_IN_GROUP = 100_000
_MOST_NUMBERS = 2**31 - 1
_AGAIN = "it was damaged or edited: write it again"
_Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

Columns = dict[str, NDArray[Any]]
ImageColumns = dict[str, NDArray[Any] | tuple[str, ...]]
Layout = dict[str, tuple[type[np.generic], int]]
"""Name → type and numbers per object."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file's metadata says of its rows."""

    schema_version: int = SCHEMA_VERSION
    kind: Literal["ground_truth", "detections"]
    objects: Annotated[int, msgspec.Meta(ge=0)]
    name: str
    source: str
    digest: str
    class_names: tuple[str, ...]
    category_ids: tuple[_Id, ...] = ()
    protocol: str = ""
    image_folder: str | None = None
    settings: dict[str, Any] = {}


class _Version(msgspec.Struct):
    schema_version: int


@contextmanager
def opened(
    path: Path, kind: Literal["ground_truth", "detections"] | None = None
) -> Iterator[tuple[ParquetFile, Header]]:
    """Open one of our files, of the kind asked for; whatever cannot be read of it, now or later, is an InputError."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path, pre_buffer=False) as file:
            header = _header(path, (file.metadata.metadata or {}).get(_KEY))
            if kind not in (None, header.kind):
                problem = (
                    f"holds {header.kind.replace('_', ' ')}, not {str(kind).replace('_', ' ')}"
                )
                raise InputError(path, problem)
            yield file, header
    except (pa.ArrowException, OSError, MemoryError, ValueError, OverflowError) as error:
        reason = (
            str(error).partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
        )
        raise InputError(
            path,
            f"cannot be read as Parquet: {reason}",
            fix="if it was cut off, copy or write it again",
        ) from None


def _header(path: Path, text: bytes | None) -> Header:
    if text is None:
        raise InputError(
            path,
            "is Parquet, but was not written by detbench",
            fix="detbench convert writes such files",
        )
    try:
        version = msgspec.json.decode(text, type=_Version).schema_version
        if version > SCHEMA_VERSION:
            problem = f"has schema version {version}, of a newer detbench; this one reads up to {SCHEMA_VERSION}"
            raise InputError(path, problem, fix="update detbench")
        header = msgspec.json.decode(text, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(path, f"its metadata is not detbench's: {error}") from None
    _check_unique(path, "class_names of its metadata", header.class_names)
    if header.kind == "ground_truth":
        _check_unique(path, "category_ids of its metadata", header.category_ids)
        if len(header.category_ids) != len(header.class_names):
            problem = f"its metadata has {len(header.category_ids)} category_ids for {len(header.class_names)} class_names"
            raise InputError(path, problem, fix=_AGAIN)
    return header


def _check_unique(path: Path, where: str, values: Sequence[str] | Sequence[int]) -> None:
    if len(set(values)) != len(values):
        twice = next(value for value, uses in Counter(values).items() if uses > 1)
        raise InputError(path, f"{twice!r} is there twice", where=where, fix=_AGAIN)


def read_texts(path: Path, file: ParquetFile, name: str) -> tuple[str, ...]:
    """Return a column of one string per image; those of `image_id` are unique."""
    import pyarrow as pa

    texts = _read_column(path, file, name, pa.string()).to_pylist()
    if name == "image_id":
        _check_unique(path, f"column {name!r}", texts)
    return tuple(texts)


def read_numbers(
    path: Path, file: ParquetFile, name: str, dtype: type[np.generic] = np.float64
) -> NDArray[Any]:
    """Return a column of one number per image."""
    import pyarrow as pa

    chunks = _read_column(path, file, name, pa.from_numpy_dtype(dtype)).chunks
    return np.concatenate([to_numpy(chunk) for chunk in chunks]) if chunks else np.zeros(0, dtype)


def _read_column(path: Path, file: ParquetFile, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    _check_type(path, file, name, kind)
    column = file.read([name], use_threads=False)[name]
    if column.null_count:
        raise InputError(path, "has a null", where=f"column {name!r}", fix=_AGAIN)
    if len(column) != file.metadata.num_rows:
        raise InputError(
            path,
            f"has {len(column):,} rows, not {file.metadata.num_rows:,}",
            where=f"column {name!r}",
            fix=_AGAIN,
        )
    return column


def read_objects(
    path: Path, file: ParquetFile, layout: Layout, objects: int
) -> tuple[Ints, Columns]:
    """Return offsets (images + 1,) and the columns of all objects, (N,) or (N, W), which nobody can write into.

    Lists that are null, of another type or of other lengths than those of the other columns are an InputError that names the column.
    """
    import pyarrow as pa

    for name, (dtype, _) in layout.items():
        _check_type(
            path,
            file,
            name,
            pa.list_(pa.field("element", pa.from_numpy_dtype(dtype), nullable=False)),
        )
    first = next(iter(layout))
    column = file.read([first], use_threads=False)[first]
    counts = _lengths(path, first, column)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    if offsets[-1] != objects:
        found = "more" if offsets[-1] > objects else "fewer"
        raise InputError(
            path, f"has {found} objects than the {objects:,} of its metadata", fix=_AGAIN
        )
    if len(counts) != file.metadata.num_rows:
        raise InputError(
            path,
            f"has {len(counts):,} rows, not {file.metadata.num_rows:,}",
            where=f"column {first!r}",
            fix=_AGAIN,
        )
    columns: Columns = {
        name: np.empty((objects, width) if width > 1 else objects, dtype)
        for name, (dtype, width) in layout.items()
    }
    _fill(columns[first], 0, column)
    others = [name for name in layout if name != first]
    start = 0
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, others, use_threads=False)
        end = start + len(table)
        for name in others:
            if not np.array_equal(
                _lengths(path, name, table[name]), counts[start:end] * layout[name][1]
            ):
                raise InputError(
                    path,
                    f"has lists of other lengths than column {first!r}",
                    where=f"column {name!r}",
                    fix=_AGAIN,
                )
            _fill(columns[name], offsets[start], table[name])
        start = end
    if start != len(counts):
        raise InputError(path, f"has {start:,} rows in its groups, not {len(counts):,}", fix=_AGAIN)
    for values in columns.values():
        values.flags.writeable = False
    return offsets, columns


def _fill(column: NDArray[Any], start: int, lists: pa.ChunkedArray) -> None:
    """Place the values of all lists into a column, from object `start` on."""
    place = column[start:].reshape(-1)
    for chunk in lists.chunks:
        values = list_values(chunk)
        place[: len(values)] = values
        place = place[len(values) :]


def _lengths(path: Path, name: str, column: pa.ChunkedArray) -> Ints:
    """Return the length of each list, or raise where one of them, or a value in it, is null, or where values are in no list."""
    if any(
        chunk.offsets[0].as_py() != 0 or chunk.offsets[-1].as_py() != len(chunk.values)
        for chunk in column.chunks
    ):
        raise InputError(path, "has values in no list", where=f"column {name!r}", fix=_AGAIN)
    if column.null_count or any(chunk.values.null_count for chunk in column.chunks):
        raise InputError(path, "has a null", where=f"column {name!r}", fix=_AGAIN)
    return np.concatenate(
        [np.zeros(0, np.int64), *(np.diff(to_numpy(chunk.offsets)) for chunk in column.chunks)]
    )


def _check_type(path: Path, file: ParquetFile, name: str, kind: pa.DataType) -> None:
    """Check that a column is there and of its type; what its lists call their elements, and whether null is allowed, is all one."""
    import pyarrow as pa

    if name not in file.schema_arrow.names:
        raise InputError(path, f"has no column {name!r}", fix="detbench convert writes such files")
    found = file.schema_arrow.field(name).type
    same = (
        pa.types.is_list(found) and found.value_type == kind.value_type
        if pa.types.is_list(kind)
        else found == kind
    )
    if not same:
        raise InputError(
            path, f"is of type {found}, not {kind}", where=f"column {name!r}", fix=_AGAIN
        )


def write_file(
    path: Path, header: Header, images: ImageColumns, offsets: Ints, objects: Columns
) -> None:
    """Write columns of images, and of objects grouped by image by `offsets`, under a header."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    for name, column in objects.items():
        if column.size > _MOST_NUMBERS:
            problem = f"{column.size:,} numbers of column {name!r} are more than the {_MOST_NUMBERS:,} that its lists can count"
            raise InputError(path, problem, fix="write it in parts")
    arrays = {
        name: from_texts(column) if isinstance(column, tuple) else from_numpy(column)
        for name, column in images.items()
    }
    arrays |= {name: _lists(offsets, column) for name, column in objects.items()}
    schema = pa.schema(
        [pa.field(name, array.type, nullable=False) for name, array in arrays.items()]
    )
    table = pa.Table.from_arrays(list(arrays.values()), schema=schema)
    plain = {
        "compression": "none",
        "use_dictionary": False,
        "write_statistics": False,
        "store_schema": False,
    }
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
    return pa.ListArray.from_arrays(
        from_numpy((offsets * width).astype(np.int32)), values, type=list_type
    )


def _groups(offsets: Ints) -> Iterator[tuple[int, int]]:
    """Yield start and end of the groups of images."""
    objects, images = int(offsets[-1]), len(offsets) - 1
    wanted = np.arange(_OBJECTS_IN_GROUP, objects, _OBJECTS_IN_GROUP)
    bounds = sorted({0, *np.searchsorted(offsets, wanted).tolist(), images})
    yield from itertools.pairwise(bounds)

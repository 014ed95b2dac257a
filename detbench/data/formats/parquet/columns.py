"""Reading of the columns of detbench's Parquet files: values per image, and lists of objects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Ints
from detbench.data.formats.parquet.container import WRITE_AGAIN, Columns, Layout, check_unique
from detbench.data.formats.parsing.arrow import list_values, to_numpy
from detbench.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile


def read_texts(path: Path, file: ParquetFile, name: str) -> tuple[str, ...]:
    """Return a column of one string per image; those of `image_id` must be unique."""
    import pyarrow as pa

    texts = _read_image_column(path, file, name, pa.string()).to_pylist()
    if name == "image_id":
        check_unique(path, f"column {name!r}", texts)
    return tuple(texts)


def read_numbers(
    path: Path, file: ParquetFile, name: str, dtype: type[np.generic] = np.float64
) -> NDArray[Any]:
    """Return a column of one number per image."""
    import pyarrow as pa

    chunks = _read_image_column(path, file, name, pa.from_numpy_dtype(dtype)).chunks
    return np.concatenate([to_numpy(chunk) for chunk in chunks]) if chunks else np.zeros(0, dtype)


def read_objects(
    path: Path, file: ParquetFile, layout: Layout, n_objects: int
) -> tuple[Ints, Columns]:
    """Return the offsets (I + 1,) of the images and the columns of all objects, read-only.

    Raises:
        InputError: A column is missing, of another type, or its lists are null or differ in length
            from those of the other columns; the message names it.
    """
    _check_list_types(path, file, layout)

    # The lists of the first column decide how many objects each image has.
    first = next(iter(layout))
    column = file.read([first], use_threads=False)[first]
    counts = _list_lengths(path, first, column)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    if offsets[-1] != n_objects:
        comparison = "more" if offsets[-1] > n_objects else "fewer"
        raise InputError(
            path,
            f"has {comparison} objects than the {n_objects:,} of its metadata",
            fix=WRITE_AGAIN,
        )
    _check_row_count(path, file, first, len(counts))
    columns: Columns = {
        name: np.empty((n_objects, width) if width > 1 else n_objects, dtype)
        for name, (dtype, width) in layout.items()
    }
    _copy_values(columns[first], 0, column)

    # The others must agree with it.
    others = {name: width for name, (_, width) in layout.items() if name != first}
    _read_other_columns(path, file, others, offsets, columns)
    for values in columns.values():
        values.flags.writeable = False
    return offsets, columns


def _read_other_columns(
    path: Path, file: ParquetFile, widths: dict[str, int], offsets: Ints, columns: Columns
) -> None:
    """Fill columns of known offsets, group by group, so that little is in memory twice."""
    counts = np.diff(offsets)
    start = 0
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, list(widths), use_threads=False)
        end = start + len(table)
        for name, width in widths.items():
            lengths = _list_lengths(path, name, table[name])
            if not np.array_equal(lengths, counts[start:end] * width):
                raise _damaged(path, name, "its lists differ in length from the other columns")
            _copy_values(columns[name], offsets[start], table[name])
        start = end
    if start != len(counts):
        problem = f"has {start:,} rows in its groups, expected {len(counts):,}"
        raise InputError(path, problem, fix=WRITE_AGAIN)


def _read_image_column(
    path: Path, file: ParquetFile, name: str, expected: pa.DataType
) -> pa.ChunkedArray:
    _check_type(path, file, name, expected)
    column = file.read([name], use_threads=False)[name]
    if column.null_count:
        raise _damaged(path, name, "has a null")
    _check_row_count(path, file, name, len(column))
    return column


def _check_row_count(path: Path, file: ParquetFile, name: str, n_rows: int) -> None:
    expected = file.metadata.num_rows
    if n_rows != expected:
        raise _damaged(path, name, f"has {n_rows:,} rows, expected {expected:,}")


def _copy_values(target: NDArray[Any], start: int, lists: pa.ChunkedArray) -> None:
    """Copy the values of all lists into a column, from object `start` on."""
    remaining = target[start:].reshape(-1)
    for chunk in lists.chunks:
        values = list_values(chunk)
        remaining[: len(values)] = values
        remaining = remaining[len(values) :]


def _list_lengths(path: Path, name: str, column: pa.ChunkedArray) -> Ints:
    """Return the length of each list; a null, or a value that is in no list, is an error."""
    for chunk in column.chunks:
        first, last = chunk.offsets[0].as_py(), chunk.offsets[-1].as_py()
        if first != 0 or last != len(chunk.values):
            raise _damaged(path, name, "has values in no list")
    if column.null_count or any(chunk.values.null_count for chunk in column.chunks):
        raise _damaged(path, name, "has a null")
    lengths = [np.diff(to_numpy(chunk.offsets)) for chunk in column.chunks]
    return np.concatenate([np.zeros(0, np.int64), *lengths])


def _check_list_types(path: Path, file: ParquetFile, layout: Layout) -> None:
    import pyarrow as pa

    for name, (dtype, _) in layout.items():
        element = pa.field("element", pa.from_numpy_dtype(dtype), nullable=False)
        _check_type(path, file, name, pa.list_(element))


def _check_type(path: Path, file: ParquetFile, name: str, expected: pa.DataType) -> None:
    """Check that a column exists and has a type.

    The name of a list's elements does not matter, nor whether they may be null.
    """
    import pyarrow as pa

    if name not in file.schema_arrow.names:
        raise InputError(
            path,
            f"has no column {name!r}",
            fix="detbench convert writes such files",
        )
    actual = file.schema_arrow.field(name).type
    if pa.types.is_list(expected):
        same = pa.types.is_list(actual) and actual.value_type == expected.value_type
    else:
        same = actual == expected
    if not same:
        raise _damaged(path, name, f"has type {actual}, expected {expected}")


def _damaged(path: Path, column: str, problem: str) -> InputError:
    return InputError(path, problem, where=f"column {column!r}", fix=WRITE_AGAIN)

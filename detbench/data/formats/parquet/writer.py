"""Writing of detbench's Parquet files: see `parquet.container` for their layout."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Ints
from detbench.data.files import atomic_path
from detbench.data.formats.parquet.container import HEADER_KEY, Columns, Header, ImageColumns
from detbench.data.formats.parsing.arrow import from_numpy, from_texts
from detbench.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_OBJECTS_PER_GROUP = 100_000
_MAX_NUMBERS = 2**31 - 1
"""Arrow's lists have offsets of 32 bits."""
_PLAIN = {
    "compression": "none",
    "use_dictionary": False,
    "write_statistics": False,
    "store_schema": False,
}


def write_file(
    path: Path, header: Header, images: ImageColumns, offsets: Ints, objects: Columns
) -> None:
    """Write columns of images, and of objects grouped by image by `offsets`, with a header.

    Raises:
        InputError: A column is too large, or the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    for name, column in objects.items():
        if column.size > _MAX_NUMBERS:
            raise InputError(
                path,
                f"column {name!r} has {column.size:,} numbers, but a file can hold "
                f"{_MAX_NUMBERS:,} per column",
                fix="write it in parts",
            )
    arrays = {
        name: from_texts(column) if isinstance(column, tuple) else from_numpy(column)
        for name, column in images.items()
    }
    arrays |= {name: _lists(offsets, column) for name, column in objects.items()}
    fields = [pa.field(name, array.type, nullable=False) for name, array in arrays.items()]
    schema = pa.schema(fields)
    table = pa.Table.from_arrays(list(arrays.values()), schema=schema)
    # One row group per call, so that groups end between images.
    with atomic_path(path) as hidden, ParquetWriter(hidden, schema, **_PLAIN) as writer:
        for start, end in _row_groups(offsets):
            writer.write_table(table.slice(start, end - start), row_group_size=end - start)
        writer.add_key_value_metadata({HEADER_KEY: msgspec.json.encode(header)})


def _lists(offsets: Ints, column: NDArray[Any]) -> pa.ListArray:
    """Return the rows of a column (N,) or (N, W) as one flat list per image."""
    import pyarrow as pa

    values = from_numpy(column.reshape(-1))
    width = column.shape[1] if column.ndim == 2 else 1
    list_type = pa.list_(pa.field("element", values.type, nullable=False))
    list_offsets = from_numpy((offsets * width).astype(np.int32))
    return pa.ListArray.from_arrays(list_offsets, values, type=list_type)


def _row_groups(offsets: Ints) -> Iterator[tuple[int, int]]:
    """Yield the first image and the end of each row group."""
    n_objects, n_images = int(offsets[-1]), len(offsets) - 1
    wanted = np.arange(_OBJECTS_PER_GROUP, n_objects, _OBJECTS_PER_GROUP)
    # An image with very many objects may contain several wanted ends; the set removes repetitions.
    bounds = sorted({0, *np.searchsorted(offsets, wanted).tolist(), n_images})
    yield from itertools.pairwise(bounds)

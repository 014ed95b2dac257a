"""Arrow arrays to numpy and back, without copies where possible and without pandas.

pyarrow's own conversions import pandas on first use, which takes longer than many evaluations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def to_numpy(array: pa.Array) -> NDArray[Any]:
    """Return an array without nulls; numbers are a read-only view, booleans a copy."""
    if array.type == "bool":
        # Arrow stores eight booleans per byte, the first in the lowest bit.
        packed = np.frombuffer(array.buffers()[1], np.uint8)
        bits = np.unpackbits(packed, count=array.offset + len(array), bitorder="little")
        return bits[array.offset :].view(np.bool_)
    return np.from_dlpack(array)


def list_values(array: pa.Array) -> NDArray[Any]:
    """Return the values of all lists in an array of lists, of fixed size or not.

    The array must not be a slice of another one.
    """
    return to_numpy(array.values)


def from_numpy(values: NDArray[Any]) -> pa.Array:
    """Return numbers or booleans as an Arrow array; numbers are a view."""
    import pyarrow as pa

    if values.dtype == np.bool_:
        data = np.packbits(values, bitorder="little")
    else:
        data = np.ascontiguousarray(values)
    buffers = [None, pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def from_texts(texts: Sequence[str]) -> pa.Array:
    """Return strings as an Arrow array."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)

"""Arrow arrays to numpy and back without a copy, and without pandas, which pyarrow's own conversions import on their first use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def to_numpy(array: pa.Array) -> NDArray[Any]:
    """Return the values of a numeric or boolean array without nulls; numbers are a read-only view."""
    if array.type == "bool":
        bits = np.frombuffer(array.buffers()[1], np.uint8)
        return np.unpackbits(bits, count=array.offset + len(array), bitorder="little")[
            array.offset :
        ].view(np.bool_)
    return np.from_dlpack(array)


def list_values(array: pa.Array) -> NDArray[Any]:
    """Return the values of all lists of an array of lists, of fixed size or not, that is no slice of another."""
    return to_numpy(array.values)


def from_numpy(values: NDArray[Any]) -> pa.Array:
    """Return numbers or booleans as an array; numbers are a view."""
    import pyarrow as pa

    data = (
        np.packbits(values, bitorder="little")
        if values.dtype == np.bool_
        else np.ascontiguousarray(values)
    )
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(data)]
    )


def from_texts(texts: Sequence[str]) -> pa.Array:
    """Return strings as an array."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(encoded), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    )

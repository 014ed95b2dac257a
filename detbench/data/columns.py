"""Frozen numpy columns: how arrays enter the central types, and how rows are grouped by image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from detbench.errors import DetbenchError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Indices = NDArray[np.int32]
Flags = NDArray[np.bool_]


def frozen(values: ArrayLike, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return `values` as a read-only, C-contiguous array of `dtype`, reshaped to `shape` (−1 as in numpy).

    A copy is made where dtype or layout ask for one, and of an array that the caller could still write into.
    """
    array = np.ascontiguousarray(values, dtype).reshape(shape)
    if (
        array.flags.writeable
        and isinstance(values, np.ndarray)
        and np.may_share_memory(array, values)
    ):
        array = array.copy()
    array.flags.writeable = False
    return array


def owned(values: NDArray[Any]) -> NDArray[Any]:
    """Return a C-contiguous array that nobody else holds, made read-only in place."""
    values.flags.writeable = False
    return values


def check_rows(image: Ints, images: int, **columns: NDArray[Any]) -> None:
    """Raise DetbenchError unless all columns are as long as `image` and it points into `images` images."""
    for name, values in columns.items():
        if len(values) != len(image):
            raise DetbenchError(
                f"{name} has {len(values):,} rows, image_index {len(image):,}; every column needs one per box"
            )
    if len(image) and not (image.min() >= 0 and image.max() < images):
        raise DetbenchError(f"image_index must lie within 0 and the number of images ({images:,})")


def check_groups(offsets: Ints, class_index: Indices, classes: int) -> None:
    """Raise DetbenchError unless offsets rise from 0 to the number of rows and classes lie within 0..classes − 1."""
    if offsets[0] != 0 or offsets[-1] != len(class_index) or (np.diff(offsets) < 0).any():
        raise DetbenchError("offsets must rise from 0 to the number of rows")
    if len(class_index) and not (class_index.min() >= 0 and class_index.max() < classes):
        raise DetbenchError("class_index must lie within 0 and the number of classes")


def offsets_from_groups(group: NDArray[np.integer[Any]], groups: int) -> Ints:
    """Return offsets (groups + 1) into rows sorted by `group`: rows of group g are `offsets[g]:offsets[g + 1]`."""
    offsets = np.zeros(groups + 1, np.int64)
    np.cumsum(np.bincount(group, minlength=groups), out=offsets[1:])
    return offsets


def groups_from_offsets(offsets: Ints) -> Indices:
    """Return the group of every row; the inverse of `offsets_from_groups`."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))


def rows_of_groups(offsets: Ints, groups: Ints) -> Ints:
    """Return the row numbers of the given groups, one group after the other."""
    counts = np.diff(offsets)[groups]
    starts = np.repeat(offsets[:-1][groups] - (np.cumsum(counts) - counts), counts)
    return starts + np.arange(len(starts))


def pairs_in_groups(offsets: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Return every pair of an element with a row of its group, as two columns (P,).

    Detections and objects are paired within each image with it.

    Args:
        offsets: (G + 1,) offsets of the groups into the rows.
        groups: (N,) the group of each element.

    Returns:
        The position of the element in `groups`, ascending, and the row.
    """
    elements = np.repeat(np.arange(len(groups)), np.diff(offsets)[groups])
    return elements, rows_of_groups(offsets, groups)


def digest(texts: Iterable[str], arrays: Iterable[NDArray[Any]]) -> str:
    """Return the SHA-256 of texts and arrays (dtype, shape and bytes), as `sha256:<hex>`."""
    sha = hashlib.sha256()
    for text in texts:
        encoded = text.encode()
        sha.update(len(encoded).to_bytes(8, "little") + encoded)
    for array in arrays:
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return f"sha256:{sha.hexdigest()}"

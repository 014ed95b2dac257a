"""Columns: read-only numpy arrays, and rows that are grouped by image through offsets."""

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
    """Return `values` as a read-only, C-contiguous array of `dtype`, reshaped to `shape`.

    The array is a copy if dtype or layout require one, or if the caller could still write into it.
    """
    array = np.ascontiguousarray(values, dtype).reshape(shape)
    is_callers = isinstance(values, np.ndarray) and np.may_share_memory(array, values)
    if array.flags.writeable and is_callers:
        array = array.copy()
    array.flags.writeable = False
    return array


def freeze(values: NDArray[Any]) -> NDArray[Any]:
    """Make an array that nobody else holds read-only, in place, and return it."""
    values.flags.writeable = False
    return values


def check_rows(image_index: Ints, n_images: int, **columns: NDArray[Any]) -> None:
    """Check rows of boxes that are not grouped by image yet.

    Raises:
        DetbenchError: A column is not as long as `image_index`, or that points at no image.
    """
    for name, values in columns.items():
        if len(values) != len(image_index):
            raise DetbenchError(
                f"{name} has {len(values):,} rows, but image_index has {len(image_index):,}; "
                "every column needs one row per box"
            )
    if len(image_index) and not (image_index.min() >= 0 and image_index.max() < n_images):
        raise DetbenchError(
            f"image_index must be at least 0 and less than the number of images ({n_images:,})"
        )


def check_groups(offsets: Ints, class_index: Indices, n_classes: int) -> None:
    """Check rows that are grouped by image.

    Raises:
        DetbenchError: The offsets do not rise from 0 to the number of rows, or a class index
            points at no class.
    """
    if offsets[0] != 0 or offsets[-1] != len(class_index) or (np.diff(offsets) < 0).any():
        raise DetbenchError("offsets must rise from 0 to the number of rows")
    if len(class_index) and not (class_index.min() >= 0 and class_index.max() < n_classes):
        raise DetbenchError("class_index must be at least 0 and less than the number of classes")


def offsets_from_groups(group: NDArray[np.integer[Any]], n_groups: int) -> Ints:
    """Return the offsets (n_groups + 1,) of rows that are sorted by `group`.

    The rows of group g are `offsets[g]:offsets[g + 1]`.
    """
    offsets = np.zeros(n_groups + 1, np.int64)
    np.cumsum(np.bincount(group, minlength=n_groups), out=offsets[1:])
    return offsets


def groups_from_offsets(offsets: Ints) -> Indices:
    """Return the group of every row; the inverse of `offsets_from_groups`."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))


def offsets_of_groups(offsets: Ints, groups: Ints) -> Ints:
    """Return the offsets (len(groups) + 1,) of the rows that `rows_of_groups` selects."""
    return np.concatenate([[0], np.cumsum(np.diff(offsets)[groups])])


def rows_of_groups(offsets: Ints, groups: Ints) -> Ints:
    """Return the row numbers of the selected groups, one group after the other."""
    counts = np.diff(offsets)[groups]
    # Row r of the result is the n-th row of its group, with n = r − (rows of the groups before).
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
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        sha.update(len(encoded).to_bytes(8, "little") + encoded)
    for array in arrays:
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return f"sha256:{sha.hexdigest()}"

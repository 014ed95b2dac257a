"""Bring rows into the order in which they are scored: by class, then by falling score, ties kept in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.compile import kernel

_DIGIT_BITS = 11
_BUCKETS = 1 << _DIGIT_BITS
_LONGEST_INSERTION = 32


@kernel
def order_by_class(
    class_index: NDArray[np.int32], rows: NDArray[np.int64], classes: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sort rows by class, keeping the order of `rows` inside a class (a counting sort).

    Args:
        class_index: (N,) in 0..classes − 1.
        rows: (N,) the rows in the order to keep; empty stands for 0..N − 1.
        classes: K.

    Returns:
        The sorted rows (N,) int32 and the offsets (K + 1,) of the classes in them.
    """
    offsets = np.zeros(classes + 1, np.int64)
    for row in range(len(class_index)):
        offsets[class_index[row] + 1] += 1
    for k in range(classes):
        offsets[k + 1] += offsets[k]
    position = offsets[:-1].copy()
    order = np.empty(len(class_index), np.int32)
    for n in range(len(class_index)):
        row = rows[n] if len(rows) else n
        k = class_index[row]
        order[position[k]] = row
        position[k] += 1
    return order, offsets


@kernel
def descending(scores: NDArray[np.float64]) -> NDArray[Any]:
    """Return the stable order of falling scores, as `numpy.argsort(-scores, kind="stable")` does, for finite scores.

    A radix sort on the upper half of the scores' bits; the lower half is settled by insertion where the upper halves are equal,
    or by three more passes where many are.
    """
    n = len(scores)
    keys = _falling_keys(scores)
    packed = np.empty(n, np.uint64)
    for row in range(n):
        packed[row] = (keys[row] >> np.uint64(32) << np.uint64(32)) | np.uint64(row)
    _radix_passes(packed, np.uint64(32))
    if not _settle_lower_halves(packed, keys):
        for row in range(n):
            packed[row] = (keys[row] << np.uint64(32)) | np.uint64(row)
        _radix_passes(packed, np.uint64(32))
        for n_row in range(n):
            row = packed[n_row] & np.uint64(0xFFFFFFFF)
            packed[n_row] = (keys[row] >> np.uint64(32) << np.uint64(32)) | row
        _radix_passes(packed, np.uint64(32))
    order = np.empty(n, np.int32)
    for position in range(n):
        order[position] = np.int32(packed[position] & np.uint64(0xFFFFFFFF))
    return order


@kernel
def _falling_keys(scores: NDArray[np.float64]) -> NDArray[Any]:
    """Map scores to unsigned integers that rise as scores fall; −0 and 0 get the same."""
    sign = np.uint64(1) << np.uint64(63)
    keys = (scores + 0.0).view(np.uint64)
    for row in range(len(keys)):
        keys[row] = keys[row] if keys[row] & sign else ~(keys[row] | sign)
    return keys


@kernel
def _radix_passes(packed: NDArray[np.uint64], lowest_bit: np.uint64) -> None:
    """Sort in place, stably, by the bits from `lowest_bit` up; digits in which all agree cost nothing."""
    n = len(packed)
    differing = np.uint64(0)
    for row in range(n):
        differing |= packed[row] ^ packed[0]
    source, target = packed, np.empty_like(packed)
    counts = np.empty(_BUCKETS, np.int64)
    shift = lowest_bit
    while shift < np.uint64(64):
        digit_mask = np.uint64(_BUCKETS - 1)
        if (differing >> shift) & digit_mask:
            counts[:] = 0
            for row in range(n):
                counts[(source[row] >> shift) & digit_mask] += 1
            total = 0
            for bucket in range(_BUCKETS):
                size = int(counts[bucket])
                counts[bucket] = total
                total += size
            for row in range(n):
                digit = np.int64((source[row] >> shift) & digit_mask)
                target[counts[digit]] = source[row]
                counts[digit] += 1
            source, target = target, source
        shift += np.uint64(_DIGIT_BITS)
    packed[:] = source


@kernel
def _settle_lower_halves(packed: NDArray[np.uint64], keys: NDArray[np.uint64]) -> bool:
    """Sort runs of equal upper halves by their whole keys; False, with nothing promised, when a run is long and not all equal."""
    low = np.uint64(0xFFFFFFFF)
    start = 0
    while start < len(packed):
        end = start + 1
        varied = False
        while end < len(packed) and packed[end] >> np.uint64(32) == packed[start] >> np.uint64(32):
            varied |= keys[packed[end] & low] != keys[packed[start] & low]
            end += 1
        if varied and end - start > _LONGEST_INSERTION:
            return False
        if varied:
            for n in range(start + 1, end):
                moving = packed[n]
                key = keys[moving & low]
                place = n
                while place > start and keys[packed[place - 1] & low] > key:
                    packed[place] = packed[place - 1]
                    place -= 1
                packed[place] = moving
        start = end
    return True

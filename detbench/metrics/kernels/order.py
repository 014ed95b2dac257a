"""Order: rows sorted by class, and by falling score with ties kept in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.compile import kernel

_DIGIT_BITS = 11
"""Bits that one pass of the radix sort looks at: three passes sort 32 bits."""
_BUCKETS = 1 << _DIGIT_BITS
_MAX_INSERTION = 32
"""Longest run of equal upper halves that is sorted by insertion."""


@kernel
def order_by_class(
    class_index: NDArray[np.int32], rows: NDArray[np.int64], classes: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sort rows by class and keep the order of `rows` inside a class: a counting sort.

    Args:
        class_index: (N,) in 0..classes − 1.
        rows: (N,) the rows in the order to keep; empty means 0..N − 1.
        classes: K.

    Returns:
        The sorted rows (N,) int32, and the offsets (K + 1,) of the classes in them.
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
    """Return (N,) the stable order of falling scores, which must be finite.

    The result is that of `numpy.argsort(-scores, kind="stable")`.
    """
    n = len(scores)
    keys = _falling_keys(scores)
    # Radix sort by the upper halves of the keys. The lower half of a packed number is its row.
    packed = np.empty(n, np.uint64)
    for row in range(n):
        packed[row] = (keys[row] >> np.uint64(32) << np.uint64(32)) | np.uint64(row)
    _radix_passes(packed, np.uint64(32))
    # Few scores share their upper half, so insertion settles the lower halves. If many do, sort
    # again from scratch: first by the lower halves, then by the upper ones.
    if not _settle_lower_halves(packed, keys):
        for row in range(n):
            packed[row] = (keys[row] << np.uint64(32)) | np.uint64(row)
        _radix_passes(packed, np.uint64(32))
        for position in range(n):
            row = packed[position] & np.uint64(0xFFFFFFFF)
            packed[position] = (keys[row] >> np.uint64(32) << np.uint64(32)) | row
        _radix_passes(packed, np.uint64(32))
    order = np.empty(n, np.int32)
    for position in range(n):
        order[position] = np.int32(packed[position] & np.uint64(0xFFFFFFFF))
    return order


@kernel
def _falling_keys(scores: NDArray[np.float64]) -> NDArray[Any]:
    """Map scores to unsigned integers that rise as scores fall; −0 and 0 get the same key.

    The bits of a positive float rise with its value, those of a negative one fall: invert the
    former, keep the latter.
    """
    sign = np.uint64(1) << np.uint64(63)
    keys = (scores + 0.0).view(np.uint64)  # −0 + 0 is 0
    for row in range(len(keys)):
        keys[row] = keys[row] if keys[row] & sign else ~(keys[row] | sign)
    return keys


@kernel
def _radix_passes(packed: NDArray[np.uint64], lowest_bit: np.uint64) -> None:
    """Sort in place, stably, by the bits from `lowest_bit` up.

    Digits in which all numbers agree are skipped.
    """
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
            # Count each digit, turn counts into first positions, then distribute.
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
    """Sort runs of equal upper halves by their whole keys.

    Returns False, with the order undefined, if a run is long and its keys are not all equal.
    """
    low = np.uint64(0xFFFFFFFF)
    start = 0
    while start < len(packed):
        end = start + 1
        varied = False
        while end < len(packed) and packed[end] >> np.uint64(32) == packed[start] >> np.uint64(32):
            varied |= keys[packed[end] & low] != keys[packed[start] & low]
            end += 1
        if varied and end - start > _MAX_INSERTION:
            return False
        if varied:
            for n in range(start + 1, end):
                moving = packed[n]
                key = keys[moving & low]
                slot = n
                while slot > start and keys[packed[slot - 1] & low] > key:
                    packed[slot] = packed[slot - 1]
                    slot -= 1
                packed[slot] = moving
        start = end
    return True

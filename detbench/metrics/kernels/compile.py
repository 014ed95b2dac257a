"""Kernels: how functions are compiled by numba, once for all of them.

Compiled code is cached beside the source (or in numba's user-wide cache where that is not writable) and loaded by later processes. Kernels
release the interpreter lock, so that threads run them side by side, divide as numpy does (0 / 0 is NaN) and never fuse or reorder
floating-point operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
T = TypeVar("T")


def kernel(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function when it is first called."""
    compiled: Callable[P, T] = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def inlined(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function into each kernel that calls it: for what runs once per detection or pair, where a call would cost more."""
    compiled: Callable[P, T] = numba.njit(
        cache=True, nogil=True, error_model="numpy", inline="always"
    )(function)
    return compiled

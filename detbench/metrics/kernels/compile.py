"""Compilation: the two decorators with which every kernel is compiled by numba.

Compiled code is cached beside the source, or in numba's user-wide cache if that folder is not
writable, and loaded by later processes. Kernels release the interpreter lock, so that threads run
them side by side. They divide as numpy does (0 / 0 is NaN), and they never fuse or reorder
floating-point operations.

A kernel is compiled once for each combination of argument types. Read-only and writable arrays are
different types, so callers pass read-only inputs and writable outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
T = TypeVar("T")


def kernel(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function at its first call."""
    compiled: Callable[P, T] = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def inlined(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function into each kernel that calls it.

    Use it for functions that run once per detection or pair, where a call would cost too much.
    """
    compiled: Callable[P, T] = numba.njit(
        cache=True, nogil=True, error_model="numpy", inline="always"
    )(function)
    return compiled

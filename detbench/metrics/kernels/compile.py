"""Compilation: the two decorators with which every kernel is compiled by numba.

Compiled code is loaded by later processes from beside the source, or from `detbench.cache_folder`
if that folder is not writable. Kernels work without a cache, too: each process then compiles them.
Kernels release the interpreter lock, so that threads run them side by side. They divide as numpy
does (0 / 0 is NaN), and they never fuse or reorder floating-point operations.

A kernel is compiled once for each combination of argument types. Read-only and writable arrays are
different types, so callers pass read-only inputs and writable outputs.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core.caching import FunctionCache

from detbench.cache_folder import cache_folder, is_writable
from detbench.errors import DetbenchWarning

P = ParamSpec("P")
T = TypeVar("T")


def kernel(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function at its first call."""
    return _cached(function, numba.njit(nogil=True, error_model="numpy")(function))


def inlined(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function into each kernel that calls it.

    Use it for functions that run once per detection or pair, where a call would cost too much.
    """
    return _cached(function, numba.njit(nogil=True, error_model="numpy", inline="always")(function))


class _KernelCache(FunctionCache):  # type: ignore[misc]  # numba has no types
    """numba's cache, except that files that are damaged or cannot be written are no error."""

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled code; None if there is none. Damaged files are emptied."""
        try:
            return super().load_overload(signature, target_context)
        except Exception:  # noqa: BLE001  # what unpickling damaged files can raise has no limits
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Save compiled code; warn if it cannot be written."""
        try:
            super().save_overload(signature, compiled)
        except OSError as error:
            warnings.warn(
                f"compiled code cannot be cached in {self.cache_path} ({error.strerror}): "
                "the next process compiles it again",
                DetbenchWarning,
                stacklevel=2,
            )


def _cached(function: Callable[P, T], compiled: Any) -> Callable[P, T]:
    """Give a kernel a cache, if there is a folder for one; numba offers no public way."""
    if _HAS_CACHE:
        compiled._cache = _KernelCache(function)
    dispatcher: Callable[P, T] = compiled
    return dispatcher


def _choose_cache_folder() -> bool:
    """Give numba a folder that can be written; return whether there is one."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if is_writable(Path(chosen) if chosen else Path(__file__).parent / "__pycache__"):
        return True
    folder = cache_folder()
    if not is_writable(folder):
        return False
    os.environ["NUMBA_CACHE_DIR"] = numba.config.CACHE_DIR = str(folder / "numba")
    return True


_HAS_CACHE = _choose_cache_folder()

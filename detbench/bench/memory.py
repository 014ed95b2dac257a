"""Memory: how far this process's resident memory grows while something is done, at its peak."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"


class HostMemory:
    """The memory of one model among others in this process: its growth while that model's own work is counted.

    Where the system cannot forget an earlier peak (not Linux), what is held at the end of each piece of work stands for its peak.
    """

    def __init__(self) -> None:
        self._kept = 0
        self.peak_bytes = 0
        """The most that was held at once, over what was there before."""

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what happens within."""
        before, has_peak = _held_bytes(), _forget_peak()
        try:
            yield
        finally:
            after = _held_bytes()
            highest = _peak_bytes() if has_peak else after
            self.peak_bytes = max(self.peak_bytes, self._kept + highest - before)
            self._kept += after - before


def _held_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def _forget_peak() -> bool:
    """Set the kernel's record of the highest resident memory back to the present; return whether it could (proc(5), clear_refs)."""
    if sys.platform != "linux":
        return False
    try:
        _CLEAR.write_text(_FORGET_PEAK)
    except OSError:
        return False
    return True


def _peak_bytes() -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024

"""Memory: the peak growth of this process's resident memory during some work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_STATUS, _CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""Resets the peak resident set size, see proc(5), clear_refs."""
_KIB = 1024


class HostMemory:
    """The memory of one model among others in this process.

    It grows only while work of this model is recorded. Systems other than Linux cannot reset the
    peak of a process. There, the memory at the end of each piece of work replaces its peak.
    """

    def __init__(self) -> None:
        self._kept_bytes = 0
        self.peak_bytes = 0
        """Maximum growth of the resident memory."""

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Count the work inside the block."""
        before, has_peak = _resident_bytes(), _reset_peak()
        try:
            yield
        finally:
            after = _resident_bytes()
            highest = _peak_bytes() if has_peak else after
            self.peak_bytes = max(self.peak_bytes, self._kept_bytes + highest - before)
            self._kept_bytes += after - before


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def _reset_peak() -> bool:
    """Reset the kernel's record of the peak to the present; return whether that worked."""
    if sys.platform != "linux":
        return False
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def _peak_bytes() -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * _KIB

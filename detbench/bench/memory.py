"""Memory: how much more of the host's memory this process has held since a moment, at its peak."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"


class HostMemory:
    """The growth of this process's resident memory; where the system cannot forget an earlier peak (not Linux), its growth at each ask."""

    def __init__(self) -> None:
        self._before = psutil.Process().memory_info().rss
        self._highest = 0
        self._has_peak = _forget_peak()

    def peak_bytes(self) -> int:
        """Return the most that was held since the beginning, over what was held then."""
        held = _peak_bytes() if self._has_peak else psutil.Process().memory_info().rss
        self._highest = max(self._highest, held - self._before, 0)
        return self._highest


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

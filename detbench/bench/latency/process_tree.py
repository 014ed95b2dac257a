"""Process tree: a process with all that it starts, stopped and continued by signals.

The process leads a process group of its own, so that one signal reaches its children too. Nothing
stays behind stopped, however this process ends: the kernel continues and hangs up a stopped group
that has lost its parent (POSIX, `_exit`), and Linux also kills its leader.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence

import psutil

_STOP_S = 1.0
_POLL_S = 0.0005
_PR_SET_PDEATHSIG = 1


def lead_own_group() -> None:
    """Make this process lead a group of its own that ends when its parent does."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the call
            os.kill(os.getpid(), signal.SIGKILL)


class ProcessTree:
    """A process that leads its own group, seen from its parent."""

    def __init__(self, pid: int) -> None:
        self._leader = psutil.Process(pid)
        self._members = [self._leader]
        self.can_stop = hasattr(signal, "SIGSTOP")
        """Whether signals stop it; False after a signal was refused."""
        self._is_stopped = False

    @property
    def pids(self) -> Sequence[int]:
        """Ids of the process and of those that it had started by the last `refresh`."""
        return [member.pid for member in self._members]

    def refresh(self) -> None:
        """Look for processes that it has started since."""
        try:
            self._members = [self._leader, *self._leader.children(recursive=True)]
        except psutil.Error:
            self._members = [self._leader]

    def stop(self) -> bool:
        """Stop every member; return whether they stand still."""
        self.can_stop = self.can_stop and self._send("SIGSTOP")
        self._is_stopped = self.can_stop
        deadline = time.perf_counter() + _STOP_S
        while self.can_stop and not all(map(_stands_still, self._members)):
            if time.perf_counter() > deadline:
                return False
            time.sleep(_POLL_S)
        return self.can_stop

    def resume(self) -> None:
        """Continue every member."""
        if self._is_stopped:
            self._send("SIGCONT")
            self._is_stopped = False

    def kill(self) -> None:
        """End every member at once."""
        self._send("SIGKILL" if hasattr(signal, "SIGKILL") else "SIGTERM")

    def cpu_s(self) -> float:
        """Return the CPU time in s that all members have used; ended children are included."""
        total = 0.0
        for member in self._members:
            try:
                times = member.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system
        return total

    def _send(self, name: str) -> bool:
        """Send a signal to the group, and to members that have left it; return whether it may."""
        number = getattr(signal, name)
        leader = self._leader.pid
        try:
            if hasattr(os, "killpg") and os.getpgid(leader) == leader:
                os.killpg(leader, number)
            else:
                os.kill(leader, number)
            for member in self._members[1:]:
                if hasattr(os, "getpgid") and os.getpgid(member.pid) != leader:
                    os.kill(member.pid, number)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return True


def _stands_still(process: psutil.Process) -> bool:
    try:
        status = process.status()
    except psutil.Error:
        return True
    return status in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)

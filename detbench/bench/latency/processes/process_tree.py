"""Process tree: a process with all that it starts, stopped and continued by signals.

The process leads a process group of its own, so that one signal reaches its children too. Nothing
stays behind stopped, however this process ends: the kernel continues and hangs up a stopped group
that has lost its parent (POSIX, `_exit`), and Linux also kills its leader. Children that have left
the group are killed by a guard, which waits for the end of this process.
"""

from __future__ import annotations

import os
import signal
import subprocess
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
        self._guard: subprocess.Popen[bytes] | None = None
        self._guarded: list[int] = []

    @property
    def pids(self) -> Sequence[int]:
        """Ids of the process and of those that it had started by the last `refresh`."""
        return [member.pid for member in self._members]

    def refresh(self) -> None:
        """Look for processes that it has started since; those known stay while they run."""
        try:
            children = self._leader.children(recursive=True)
        except psutil.Error:
            children = []
        orphans = [member for member in self._members[1:] if member.is_running()]
        self._members = [self._leader, *dict.fromkeys([*orphans, *children])]
        outside = [member.pid for member in self._members[1:] if self._has_left_group(member)]
        if outside != self._guarded:
            self._start_guard(outside)

    def stop(self) -> bool:
        """Stop every member; return whether they stand still."""
        if not self.can_stop:
            return False
        self._is_stopped = True
        if not self._send("SIGSTOP"):
            # Some may have been stopped before one refused.
            self.resume()
            self.can_stop = False
            return False
        deadline = time.perf_counter() + _STOP_S
        while not all(map(_stands_still, self._members)):
            if time.perf_counter() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def resume(self) -> None:
        """Continue every member."""
        if self._is_stopped:
            self._send("SIGCONT")
            self._is_stopped = False

    def kill(self) -> None:
        """End every member at once, also those that the leader left behind."""
        self._start_guard([])
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
            total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return total

    def _send(self, name: str) -> bool:
        """Send a signal to the group, and to members that have left it; return whether it may."""
        number = getattr(signal, name)
        is_permitted = self._send_to_group(number)
        for member in filter(self._has_left_group, self._members[1:]):
            try:
                member.send_signal(number)
            except psutil.NoSuchProcess:
                continue
            except psutil.AccessDenied:
                is_permitted = False
        return is_permitted

    def _has_left_group(self, member: psutil.Process) -> bool:
        if not hasattr(os, "getpgid"):
            return True
        try:
            return os.getpgid(member.pid) != self._leader.pid
        except ProcessLookupError:
            return False

    def _start_guard(self, pids: Sequence[int]) -> None:
        """Let a process wait for the end of this one, and kill others then; end the last guard."""
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        self._guard, self._guarded = None, list(pids)
        if pids and hasattr(os, "setsid"):
            command = f"read _; kill -KILL {' '.join(map(str, pids))}"
            self._guard = subprocess.Popen(  # noqa: S603 - numbers only
                ["/bin/sh", "-c", command], stdin=subprocess.PIPE, start_new_session=True
            )

    def _send_to_group(self, number: int) -> bool:
        """Send a signal to the group, which may outlive its leader; return whether it may."""
        try:
            if hasattr(os, "killpg"):
                os.killpg(self._leader.pid, number)
                return True
        except ProcessLookupError:
            pass  # the leader has not made it yet, or all members have ended
        except PermissionError:
            return False
        try:
            self._leader.send_signal(number)
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
        return True


def _stands_still(process: psutil.Process) -> bool:
    try:
        status = process.status()
    except psutil.Error:
        return True
    return status in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)

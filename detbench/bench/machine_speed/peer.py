"""Peer: a process on one core that measures the machine's speed together with the other peers.

Peers pass one array around a ring. A peer whose turn it is updates the array, which another core
has just written. All others spin meanwhile, so that no core sleeps. Then all do the same arithmetic
at once.
"""

from __future__ import annotations

import signal
import time
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray

_PAGE = 4096
_EXCHANGED = 1 << 17
"""Numbers in the array: 512 KB, more than a first-level cache and less than a second-level one."""
_COMPUTED = 4096
"""Numbers of the arithmetic: input and output fit into a first-level cache."""
MEMORY_BYTES = 3 * _PAGE + 4 * _EXCHANGED
_UPDATES, _MIN_ROUNDS, _COLD_ROUNDS = 120, 20, 5
_REPEATS = 400
_STALL_NS = 20_000_000
"""A ring that takes longer has a core that other work keeps busy."""
_NS_PER_US = 1e3


class PeerTimes(NamedTuple):
    """What one peer measured."""

    compute_us: float
    exchange_us: float | None
    """None for a peer without others."""


def serve_peer(pipe: Connection, memory: Any, index: int, count: int, cpu: int | None) -> None:
    """Measure whenever the parent asks for it, until its end of the pipe closes.

    Args:
        pipe: To the parent, which handles Ctrl-C.
        memory: Shared by all peers, `MEMORY_BYTES` long.
        index: Of this peer in the ring.
        count: Of peers in the ring.
        cpu: The core to run on; None where cores cannot be chosen.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if cpu is not None:
            psutil.Process().cpu_affinity([cpu])
        peer = Peer(memory, index, count)
        pipe.send(None)
        while True:
            pipe.recv()
            pipe.send(peer.measure())
    except (EOFError, OSError, psutil.Error):
        return


def reset_ring(memory: Any) -> None:
    """Give the first turn to the first peer; called while no peer measures."""
    _shared(memory)[0][0] = 0


class Peer:
    """One member of the ring."""

    def __init__(self, memory: Any, index: int, count: int) -> None:
        self._turn, self._values = _shared(memory)
        self._index, self._count = index, count
        self._input = _aligned(np.zeros(_COMPUTED * 4 + _PAGE, np.uint8), _COMPUTED)
        self._input[:] = np.linspace(0, 1, _COMPUTED, dtype=np.float32)
        self._output = _aligned(np.zeros(_COMPUTED * 4 + _PAGE, np.uint8), _COMPUTED)

    def measure(self) -> PeerTimes:
        """Measure the exchange with the others, then the arithmetic."""
        exchange_us = self._exchange_us() if self._count > 1 else None
        return PeerTimes(self._compute_us(), exchange_us)

    def _exchange_us(self) -> float:
        """Return the median time of an update, or the mean with all waiting if the ring stalls."""
        turn, values, now = self._turn, self._values, time.perf_counter_ns
        rounds = max(_UPDATES // self._count, _MIN_ROUNDS)
        last = rounds * self._count
        times = []
        started = now()
        for own in (*range(self._index, last, self._count), last):
            while turn[0] < own:
                if now() - started > _STALL_NS:
                    return (now() - started) / (turn[0] + 1) / _NS_PER_US
            if own < last:
                update_started = now()
                np.add(values, 1, out=values)
                times.append(now() - update_started)
                turn[0] = own + 1
        return float(np.median(times[_COLD_ROUNDS:])) / _NS_PER_US

    def _compute_us(self) -> float:
        values, results, now = self._input, self._output, time.perf_counter_ns
        times = []
        for _ in range(_REPEATS):
            started = now()
            np.exp(values, out=results)
            times.append(now() - started)
        return float(np.median(times)) / _NS_PER_US


def _shared(memory: Any) -> tuple[memoryview, NDArray[np.float32]]:
    """Return whose turn it is, and the array that is passed on; each on pages of its own."""
    pages = np.frombuffer(memory, np.uint8)
    start = -pages.ctypes.data % _PAGE
    return pages[start : start + 8].view(np.int64).data, _aligned(
        pages[start + _PAGE :], _EXCHANGED
    )


def _aligned(memory: NDArray[np.uint8], count: int) -> NDArray[np.float32]:
    """Return `count` numbers at the first page of `memory`: alignment changes their speed."""
    start = -memory.ctypes.data % _PAGE
    return memory[start : start + 4 * count].view(np.float32)

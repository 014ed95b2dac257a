"""What shows from inside how the host runs the virtual cores: clock and hyper-threads."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import dataclass

import numpy as np

from detbench.bench.machine_speed.meter import SpeedMeter

_HASHED = bytes(1 << 18)
_HASHES = 12
_IDLE_S = 0.3
_FIRST, _SUSTAINED_S = 20, 0.1
_NS_PER_US = 1e3


@dataclass(frozen=True)
class HostReading:
    """Times of the same work under different conditions, taken within 0.1 s."""

    exchange_us: float
    """Of the speed meter, just before."""
    one_core_us: float
    """Of a hash, while the other cores are idle."""
    all_cores_us: float
    """Of the same hash, while all cores do it."""


@dataclass(frozen=True)
class ClockReading:
    """Times of the same arithmetic on one core after a pause and at the end of steady work."""

    after_idle_us: float
    sustained_us: float


class Host:
    """Reads how cores disturb each other: threads, each on a core of its own, hash at once."""

    def __init__(self, meter: SpeedMeter) -> None:
        self._meter = meter
        self._threads = [_Hasher(core) for core in sorted(os.sched_getaffinity(0))]

    def read(self) -> HostReading:
        speed = self._meter.measure()
        first = self._threads[:1]
        return HostReading(speed.exchange_us, _hash_us(first), _hash_us(self._threads))


def read_clock() -> ClockReading:
    """Time the same arithmetic after a pause, and after 0.1 s of it."""
    values = np.linspace(0, 1, 4096, dtype=np.float32)
    results = np.empty_like(values)
    time.sleep(_IDLE_S)
    times = []
    started = time.perf_counter_ns()
    while (now := time.perf_counter_ns()) < started + _SUSTAINED_S * 1e9:
        np.exp(values, out=results)
        times.append(time.perf_counter_ns() - now)
    # The very first calls load code and data into the caches.
    first = np.median(times[_FIRST : 2 * _FIRST])
    return ClockReading(float(first) / _NS_PER_US, float(np.median(times[-500:])) / _NS_PER_US)


def _hash_us(threads: list[_Hasher]) -> float:
    """Return the mean over threads of their median time of a hash."""
    for thread in threads:
        thread.requested.release()
    for thread in threads:
        thread.done.acquire()
    return float(np.mean([thread.hash_us for thread in threads]))


class _Hasher:
    def __init__(self, core: int) -> None:
        self._core, self.hash_us = core, 0.0
        self.requested, self.done = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        os.sched_setaffinity(0, {self._core})
        while True:
            self.requested.acquire()
            times = []
            for _ in range(_HASHES):
                started = time.perf_counter_ns()
                hashlib.blake2b(_HASHED).digest()
                times.append(time.perf_counter_ns() - started)
            self.hash_us = float(np.median(times)) / _NS_PER_US
            self.done.release()

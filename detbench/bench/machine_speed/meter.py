"""Speed meter: measures the machine's speed between the turns of models."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

import numpy as np
import psutil

from detbench.bench.interrupts import ctrl_c_blocked
from detbench.bench.machine_speed.peer import MEMORY_BYTES, PeerTimes, reset_ring, serve_peer
from detbench.bench.machine_speed.speed import MachineSpeed, median_speed
from detbench.errors import DetbenchWarning

_MAX_PEERS = 8
_MEASUREMENTS = 25
_START_S, _ANSWER_S, _STOP_S = 60.0, 5.0, 2.0


class SpeedMeter:
    """Measures the machine's speed with one small process per core, up to 8 cores.

    The processes sleep between measurements. They end with `close`, or when this process does.
    """

    def __init__(self) -> None:
        """Start the processes; a DetbenchWarning says so if that fails."""
        self._peers: list[tuple[BaseProcess, Connection]] = []
        cpus = measured_cpus()
        context = multiprocessing.get_context("spawn")
        try:
            self._memory = context.RawArray("b", MEMORY_BYTES)
            for index, cpu in enumerate(cpus):
                self._peers.append(_start_peer(context, self._memory, index, len(cpus), cpu))
            for _, pipe in self._peers:
                _receive(pipe, _START_S)
        # A daemon process may not start others; multiprocessing asserts that.
        except (OSError, EOFError, AssertionError) as error:
            self._give_up(error)
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> tuple[int, ...]:
        """Ids of the processes; empty if they are closed."""
        return tuple(process.pid for process, _ in self._peers if process.pid is not None)

    def measure(self) -> MachineSpeed | None:
        """Return the machine's speed now; it takes a few ms.

        None if the processes are closed, or if one of them has died or does not answer. The latter
        closes all and is a DetbenchWarning once.
        """
        if not self._peers:
            return None
        try:
            reset_ring(self._memory)
            for _, pipe in self._peers:
                pipe.send(None)
            times = [_receive(pipe, _ANSWER_S) for _, pipe in self._peers]
        except (OSError, EOFError) as error:
            self._give_up(error)
            return None
        except BaseException:
            self.close()  # an answer that is still on its way would be taken for the next one
            raise
        return _speed(times)

    def close(self) -> None:
        """End the processes; closing again does nothing."""
        peers, self._peers = self._peers, []
        for _, pipe in peers:
            pipe.close()
        for process, _ in peers:
            process.join(_STOP_S)
            if process.is_alive():
                process.kill()
                process.join(_STOP_S)

    def __enter__(self) -> SpeedMeter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _give_up(self, error: Exception) -> None:
        self.close()
        ended = isinstance(error, EOFError | ConnectionError)
        cause = "a process of the speed meter ended" if ended else str(error)
        message = (
            f"cannot measure the machine's speed: {cause};"
            " latencies include the times at which the machine is slow"
        )
        warnings.warn(message, DetbenchWarning, stacklevel=3)


def machine_speed_now() -> MachineSpeed | None:
    """Return the median of 25 measurements; None where the speed cannot be measured."""
    with SpeedMeter() as meter:
        speeds = [speed for _ in range(_MEASUREMENTS) if (speed := meter.measure())]
    return median_speed(speeds) if speeds else None


def measured_cpus() -> list[int | None]:
    """Return the cores to measure: evenly chosen from those that this process may use.

    Each is None where the system does not let a process choose its core.
    """
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):
        usable: Sequence[int | None] = sorted(process.cpu_affinity())
    else:
        usable = [None] * (os.cpu_count() or 1)
    count = min(len(usable), _MAX_PEERS)
    return [usable[index * len(usable) // count] for index in range(count)]


def _start_peer(
    context: multiprocessing.context.SpawnContext,
    memory: Any,
    index: int,
    count: int,
    cpu: int | None,
) -> tuple[BaseProcess, Connection]:
    pipe, child_end = context.Pipe()
    process = context.Process(
        target=serve_peer, args=(child_end, memory, index, count, cpu), daemon=True
    )
    try:
        with ctrl_c_blocked():
            process.start()
    except BaseException:
        pipe.close()
        raise
    finally:
        # The process sees that this one has ended only if nobody else holds its end.
        child_end.close()
    return process, pipe


def _receive(pipe: Connection, timeout_s: float) -> Any:
    if not pipe.poll(timeout_s):
        raise TimeoutError(f"a process of the speed meter did not answer within {timeout_s:g} s")
    return pipe.recv()


def _speed(times: Sequence[PeerTimes]) -> MachineSpeed:
    """Return the mean over cores of each time."""
    exchange = [one.exchange_us for one in times if one.exchange_us is not None]
    return MachineSpeed(
        compute_us=float(np.mean([one.compute_us for one in times])),
        exchange_us=float(np.mean(exchange)) if exchange else None,
    )

"""Best known speed of this machine, remembered in the user's cache folder.

A whole measurement may fall into a time in which the machine is slow. Only earlier measurements
show that. The file may be deleted at any time; the next measurement then starts over.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

from detbench.bench.environment import cpu_model
from detbench.bench.machine_speed.speed import (
    COMPUTE_LIMIT,
    COMPUTE_NAME,
    EXCHANGE_LIMIT,
    EXCHANGE_NAME,
    MachineSpeed,
    best_speed,
)
from detbench.cache_folder import cache_folder
from detbench.data.files import atomic_path
from detbench.data.formats.parsing.json_text import json_value
from detbench.errors import InputError
from detbench.threads import usable_cores

_LAYOUT = 1
"""Version of the file and of the measured work; part of every key."""
_MIN_MEASUREMENTS = 20
_MAX_AGE = timedelta(days=7)


@dataclass(frozen=True)
class DatedTime:
    """The best time of one kind of work, and when the machine last reached it."""

    time_us: float
    day: date

    def is_slow(self, time_us: float, limit: float) -> bool:
        """Return whether a time is longer than this one by more than a limit of their ratio."""
        return time_us > limit * self.time_us


@dataclass(frozen=True)
class BestKnown:
    """The best times that earlier measurements on this machine gave; None for unknown ones."""

    compute: DatedTime | None = None
    exchange: DatedTime | None = None

    def faster_of(self, best: MachineSpeed) -> MachineSpeed:
        """Return the shorter of each time: of these and of those of a measurement."""
        exchange_us = best.exchange_us
        if exchange_us is not None and self.exchange is not None:
            exchange_us = min(exchange_us, self.exchange.time_us)
        compute_us = best.compute_us
        if self.compute is not None:
            compute_us = min(compute_us, self.compute.time_us)
        return MachineSpeed(compute_us, exchange_us)

    def slow_machine_reason(self, best: MachineSpeed, *, uses_several_cores: bool) -> str:
        """Return how a measurement was slow even at its best; empty if it was not.

        Args:
            best: `best_speed` of the measurement.
            uses_several_cores: Whether the model does. The exchange counts only then.
        """
        parts = [(COMPUTE_NAME, best.compute_us, self.compute, COMPUTE_LIMIT)]
        if uses_several_cores and best.exchange_us is not None:
            parts.append((EXCHANGE_NAME, best.exchange_us, self.exchange, EXCHANGE_LIMIT))
        slow = [
            f"{name} took {time_us:.1f} µs; its best was {record.time_us:.1f} µs, on {record.day}"
            for name, time_us, record, limit in parts
            if record is not None and record.is_slow(time_us, limit)
        ]
        return f"machine slower than at its best: {'; '.join(slow)}" if slow else ""

    def updated(self, best: MachineSpeed, today: date) -> BestKnown:
        """Return the best times including those of a measurement.

        A time that the machine reached again, within the limit, keeps its value with the new date.
        """
        exchange = self.exchange
        if best.exchange_us is not None:
            exchange = _updated(exchange, best.exchange_us, EXCHANGE_LIMIT, today)
        return BestKnown(_updated(self.compute, best.compute_us, COMPUTE_LIMIT, today), exchange)


def best_known_file() -> Path:
    """Return the file that holds the best known speeds."""
    return cache_folder() / "machine_speed.json"


def best_known(file: Path | None = None, today: date | None = None) -> BestKnown:
    """Return the best known speed of this machine, for the cores that this process may use.

    Nothing is known if the file is missing, damaged or from another machine. Times that the machine
    has not reached for 7 days do not count.

    Args:
        file: Default: `best_known_file`.
        today: Default: the present day, UTC.
    """
    today = today or _today()
    entry = _entries(file or best_known_file()).get(_machine())
    if entry is None:
        return BestKnown()
    return BestKnown(*(_unless_old(time, today) for time in (entry.compute, entry.exchange)))


def remember(
    speeds: Sequence[MachineSpeed], file: Path | None = None, today: date | None = None
) -> None:
    """Remember the best speed of a measurement; arguments as for `best_known`.

    Fewer than 20 speeds are not remembered, because a single one could decide. A file that cannot
    be written is left as it is.
    """
    if len(speeds) < _MIN_MEASUREMENTS:
        return
    file, today = file or best_known_file(), today or _today()
    entry = best_known(file, today).updated(best_speed(speeds), today)
    content = msgspec.json.encode({**_entries(file), _machine(): entry}, order="sorted")
    try:
        with atomic_path(file) as temporary:
            temporary.write_bytes(content)
    except (InputError, OSError):
        return


def _entries(file: Path) -> dict[str, BestKnown]:
    try:
        entries: dict[str, BestKnown] = json_value(file.read_bytes(), dict[str, BestKnown])
    except (OSError, ValueError):
        return {}
    return entries


def _machine() -> str:
    """Return what the times depend on: the processor, its cores, and who does the arithmetic."""
    return (
        f"{cpu_model()}, {usable_cores()} of {os.cpu_count()} cores,"
        f" numpy {np.__version__}, layout {_LAYOUT}"
    )


def _updated(best: DatedTime | None, time_us: float, limit: float, today: date) -> DatedTime:
    if best is None or time_us < best.time_us:
        return DatedTime(time_us, today)
    return best if best.is_slow(time_us, limit) else DatedTime(best.time_us, today)


def _unless_old(time: DatedTime | None, today: date) -> DatedTime | None:
    if time is None or not 0 < time.time_us < math.inf:
        return None
    return time if timedelta() <= today - time.day <= _MAX_AGE else None


def _today() -> date:
    return datetime.now(UTC).date()

"""Speed judge: whether the machine was slower around a turn than at its best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detbench.bench.latency.turns import Turn
from detbench.bench.machine_speed.best_known import BestKnown
from detbench.bench.machine_speed.speed import (
    MachineSpeed,
    SpeedLimits,
    best_speed,
    is_slow,
    speed_limits,
)
from detbench.threads import usable_cores

_MAX_BACKGROUND_SHARE = 0.125
"""Of the cores, kept busy by other programs. CPU times are too coarse for much less in a turn."""


class Meter(Protocol):
    """What measures the machine's speed."""

    @property
    def pids(self) -> Sequence[int]:
        """Ids of its processes."""

    def measure(self) -> MachineSpeed | None:
        """Return the present speed; None if it cannot be measured."""


def is_busy(background_cores: float | None) -> bool:
    """Return whether other programs kept too many cores busy; None for an unknown load is False."""
    return (background_cores or 0.0) > _MAX_BACKGROUND_SHARE * usable_cores()


class SpeedJudge:
    """Compares the machine's speed around turns with the best of a whole measurement.

    The best may come from an earlier measurement. The samples' own values play no part.
    """

    def __init__(self, meter: Meter | None = None, best_known: BestKnown | None = None) -> None:
        """Judge by what a meter measures; without one, nothing is slow."""
        self._meter, self._known = meter, best_known or BestKnown()
        self.speeds: list[MachineSpeed] = []
        """All that were measured."""
        self._standards: dict[int, tuple[MachineSpeed, SpeedLimits]] = {}

    @property
    def pids(self) -> Sequence[int]:
        """Ids of the meter's processes."""
        return self._meter.pids if self._meter else ()

    def measure(self) -> MachineSpeed | None:
        """Measure the speed now; None without a meter."""
        speed = self._meter.measure() if self._meter else None
        if speed is not None:
            self.speeds.append(speed)
        return speed

    def is_slow(self, turn: Turn, *, uses_several_cores: bool) -> bool:
        """Return whether the machine was slow around a turn, or busy with other programs in it."""
        if not turn.speeds:
            return False
        if is_busy(turn.background_cores):
            return True
        best, limits = self._standard()
        return any(
            is_slow(one, best, limits, uses_several_cores=uses_several_cores) for one in turn.speeds
        )

    def _standard(self) -> tuple[MachineSpeed, SpeedLimits]:
        """Return the best speed and the limits, computed once for every number of speeds."""
        count = len(self.speeds)
        if count not in self._standards:
            best = self._known.faster_of(best_speed(self.speeds))
            self._standards = {count: (best, speed_limits(self.speeds))}
        return self._standards[count]

    def reason(self, *, uses_several_cores: bool) -> str:
        """Return how the whole measurement was slower than the best known; empty if it was not."""
        if not self.speeds:
            return ""
        return self._known.slow_machine_reason(
            best_speed(self.speeds), uses_several_cores=uses_several_cores
        )

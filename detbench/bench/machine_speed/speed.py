"""Machine speed: how fast the machine does the same small work at one moment, and what is slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COMPUTE_NAME, EXCHANGE_NAME = "arithmetic on all cores", "exchange between cores"
"""What messages call the two times."""
COMPUTE_LIMIT = 1.10
EXCHANGE_LIMIT = 1.05
"""As multiples of the best time. A machine that takes longer is slow.

They lie between the spread of a machine at its best and the next slower state.
"""
_BEST_QUANTILE, _FAST_QUANTILE = 0.10, 0.25
_SPREADS = 3.0
_LARGEST_LIMIT = 1.30
"""Limits of a machine whose measurements at its best vary more than usual: they are three times as
far above the best as the 25% quantile is, and never beyond 30%."""


@dataclass(frozen=True)
class MachineSpeed:
    """One measurement of the machine's speed; shorter is faster."""

    compute_us: float
    """Time of a fixed amount of arithmetic, on every core at once."""
    exchange_us: float | None
    """Time to update an array that another core has just written; None with a single core."""


@dataclass(frozen=True)
class SpeedLimits:
    """How far above the best a time may be, as multiples of it."""

    compute: float = COMPUTE_LIMIT
    exchange: float = EXCHANGE_LIMIT


_USUAL_LIMITS = SpeedLimits()


def speed_limits(speeds: Sequence[MachineSpeed]) -> SpeedLimits:
    """Return the limits for a machine, given all measurements of a run, at least one."""
    best, fast = (_quantile(speeds, share) for share in (_BEST_QUANTILE, _FAST_QUANTILE))
    return SpeedLimits(
        compute=_limit(best.compute_us, fast.compute_us, COMPUTE_LIMIT),
        exchange=_limit(best.exchange_us, fast.exchange_us, EXCHANGE_LIMIT),
    )


def best_speed(speeds: Sequence[MachineSpeed]) -> MachineSpeed:
    """Return the 10% quantile of each time, which a single outlier does not move.

    Args:
        speeds: At least one.
    """
    return _quantile(speeds, _BEST_QUANTILE)


def median_speed(speeds: Sequence[MachineSpeed]) -> MachineSpeed:
    """Return the median of each time of at least one measurement."""
    return _quantile(speeds, 0.5)


def is_slow(
    speed: MachineSpeed,
    best: MachineSpeed,
    limits: SpeedLimits = _USUAL_LIMITS,
    *,
    uses_several_cores: bool,
) -> bool:
    """Return whether the machine was slower than at its best by more than the limits.

    The exchange counts only for a model that uses several cores.
    """
    return any(
        time_us > limit * best_us
        for _, time_us, best_us, limit in _time_pairs(speed, best, limits, uses_several_cores)
    )


def slower_machine_difference(
    first: MachineSpeed | None, second: MachineSpeed | None, *, uses_several_cores: bool = True
) -> str:
    """Return how the machine's speed differs between two results; empty if it does not.

    It does not if each is within the limits of the other, or if one is unknown.
    """
    if first is None or second is None:
        return ""
    for name, a, b, limit in _time_pairs(first, second, _USUAL_LIMITS, uses_several_cores):
        if max(a, b) > limit * min(a, b):
            return f"{name} took {a:.1f} µs with the first and {b:.1f} µs with the second"
    return ""


def _time_pairs(
    first: MachineSpeed, second: MachineSpeed, limits: SpeedLimits, uses_several_cores: bool
) -> list[tuple[str, float, float, float]]:
    """Return the times that count and that both have: name, both times, limit of their ratio."""
    pairs = [(COMPUTE_NAME, first.compute_us, second.compute_us, limits.compute)]
    if uses_several_cores and first.exchange_us is not None and second.exchange_us is not None:
        pairs.append((EXCHANGE_NAME, first.exchange_us, second.exchange_us, limits.exchange))
    return pairs


def _limit(best_us: float | None, fast_us: float | None, usual: float) -> float:
    if best_us is None or fast_us is None:
        return usual
    return min(max(1 + _SPREADS * (fast_us / best_us - 1), usual), _LARGEST_LIMIT)


def _quantile(speeds: Sequence[MachineSpeed], quantile: float) -> MachineSpeed:
    exchange = [speed.exchange_us for speed in speeds if speed.exchange_us is not None]
    return MachineSpeed(
        compute_us=float(np.quantile([speed.compute_us for speed in speeds], quantile)),
        exchange_us=float(np.quantile(exchange, quantile)) if exchange else None,
    )

"""Machine speed: how fast the machine does the same small work at one moment, and what is slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COMPUTE, EXCHANGE = "arithmetic on all cores", "exchange between cores"
"""What messages call the two times."""
COMPUTE_LIMIT = 1.08
EXCHANGE_LIMIT = 1.05
"""As multiples of the best time. A machine that takes longer is slow."""
_BEST_QUANTILE = 0.10


@dataclass(frozen=True)
class MachineSpeed:
    """One measurement of the machine's speed; shorter is faster."""

    compute_us: float
    """Time of a fixed amount of arithmetic, on every core at once."""
    exchange_us: float | None
    """Time to update an array that another core has just written; None with a single core."""


def best_speed(speeds: Sequence[MachineSpeed], known: MachineSpeed | None = None) -> MachineSpeed:
    """Return the machine's best speed: the 10% quantile of each time, not its minimum.

    Args:
        speeds: All that were measured, at least one.
        known: The best from earlier measurements. A time that is shorter there is returned.
    """
    every = [speeds_quantile(speeds, _BEST_QUANTILE), *([known] if known else [])]
    exchange = [one.exchange_us for one in every if one.exchange_us is not None]
    return MachineSpeed(
        compute_us=min(one.compute_us for one in every),
        exchange_us=min(exchange) if exchange else None,
    )


def median_speed(speeds: Sequence[MachineSpeed]) -> MachineSpeed:
    """Return the median of each time; `speeds` has at least one."""
    return speeds_quantile(speeds, 0.5)


def speeds_quantile(speeds: Sequence[MachineSpeed], quantile: float) -> MachineSpeed:
    """Return the quantile of each time; `speeds` has at least one."""
    exchange = [one.exchange_us for one in speeds if one.exchange_us is not None]
    return MachineSpeed(
        compute_us=float(np.quantile([one.compute_us for one in speeds], quantile)),
        exchange_us=float(np.quantile(exchange, quantile)) if exchange else None,
    )


def is_slow(speed: MachineSpeed, best: MachineSpeed, *, uses_several_cores: bool) -> bool:
    """Return whether the machine was slower than at its best by more than the limits.

    The exchange counts only for a model that uses several cores.
    """
    parts = _parts(speed, best, uses_several_cores=uses_several_cores)
    return any(time_us > limit * best_us for _, time_us, best_us, limit in parts)


def slower_machine_difference(
    first: MachineSpeed | None, second: MachineSpeed | None, *, uses_several_cores: bool = True
) -> str:
    """Return how the machine's speed differs between two results; empty if it does not.

    It does not if each is within the limits of the other, or if one is unknown.
    """
    if first is None or second is None:
        return ""
    for name, a, b, limit in _parts(first, second, uses_several_cores=uses_several_cores):
        if max(a, b) > limit * min(a, b):
            return f"{name} took {a:.1f} µs in one and {b:.1f} µs in the other"
    return ""


def _parts(
    a: MachineSpeed, b: MachineSpeed, *, uses_several_cores: bool
) -> list[tuple[str, float, float, float]]:
    """Return what two speeds can be compared by: name, both times, limit of their ratio."""
    parts = [(COMPUTE, a.compute_us, b.compute_us, COMPUTE_LIMIT)]
    if uses_several_cores and a.exchange_us is not None and b.exchange_us is not None:
        parts.append((EXCHANGE, a.exchange_us, b.exchange_us, EXCHANGE_LIMIT))
    return parts

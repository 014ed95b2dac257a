"""Machine speed: how fast the machine does the same small work at one moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MachineSpeed:
    """One measurement of the machine's speed; shorter is faster."""

    compute_us: float
    """Time of a fixed amount of arithmetic, on every core at once."""
    exchange_us: float | None
    """Time to update an array that another core has just written; None with a single core."""

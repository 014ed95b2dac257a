"""Stopping rule: when enough has been measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detbench.bench.latency.percentiles import Samples, interval, percentile, samples_needed

_GROWTH = 1.5


@dataclass(frozen=True)
class Decision:
    """Whether to stop, and why."""

    stop: bool
    reason: str
    narrow: bool
    """Whether every interval is as narrow as asked for."""
    next_look: int
    """The number of samples at which asking again can give another answer, if time does not run out before."""


@dataclass(frozen=True)
class StoppingRule:
    """Stop when the 95 % interval of every percentile is narrow, not before `min_s` and `min_samples`, and at `max_s` in any case.

    Intervals are looked at only at sizes that grow by half, for a rule that looks often stops at intervals that are narrow by chance.
    """

    relative_width: float = 0.05
    percentiles: tuple[float, ...] = (50, 90)
    min_s: float = 0.5
    max_s: float = 30.0
    min_samples: int = 100

    def decide(self, samples_ns: Samples, elapsed_s: float) -> Decision:
        """Say whether the samples so far (in order of time, ns) are enough after `elapsed_s` seconds."""
        count = len(samples_ns)
        look = self._last_look(count)
        following = self._first_look() if look == 0 else math.ceil(look * _GROWTH)
        wide = self._wide(samples_ns[:look])
        if not wide and elapsed_s >= self.min_s:
            return Decision(True, "narrow enough", True, following)
        if elapsed_s >= self.max_s:
            return Decision(True, f"{self.max_s:g} s are over; {wide or 'narrow enough'}", not wide, following)
        return Decision(False, wide or f"not yet {self.min_s:g} s", not wide, following)

    def _first_look(self) -> int:
        return max(self.min_samples, *(samples_needed(q) for q in self.percentiles))

    def _last_look(self, count: int) -> int:
        """Return the largest size, of those that are looked at, that the samples have reached; 0 before the first."""
        look, following = 0, self._first_look()
        while following <= count:
            look, following = following, math.ceil(following * _GROWTH)
        return look

    def _wide(self, samples_ns: Samples) -> str:
        """Return what is not yet narrow, or nothing."""
        if len(samples_ns) == 0:
            return f"fewer than {self._first_look()} samples"
        for q in self.percentiles:
            found = interval(samples_ns, q)
            if found is None:
                return f"too few independent samples for p{q:g}"
            width = (found[1] - found[0]) / percentile(samples_ns, q)
            if width > self.relative_width:
                return f"the interval of p{q:g} is {width:.1%} wide, not {self.relative_width:.1%}"
        return ""

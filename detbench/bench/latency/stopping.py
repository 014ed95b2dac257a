"""Stopping rule: when enough has been measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detbench.bench.latency.percentiles import Samples, interval, percentile, samples_needed


@dataclass(frozen=True)
class Decision:
    """Whether to stop, and why."""

    stop: bool
    reason: str
    narrow: bool
    """Whether every interval is as narrow as asked for."""
    next_look: int
    """The number of samples at which asking again can give another answer, if the time is not over before."""


@dataclass(frozen=True)
class StoppingRule:
    """Stop when the 95 % interval of every percentile is narrow, not before `min_s` and `min_samples`, and at `max_s` in any case.

    A rule that looks often stops when intervals are narrow by chance, and then they hold the truth too seldom. So this one looks only at
    sizes that double, and stops when the intervals were narrow twice in a row: half of what it stops with had no part in the first time.
    """

    relative_width: float = 0.05
    """Of an interval, from end to end, as a share of its percentile."""
    percentiles: tuple[float, ...] = (50, 90)
    min_s: float = 2.0
    """Long enough to meet what disturbs this machine now and then: nothing in the samples tells of a burst that has not come yet."""
    max_s: float = 30.0
    min_samples: int = 100

    def decide(self, samples_ns: Samples, elapsed_s: float) -> Decision:
        """Say whether the samples so far (in order of time, ns) are enough after `elapsed_s` seconds."""
        look = self._last_look(len(samples_ns))
        following = 2 * look or self._first_look()
        if elapsed_s >= self.max_s:
            wide = self._wide(samples_ns)
            return Decision(
                True,
                f"{self.max_s:g} s are over" + (f", and {wide}" if wide else ""),
                not wide,
                following,
            )
        wide = self._wide(samples_ns[:look]) or self._wide(samples_ns[: look // 2])
        if wide:
            return Decision(False, wide, False, following)
        early = elapsed_s < self.min_s
        return Decision(
            not early,
            f"it is not yet {self.min_s:g} s" if early else "every interval is narrow enough",
            True,
            following,
        )

    def _first_look(self) -> int:
        return 2 * max(
            math.ceil(self.min_samples / 2), *(samples_needed(q) for q in self.percentiles)
        )

    def _last_look(self, count: int) -> int:
        """Return the largest size, of those that are looked at, that the samples have reached; 0 before the first."""
        first = self._first_look()
        return 0 if count < first else first << int(math.log2(count // first))

    def _wide(self, samples_ns: Samples) -> str:
        """Return what is not yet narrow, or nothing."""
        for q in self.percentiles:
            found = interval(samples_ns, q)
            if found is None:
                return f"{len(samples_ns)} samples tell too little of p{q:g}"
            width = (found[1] - found[0]) / percentile(samples_ns, q)
            if width > self.relative_width:
                return f"the interval of p{q:g} is {width:.1%} wide, not {self.relative_width:.1%}"
        return ""

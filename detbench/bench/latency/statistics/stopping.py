"""Stopping rule: when the series of one process is long enough.

With several processes, the interval that counts is the one over processes. Each then only needs a
p50 that is narrow compared with the differences between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from detbench.bench.latency.statistics.percentiles import (
    Samples,
    percentile,
    percentile_interval,
    samples_needed,
)


@dataclass(frozen=True)
class StoppingDecision:
    """Whether to stop, and why."""

    stop: bool
    reason: str
    precise: bool
    """Whether every interval is as narrow as the rule requires."""
    next_check: int
    """Number of samples at which the rule can decide differently, unless time runs out."""


@dataclass(frozen=True)
class StoppingRule:
    """Stop when the 95% interval of every percentile is narrow.

    The rule never stops before `min_s` and `min_samples`, and always stops at `max_s`.

    A rule that checks often stops when an interval is narrow by chance, and intervals picked like
    that hold the true value too rarely. So this rule checks only at sizes that double, and requires
    narrow intervals at two checks in a row: half of the final samples were not in the first check.
    """

    relative_width: float = 0.05
    """Maximum width of an interval, from end to end, as a share of its percentile."""
    percentiles: tuple[float, ...] = (50, 90)
    """0..100."""
    min_s: float = 2.0
    """Long enough to meet the machine's occasional disturbances. No statistic of the samples can
    reveal a burst of load that has not happened yet."""
    max_s: float = 30.0
    min_samples: int = 100

    def decide(self, samples_ns: Samples, elapsed_s: float) -> StoppingDecision:
        """Decide whether the samples so far suffice.

        Args:
            samples_ns: (n,) in order of time.
            elapsed_s: Seconds since the first sample.
        """
        check = self._last_check(len(samples_ns))
        next_check = 2 * check or self._first_check()
        if elapsed_s >= self.max_s:
            problem = self._imprecision(samples_ns)
            reason = f"after the maximum of {self.max_s:g} s, " + (
                problem or "every interval is narrow enough"
            )
            return StoppingDecision(True, reason, not problem, next_check)
        # Two checks in a row: at this size, and at half of it.
        problem = self._imprecision(samples_ns[:check]) or self._imprecision(
            samples_ns[: check // 2]
        )
        if problem:
            return StoppingDecision(False, problem, False, next_check)
        if elapsed_s < self.min_s:
            reason = f"the minimum of {self.min_s:g} s is not over"
            return StoppingDecision(False, reason, True, next_check)
        return StoppingDecision(True, "every interval is narrow enough", True, next_check)

    def _first_check(self) -> int:
        """Return the first size checked: twice the smallest size at which all intervals exist."""
        return 2 * max(
            math.ceil(self.min_samples / 2), *(samples_needed(q) for q in self.percentiles)
        )

    def _last_check(self, count: int) -> int:
        """Return the largest checked size that `count` samples have reached; 0 before the first."""
        first = self._first_check()
        return 0 if count < first else first << int(math.log2(count // first))

    def _imprecision(self, samples_ns: Samples) -> str:
        """Return which interval is too wide, or an empty text."""
        for q in self.percentiles:
            interval = percentile_interval(samples_ns, q)
            if interval is None:
                return f"{len(samples_ns)} samples are too few for an interval of p{q:g}"
            width = (interval[1] - interval[0]) / percentile(samples_ns, q)
            if width > self.relative_width:
                return (
                    f"the interval of p{q:g} is {width:.1%} wide,"
                    f" more than {self.relative_width:.1%}"
                )
        return ""

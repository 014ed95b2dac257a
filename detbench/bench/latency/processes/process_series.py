"""Process series: the turns of one process of a model on one task, in company and alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detbench.bench.latency.result import ProcessSamples, SamplesNs
from detbench.bench.latency.speed_judge import SpeedJudge
from detbench.bench.latency.statistics.stopping import StoppingDecision, StoppingRule
from detbench.bench.latency.statistics.warmup import Warmup, find_warmup, wake_up_count
from detbench.bench.latency.timed_model import Preparation
from detbench.bench.latency.turns import Turn

MAX_SAMPLES = 200_000
"""Of one process on one task."""
_SEVERAL_CORES = 1.2
"""A model that uses so many cores on average depends on how cores work together."""


class ProcessSeries:
    """What one process gives."""

    def __init__(
        self, model: str, preparation: Preparation, rule: StoppingRule, judge: SpeedJudge
    ) -> None:
        self.model, self.preparation, self._rule, self._judge = model, preparation, rule, judge
        self.problem = preparation.problem
        self.turns: list[Turn] = []
        self.alone: list[Turn] = []
        self.company: tuple[str, ...] = ()
        """Names of the models that were loaded beside it."""
        self.synchronization_reasons: list[str] = []
        self.is_complete = bool(self.problem)
        self._next_check = 0

    @property
    def elapsed_s(self) -> float:
        """Time of all turns in s, in company and alone."""
        return sum(turn.elapsed_s for turn in [*self.turns, *self.alone])

    @property
    def n_samples(self) -> int:
        """Number of samples in company."""
        return sum(len(turn.samples_ns) for turn in self.turns)

    @property
    def ns_per_sample(self) -> float:
        """Of the last turn, including what is not timed; 0 before the first turn."""
        turns = self.turns or self.alone
        if not turns or not len(turns[-1].samples_ns):
            return 0.0
        return turns[-1].elapsed_s * 1e9 / len(turns[-1].samples_ns)

    @property
    def max_s(self) -> float:
        """The rule's maximum time in s."""
        return self._rule.max_s

    @property
    def out_of_time(self) -> bool:
        """Whether the rule's maximum time, or the maximum number of samples, is used up."""
        return self.elapsed_s >= self._rule.max_s or self.n_samples >= MAX_SAMPLES

    def add(self, turn: Turn, *, alone: bool) -> None:
        """Append a turn."""
        (self.alone if alone else self.turns).append(turn)
        self.problem = self.problem or turn.problem or self._clock_problem()

    def check(self) -> None:
        """Check whether there are enough samples, if many came since the last time.

        That takes a while: between two turns, the threads of a model would stop spinning meanwhile,
        and the next model would not show that they disturb it.
        """
        samples = self.n_samples
        if self.problem or self.out_of_time or samples >= self._next_check:
            self._check()
            self._next_check = samples * 5 // 4  # each search of the warm-up is linear

    def _clock_problem(self) -> str:
        samples = [turn.samples_ns for turn in [*self.turns, *self.alone]]
        if any(one.any() for one in samples) or not (count := sum(map(len, samples))):
            return ""
        return f"the clock did not advance in {count:,} samples"

    def _check(self) -> None:
        """Find the warm-up, and apply the stopping rule to what follows it."""
        samples = self.samples()
        can_stop = self.decide(samples.samples_ns).stop and samples.has_settled
        self.is_complete = bool(self.problem) or self.out_of_time or can_stop

    def decide(self, samples_ns: SamplesNs) -> StoppingDecision:
        """Apply the stopping rule to settled samples."""
        return self._rule.decide(samples_ns, self.elapsed_s)

    def samples(
        self, wake_up: int | None = None, *, with_slow_turns: bool = False
    ) -> ProcessSamples:
        """Return the samples, sorted by what they are.

        Args:
            wake_up: Samples to discard at the start of each turn; None finds their number here.
            with_slow_turns: Whether turns count during which the machine was slow.
        """
        counted = self.counted_turns(with_slow_turns=with_slow_turns)
        slow = [turn for turn in self.turns if turn not in counted]
        kept = [turn for turn in counted if len(turn.samples_ns)]
        if wake_up is None:
            wake_up = wake_up_count([turn.samples_ns for turn in kept])
        awake = _joined([turn.samples_ns[wake_up:] for turn in kept])
        warmup = find_warmup(awake) if awake.any() else Warmup(0, False)
        alone = _joined(
            [
                turn.samples_ns[wake_up:]
                for turn in self.alone
                if with_slow_turns or not self._is_slow(turn)
            ]
        )
        others = [turn.others_cpu_s for turn in self.turns if turn.others_cpu_s is not None]
        duration_s = sum(turn.elapsed_s for turn in self.turns)
        return ProcessSamples(
            samples_ns=awake[warmup.count :],
            warmup_ns=_joined(
                [*(turn.samples_ns[:wake_up] for turn in kept), awake[: warmup.count]]
            ),
            set_aside_ns=_joined([turn.samples_ns for turn in slow]),
            alone_ns=alone[find_warmup(alone).count :] if alone.any() else alone,
            first_call_s=self.preparation.first_call_s,
            has_settled=warmup.settled,
            busy_cores_of_others=sum(others) / duration_s if others and duration_s else None,
        )

    def counted_turns(self, *, with_slow_turns: bool = False) -> list[Turn]:
        """Return the turns in company: all of them, or those at the machine's full speed."""
        return [turn for turn in self.turns if with_slow_turns or not self._is_slow(turn)]

    def _is_slow(self, turn: Turn) -> bool:
        return self._judge.is_slow(turn, uses_several_cores=self.uses_several_cores)

    @property
    def uses_several_cores(self) -> bool:
        """Whether the model keeps more than one core busy, as far as that is known."""
        turns = [turn for turn in [*self.turns, *self.alone] if turn.own_cpu_s is not None]
        elapsed_s = sum(turn.elapsed_s for turn in turns)
        cpu_s = math.fsum(turn.own_cpu_s or 0.0 for turn in turns)
        return not elapsed_s or cpu_s / elapsed_s > _SEVERAL_CORES


def _joined(pieces: Sequence[SamplesNs]) -> SamplesNs:
    return np.concatenate([np.zeros(0, np.int64), *pieces])

"""Model series: what all processes of one model gave on a task, and which of it counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain

from detbench.bench.latency.processes.process_series import ProcessSeries
from detbench.bench.latency.result import ProcessSamples
from detbench.bench.latency.statistics.warmup import wake_up_count
from detbench.bench.latency.turns import Turn

MIN_AT_FULL_SPEED = 3
"""With fewer processes, Student's t says nothing."""


class ModelSeries:
    """The processes of one model on one task, in order of time."""

    def __init__(self, groups: Sequence[ProcessSeries | None], planned_processes: int) -> None:
        """Take one series per group; None for groups in which the model was not tried."""
        self.groups = groups
        self.series = [one for one in groups if one is not None]
        self.planned_processes = planned_processes

    @property
    def problems(self) -> list[str]:
        """What ended processes early."""
        return [one.problem for one in self.series if one.problem]

    @property
    def company(self) -> list[str]:
        """Names of the models that were loaded beside it, without repetition."""
        return list(dict.fromkeys(name for one in self.series for name in one.company))

    @cached_property
    def at_full_speed(self) -> list[ProcessSamples]:
        """The samples of each group from while the machine was not slow."""
        return self._samples(with_slow_turns=False)

    @cached_property
    def of_all_turns(self) -> list[ProcessSamples]:
        """The samples of each group, also from while the machine was slow."""
        return self._samples(with_slow_turns=True)

    @property
    def n_at_full_speed(self) -> int:
        """Number of processes with samples at full speed."""
        return sum(len(one.samples_ns) > 0 for one in self.at_full_speed)

    @cached_property
    def with_slow_turns(self) -> bool:
        """Whether turns count during which the machine was slow: hardly any others are left."""
        min_processes = min(self.planned_processes, MIN_AT_FULL_SPEED, len(self.series))
        return self.n_at_full_speed < min_processes and not self.problems

    @property
    def samples(self) -> list[ProcessSamples]:
        """The samples of each group that count."""
        return self.of_all_turns if self.with_slow_turns else self.at_full_speed

    @property
    def turns(self) -> list[Turn]:
        """The turns that count, in company."""
        return self._turns(with_slow_turns=self.with_slow_turns)

    def _samples(self, *, with_slow_turns: bool) -> list[ProcessSamples]:
        turns = [turn.samples_ns for turn in self._turns(with_slow_turns=with_slow_turns)]
        wake_up = wake_up_count([samples for samples in turns if len(samples)])
        return [
            one.samples(wake_up, with_slow_turns=with_slow_turns) if one else ProcessSamples()
            for one in self.groups
        ]

    def _turns(self, *, with_slow_turns: bool) -> list[Turn]:
        turns = [one.counted_turns(with_slow_turns=with_slow_turns) for one in self.series]
        return list(chain.from_iterable(turns))


def n_groups_at_full_speed(models: Sequence[Sequence[ProcessSeries | None]]) -> int | None:
    """Return in how many groups all models of a task had turns at the machine's full speed.

    Args:
        models: The groups of each; models with a problem are left out.

    Returns:
        None if all of them had a problem.
    """
    sound = [groups for groups in models if not any(one and one.problem for one in groups)]
    if not sound:
        return None
    return sum(
        all(one and one.counted_turns() for one in group) for group in zip(*sound, strict=False)
    )

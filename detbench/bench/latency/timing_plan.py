"""Timing plan: what to time, and for how long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from detbench.bench.latency.result import Turns
from detbench.bench.latency.scenario import SINGLE_STREAM, Scenario
from detbench.bench.latency.stages import STAGES, Stage
from detbench.bench.latency.timed_model import TimedModel
from detbench.errors import DetbenchError
from detbench.wording import plural

DEFAULT_MIN_S = 0.5
ALWAYS_TIMED: tuple[Stage, ...] = ("infer", "end_to_end")
"""Both are in every run, so that neither is mistaken for the other."""


@dataclass(frozen=True)
class TimingPlan:
    """What to time, and for how long."""

    stages: tuple[Stage, ...] = ALWAYS_TIMED
    batches: tuple[int, ...] | None = None
    """Images per batch. None for the only size that a model accepts, otherwise 1."""
    scenario: Scenario = SINGLE_STREAM
    min_s: float | None = None
    """For each model, stage and batch size, all processes together, like `max_s`. None for 0.5 s,
    or `max_s` if that is less."""
    max_s: float | None = None
    """None for 6 s, or less if loading takes most of a minute."""
    device: str | None = None
    """`cpu` or `gpu`, None for any."""
    processes: int | None = None
    """Of each model; None for as many as fit in a minute, from 5 to 10."""
    patience_s: float = 0.0
    """Additional time to replace processes that met only a slow or busy machine."""
    own_batches: bool = False
    """Time each model at the only batch size that it accepts, or 1, whatever the others accept."""
    turns: Turns = "stopped"
    """What the other models do while one is timed."""
    loaded: int | None = None
    """How many models are loaded at once; None for all."""

    def __post_init__(self) -> None:
        if unknown := [stage for stage in self.stages if stage not in STAGES]:
            raise DetbenchError(f"unknown stage {unknown[0]!r}; choose one of {', '.join(STAGES)}")
        if any(batch < 1 for batch in self.batches or ()):
            raise DetbenchError(
                f"a batch has at least 1 image, got {min(self.batches or ())}; change --batch"
            )
        self._check_times()
        for batch in self.batches or ():
            self.scenario.requests(batch)

    def _check_times(self) -> None:
        min_s, max_s = self.min_s or 0.0, math.inf if self.max_s is None else self.max_s
        if not 0 <= min_s <= max_s or max_s == 0:
            raise DetbenchError(
                f"--min-seconds {min_s:g} and --max-seconds {max_s:g} do not fit;"
                " the minimum must be 0 or more, the maximum above 0 and not below the minimum"
            )


def batch_sizes(models: Sequence[TimedModel], plan: TimingPlan) -> list[int]:
    """Return the batch sizes to time."""
    if plan.batches:
        return list(plan.batches)
    if plan.own_batches:
        return sorted({model.batch_size or 1 for model in models})
    return [next((model.batch_size for model in models if model.batch_size is not None), 1)]


def check_batches(model: TimedModel, batches: Sequence[int]) -> None:
    """Check that a model accepts batch sizes.

    Raises:
        DetbenchError: It accepts only another one.
    """
    for batch in batches:
        if model.batch_size not in (None, batch):
            raise DetbenchError(
                f"{model.name} accepts only batches of {plural(model.batch_size, 'image')},"
                f" got {batch}; change --batch"
            )

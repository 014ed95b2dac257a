"""Sweep: times models at every batch size and stage, and goes on if one of them fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from detbench.bench.gpu import open_gpu
from detbench.bench.latency.interleaving import TaskResult, TimedPair, time_task
from detbench.bench.latency.isolated_model import IsolatedModel
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.scenario import SINGLE_STREAM, Scenario
from detbench.bench.latency.stages import STAGES, Stage
from detbench.bench.latency.timed_model import OUT_OF_MEMORY, TimedModel, TimingTask
from detbench.bench.machine import MachineMonitor
from detbench.errors import DetbenchError
from detbench.wording import plural

ALWAYS_TIMED: tuple[Stage, ...] = ("infer", "end_to_end")
"""Both are in every run, so that neither is mistaken for the other."""


@dataclass(frozen=True)
class TimingPlan:
    """What to time, and for how long."""

    stages: tuple[Stage, ...] = ALWAYS_TIMED
    batches: tuple[int, ...] | None = None
    """Images per batch. None for the only size that a model accepts, otherwise 1."""
    scenario: Scenario = SINGLE_STREAM
    min_s: float = 0.5
    """For each model, stage and batch size, like `max_s`."""
    max_s: float = 10.0
    device: str | None = None
    """`cpu` or `gpu`, None for any."""
    repetitions: int | None = None
    """Of the comparison of the first two models (the A/A experiment); None for one."""

    def __post_init__(self) -> None:
        if unknown := [stage for stage in self.stages if stage not in STAGES]:
            raise DetbenchError(f"unknown stage {unknown[0]!r}; choose one of {', '.join(STAGES)}")
        if any(batch < 1 for batch in self.batches or ()):
            raise DetbenchError(
                f"a batch has at least 1 image, got {min(self.batches or ())}; change --batch"
            )
        if not 0 <= self.min_s <= self.max_s or self.max_s == 0:
            raise DetbenchError(
                f"--min-seconds {self.min_s:g} and --max-seconds {self.max_s:g} do not fit;"
                " the minimum must be 0 or more, the maximum above 0 and not below the minimum"
            )
        for batch in self.batches or ():
            self.scenario.requests(batch)


@dataclass(frozen=True)
class SweepResult:
    """What a sweep measured."""

    results: list[LatencyResult] = field(default_factory=list)
    pairs: list[TimedPair] = field(default_factory=list)
    interrupted: bool = False

    @property
    def valid(self) -> bool:
        """Whether every number may be reported."""
        return not self.interrupted and all(result.verdict == "valid" for result in self.results)

    @property
    def conclusive(self) -> bool:
        """Whether every comparison has a verdict other than "inconclusive"."""
        return all(pair.comparison.verdict != "inconclusive" for pair in self.pairs)

    def results_of(self, model: str) -> list[LatencyResult]:
        """Return the results of one model."""
        return [result for result in self.results if result.model == model]


def sweep(
    models: Sequence[TimedModel],
    plan: TimingPlan,
    on_task: Callable[[TimingTask], None] = lambda _: None,
) -> SweepResult:
    """Time models on everything that a plan contains.

    A model that runs out of memory at a batch size is not tried at larger ones.

    Args:
        models: Compared with each other if there are several.
        plan: What to time.
        on_task: Called before each task.

    Raises:
        DetbenchError: A model does not accept a batch size; raised before anything is timed.
    """
    tasks = [
        TimingTask(stage, batch, plan.scenario)
        for batch in _batch_sizes(models, plan.batches)
        for stage in plan.stages
    ]
    gpu, pids = open_gpu(), [model.pid for model in models if isinstance(model, IsolatedModel)]
    failed_at: dict[str, int] = {}
    total = SweepResult()
    for task in tasks:
        # A batch that does not fit into memory rules out larger ones, but not smaller ones.
        able = [model for model in models if task.batch < failed_at.get(model.name, math.inf)]
        total.results.extend(
            _untried_result(model, task, failed_at[model.name])
            for model in models
            if model not in able
        )
        if not able:
            continue
        on_task(task)
        try:
            timed = _time_task(able, task, plan, MachineMonitor(pids, gpu=gpu))
        except KeyboardInterrupt:
            return replace(total, interrupted=True)
        total.results.extend(timed.results)
        total.pairs.extend(timed.pairs)
        failed_at |= {
            result.model: task.batch for result in timed.results if _ran_out_of_memory(result)
        }
        if timed.interrupted:
            return replace(total, interrupted=True)
    return total


def _time_task(
    models: Sequence[TimedModel], task: TimingTask, plan: TimingPlan, monitor: MachineMonitor
) -> TaskResult:
    # Each of several repetitions has the whole time.
    max_s = plan.max_s * (plan.repetitions or 1)
    return time_task(
        models,
        task,
        plan.scenario.stopping_rule(plan.min_s, max_s),
        monitor,
        requested_device=plan.device,
        repetitions=plan.repetitions,
    )


def _batch_sizes(
    models: Sequence[TimedModel], requested: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return the batch sizes, each of which every model must accept."""
    only_sizes = [model.batch_size for model in models if model.batch_size is not None]
    batches = requested or (only_sizes[0] if only_sizes else 1,)
    for model in models:
        if model.batch_size is None:
            continue
        for batch in batches:
            if batch != model.batch_size:
                raise DetbenchError(
                    f"{model.name} accepts only batches of {plural(model.batch_size, 'image')},"
                    f" got {batch}; change --batch"
                )
    return batches


def _ran_out_of_memory(result: LatencyResult) -> bool:
    return any(reason.startswith(OUT_OF_MEMORY) for reason in result.reasons)


def _untried_result(model: TimedModel, task: TimingTask, failed_at: int) -> LatencyResult:
    reason = f"not tried: {OUT_OF_MEMORY} at {plural(failed_at, 'image')} per batch"
    images = task.batch * task.scenario.requests(task.batch)
    return LatencyResult(
        model.name, task.stage, task.batch, task.scenario.name, images, reasons=(reason,)
    )

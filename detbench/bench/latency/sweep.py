"""Sweep: every batch size and stage of one or more models, and what remains to be said when one of them fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from detbench.adapters.counting import counted
from detbench.bench.gpu import open_gpu
from detbench.bench.latency.contender import OUT_OF_MEMORY, Contender, Task
from detbench.bench.latency.interleave import Pair, measure
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.scenario import SINGLE_STREAM, Scenario
from detbench.bench.latency.stages import STAGES, Stage
from detbench.bench.latency.worker import WorkerContender
from detbench.bench.machine import MachineWatch
from detbench.errors import DetbenchError

SIDE_BY_SIDE: tuple[Stage, ...] = ("infer", "end_to_end")
"""Are measured in every run, so that neither is mistaken for the other."""


@dataclass(frozen=True)
class Plan:
    """What is to be timed, and for how long."""

    stages: tuple[Stage, ...] = SIDE_BY_SIDE
    batches: tuple[int, ...] | None = None
    """None for the only size a model takes, else 1."""
    scenario: Scenario = SINGLE_STREAM
    min_s: float = 0.5
    """Of each model, stage and batch size."""
    max_s: float = 10.0
    device: str | None = None
    """`cpu` or `gpu` where one was asked for."""
    repetitions: int | None = None
    """Of the comparison of the first two contenders (A/A)."""

    def __post_init__(self) -> None:
        if unknown := [stage for stage in self.stages if stage not in STAGES]:
            raise DetbenchError(f"unknown stage {unknown[0]!r}; known are {', '.join(STAGES)}")
        if any(batch < 1 for batch in self.batches or ()):
            raise DetbenchError(f"a batch has at least one picture, not {min(self.batches or ())}")
        if not 0 <= self.min_s <= self.max_s or self.max_s == 0:
            raise DetbenchError(
                "the least time (--min-seconds) must be 0 or more, and at most the longest (--max-seconds), which is more than 0, "
                f"not {self.min_s:g} and {self.max_s:g} s"
            )
        for batch in self.batches or ():
            self.scenario.requests(batch)


@dataclass(frozen=True)
class Timed:
    """What a sweep gave."""

    results: list[LatencyResult] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    interrupted: bool = False

    @property
    def valid(self) -> bool:
        """Whether every number may be quoted."""
        return not self.interrupted and all(result.verdict == "valid" for result in self.results)

    @property
    def decided(self) -> bool:
        """Whether every comparison came to an end."""
        return all(pair.comparison.verdict != "inconclusive" for pair in self.pairs)


def sweep(
    contenders: Sequence[Contender], plan: Plan, on_task: Callable[[Task], None] = lambda _: None
) -> Timed:
    """Time contenders on everything a plan has; those that run out of memory at a batch size are left out of larger ones.

    Raises DetbenchError, before anything is timed, for a batch size that a model cannot take.
    """
    batches = _batches(contenders, plan.batches)
    gpu, pids = open_gpu(), [each.pid for each in contenders if isinstance(each, WorkerContender)]
    too_large: dict[str, int] = {}
    done = Timed()
    for batch in batches:
        for stage in plan.stages:
            task = Task(stage, batch, plan.scenario)
            able = [each for each in contenders if batch < too_large.get(each.name, batch + 1)]
            done.results.extend(
                _not_tried(each, task, too_large[each.name])
                for each in contenders
                if each not in able
            )
            if not able:
                continue
            on_task(task)
            rule = plan.scenario.rule(plan.min_s, plan.max_s * (plan.repetitions or 1))
            watch = MachineWatch(pids, gpu=gpu)
            try:
                measured = measure(
                    able, task, rule, watch, asked_device=plan.device, repetitions=plan.repetitions
                )
            except KeyboardInterrupt:
                return replace(done, interrupted=True)
            done.results.extend(measured.results)
            done.pairs.extend(measured.pairs)
            too_large |= {result.model: batch for result in measured.results if _ran_out(result)}
            if measured.interrupted:
                return replace(done, interrupted=True)
    return done


def _batches(contenders: Sequence[Contender], asked: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the batch sizes; every model must take every one."""
    only = [each.batch_size for each in contenders if each.batch_size is not None]
    batches = asked or (only[0] if only else 1,)
    for each in contenders:
        if each.batch_size is not None and (
            wrong := [batch for batch in batches if batch != each.batch_size]
        ):
            raise DetbenchError(
                f"{each.name} takes {counted(each.batch_size, 'picture')} at a time, not {wrong[0]}; change --batch"
            )
    return batches


def _ran_out(result: LatencyResult) -> bool:
    return any(reason.startswith(OUT_OF_MEMORY) for reason in result.reasons)


def _not_tried(contender: Contender, task: Task, failed_at: int) -> LatencyResult:
    reason = f"not tried: {OUT_OF_MEMORY} at {counted(failed_at, 'picture')} per batch"
    pictures = task.batch * task.scenario.requests(task.batch)
    return LatencyResult(
        contender.name, task.stage, task.batch, task.scenario.name, pictures, reasons=(reason,)
    )

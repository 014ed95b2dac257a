"""Sweep: times models at every batch size and stage, in several processes of each.

It continues if one of them fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detbench.bench.gpu import open_gpu
from detbench.bench.latency.assembly import (
    SweepResult,
    TaskRecord,
    pairs_of,
    results_of,
    untried_result,
)
from detbench.bench.latency.budget import MIN_PROCESSES, Budget, budget
from detbench.bench.latency.memory_check import check_memory
from detbench.bench.latency.processes.model_series import ModelSeries, n_groups_at_full_speed
from detbench.bench.latency.processes.process_group import ProcessGroup
from detbench.bench.latency.processes.process_series import ProcessSeries
from detbench.bench.latency.scenario import Scenario
from detbench.bench.latency.speed_judge import SpeedJudge
from detbench.bench.latency.statistics.stopping import StoppingRule
from detbench.bench.latency.timed_model import (
    INTERRUPTED,
    OUT_OF_MEMORY,
    PROCESS_FAILED,
    ModelSource,
    TimedModel,
    TimingTask,
)
from detbench.bench.latency.timing_plan import (
    DEFAULT_MIN_S,
    TimingPlan,
    batch_sizes,
    check_batches,
)
from detbench.bench.latency.turns import TurnTaker
from detbench.bench.latency.validity import device_of
from detbench.bench.machine import MachineMonitor, MachineState
from detbench.errors import DetbenchError

_MIN_PROCESS_SAMPLES = 100
_MAX_REPLACEMENT = 4
"""Processes of a model at most, as a multiple of those planned."""
_PROCESS_WIDTH = 0.02
"""Of the interval of one process's p50, from end to end, as a share of it."""


@dataclass(frozen=True)
class Progress:
    """Callbacks that report progress."""

    on_load: Callable[[str, int], None] = lambda *_: None
    """With the name of the model, and how many of its processes were timed before."""
    on_budget: Callable[[Budget], None] = lambda _: None
    """Once, when all models have been loaded for the first time."""
    on_task: Callable[[TimingTask], None] = lambda _: None


def sweep(
    sources: Sequence[ModelSource],
    plan: TimingPlan,
    progress: Progress | None = None,
    *,
    judge: SpeedJudge | None = None,
    seed: int = 0,
) -> SweepResult:
    """Time models on everything that a plan contains.

    A model that runs out of memory at a batch size is not tried at larger ones.

    Args:
        sources: Of the models, which are compared with each other if there are several.
        plan: What to time.
        progress: Called as the sweep goes on.
        judge: Measures the machine's speed around each turn; None sets no turns aside.
        seed: Of the order of turns.

    Raises:
        DetbenchError: A model cannot be loaded, or does not accept a batch size; the latter is
            raised before anything is timed.
    """
    return _Sweep(sources, plan, progress or Progress(), judge or SpeedJudge(), seed).run()


class _Sweep:
    """The groups of a sweep, and what they share: an `Agenda`."""

    def __init__(
        self,
        sources: Sequence[ModelSource],
        plan: TimingPlan,
        progress: Progress,
        judge: SpeedJudge,
        seed: int,
    ) -> None:
        self._sources, self._plan, self._progress = sources, plan, progress
        self.judge = judge
        self.rng = np.random.default_rng(seed)
        self._monitor = MachineMonitor(gpu=open_gpu())
        self.taker = TurnTaker(self._monitor, judge.measure)
        self.tasks: list[TimingTask] | None = None
        self._budget: Budget | None = None
        self._n_loaded = 1 if plan.turns == "restarted" else plan.loaded or len(sources)
        self._n_together = 0
        """Models that are loaded at once in the present group."""
        self._turns = plan.turns
        self._starts_over = False
        """Whether the present group is to be repeated from its beginning."""
        self._number = 0
        """Of the present group, from 0."""
        self._problem = ""
        """What ended the sweep early: Ctrl-C, or a model that could not be loaded again."""
        self._load_s: list[float] = []
        self._ruled_out: dict[str, tuple[int, str]] = {}
        """By the name of the model: from which batch size on, and why."""
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._series: dict[tuple[str, TimingTask], list[ProcessSeries | None]] = {}
        self._states: dict[TimingTask, list[MachineState]] = {}

    def run(self) -> SweepResult:
        """Run the groups: as many as each model has processes."""
        began = time.perf_counter()
        while self._wants_group(time.perf_counter() - began):
            self._starts_over = False
            for chunk in _chunks(_rotated(self._sources, self._number), self._n_loaded):
                self._n_together = len(chunk)
                group = ProcessGroup(chunk, self)
                try:
                    interrupted = group.run()
                except DetbenchError as error:
                    if not self._number:
                        raise
                    # What the earlier groups measured is kept, and says what went wrong.
                    self._problem = f"failed: {error}"
                    return self._result(interrupted=False)
                self._add(group)
                if interrupted:
                    self._problem = INTERRUPTED
                    return self._result(interrupted=True)
                if self._starts_over:
                    for series in self._series.values():
                        del series[self._number :]
                    break
            else:
                self._number += 1
        return self._result(interrupted=False)

    def _wants_group(self, elapsed_s: float) -> bool:
        """Return whether to run one more group.

        The time and the machine's speed decide, never what was measured, which would pick narrow
        intervals. Processes that met a slow machine only are replaced as long as there is time.
        """
        if self._budget is None:
            return True
        size, number = self._budget, self._number
        if number < size.processes:
            is_bound = self._plan.processes is not None or number < MIN_PROCESSES
            return is_bound or elapsed_s < size.total_s
        is_possible = size.limit_s > size.total_s and number < _MAX_REPLACEMENT * size.processes
        is_needed = size.processes > 1 and self._n_at_full_speed() < size.processes
        return is_possible and is_needed and elapsed_s < size.limit_s

    def _n_at_full_speed(self) -> int:
        """Return the fewest groups in which all models of a task had turns at full speed."""
        by_task: dict[TimingTask, list[list[ProcessSeries | None]]] = {}
        for (_, task), groups in self._series.items():
            by_task.setdefault(task, []).append(groups)
        counts = [n_groups_at_full_speed(models) for models in by_task.values()]
        return min((count for count in counts if count is not None), default=self._number)

    # What a group asks for and tells.

    def loading(self, source: ModelSource) -> None:
        """Take note that a model is about to be loaded."""
        self._progress.on_load(source.name, self._number)

    def loaded(self, models: Sequence[TimedModel], seconds: float) -> None:
        """Take note of all loaded models, the last of which took so long to load."""
        self._load_s.append(seconds)
        check_memory(models, self._n_together)
        self._settings[models[-1].name] = dict(models[-1].settings)
        self.watch(models)

    def watch(self, models: Sequence[TimedModel]) -> None:
        """Count the load of these models as part of the measurement."""
        pids = [pid for model in models for pid in model.pids]
        self._monitor.watch([*pids, *self.judge.pids])

    def decide(self, models: Sequence[TimedModel]) -> bool:
        """Decide the tasks and the budget, from the models of the first group.

        Returns:
            Whether to go on. The group starts over if several models share a GPU, with one of them
            at a time: a stopped process keeps its memory and its context there. It also does if it
            is the only group: the first model is to be timed alone, now that the tasks are known.

        Raises:
            DetbenchError: A model does not accept a batch size.
        """
        on_gpu = any(device_of(model.settings) == "gpu" for model in models)
        if len(models) > 1 and on_gpu and self._plan.turns == "stopped":
            self._n_loaded, self._starts_over = 1, True
            return False
        plan = self._plan
        if self._budget is None:
            in_process = plan.turns == "in_process"
            n_batches = 1 if plan.own_batches else len(batch_sizes(models, plan))
            self._budget = budget(
                len(self._sources),
                n_batches * len(plan.stages),
                float(np.mean(self._load_s)),
                processes=1 if in_process else plan.processes,
                max_s=plan.max_s,
                patience_s=plan.patience_s,
            )
            self._progress.on_budget(self._budget)
            self._starts_over = self._budget.processes == 1 < len(models)
        if self.tasks is None or plan.own_batches:
            self._add_tasks(batch_sizes(models, plan))
        if not plan.own_batches:
            for model in models:
                check_batches(model, [task.batch for task in self.tasks or ()])
        self._turns = next((m.turns for m in models if m.turns != "stopped"), self._turns)
        return not self._starts_over

    def _add_tasks(self, batches: Sequence[int]) -> None:
        tasks, plan = list(self.tasks or ()), self._plan
        for batch in batches:
            if batch not in {task.batch for task in tasks}:
                plan.scenario.requests(batch)  # refuses what a query cannot be divided into
                tasks += [TimingTask(stage, batch, plan.scenario) for stage in plan.stages]
        self.tasks = tasks

    def includes(self, model: TimedModel, task: TimingTask) -> bool:
        """Return whether a model is timed on a task."""
        if self._plan.own_batches and task.batch != (model.batch_size or 1):
            return False
        return model.name not in self._ruled_out or task.batch < self._ruled_out[model.name][0]

    def on_timing(self, task: TimingTask) -> None:
        """Take note that a task is being timed, alone or in company."""
        self._progress.on_task(task)

    def on_company(self) -> None:
        """Take note that all models start on a task."""
        self._monitor.restart()

    def on_end(self, task: TimingTask) -> None:
        """Take note that all models are done with a task."""
        self._monitor.observe(at_once=True)
        earlier, states = self._states.setdefault(task, []), self._monitor.states
        earlier.extend(states[1:] if earlier else states)  # clocks rise in the first, see validity

    def on_problem(self, model: str, problem: str, task: TimingTask) -> None:
        """Take note of a problem, if there is one.

        A batch at which memory runs out, or the process dies or hangs, is not tried again, nor are
        larger ones.
        """
        for kind in (OUT_OF_MEMORY, PROCESS_FAILED):
            if problem.startswith(kind):
                earlier = self._ruled_out.get(model, (task.batch, kind))
                self._ruled_out[model] = min((task.batch, kind), earlier)

    def rule(self, scenario: Scenario) -> StoppingRule:
        """Return when one process has enough samples."""
        assert self._budget is not None  # noqa: S101 - `decide` comes first
        n, plan = self._budget.processes, self._plan
        min_s = DEFAULT_MIN_S if plan.min_s is None else plan.min_s
        min_s, max_s = min(min_s, self._budget.max_s) / n, self._budget.max_s / n
        if n == 1:
            return scenario.stopping_rule(min_s, max_s)
        return StoppingRule(_PROCESS_WIDTH, (50,), min_s, max_s, _MIN_PROCESS_SAMPLES)

    # What comes out.

    def _add(self, group: ProcessGroup) -> None:
        for key, series in group.series.items():
            earlier = self._series.setdefault(key, [])
            earlier.extend([None] * (self._number - len(earlier)))
            earlier.append(series)

    def _result(self, *, interrupted: bool) -> SweepResult:
        total = SweepResult(interrupted=interrupted)
        planned = self._budget.processes if self._budget else 0
        n_groups = max(map(len, self._series.values()), default=0)
        for task in self.tasks or ():
            series = {
                source.name: ModelSeries([*groups, *[None] * (n_groups - len(groups))], planned)
                for source in self._sources
                if (groups := self._series.get((source.name, task)))
            }
            n_done = min((len(one.series) for one in series.values()), default=0)
            record = TaskRecord(
                task=task,
                series=series,
                settings=self._settings,
                states=self._states.get(task, []),
                turns="restarted" if 1 == self._n_loaded < len(self._sources) else self._turns,
                judge=self.judge,
                planned_processes=planned,
                requested_device=self._plan.device,
                problem=self._problem if n_done < planned else "",
            )
            results = results_of(record)
            untried = [
                untried_result(source.name, task, *self._ruled_out[source.name])
                for source in self._sources
                if source.name not in series and source.name in self._ruled_out
            ]
            total.results.extend([*untried, *results])
            total.pairs.extend(pairs_of(record, results))
        return total


def _rotated(sources: Sequence[ModelSource], number: int) -> list[ModelSource]:
    """Return the order of loading in a group.

    The first and the last are timed alone, so that every model must be one of them equally often.
    """
    first = number % len(sources)
    return [*sources[first:], *sources[:first]]


def _chunks(sources: Sequence[ModelSource], size: int) -> list[Sequence[ModelSource]]:
    return [sources[start : start + size] for start in range(0, len(sources), size)]

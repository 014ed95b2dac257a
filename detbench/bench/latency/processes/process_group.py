"""Process group: one fresh process of every model, timed side by side.

One of them is awake at a time; the others are paused. The first one that is loaded is timed alone
before the others are, and the last one that is closed is timed alone after the others. A model that
the others disturb takes longer in company than alone, however alike all models are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol

import numpy as np

from detbench.bench.latency.processes.process_series import ProcessSeries
from detbench.bench.latency.scenario import Scenario
from detbench.bench.latency.speed_judge import SpeedJudge
from detbench.bench.latency.statistics.stopping import StoppingRule
from detbench.bench.latency.timed_model import INTERRUPTED, ModelSource, TimedModel, TimingTask
from detbench.bench.latency.turns import TurnTaker
from detbench.bench.latency.validity import synchronization_reasons

_TURN_NS = 60e6
_MIN_PER_TURN = 12
"""Samples; a turn of a slow model takes as long as these need, or its share of the time."""
_MAX_PER_TURN = 40_000
_MIN_TURNS = 3
_ALONE_SHARE = 0.2
"""Of the time of a task in a process; the rest is for turns in company."""
_FETCH_REPEATS = 5
_NS_PER_S = 1e9


class Agenda(Protocol):
    """What a group is to do, and whom it tells."""

    judge: SpeedJudge
    rng: np.random.Generator
    taker: TurnTaker
    tasks: list[TimingTask] | None
    """None until `decide` was called."""

    def loading(self, source: ModelSource) -> None:
        """Take note that a model is about to be loaded."""

    def loaded(self, models: Sequence[TimedModel], seconds: float) -> None:
        """Take note of all loaded models, the last of which took so long to load."""

    def watch(self, models: Sequence[TimedModel]) -> None:
        """Count the load of these models as part of the measurement."""

    def decide(self, models: Sequence[TimedModel]) -> bool:
        """Decide the tasks, or check that the models accept them; return whether to go on."""

    def includes(self, model: TimedModel, task: TimingTask) -> bool:
        """Return whether a model is timed on a task."""

    def on_timing(self, task: TimingTask) -> None:
        """Take note that a task is being timed, alone or in company."""

    def on_company(self) -> None:
        """Take note that all models start on a task."""

    def on_end(self, task: TimingTask) -> None:
        """Take note that all models are done with a task."""

    def on_problem(self, model: str, problem: str, task: TimingTask) -> None:
        """Take note of a problem."""

    def rule(self, scenario: Scenario) -> StoppingRule:
        """Return when one process has enough samples."""


class ProcessGroup:
    """Times one process of every model on every task."""

    def __init__(self, sources: Sequence[ModelSource], agenda: Agenda) -> None:
        """Prepare to load models in the order of their sources; they are closed in it too."""
        self._sources, self._agenda = sources, agenda
        self._interrupted = False
        self.series: dict[tuple[str, TimingTask], ProcessSeries] = {}
        """By the name of the model and the task."""

    def run(self) -> bool:
        """Time everything; return whether Ctrl-C ended it.

        A failure of a model ends only its own tasks.
        """
        try:
            with ExitStack() as loaded:
                self._run(loaded)
        except KeyboardInterrupt:
            self._interrupted = True
        if self._interrupted:
            for one in self.series.values():
                one.problem = one.problem or INTERRUPTED
        return self._interrupted

    def _run(self, loaded: ExitStack) -> None:
        models: list[TimedModel] = []
        has_company = len(self._sources) > 1
        for source in self._sources:
            models.append(self._started(source, models, loaded))
            # In the first group the tasks are not known before all models are.
            if has_company and len(models) == 1 and self._agenda.tasks is not None:
                self._time_alone(models[0])
            if self._interrupted:
                return
        if not self._agenda.decide(models):
            return
        for task in self._agenda.tasks or ():
            if not self._interrupted:
                self._time_together(models, task)
        if has_company and not self._interrupted:
            for model in models[:-1]:
                model.close()
            self._agenda.watch(models[-1:])
            self._time_alone(models[-1])

    def _started(
        self, source: ModelSource, before: Sequence[TimedModel], loaded: ExitStack
    ) -> TimedModel:
        self._agenda.loading(source)
        began = time.perf_counter()
        model = source.start()
        loaded.callback(model.close)
        model.pause()
        self._agenda.loaded([*before, model], time.perf_counter() - began)
        return model

    def _time_alone(self, model: TimedModel) -> None:
        for task in self._agenda.tasks or ():
            if self._interrupted or not self._agenda.includes(model, task):
                continue
            self._agenda.on_timing(task)
            series = self._prepared(model, task)
            budget_s = _ALONE_SHARE * self._agenda.rule(task.scenario).max_s
            spent_s = 0.0
            while not self._interrupted and not series.problem and spent_s < budget_s:
                max_ns = min(self._turn_ns([series]), (budget_s - spent_s) * _NS_PER_S)
                self._take_turn(series, model, (), max_ns, alone=True)
                spent_s = sum(turn.elapsed_s for turn in series.alone)
            self._agenda.on_problem(model.name, series.problem, task)

    def _time_together(self, models: Sequence[TimedModel], task: TimingTask) -> None:
        able = {model.name: model for model in models if self._agenda.includes(model, task)}
        if not able:
            return
        self._agenda.on_timing(task)
        self._agenda.on_company()
        series = []
        for model in able.values():
            series.append(self._prepared(model, task))
            if self._interrupted:
                return
        for one in series:
            one.company = tuple(model.name for model in models if model.name != one.model)
        while running := [one for one in series if not one.problem]:
            self._run_round(running, models)
            if self._interrupted or all(map(_has_enough, running)):
                break
        for one in series:
            self._check_synchronization(able[one.model], task, one)
            self._agenda.on_problem(one.model, one.problem, task)
        self._agenda.on_end(task)

    def _run_round(self, running: Sequence[ProcessSeries], models: Sequence[TimedModel]) -> None:
        """Give every model a turn, in random order, until one of them is interrupted."""
        by_name = {model.name: model for model in models}
        turn_ns = self._turn_ns(running)
        for index in self._agenda.rng.permutation(len(running)):
            one = running[index]
            others = [model for model in models if model.name != one.model]
            self._take_turn(one, by_name[one.model], others, turn_ns, alone=False)
            if self._interrupted:
                return
        for one in running:
            one.check()

    def _turn_ns(self, running: Sequence[ProcessSeries]) -> float:
        """Return the time of a turn: the same for all, enough for some samples of the slowest.

        The maximum time of a process still holds some turns.
        """
        slowest = max(one.ns_per_sample for one in running)
        longest = running[0].max_s / _MIN_TURNS * _NS_PER_S
        return max(_TURN_NS, min(_MIN_PER_TURN * slowest, longest))

    def _take_turn(
        self,
        series: ProcessSeries,
        model: TimedModel,
        others: Sequence[TimedModel],
        turn_ns: float,
        *,
        alone: bool,
    ) -> None:
        known_ns = series.ns_per_sample
        count = math.ceil(turn_ns / known_ns) if known_ns else _MIN_PER_TURN
        turn = self._agenda.taker.take(model, others, min(count, _MAX_PER_TURN), int(turn_ns))
        series.add(turn, alone=alone)
        self._interrupted = self._interrupted or series.problem == INTERRUPTED

    def _prepared(self, model: TimedModel, task: TimingTask) -> ProcessSeries:
        """Prepare a model for a task, the second time if it is timed alone too."""
        model.resume()
        try:
            preparation = model.prepare(task)
        finally:
            model.pause()
        series = self.series.get((model.name, task))
        if series is None:
            rule = self._agenda.rule(task.scenario)
            series = ProcessSeries(model.name, preparation, rule, self._agenda.judge)
            self.series[model.name, task] = series
        series.problem = series.problem or preparation.problem
        self._interrupted = self._interrupted or series.problem == INTERRUPTED
        return series

    def _check_synchronization(
        self, model: TimedModel, task: TimingTask, series: ProcessSeries
    ) -> None:
        """Fetch outputs right after a request and later: does the model return too early?"""
        if task.stage != "infer" or series.problem or not series.n_samples:
            return
        n_requests = task.scenario.requests(task.batch)
        samples = np.concatenate([turn.samples_ns for turn in series.turns])
        model.resume()
        try:
            fetch_times_ns = model.fetch_times_ns(_FETCH_REPEATS)
        finally:
            model.pause()
        series.synchronization_reasons = synchronization_reasons(
            fetch_times_ns, float(np.median(samples)) / n_requests
        )


def _has_enough(series: ProcessSeries) -> bool:
    has_turns = series.is_complete and len(series.turns) >= _MIN_TURNS
    return bool(series.problem) or series.out_of_time or has_turns

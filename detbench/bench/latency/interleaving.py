"""Interleaving: models take turns in short rounds, in a random order per round.

Whatever the machine does meanwhile then affects all models alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from detbench.bench.latency.result import LatencyResult, SamplesNs
from detbench.bench.latency.sample_series import SampleSeries
from detbench.bench.latency.statistics.comparison import Comparison, compare_rounds
from detbench.bench.latency.statistics.stopping import StoppingRule
from detbench.bench.latency.timed_model import INTERRUPTED, TimedModel, TimingTask
from detbench.bench.machine import MachineMonitor

_ROUND_NS = 20e6
_MAX_PER_ROUND = 1_000
_MIN_PER_SHARED_ROUND = 3
ROUNDS_PER_COMPARISON = 40
_MAX_INTERVAL_WIDTH = 0.01
"""As a share of the ratio: narrower intervals of comparisons need no more rounds."""
_CHECK_GROWTH = 1.5


@dataclass(frozen=True)
class TimedPair:
    """The comparison of two models on one task."""

    a: str
    b: str
    task: TimingTask
    comparison: Comparison


@dataclass(frozen=True)
class TaskResult:
    """What timing models on one task gave."""

    results: list[LatencyResult]
    pairs: list[TimedPair]
    interrupted: bool


def time_task(
    models: Sequence[TimedModel],
    task: TimingTask,
    rule: StoppingRule,
    monitor: MachineMonitor,
    *,
    requested_device: str | None = None,
    repetitions: int | None = None,
    seed: int = 0,
) -> TaskResult:
    """Time models on one task.

    Args:
        models: One, or several of which each pair is compared.
        task: What is timed.
        rule: When a model has enough samples; its `max_s` applies to each model.
        monitor: Observes the machine between rounds.
        requested_device: `cpu` or `gpu`, None for any.
        repetitions: Compare the first two models this many times, each time in new rounds, instead
            of once (the A/A experiment). The rule then only ends it if rounds are slow.
        seed: Of the order of turns.
    """
    series = _prepare(models, task, rule)
    interrupted = _take_turns(
        series, monitor, np.random.default_rng(seed), _CompletionCheck(repetitions)
    )
    monitor.observe(at_once=True)
    pairs = _compare_pairs(series, task, repetitions)
    results = [one.result(monitor.states, requested_device) for one in series]
    # A model whose clock stopped too early has meaningless times: it is compared with nothing.
    early = {one.model.name for one in series if one.returned_early}
    return TaskResult(
        results, [pair for pair in pairs if not {pair.a, pair.b} & early], interrupted
    )


def _prepare(
    models: Sequence[TimedModel], task: TimingTask, rule: StoppingRule
) -> list[SampleSeries]:
    """Prepare one model after another, up to the one at which the user interrupts."""
    series: list[SampleSeries] = []
    for model in models:
        series.append(SampleSeries(model, task, rule))
        if series[-1].problem == INTERRUPTED:
            break
    return series


class _CompletionCheck:
    """Decides whether there are enough rounds, of every model and for every comparison."""

    def __init__(self, repetitions: int | None) -> None:
        self._min_rounds = (repetitions or 1) * ROUNDS_PER_COMPARISON
        self._is_repeated = repetitions is not None
        self._next_check = self._min_rounds

    def __call__(self, running: Sequence[SampleSeries]) -> bool:
        if self._is_repeated:
            return self._has_all_repetitions(running) or any(one.out_of_time for one in running)
        if not all(one.is_complete for one in running):
            return False
        if len(running) < 2 or any(one.out_of_time for one in running):
            return True
        n_rounds = min(len(one.rounds) for one in running)
        if n_rounds < self._next_check:
            return False
        # Checks at growing sizes: frequent ones would stop at intervals that are narrow by chance.
        self._next_check = math.ceil(n_rounds * _CHECK_GROWTH)
        return all(
            _is_narrow(compare_rounds(*_shared_rounds(a, b))) for a, b in combinations(running, 2)
        )

    def _has_all_repetitions(self, running: Sequence[SampleSeries]) -> bool:
        return (
            len(running[0].rounds) >= self._min_rounds
            and min(len(one.settled_rounds()) for one in running) >= self._min_rounds
        )


def _is_narrow(comparison: Comparison) -> bool:
    low, high = comparison.interval
    return high - low <= _MAX_INTERVAL_WIDTH * comparison.ratio


def _take_turns(
    series: Sequence[SampleSeries],
    monitor: MachineMonitor,
    rng: np.random.Generator,
    is_complete: _CompletionCheck,
) -> bool:
    """Run rounds until every series is complete; return whether the user interrupted.

    An interruption is recorded as a problem of every series.
    """
    try:
        while not _is_interrupted(series) and (running := _without_problem(series)):
            _run_round(running, monitor, rng)
            if _is_interrupted(series):
                break
            remaining = _without_problem(series)
            if remaining and is_complete(remaining):
                return False
    except KeyboardInterrupt:
        series[0].problem = INTERRUPTED
    interrupted = _is_interrupted(series)
    if interrupted:
        for one in series:
            one.problem = one.problem or INTERRUPTED
    return interrupted


def _run_round(
    running: Sequence[SampleSeries], monitor: MachineMonitor, rng: np.random.Generator
) -> None:
    """Take samples of every series in random order, until one of them is interrupted."""
    counts = _samples_per_model(running)
    # After another model's turn, caches and branch predictors are cold: one query is not timed.
    lead_in = 1 if len(running) > 1 else 0
    for index in rng.permutation(len(running)):
        running[index].add(running[index].model.take_samples(counts[index], lead_in))
        monitor.observe()
        if _is_interrupted(running):
            return


def _is_interrupted(series: Sequence[SampleSeries]) -> bool:
    return any(one.problem == INTERRUPTED for one in series)


def _without_problem(series: Sequence[SampleSeries]) -> list[SampleSeries]:
    return [one for one in series if not one.problem]


def _samples_per_model(running: Sequence[SampleSeries]) -> list[int]:
    """Return how many samples each model takes in this round.

    All get the same time, which suffices for a few samples of the slowest model.
    """
    min_samples = _MIN_PER_SHARED_ROUND if len(running) > 1 else 1
    durations = [one.ns_per_sample for one in running]
    round_ns = max(_ROUND_NS, min_samples * max(durations))
    return [
        min(math.ceil(round_ns / max(ns, 1.0)), _MAX_PER_ROUND) if one.rounds else min_samples
        for one, ns in zip(running, durations, strict=True)
    ]


def _shared_rounds(a: SampleSeries, b: SampleSeries) -> tuple[list[SamplesNs], list[SamplesNs]]:
    """Return the rounds that both have after their warm-up, paired."""
    a_rounds, b_rounds = a.settled_rounds(), b.settled_rounds()
    count = min(len(a_rounds), len(b_rounds))
    return a_rounds[len(a_rounds) - count :], b_rounds[len(b_rounds) - count :]


def _compare_pairs(
    series: Sequence[SampleSeries], task: TimingTask, repetitions: int | None
) -> list[TimedPair]:
    """Compare each pair of models without a problem."""
    pairs = []
    for a, b in combinations(_without_problem(series), 2):
        a_rounds, b_rounds = _shared_rounds(a, b)
        size = ROUNDS_PER_COMPARISON if repetitions else max(len(a_rounds), 1)
        for start in range(0, len(a_rounds) - size + 1, size):
            rounds = slice(start, start + size)
            comparison = compare_rounds(a_rounds[rounds], b_rounds[rounds])
            pairs.append(TimedPair(a.model.name, b.model.name, task, comparison))
    return pairs

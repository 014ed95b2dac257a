"""Interleaving: contenders take turns in short rounds, in an order drawn anew each time, so that what the machine does hits all alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from detbench.bench.latency.comparison import Comparison, compare
from detbench.bench.latency.contender import INTERRUPTED, Contender, Task
from detbench.bench.latency.result import LatencyResult, SamplesNs
from detbench.bench.latency.series import Series
from detbench.bench.latency.stopping import StoppingRule
from detbench.bench.machine import MachineWatch

_ROUND_NS = 20e6
_MOST_IN_ROUND = 1_000
_FEWEST_IN_SHARED_ROUND = 3
ROUNDS_OF_COMPARISON = 40
_NARROW_RATIO = 0.01
_LOOK_GROWTH = 1.5


@dataclass(frozen=True)
class Pair:
    """Two contenders on one task."""

    a: str
    b: str
    task: Task
    comparison: Comparison


@dataclass(frozen=True)
class Measured:
    """What a task gave."""

    results: list[LatencyResult]
    pairs: list[Pair]
    interrupted: bool


def measure(
    contenders: Sequence[Contender],
    task: Task,
    rule: StoppingRule,
    watch: MachineWatch,
    *,
    asked_device: str | None = None,
    repetitions: int | None = None,
    seed: int = 0,
) -> Measured:
    """Time contenders on one task.

    Args:
        contenders: one, or several to be compared, each pair of them.
        task: what is timed.
        rule: when a contender has enough samples; `max_s` holds for each of them.
        watch: looked through between rounds.
        asked_device: `cpu` or `gpu` where one was asked for.
        repetitions: compare the first two this many times, each in rounds of its own, in the place of once (the A/A experiment);
            the rule then only ends it if rounds are slow.
        seed: of the order of turns.
    """
    series = _prepared(contenders, task, rule)
    interrupted = _take_turns(series, watch, np.random.default_rng(seed), _Enough(repetitions))
    watch.look(at_once=True)
    pairs = _pairs(series, task, repetitions)
    results = [each.result(watch.states, asked_device) for each in series]
    early = {each.contender.name for each in series if each.returned_early}
    return Measured(results, [pair for pair in pairs if not {pair.a, pair.b} & early], interrupted)


def _prepared(contenders: Sequence[Contender], task: Task, rule: StoppingRule) -> list[Series]:
    """Prepare one contender after another, up to the one at which the user breaks it off."""
    series: list[Series] = []
    for contender in contenders:
        series.append(Series(contender, task, rule))
        if series[-1].problem == INTERRUPTED:
            break
    return series


class _Enough:
    """When rounds suffice for what is compared."""

    def __init__(self, repetitions: int | None) -> None:
        self._wanted = (repetitions or 1) * ROUNDS_OF_COMPARISON
        self._repeated = repetitions is not None
        self._next_look = self._wanted

    def __call__(self, running: Sequence[Series]) -> bool:
        if self._repeated:
            there = (
                len(running[0].rounds) >= self._wanted
                and min(len(each.settled_rounds()) for each in running) >= self._wanted
            )
            return there or any(each.out_of_time for each in running)
        if not all(each.enough for each in running):
            return False
        if len(running) < 2 or any(each.out_of_time for each in running):
            return True
        rounds = min(len(each.rounds) for each in running)
        if rounds < self._next_look:
            return False
        self._next_look = math.ceil(rounds * _LOOK_GROWTH)
        return all(_is_narrow(compare(*_shared_rounds(a, b))) for a, b in combinations(running, 2))


def _is_narrow(comparison: Comparison) -> bool:
    low, high = comparison.interval
    return high - low <= _NARROW_RATIO * comparison.ratio


def _take_turns(
    series: Sequence[Series], watch: MachineWatch, rng: np.random.Generator, enough: _Enough
) -> bool:
    """Go round until there is enough of everything; return whether the user broke it off, which is a problem of all."""
    try:
        while not _is_interrupted(series) and (running := _without_problem(series)):
            counts = _counts(running)
            for place in rng.permutation(len(running)):
                running[place].add(
                    running[place].contender.take(counts[place], 1 if len(running) > 1 else 0)
                )
                watch.look()
                if _is_interrupted(series):
                    break
            if (left := _without_problem(series)) and not _is_interrupted(series) and enough(left):
                return False
    except KeyboardInterrupt:
        series[0].problem = INTERRUPTED
    interrupted = _is_interrupted(series)
    for each in series if interrupted else ():
        each.problem = each.problem or INTERRUPTED
    return interrupted


def _is_interrupted(series: Sequence[Series]) -> bool:
    return any(each.problem == INTERRUPTED for each in series)


def _without_problem(series: Sequence[Series]) -> list[Series]:
    return [each for each in series if not each.problem]


def _counts(running: Sequence[Series]) -> list[int]:
    """Return how many samples each takes in this round: as many as fit into the same time, which is that of the slowest few."""
    fewest = _FEWEST_IN_SHARED_ROUND if len(running) > 1 else 1
    typical = [each.sample_takes_ns for each in running]
    round_ns = max(_ROUND_NS, fewest * max(typical))
    return [
        fewest if not each.rounds else min(math.ceil(round_ns / max(ns, 1.0)), _MOST_IN_ROUND)
        for each, ns in zip(running, typical, strict=True)
    ]


def _shared_rounds(a: Series, b: Series) -> tuple[list[SamplesNs], list[SamplesNs]]:
    """Return the rounds that both have behind their warm-up, paired."""
    a_rounds, b_rounds = a.settled_rounds(), b.settled_rounds()
    both = min(len(a_rounds), len(b_rounds))
    return a_rounds[len(a_rounds) - both :], b_rounds[len(b_rounds) - both :]


def _pairs(series: Sequence[Series], task: Task, repetitions: int | None) -> list[Pair]:
    """Compare each pair of contenders that both got through."""
    pairs = []
    for a, b in combinations(_without_problem(series), 2):
        a_rounds, b_rounds = _shared_rounds(a, b)
        size = ROUNDS_OF_COMPARISON if repetitions else max(len(a_rounds), 1)
        for start in range(0, len(a_rounds) - size + 1, size):
            part = slice(start, start + size)
            pairs.append(
                Pair(
                    a.contender.name,
                    b.contender.name,
                    task,
                    compare(a_rounds[part], b_rounds[part]),
                )
            )
    return pairs

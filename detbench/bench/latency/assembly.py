"""Assembly: the results and comparisons of a sweep, from the series of all its process groups."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from detbench.bench.latency.budget import MIN_PROCESSES
from detbench.bench.latency.processes.model_series import MIN_AT_FULL_SPEED, ModelSeries
from detbench.bench.latency.result import LatencyResult, ProcessSamples, SamplesNs, Turns
from detbench.bench.latency.speed_judge import SpeedJudge, is_busy
from detbench.bench.latency.statistics.comparison import (
    Comparison,
    compare_processes,
    compare_rounds,
)
from detbench.bench.latency.statistics.disturbance import disturbance
from detbench.bench.latency.statistics.processes import noise_reasons
from detbench.bench.latency.timed_model import OUT_OF_MEMORY, TimingTask
from detbench.bench.latency.validity import device_of, device_reasons, machine_reasons
from detbench.bench.machine import MachineState
from detbench.bench.machine_speed.speed import MachineSpeed, median_speed
from detbench.wording import plural

_HOST_STAGES = ("preprocess", "postprocess")
_MEDIAN = 50.0
_MAX_BUSY_CORES = 0.05
"""Of other models, while they should rest."""
_MAX_UNSETTLED_SHARE = 0.5
_NS_PER_MS = 1e6


@dataclass(frozen=True)
class TimedPair:
    """The comparison of two models on one task."""

    a: str
    b: str
    task: TimingTask
    comparison: Comparison


@dataclass(frozen=True)
class SweepResult:
    """What a sweep measured."""

    results: list[LatencyResult] = field(default_factory=list)
    pairs: list[TimedPair] = field(default_factory=list)
    interrupted: bool = False

    @property
    def valid(self) -> bool:
        """Whether no number is invalid."""
        return not self.interrupted and all(not result.reasons for result in self.results)

    @property
    def conclusive(self) -> bool:
        """Whether every comparison has a verdict other than "inconclusive"."""
        return all(pair.comparison.verdict != "inconclusive" for pair in self.pairs)

    def results_of(self, model: str) -> list[LatencyResult]:
        """Return the results of one model."""
        return [result for result in self.results if result.model == model]


@dataclass(frozen=True)
class TaskRecord:
    """What all groups measured on one task."""

    task: TimingTask
    series: Mapping[str, ModelSeries]
    """By the name of the model."""
    settings: Mapping[str, Mapping[str, Any]]
    """By the name of the model: the detector's own."""
    states: Sequence[MachineState]
    turns: Turns
    judge: SpeedJudge
    planned_processes: int
    requested_device: str | None
    problem: str = ""
    """What ended the measurement early; empty if nothing did."""


def results_of(record: TaskRecord) -> list[LatencyResult]:
    """Return the result of each model on a task.

    A model that is disturbed in company invalidates its own result and those of its company: nobody
    knows which of their times are right.
    """
    results = [_result(record, model) for model in record.series]
    disturbances: list[tuple[str, str]] = [
        (result.model, f"disturbed by {_company(record, result.model)}: {text}")
        for result in results
        if (text := _disturbance_text(result))
    ]

    def reasons_near(model: str) -> list[str]:
        return [
            reason
            for disturbed, reason in disturbances
            if model in (disturbed, *record.series[disturbed].company)
        ]

    return [
        replace(result, reasons=(*result.reasons, *reasons_near(result.model)))
        for result in results
    ]


def untried_result(model: str, task: TimingTask, failed_at: int, kind: str) -> LatencyResult:
    """Return the result of a model that had a problem at a smaller batch size, or at another stage.

    Args:
        model: Its name.
        task: What was not tried.
        failed_at: Images per batch.
        kind: `OUT_OF_MEMORY` or `PROCESS_FAILED`.
    """
    problem = kind if kind == OUT_OF_MEMORY else "its process failed"
    reason = f"not tried: {problem} at {plural(failed_at, 'image')} per batch"
    images = task.batch * task.scenario.requests(task.batch)
    return LatencyResult(
        model, task.stage, task.batch, task.scenario.name, images, reasons=(reason,)
    )


def pairs_of(record: TaskRecord, results: Sequence[LatencyResult]) -> list[TimedPair]:
    """Compare each pair of models that gave samples.

    With several groups, the processes of a group are paired. With one, its rounds are.
    """
    models = [result.model for result in results if _is_comparable(record.series[result.model])]
    return [
        TimedPair(a, b, record.task, _comparison(record, a, b)) for a, b in combinations(models, 2)
    ]


def _result(record: TaskRecord, model: str) -> LatencyResult:
    own = record.series[model]
    series = own.series
    task, first = record.task, series[0]
    peaks = [one.preparation for one in series]
    result = LatencyResult(
        model=model,
        stage=task.stage,
        batch=task.batch,
        scenario=task.scenario.name,
        images_per_sample=task.batch * task.scenario.requests(task.batch),
        processes=tuple(own.samples),
        turns=record.turns,
        duration_s=sum(one.elapsed_s for one in series),
        settings=next((p.settings for p in peaks if p.settings), first.preparation.settings),
        machine=tuple(record.states),
        with_slow_turns=own.with_slow_turns,
        machine_speed=_speed(own),
        peak_host_bytes=_largest([p.peak_host_bytes for p in peaks]),
        peak_device_bytes=_largest([p.peak_device_bytes for p in peaks]),
    )
    return replace(result, reasons=tuple(dict.fromkeys(_reasons(record, own, result))))


def _reasons(record: TaskRecord, own: ModelSeries, result: LatencyResult) -> list[str]:
    """Return every reason why a result is not valid, except for disturbance by other models."""
    series, problems = own.series, own.problems
    settings = record.settings.get(result.model, {})
    reasons = [*problems, *([record.problem] if record.problem else [])]
    reasons += device_reasons(settings, record.requested_device)
    if not any(one.n_samples for one in series):
        return reasons or ["no samples"]
    device = "cpu" if record.task.stage in _HOST_STAGES else device_of(settings)
    if not problems:
        reasons += _series_reasons(record, own, result)
    reasons += machine_reasons(
        record.states, _background_loads(record, own), os.cpu_count() or 1, device
    )
    reasons += [reason for one in series for reason in one.synchronization_reasons[:1]][:1]
    busy = [one.busy_cores_of_others for one in result.processes]
    if (most := max((cores for cores in busy if cores is not None), default=0)) > _MAX_BUSY_CORES:
        others = _company(record, result.model)
        reasons.append(
            f"not at rest: {others} used {most:.2f} cores while {result.model} was timed"
        )
    return reasons


def _series_reasons(record: TaskRecord, own: ModelSeries, result: LatencyResult) -> list[str]:
    """Return what is wrong with the samples themselves."""
    counted = [
        (one, samples)
        for one, samples in zip(own.groups, result.processes, strict=True)
        if one is not None and len(samples.samples_ns)
    ]
    reasons = _speed_reasons(record, own)
    if not counted:
        return reasons
    unsettled = [samples for _, samples in counted if not samples.has_settled]
    if len(unsettled) > _MAX_UNSETTLED_SHARE * len(counted):
        reasons.append("not settled: the level still changed in the second half")
    if record.planned_processes > 1 and len(counted) == 1:
        return reasons
    if len(counted) == 1:
        [(one, samples)] = counted
        decision = one.decide(samples.samples_ns)
        return reasons if decision.precise else [*reasons, f"too noisy: {decision.reason}"]
    scenario = record.task.scenario
    tail = [scenario.percentile] if scenario.percentile else []
    noise = noise_reasons({q: result.process_percentiles_ms(q) for q in (_MEDIAN, *tail)})
    if noise and result.two_modes:
        reasons.append(f"two modes: {result.two_modes}")
    return [*reasons, *noise]


def _speed_reasons(record: TaskRecord, own: ModelSeries) -> list[str]:
    """Return whether the machine was slow all the time, or for too many processes."""
    several = any(one.uses_several_cores for one in own.series)
    slow_turns = ", so slow turns count too" if own.with_slow_turns else ""
    if slow := record.judge.reason(uses_several_cores=several):
        return [slow + slow_turns]
    count, of = own.n_at_full_speed, len(own.series)
    if count >= min(own.planned_processes, MIN_PROCESSES, of):
        return []
    processes = f"{f'only {count}' if count else 'none'} of {plural(of, 'process')}"
    return [f"machine slow or busy: {processes} had turns at full speed{slow_turns}"]


def _background_loads(record: TaskRecord, own: ModelSeries) -> list[float]:
    """Return the load during the turns that count, or all of the time if no turn is judged."""
    turns = [turn for turn in own.turns if turn.speeds]
    loads = (
        [turn.background_cores for turn in turns]
        if turns
        else [state.background_load_cores for state in record.states]
    )
    return [load for load in loads if load is not None]


def _speed(own: ModelSeries) -> MachineSpeed | None:
    speeds = [speed for turn in own.turns for speed in turn.speeds]
    return median_speed(speeds) if speeds else None


def _company(record: TaskRecord, model: str) -> str:
    return ", ".join(record.series[model].company)


def _disturbance_text(result: LatencyResult) -> str:
    """Return both numbers of a model that others disturb; empty if they do not."""
    both = [
        (float(np.median(one.alone_ns)), float(np.median(one.samples_ns)))
        for one in result.processes
        if len(one.alone_ns) and len(one.samples_ns)
    ]
    alone, company = [list(values) for values in zip(*both, strict=True)] if both else ([], [])
    change = disturbance(alone, company, machine_is_slow=result.with_slow_turns)
    if change is None:
        return ""
    return (
        f"{result.model} took {change.company_ns / _NS_PER_MS:.3g} ms in company and"
        f" {change.alone_ns / _NS_PER_MS:.3g} ms alone (p50)"
    )


def _is_comparable(own: ModelSeries) -> bool:
    """Return whether a model may be compared: its clock did not stop too early, and none failed."""
    has_samples = any(one.n_samples for one in own.series)
    return has_samples and not any(one.synchronization_reasons or one.problem for one in own.series)


def _comparison(record: TaskRecord, a: str, b: str) -> Comparison:
    """Compare B with A by what both gave at full speed.

    Slow turns count if hardly any others are left and the models took turns: what slowed one also
    slowed the other. That is not so for the load of other programs, which slows models differently,
    so that nothing is compared on a busy machine.
    """
    first, second = record.series[a], record.series[b]
    took_turns = b in first.company
    if record.planned_processes == 1 and took_turns:
        return compare_rounds(*_shared_rounds(first, second))
    medians = _paired_medians(first.at_full_speed, second.at_full_speed)
    if took_turns and len(medians) < min(record.planned_processes, MIN_AT_FULL_SPEED):
        is_slow_only = not _is_mostly_busy(first, second)
        medians = _paired_medians(first.of_all_turns, second.of_all_turns) if is_slow_only else []
    if not medians:
        return Comparison(math.nan, (0.0, math.inf), "inconclusive", processes=0)
    return compare_processes(*zip(*medians, strict=True))


def _paired_medians(
    first: Sequence[ProcessSamples], second: Sequence[ProcessSamples]
) -> list[tuple[float, float]]:
    """Return the medians in ns of the groups in which both have samples."""
    return [
        (float(np.median(one.samples_ns)), float(np.median(other.samples_ns)))
        for one, other in zip(first, second, strict=True)
        if len(one.samples_ns) and len(other.samples_ns)
    ]


def _shared_rounds(
    first: ModelSeries, second: ModelSeries
) -> tuple[list[SamplesNs], list[SamplesNs]]:
    """Return the rounds of the only group, paired: those at full speed, or all if none is."""
    [one], [other] = first.series, second.series
    rounds = [(a, b) for a, b in zip(one.turns, other.turns, strict=True)]
    fast = {id(turn) for series in (one, other) for turn in series.counted_turns()}
    at_full_speed = [(a, b) for a, b in rounds if id(a) in fast and id(b) in fast]
    if not at_full_speed and _is_mostly_busy(first, second):
        rounds = []
    counted = [
        (a.samples_ns, b.samples_ns)
        for a, b in at_full_speed or rounds
        if a.samples_ns.any() and b.samples_ns.any()
    ]
    return [a for a, _ in counted], [b for _, b in counted]


def _is_mostly_busy(first: ModelSeries, second: ModelSeries) -> bool:
    """Return whether other programs kept the machine busy during the median turn of two models."""
    loads = [
        turn.background_cores
        for own in (first, second)
        for one in own.series
        for turn in one.turns
        if turn.background_cores is not None
    ]
    return bool(loads) and is_busy(float(np.median(loads)))


def _largest(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)

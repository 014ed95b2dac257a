"""Assembly: the results and comparisons of a sweep, from the series of all its process groups."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from detbench.bench.latency.budget import MIN_PROCESSES
from detbench.bench.latency.processes.process_series import ProcessSeries, pooled_wake_up
from detbench.bench.latency.result import LatencyResult, ProcessSamples, SamplesNs, Turns
from detbench.bench.latency.speed_judge import SpeedJudge
from detbench.bench.latency.statistics.comparison import (
    Comparison,
    compare_processes,
    compare_rounds,
)
from detbench.bench.latency.statistics.disturbance import Disturbance, disturbance
from detbench.bench.latency.statistics.processes import noise_reasons
from detbench.bench.latency.timed_model import TimingTask
from detbench.bench.latency.turns import Turn
from detbench.bench.latency.validity import device_of, device_reasons, machine_reasons
from detbench.bench.machine import MachineState
from detbench.bench.machine_speed.speed import MachineSpeed, median_speed
from detbench.wording import plural

_HOST_STAGES = ("preprocess", "postprocess")
_MEDIAN = 50.0
_MAX_BUSY_CORES = 0.05
"""Of other models, while they should rest."""
_MIN_AT_FULL_SPEED = 3
"""With fewer processes, Student's t says nothing."""
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
class TaskRecord:
    """What all groups measured on one task."""

    task: TimingTask
    series: Mapping[str, Sequence[ProcessSeries | None]]
    """By the name of the model, one per group; None for groups in which it was not tried."""
    settings: Mapping[str, Mapping[str, Any]]
    """By the name of the model: the detector's own."""
    states: Sequence[MachineState]
    turns: Turns
    judge: SpeedJudge
    planned_processes: int
    requested_device: str | None
    problem: str = ""
    """What ended the measurement early; empty if nothing did."""

    @cached_property
    def n_at_full_speed(self) -> int:
        """How many processes of every model gave samples at the machine's full speed.

        Models that failed are left out; they have reasons of their own.
        """
        counts = []
        for groups in self.series.values():
            series = [one for one in groups if one is not None]
            if any(one.n_samples for one in series) and not any(one.problem for one in series):
                wake_up = pooled_wake_up(series, with_slow_turns=False)
                counts.append(sum(len(one.samples(wake_up).samples_ns) > 0 for one in series))
        return min(counts, default=self.planned_processes)

    @property
    def with_slow_turns(self) -> bool:
        """Whether turns count during which the machine was slow.

        They do if hardly any others are left. The times are then invalid. But models that take
        turns are slowed alike, so that their ratio holds.
        """
        return self.n_at_full_speed < min(self.planned_processes, _MIN_AT_FULL_SPEED)


def results_of(record: TaskRecord) -> list[LatencyResult]:
    """Return the result of each model on a task.

    A model that is disturbed in company invalidates the results of all: nobody knows which of their
    times are right.
    """
    results = [_result(record, model) for model in record.series]
    disturbed = [
        f"disturbed by {_company(record, result.model)}: {_disturbance_text(result, change)}"
        for result in results
        if (change := _disturbance(record, result)) is not None
    ]
    return [replace(result, reasons=(*result.reasons, *disturbed)) for result in results]


def pairs_of(record: TaskRecord, results: Sequence[LatencyResult]) -> list[TimedPair]:
    """Compare each pair of models that gave samples.

    With several groups, the processes of a group are paired. With one, its rounds are.
    """
    pairs = []
    for a, b in combinations(results, 2):
        if _is_comparable(record, a) and _is_comparable(record, b):
            comparison = _comparison(record, a, b)
            if comparison is not None:
                pairs.append(TimedPair(a.model, b.model, record.task, comparison))
    return pairs


def _result(record: TaskRecord, model: str) -> LatencyResult:
    series = [one for one in record.series[model] if one is not None]
    slow = record.with_slow_turns
    wake_up = pooled_wake_up(series, with_slow_turns=slow)
    processes = tuple(
        one.samples(wake_up, with_slow_turns=slow) if one else ProcessSamples()
        for one in record.series[model]
    )
    task, first = record.task, series[0]
    peaks = [one.preparation for one in series]
    result = LatencyResult(
        model=model,
        stage=task.stage,
        batch=task.batch,
        scenario=task.scenario.name,
        images_per_sample=task.batch * task.scenario.requests(task.batch),
        processes=processes,
        turns=record.turns,
        duration_s=sum(one.elapsed_s for one in series),
        settings=next((p.settings for p in peaks if p.settings), first.preparation.settings),
        machine=tuple(record.states),
        machine_speed=_speed(record, series),
        peak_host_bytes=_largest([p.peak_host_bytes for p in peaks]),
        peak_device_bytes=_largest([p.peak_device_bytes for p in peaks]),
    )
    return replace(result, reasons=tuple(dict.fromkeys(_reasons(record, series, result))))


def _reasons(
    record: TaskRecord, series: Sequence[ProcessSeries], result: LatencyResult
) -> list[str]:
    """Return every reason why a result is not valid, except for disturbance by other models."""
    problems = [one.problem for one in series if one.problem]
    settings = record.settings.get(result.model, {})
    reasons = [*problems, *([record.problem] if record.problem else [])]
    reasons += device_reasons(settings, record.requested_device)
    if not any(one.n_samples for one in series):
        return reasons or ["no samples"]
    device = "cpu" if record.task.stage in _HOST_STAGES else device_of(settings)
    if not problems:
        reasons += _series_reasons(record, series, result)
    reasons += machine_reasons(
        record.states, _background_loads(record, series), os.cpu_count() or 1, device
    )
    reasons += [reason for one in series for reason in one.synchronization_reasons[:1]][:1]
    busy = [one.busy_cores_of_others for one in result.processes]
    if (most := max((cores for cores in busy if cores is not None), default=0)) > _MAX_BUSY_CORES:
        others = _company(record, result.model)
        reasons.append(
            f"not at rest: {others} used {most:.2f} cores while {result.model} was timed"
        )
    return reasons


def _series_reasons(
    record: TaskRecord, series: Sequence[ProcessSeries], result: LatencyResult
) -> list[str]:
    """Return what is wrong with the samples themselves."""
    counted = [
        (one, samples)
        for one, samples in zip(record.series[result.model], result.processes, strict=True)
        if one is not None and len(samples.samples_ns)
    ]
    reasons = []
    several = any(one.uses_several_cores for one in series)
    if slow := record.judge.reason(uses_several_cores=several):
        reasons.append(slow)
    elif record.n_at_full_speed < min(record.planned_processes, MIN_PROCESSES):
        count = f"only {record.n_at_full_speed}" if record.n_at_full_speed else "none"
        reasons.append(
            f"machine slow or busy: {count} of {plural(len(series), 'process')} had turns at full"
            f" speed{', so slow turns count too' if record.with_slow_turns else ''}"
        )
    if not counted:
        return reasons
    unsettled = [one for one, _ in counted if not one.warmup.settled]
    if len(unsettled) > _MAX_UNSETTLED_SHARE * len(counted):
        reasons.append("not settled: the level still changed in the second half")
    if record.planned_processes > 1 and len(counted) == 1:
        return reasons
    if len(counted) == 1:
        [(one, _)] = counted
        return reasons if one.decision.precise else [*reasons, f"too noisy: {one.decision.reason}"]
    scenario = record.task.scenario
    tail = [scenario.percentile] if scenario.percentile else []
    noise = noise_reasons({q: result.process_percentiles_ms(q) for q in (_MEDIAN, *tail)})
    if noise and result.two_modes:
        reasons.append(f"two modes: {result.two_modes}")
    return [*reasons, *noise]


def _background_loads(record: TaskRecord, series: Sequence[ProcessSeries]) -> list[float]:
    """Return the load during the turns that count, or all of the time if no turn is judged."""
    turns = [turn for turn in _counted_turns(record, series) if turn.speeds]
    loads = (
        [turn.background_cores for turn in turns]
        if turns
        else [state.background_load_cores for state in record.states]
    )
    return [load for load in loads if load is not None]


def _speed(record: TaskRecord, series: Sequence[ProcessSeries]) -> MachineSpeed | None:
    speeds = [speed for turn in _counted_turns(record, series) for speed in turn.speeds]
    return median_speed(speeds) if speeds else None


def _counted_turns(record: TaskRecord, series: Sequence[ProcessSeries]) -> list[Turn]:
    slow = record.with_slow_turns
    return [turn for one in series for turn in one.counted_turns(with_slow_turns=slow)]


def _company(record: TaskRecord, model: str) -> str:
    return ", ".join(name for name in record.series if name != model)


def _disturbance(record: TaskRecord, result: LatencyResult) -> Disturbance | None:
    both = [
        (float(np.median(one.alone_ns)), float(np.median(one.samples_ns)))
        for one in result.processes
        if len(one.alone_ns) and len(one.samples_ns)
    ]
    alone, company = [list(values) for values in zip(*both, strict=True)] if both else ([], [])
    return disturbance(alone, company, machine_is_slow=record.with_slow_turns)


def _disturbance_text(result: LatencyResult, change: Disturbance) -> str:
    return (
        f"{result.model} took {change.company_ns / _NS_PER_MS:.3g} ms in company and"
        f" {change.alone_ns / _NS_PER_MS:.3g} ms alone (p50)"
    )


def _is_comparable(record: TaskRecord, result: LatencyResult) -> bool:
    """Return whether a model may be compared: its clock did not stop too early, and none failed."""
    series = [one for one in record.series[result.model] if one is not None]
    return not any(one.synchronization_reasons or one.problem for one in series)


def _comparison(record: TaskRecord, a: LatencyResult, b: LatencyResult) -> Comparison | None:
    both = [
        (float(np.median(one.samples_ns)), float(np.median(other.samples_ns)))
        for one, other in zip(a.processes, b.processes, strict=True)
        if len(one.samples_ns) and len(other.samples_ns)
    ]
    if record.planned_processes > 1:
        return compare_processes(*zip(*both, strict=True)) if both else None
    return compare_rounds(*_shared_rounds(record, a.model, b.model)) if both else None


def _shared_rounds(record: TaskRecord, a: str, b: str) -> tuple[list[SamplesNs], list[SamplesNs]]:
    """Return the rounds of the only group, paired, of turns that count."""
    [one], [other] = record.series[a], record.series[b]
    assert one is not None and other is not None  # noqa: S101, PT018 - both gave samples
    rounds = [
        (first.samples_ns, second.samples_ns)
        for first, second in zip(one.turns, other.turns, strict=True)
        if all(
            turn in _counted_turns(record, [series]) and turn.samples_ns.any()
            for series, turn in ((one, first), (other, second))
        )
    ]
    return [first for first, _ in rounds], [second for _, second in rounds]


def _largest(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)

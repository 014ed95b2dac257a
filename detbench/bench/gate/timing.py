"""Gate timing: the difference of two runs in latency, throughput and memory.

Models that were timed side by side, in several processes, are compared pair by pair of processes.
Times taken one after the other are compared by their intervals. Where the intervals do not cover
all that changes a time, in one process or on a machine whose speed is unknown, equal models can
differ by 15%. Such times fail only beyond a rule's `drift`, and a smaller significant difference is
inconclusive.

Invalid times are not compared, with one exception: the ratio of p50 of models timed side by side
holds, since what slowed one model also slowed the other. It does not hold if one model disturbed
the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from detbench.bench.gate.comparability import (
    interleaved,
    invalid_reason,
    is_disturbed,
    machine_difference,
    machine_speed_difference,
)
from detbench.bench.gate.rules import Rule
from detbench.bench.gate.verdict import Effect, Verdict, verdict_on, verdict_without_comparison
from detbench.bench.latency.assembly import TimedPair
from detbench.bench.latency.result import LatencyResult, ProcessSamples
from detbench.bench.latency.statistics.comparison import Comparison
from detbench.bench.latency.statistics.percentiles import percentile
from detbench.bench.latency.statistics.processes import mean_interval
from detbench.bench.runs import Run
from detbench.metrics.uncertainty.student_t import student_t_quantile

_MEDIAN = 50.0
_PAIR_CONFIDENCE = 0.95
"""Of the intervals of comparisons."""
_MISSING = "neither run has this measure"
_FIX = "time both in several processes with --models or --remeasure"


class _Value(NamedTuple):
    """A value with an interval whose ends each have the rule's confidence."""

    value: float
    low: float
    high: float


def timing_verdict(
    rule: Rule, baseline: Run, candidate: Run, pairs: Sequence[TimedPair] = ()
) -> Verdict:
    """Return the verdict of a rule on time or memory.

    Args:
        rule: On latency, throughput or memory.
        baseline: With its recorded times.
        candidate: With its recorded times.
        pairs: Interleaved comparisons of the baseline (a) with the candidate (b).
    """
    first, second = (_result(rule, run.latency) for run in (baseline, candidate))
    if first is None and second is None:
        return verdict_without_comparison(rule, "skipped", _MISSING)
    if first is None or second is None:
        run = "candidate" if first is None else "baseline"
        return verdict_without_comparison(rule, "inconclusive", f"only the {run} has this measure")
    if difference := machine_difference(baseline, candidate, first, second):
        reason = f"{difference}; time both on one machine with --models"
        return verdict_without_comparison(rule, "inconclusive", reason)
    # Comparisons come first: their ratio holds even if the times themselves are not valid.
    pair = next((pair for pair in pairs if _applies_to(rule, pair)), None)
    has_ratio = pair is not None and not math.isnan(pair.comparison.ratio)
    if pair is not None and has_ratio and not is_disturbed(first, second):
        verdict = verdict_on(rule, _pair_effect(rule, first, second, pair))
        return _beyond_drift(verdict) if pair.comparison.processes < 2 else verdict
    if rule.measure.kind == "memory":
        return _memory_verdict(rule, first, second)
    if reason := invalid_reason(rule, first, second):
        return verdict_without_comparison(rule, "inconclusive", reason)
    return _recorded_verdict(rule, first, second)


def _recorded_verdict(rule: Rule, first: LatencyResult, second: LatencyResult) -> Verdict:
    """Return the verdict from the samples of two results."""
    is_interleaved = interleaved(first, second)
    if not is_interleaved and (difference := machine_speed_difference(first, second)):
        return verdict_without_comparison(rule, "inconclusive", f"{difference}; {_FIX}")
    counts = [_count(result) for result in (first, second)]
    effect = _paired_effect(rule, first, second) if is_interleaved else None
    if effect is None:
        baseline, candidate = (_value(rule, result) for result in (first, second))
        if baseline is None or candidate is None:
            # A rule that must rule out a loss cannot pass over missing evidence.
            outcome = "inconclusive" if rule.non_inferiority else "skipped"
            reason = "there are too few samples for an interval"
            return verdict_without_comparison(rule, outcome, reason)  # type: ignore[arg-type]
        effect = _difference(baseline, candidate)
    order = "interleaved" if is_interleaved else "not interleaved"
    verdict = verdict_on(rule, replace(effect, remark=f"{_processes_text(*counts)}, {order}"))
    speeds_are_known = first.machine_speed is not None and second.machine_speed is not None
    is_covered = min(counts) > 1 and (is_interleaved or speeds_are_known)
    return verdict if is_covered else _beyond_drift(verdict)


def _beyond_drift(verdict: Verdict) -> Verdict:
    """Return a verdict that fails only beyond the drift, which the interval does not cover.

    A significant loss within the drift may be the machine's or the process's: it neither passes nor
    fails.
    """
    rule, effect = verdict.rule, verdict.effect
    if verdict.outcome != "failed" or effect is None or _exceeds_drift(rule, effect):
        return verdict
    explanation = verdict.sentence.partition(": failed, ")[2]
    sentence = (
        f"{rule.text}: inconclusive, {explanation}, and times of equal models differ by up to"
        f" {100 * rule.drift:g}% between single processes or moments: {_FIX}"
    )
    return Verdict(rule, rule.text, "inconclusive", sentence, effect)


def _count(result: LatencyResult) -> int:
    """Return the number of processes that have samples."""
    return len(result.process_percentiles_ms(_MEDIAN))


def _processes_text(count: int, other_count: int) -> str:
    if count != other_count:
        return f"{count} and {other_count} processes"
    return f"{count} processes of each" if count > 1 else "one process of each"


def _result(rule: Rule, results: Sequence[LatencyResult]) -> LatencyResult | None:
    """Return the result that a rule is about, None without samples."""
    task = (rule.stage, rule.batch, rule.scenario)
    for result in results:
        if (result.stage, result.batch, result.scenario) == task and len(result.samples_ns):
            return result
    return None


def _applies_to(rule: Rule, pair: TimedPair) -> bool:
    """Return whether a rule is about the median of what a pair compares."""
    task = (pair.task.stage, pair.task.batch, pair.task.scenario.name)
    is_same_task = task == (rule.stage, rule.batch, rule.scenario)
    return rule.measure.percentile == _MEDIAN and is_same_task


def _pair_effect(
    rule: Rule, first: LatencyResult, second: LatencyResult, pair: TimedPair
) -> Effect:
    """Return the difference of medians that were timed side by side, from the ratio's interval."""
    comparison, baseline = pair.comparison, first.percentile_ms(_MEDIAN) or math.nan
    remark = f"{_processes_text(comparison.processes, comparison.processes)}, interleaved"
    if reason := invalid_reason(rule, first, second):
        remark += f", so the ratio holds although {reason}"
    ratio, (low, high) = comparison.ratio, comparison.interval
    if low <= 0 or math.isinf(high):  # too few rounds for an interval
        candidate = second.percentile_ms(_MEDIAN) or math.nan
        return Effect(baseline, candidate, baseline * (ratio - 1), math.nan, math.nan, remark)
    stretch = _stretch(comparison, rule.confidence)
    center = math.log(ratio)
    ends = [center + stretch * (math.log(end) - center) for end in (low, high)]
    return _effect_of_ratio(baseline, ratio, (math.exp(ends[0]), math.exp(ends[1])), remark)


def _stretch(comparison: Comparison, confidence: float) -> float:
    """Return how much wider the interval of the log ratio is if each end has a confidence.

    Over processes the ends move away from the center as the quantiles of Student's t do. Over the
    rounds of one process the log ratio is about normal.
    """
    own_confidence = (1 + _PAIR_CONFIDENCE) / 2
    if comparison.processes < 2:
        return NormalDist().inv_cdf(confidence) / NormalDist().inv_cdf(own_confidence)
    freedom = comparison.processes - 1
    return student_t_quantile(confidence, freedom) / student_t_quantile(own_confidence, freedom)


def _paired_effect(rule: Rule, first: LatencyResult, second: LatencyResult) -> Effect | None:
    """Return the difference of two results of one measurement, from its pairs of processes.

    Whatever a pair shares, such as a slower machine, cancels. None with fewer than two pairs, or
    too few samples in one of their processes.
    """
    values = [
        (_process_value(rule, one), _process_value(rule, other))
        for one, other in zip(first.processes, second.processes, strict=False)
        if len(one.samples_ns) and len(other.samples_ns)
    ]
    log_ratios = [math.log(b / a) for a, b in values if a and b]
    baseline = _measured(rule, first)
    if baseline is None or len(log_ratios) < max(len(values), 2):
        return None
    interval = mean_interval(log_ratios, confidence=2 * rule.confidence - 1)
    low, high = interval or (-math.inf, math.inf)
    ratio = math.exp(float(np.mean(log_ratios)))
    return _effect_of_ratio(baseline, ratio, (math.exp(low), math.exp(high)))


def _process_value(rule: Rule, process: ProcessSamples) -> float | None:
    """Return the rule's measure in one process, in any unit; None with too few samples."""
    samples, q = process.samples_ns, rule.measure.percentile
    if rule.measure.kind == "throughput":
        return 1 / float(samples.mean())
    return percentile(samples, q) if len(samples) * (100 - q) >= 100 else None


def _effect_of_ratio(
    baseline: float, ratio: float, interval: tuple[float, float], remark: str = ""
) -> Effect:
    low, high = interval
    return Effect(
        baseline,
        baseline * ratio,
        baseline * (ratio - 1),
        baseline * (low - 1),
        baseline * (high - 1),
        remark,
    )


def _memory_verdict(rule: Rule, first: LatencyResult, second: LatencyResult) -> Verdict:
    """Return the verdict on memory, which has no interval: the minimum effect alone decides."""
    (kind, peak), (other_kind, other_peak) = _peak(first), _peak(second)
    if peak is None and other_peak is None:
        return verdict_without_comparison(rule, "skipped", _MISSING)
    if peak is None or other_peak is None:
        reason = "only one of the runs has this measure"
        return verdict_without_comparison(rule, "inconclusive", reason)
    if kind != other_kind:
        reason = f"the baseline has memory of the {kind}, the candidate of the {other_kind}"
        return verdict_without_comparison(rule, "inconclusive", reason)
    return verdict_on(rule, exact_effect(float(peak), float(other_peak)))


def _peak(result: LatencyResult) -> tuple[str, int | None]:
    """Return whose memory it is and its peak in bytes."""
    if result.peak_device_bytes is None:
        return "host", result.peak_host_bytes
    return "device", result.peak_device_bytes


def exact_effect(baseline: float, candidate: float) -> Effect:
    """Return the difference of two numbers that are known exactly."""
    difference = candidate - baseline
    return Effect(baseline, candidate, difference, difference, difference)


def _value(rule: Rule, result: LatencyResult) -> _Value | None:
    """Return the rule's measure with its interval; None with too few samples."""
    # Each end at the rule's confidence c: the two-sided interval has 2c − 1.
    confidence = 2 * rule.confidence - 1
    if rule.measure.kind == "throughput":
        interval = result.throughput_interval(confidence=confidence)
    else:
        interval = result.interval_ms(rule.measure.percentile, confidence=confidence)
    value = _measured(rule, result)
    return _Value(value, *interval) if interval and value is not None else None


def _measured(rule: Rule, result: LatencyResult) -> float | None:
    """Return the rule's measure; None without samples."""
    if rule.measure.kind == "throughput":
        return result.throughput_per_s
    return result.percentile_ms(rule.measure.percentile)


def _difference(baseline: _Value, candidate: _Value) -> Effect:
    """Return the difference of two values, with an interval from their own intervals (MOVER).

    Each end adds the squared distances of those ends that move the difference in its direction. It
    assumes independence. Interleaved times rise and fall together, which makes the interval wider
    than necessary. Source: Zou and Donner, "Construction of confidence limits about effect
    measures: a general approach", Statistics in Medicine 27, 2008.
    """
    difference = candidate.value - baseline.value
    low = difference - math.hypot(candidate.value - candidate.low, baseline.high - baseline.value)
    high = difference + math.hypot(candidate.high - candidate.value, baseline.value - baseline.low)
    return Effect(baseline.value, candidate.value, difference, low, high)


def _exceeds_drift(rule: Rule, effect: Effect) -> bool:
    """Return whether the loss is larger than what the maximum drift explains."""
    if rule.higher_is_better:
        return effect.baseline + effect.high < effect.baseline / (1 + rule.drift)
    return effect.low > rule.drift * effect.baseline

"""Gate timing: the difference of two runs in latency, throughput and memory.

Times of interleaved models are compared as they are. Times taken one after the other can differ by
15% between equal models, because the machine changes. They fail only beyond a rule's `drift`, and a
smaller significant difference is inconclusive. Invalid times are not compared, with one exception:
the ratio of p50 in interleaved rounds holds, since what disturbed one model disturbed the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple

from detbench.bench.gate.comparability import interleaved, invalid_reason, machine_difference
from detbench.bench.gate.rules import Rule
from detbench.bench.gate.verdict import Effect, Verdict, verdict_on, verdict_without_comparison
from detbench.bench.latency.interleaving import TimedPair
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.statistics.long_run_variance import (
    degrees_of_freedom,
    long_run_variance,
)
from detbench.bench.latency.statistics.percentiles import percentile_interval
from detbench.bench.runs import Run
from detbench.metrics.uncertainty.student_t import student_t_quantile

_NS_PER_MS, _MEDIAN = 1e6, 50.0
_PAIR_CONFIDENCE = 0.95
"""Of the intervals that interleaved comparisons have."""
_MISSING = "neither run has this measure"


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
    # Interleaved rounds come first: their ratio holds even if the times themselves are not valid.
    pair = next((pair for pair in pairs if _applies_to(rule, pair)), None)
    if pair is not None and not math.isnan(pair.comparison.ratio):
        return verdict_on(rule, _pair_effect(rule, first, second, pair))
    if rule.measure.kind == "memory":
        return _memory_verdict(rule, first, second)
    if reason := invalid_reason(rule, first, second):
        return verdict_without_comparison(rule, "inconclusive", reason)
    return _recorded_verdict(rule, first, second)


def _recorded_verdict(rule: Rule, first: LatencyResult, second: LatencyResult) -> Verdict:
    """Return the verdict from the samples of two results."""
    baseline, candidate = (_value(rule, result) for result in (first, second))
    if baseline is None or candidate is None:
        # A rule that must rule out a loss cannot pass over missing evidence.
        outcome = "inconclusive" if rule.non_inferiority else "skipped"
        reason = "there are too few samples for an interval"
        return verdict_without_comparison(rule, outcome, reason)  # type: ignore[arg-type]
    is_interleaved = interleaved(first, second)
    remark = "interleaved" if is_interleaved else "not interleaved"
    effect = replace(_difference(baseline, candidate), remark=remark)
    verdict = verdict_on(rule, effect)
    if verdict.outcome != "failed" or is_interleaved or _exceeds_drift(rule, effect):
        return verdict
    # A significant loss within the drift may be the machine's: it neither passes nor fails.
    explanation = verdict.sentence.partition(": failed, ")[2]
    sentence = (
        f"{rule.text}: inconclusive, {explanation}, and a machine drifts by up to"
        f" {100 * rule.drift:g}%: time both with --models or --remeasure"
    )
    return Verdict(rule, rule.text, "inconclusive", sentence, effect)


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
    """Return the difference of medians in interleaved rounds, from the ratio's interval."""
    baseline = first.percentile_ms(_MEDIAN) or math.nan
    ratio, (low, high) = pair.comparison.ratio, pair.comparison.interval
    difference = baseline * (ratio - 1)
    if low <= 0 or math.isinf(high):  # too few rounds for an interval
        candidate = second.percentile_ms(_MEDIAN) or math.nan
        return Effect(baseline, candidate, difference, math.nan, math.nan)
    # The rank test's interval has 95% on both sides together. The log ratio is about normal, so its
    # ends move away from the center as the normal quantiles do.
    center = math.log(ratio)
    stretch = NormalDist().inv_cdf(rule.confidence) / NormalDist().inv_cdf(
        (1 + _PAIR_CONFIDENCE) / 2
    )
    low, high = (
        baseline * (math.exp(center + stretch * (math.log(end) - center)) - 1)
        for end in (low, high)
    )
    reason = invalid_reason(rule, first, second)
    remark = f"interleaved, so the ratio holds although {reason}" if reason else "interleaved"
    return Effect(baseline, baseline * ratio, difference, low, high, remark=remark)


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
    if rule.measure.kind == "throughput":
        return _throughput(result, rule.confidence)
    # Each end at the rule's confidence c: the two-sided interval has 2c − 1.
    interval = percentile_interval(
        result.samples_ns, rule.measure.percentile, confidence=2 * rule.confidence - 1
    )
    value = result.percentile_ms(rule.measure.percentile)
    if interval is None or value is None:
        return None
    return _Value(value, interval[0] / _NS_PER_MS, interval[1] / _NS_PER_MS)


def _throughput(result: LatencyResult, confidence: float) -> _Value | None:
    """Return images per second, which is proportional to the inverse of the mean time."""
    samples, value = result.samples_ns.astype(float), result.throughput_per_s
    freedom = degrees_of_freedom(len(samples))
    if value is None or len(samples) <= freedom:
        return None
    # Relative standard error of the mean, from the long-run variance since samples are
    # autocorrelated. The interval of the mean is inverted end by end.
    error = math.sqrt(long_run_variance(samples, freedom) / len(samples)) / samples.mean()
    margin = student_t_quantile(confidence, freedom) * error
    return _Value(value, value / (1 + margin), value / (1 - margin)) if margin < 1 else None


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

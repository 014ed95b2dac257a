"""Timing: how far two runs differ in latency, throughput and memory.

Times taken in turns are compared as they are. Of times taken one after the other, a difference may be the machine's, which phantom
differences of 15 % between equal models have shown: they can fail only beyond a rule's `drift`, and what lies below is inconclusive. Times
that must not be quoted are not compared; but the ratio of p50 in interleaved rounds stands, as what disturbed one disturbed the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

from detbench.bench.gate.likeness import in_turns, unfit, unlike_machines
from detbench.bench.gate.rules import Rule
from detbench.bench.gate.verdict import Effect, Verdict, judged, unjudged
from detbench.bench.latency.interleave import Pair
from detbench.bench.latency.long_run import degrees_of_freedom, long_run_variance
from detbench.bench.latency.percentiles import interval
from detbench.bench.latency.result import LatencyResult
from detbench.bench.runs import Run
from detbench.metrics.uncertainty.student_t import student_quantile

_NS_PER_MS, _MEDIAN = 1e6, 50.0
_PAIR_CONFIDENCE = 0.95
"""Of the intervals that interleaved comparisons come with."""


def timing_verdict(
    rule: Rule, baseline: Run, candidate: Run, pairs: Sequence[Pair] = ()
) -> Verdict:
    """Return the verdict of a rule on time or memory; `pairs` are interleaved comparisons of the baseline (a) with the candidate (b)."""
    first, second = (_result(rule, run.latency) for run in (baseline, candidate))
    if first is None and second is None:
        return unjudged(rule, "skipped", "neither run has it")
    if first is None or second is None:
        return unjudged(
            rule, "inconclusive", f"only the {'candidate' if first is None else 'baseline'} has it"
        )
    if unlike := unlike_machines(baseline, candidate, first, second):
        return unjudged(rule, "inconclusive", f"{unlike}; time both with --models on one machine")
    pair = next((each for each in pairs if _is_about(rule, each)), None)
    if (
        rule.measure.percentile == _MEDIAN
        and pair is not None
        and not math.isnan(pair.comparison.ratio)
    ):
        return judged(rule, _of_pair(rule, first, second, pair))
    if rule.measure.kind == "memory":
        return _memory(rule, first, second)
    if reason := unfit(rule, first, second):
        return unjudged(rule, "inconclusive", reason)
    return _stored(rule, first, second)


def _stored(rule: Rule, first: LatencyResult, second: LatencyResult) -> Verdict:
    one, other = (_measured(rule, result) for result in (first, second))
    if one is None or other is None:
        return unjudged(
            rule,
            "inconclusive" if rule.prove else "skipped",
            "the samples are too few for an interval",
        )
    turns = in_turns(first, second)
    effect = replace(
        _difference(one, other), remark="timed in turns" if turns else "not timed in turns"
    )
    verdict = judged(rule, effect)
    if verdict.outcome != "failed" or turns or _beyond_drift(rule, effect):
        return verdict
    reason = (
        f"{verdict.sentence.partition(': failed, ')[2]}, and a machine drifts by up to {100 * rule.drift:g} %: "
        "time both with --models or --remeasure"
    )
    return Verdict(rule, rule.text, "inconclusive", f"{rule.text}: inconclusive, {reason}", effect)


def _result(rule: Rule, results: Sequence[LatencyResult]) -> LatencyResult | None:
    wanted = (rule.stage, rule.batch, rule.scenario)
    return next(
        (
            each
            for each in results
            if (each.stage, each.batch, each.scenario) == wanted and len(each.samples_ns)
        ),
        None,
    )


def _is_about(rule: Rule, pair: Pair) -> bool:
    return (pair.task.stage, pair.task.batch, pair.task.scenario.name) == (
        rule.stage,
        rule.batch,
        rule.scenario,
    )


def _of_pair(rule: Rule, first: LatencyResult, second: LatencyResult, pair: Pair) -> Effect:
    """Return the difference that the rounds show: the ratio's interval, stretched on the log scale to the rule's confidence."""
    baseline = first.percentile_ms(_MEDIAN) or math.nan
    centre, (low, high) = math.log(pair.comparison.ratio), pair.comparison.interval
    if low <= 0 or math.isinf(high):
        return Effect(
            baseline,
            second.percentile_ms(_MEDIAN) or math.nan,
            baseline * (pair.comparison.ratio - 1),
            math.nan,
            math.nan,
        )
    stretch = NormalDist().inv_cdf(rule.confidence) / NormalDist().inv_cdf(
        (1 + _PAIR_CONFIDENCE) / 2
    )
    low, high = (
        baseline * (math.exp(centre + stretch * (math.log(end) - centre)) - 1)
        for end in (low, high)
    )
    ratio, reason = pair.comparison.ratio, unfit(rule, first, second)
    remark = (
        f"timed in turns, which makes the ratio hold although {reason}"
        if reason
        else "timed in turns"
    )
    return Effect(baseline, baseline * ratio, baseline * (ratio - 1), low, high, remark=remark)


def _memory(rule: Rule, first: LatencyResult, second: LatencyResult) -> Verdict:
    """Return the verdict on memory, of which there is one number and no interval: the minimum effect alone decides."""
    kinds, peaks = zip(*map(_peak, (first, second)), strict=True)
    if peaks[0] is None or peaks[1] is None:
        reason = "neither run has it" if peaks[0] is peaks[1] else "only one of the runs has it"
        return unjudged(rule, "skipped" if peaks[0] is peaks[1] else "inconclusive", reason)
    if kinds[0] != kinds[1]:
        return unjudged(
            rule,
            "inconclusive",
            f"the baseline's is memory of the {kinds[0]}, the candidate's of the {kinds[1]}",
        )
    return judged(rule, exact(float(peaks[0]), float(peaks[1])))


def _peak(result: LatencyResult) -> tuple[str, int | None]:
    """Return whose memory it is, and how many bytes."""
    return (
        ("host", result.peak_host_bytes)
        if result.peak_device_bytes is None
        else ("device", result.peak_device_bytes)
    )


def exact(baseline: float, candidate: float) -> Effect:
    """Return the difference of two numbers that are known exactly."""
    return Effect(
        baseline, candidate, candidate - baseline, candidate - baseline, candidate - baseline
    )


def _measured(rule: Rule, result: LatencyResult) -> tuple[float, float, float] | None:
    """Return a value with the ends of its interval, each at the rule's confidence; None where the samples are too few."""
    if rule.measure.kind == "throughput":
        return _throughput(result, rule.confidence)
    found = interval(result.samples_ns, rule.measure.percentile, confidence=2 * rule.confidence - 1)
    value = result.percentile_ms(rule.measure.percentile)
    return (
        None
        if found is None or value is None
        else (value, found[0] / _NS_PER_MS, found[1] / _NS_PER_MS)
    )


def _throughput(result: LatencyResult, confidence: float) -> tuple[float, float, float] | None:
    """Return pictures per second: the inverse of the mean time, whose spread knows that samples are autocorrelated."""
    samples, value = result.samples_ns.astype(float), result.throughput_per_s
    freedom = degrees_of_freedom(len(samples))
    if value is None or len(samples) <= freedom:
        return None
    error = math.sqrt(long_run_variance(samples, freedom) / len(samples)) / samples.mean()
    reach = student_quantile(confidence, freedom) * error
    return (value, value / (1 + reach), value / (1 - reach)) if reach < 1 else None


def _difference(one: tuple[float, float, float], other: tuple[float, float, float]) -> Effect:
    """Return the difference of two values that have intervals of their own.

    Source: Zou and Donner, Construction of confidence limits about effect measures, 2008 (MOVER). Times taken in turns rise and fall
    together, which makes the interval wider than it need be.
    """
    (a, a_low, a_high), (b, b_low, b_high) = one, other
    low = b - a - math.hypot(b - b_low, a_high - a)
    high = b - a + math.hypot(b_high - b, a - a_low)
    return Effect(a, b, b - a, low, high)


def _beyond_drift(rule: Rule, effect: Effect) -> bool:
    """Return whether the loss stands even if the machine alone made the candidate worse by the rule's drift."""
    if rule.higher_is_better:
        return effect.baseline + effect.high < effect.baseline / (1 + rule.drift)
    return effect.low > rule.drift * effect.baseline

"""Gate: applies every rule to two runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from detbench.bench.gate.accuracy import accuracy_verdicts
from detbench.bench.gate.rules import Rule
from detbench.bench.gate.timing import exact_effect, timing_verdict
from detbench.bench.gate.verdict import (
    Verdict,
    overall_outcome,
    verdict_on,
    verdict_without_comparison,
)
from detbench.bench.latency.assembly import TimedPair
from detbench.bench.runs import Run
from detbench.data.schema_version import SCHEMA_VERSION

RESAMPLES = 2000
ModelSizes = tuple[int | None, int | None]
"""Bytes of the baseline's and the candidate's model; None if unknown."""


class GatedRun(msgspec.Struct, frozen=True):
    """The run that a gate was about."""

    digests: dict[str, str | None]


class GateResult(msgspec.Struct, frozen=True):
    """What `detbench history add --gate` reads of the document that `gate_document` returns."""

    outcome: Literal["passed", "failed", "inconclusive"]
    candidate: GatedRun


def gate(
    baseline: Run,
    candidate: Run,
    rules: Sequence[Rule],
    *,
    pairs: Sequence[TimedPair] = (),
    sizes: ModelSizes = (None, None),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Verdict]:
    """Return the verdicts in the order of the rules; a rule on every class has one per class.

    Args:
        baseline: The run to compare with. Images of one group of its ground truth, or else of the
            candidate's, are resampled together.
        candidate: The run that may replace it.
        rules: See `detbench.bench.gate.rules`.
        pairs: Interleaved comparisons of the two models, baseline first, if they were timed now.
        sizes: Of the models; None for the sizes that the runs recorded.
        resamples: Number of bootstrap resamples.
        seed: Random seed.

    Raises:
        DetbenchError: A rule names an unknown class or measure.
        NotComparableError: There is a rule on accuracy, both runs have groups of images, and these
            differ.
    """
    accuracy_rules = [rule for rule in rules if rule.measure.kind == "accuracy"]
    accuracy = iter(
        accuracy_verdicts(baseline, candidate, accuracy_rules, resamples=resamples, seed=seed)
    )
    verdicts: list[Verdict] = []
    for rule in rules:
        if rule.measure.kind == "accuracy":
            verdicts += next(accuracy)
        elif rule.measure.kind == "model_size":
            verdicts.append(_size_verdict(rule, baseline, candidate, sizes))
        else:
            verdicts.append(timing_verdict(rule, baseline, candidate, pairs))
    return verdicts


def _size_verdict(rule: Rule, baseline: Run, candidate: Run, sizes: ModelSizes) -> Verdict:
    first, second = (
        size or _recorded_size(run) for size, run in zip(sizes, (baseline, candidate), strict=True)
    )
    if first is None and second is None:
        return verdict_without_comparison(rule, "skipped", "neither run has this measure")
    if first is None or second is None:
        run = "candidate" if first is None else "baseline"
        reason = f"only the {run} has this measure"
        return verdict_without_comparison(rule, "inconclusive", reason)
    return verdict_on(rule, exact_effect(float(first), float(second)))


def _recorded_size(run: Run) -> int | None:
    size = run.detections.settings.get("size_bytes")
    return size if isinstance(size, int) else None


def gate_document(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the JSON document of a gate.

    Values and interval ends are in the measure's own unit, null if there are none.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": overall_outcome(verdicts),
        "baseline": _run_record(baseline),
        "candidate": _run_record(candidate),
        "verdicts": [_verdict_record(verdict) for verdict in verdicts],
    }


def _run_record(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "folder": str(run.folder),
        "commit": run.record.get("environment", {}).get("git_commit"),
        "protocol": run.protocol.name,
        "digests": {"ground_truth": run.ground_truth.digest, "detections": run.detections.digest},
    }


def _verdict_record(verdict: Verdict) -> dict[str, Any]:
    rule, effect = verdict.rule, verdict.effect
    has_interval = effect is not None and effect.low == effect.low  # not NaN
    percent = f"{100 * rule.minimum_effect:g}%"
    return {
        "rule": rule.text,
        "measure": verdict.name,
        "outcome": verdict.outcome,
        "sentence": verdict.sentence,
        "baseline": effect.baseline if effect else None,
        "candidate": effect.candidate if effect else None,
        "difference": effect.difference if effect else None,
        "interval": [effect.low, effect.high] if effect and has_interval else None,
        "minimum_effect": percent if rule.relative else rule.minimum_effect,
        "confidence": rule.confidence,
        "direction": "higher_is_better" if rule.higher_is_better else "lower_is_better",
    }

"""Gate: every rule asked about two runs, and what their answers come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from detbench.bench.gate.accuracy import accuracy_verdicts
from detbench.bench.gate.rules import Rule
from detbench.bench.gate.timing import exact, timing_verdict
from detbench.bench.gate.verdict import Verdict, judged, overall, unjudged
from detbench.bench.latency.interleave import Pair
from detbench.bench.results import SCHEMA_VERSION
from detbench.bench.runs import Run

REPLICATES = 2000
Sizes = tuple[int | None, int | None]
"""Bytes of the two models; None where unknown."""


class GatedRun(msgspec.Struct, frozen=True):
    """Which run a gate was asked about."""

    digests: dict[str, str | None]


class GateResult(msgspec.Struct, frozen=True):
    """What others read of the JSON document that `gate_document` makes."""

    outcome: Literal["passed", "failed", "inconclusive"]
    candidate: GatedRun


def gate(
    baseline: Run,
    candidate: Run,
    rules: Sequence[Rule],
    *,
    pairs: Sequence[Pair] = (),
    sizes: Sizes = (None, None),
    replicates: int = REPLICATES,
    seed: int = 0,
) -> list[Verdict]:
    """Return what each rule says, in the order of the rules; a rule for every class says something of each.

    Args:
        baseline: what must not be lost. Images of one group of its ground truth, or else of the candidate's, are drawn together.
        candidate: what is to take its place.
        rules: see `detbench.bench.gate.rules`.
        pairs: interleaved comparisons of the two models, baseline first, where they were timed for this.
        sizes: of the model files, where they are known; else what the runs recorded.
        replicates: draws of images.
        seed: names the draws.

    Raises:
        DetbenchError: a rule names a class or measure that is nowhere.
        NotComparableError: a rule on accuracy, where both runs know groups of the images and these differ.
    """
    on_accuracy = [rule for rule in rules if rule.measure.kind == "accuracy"]
    found = iter(
        accuracy_verdicts(baseline, candidate, on_accuracy, replicates=replicates, seed=seed)
    )
    return [
        verdict
        for rule in rules
        for verdict in _verdicts(rule, found, baseline, candidate, pairs, sizes)
    ]


def _verdicts(
    rule: Rule,
    found: Iterator[list[Verdict]],
    baseline: Run,
    candidate: Run,
    pairs: Sequence[Pair],
    sizes: Sizes,
) -> list[Verdict]:
    if rule.measure.kind == "accuracy":
        return next(found)
    if rule.measure.kind == "model_size":
        return [
            _size(
                rule,
                *(
                    each or _recorded_size(run)
                    for each, run in zip(sizes, (baseline, candidate), strict=True)
                ),
            )
        ]
    return [timing_verdict(rule, baseline, candidate, pairs)]


def _recorded_size(run: Run) -> int | None:
    size = run.detections.settings.get("size_bytes")
    return size if isinstance(size, int) else None


def _size(rule: Rule, baseline: int | None, candidate: int | None) -> Verdict:
    if baseline is None and candidate is None:
        return unjudged(rule, "skipped", "neither run has it")
    if baseline is None or candidate is None:
        return unjudged(
            rule,
            "inconclusive",
            f"only the {'candidate' if baseline is None else 'baseline'} has it",
        )
    return judged(rule, exact(float(baseline), float(candidate)))


def gate_document(baseline: Run, candidate: Run, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the JSON document of a gate; values and ends in the measure's own unit, null where there is none."""
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": overall(verdicts),
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
    known = effect is not None and effect.low == effect.low
    return {
        "rule": rule.text,
        "measure": verdict.name,
        "outcome": verdict.outcome,
        "sentence": verdict.sentence,
        "baseline": effect.baseline if effect else None,
        "candidate": effect.candidate if effect else None,
        "difference": effect.difference if effect else None,
        "interval": [effect.low, effect.high] if effect and known else None,
        "minimum_effect": f"{100 * rule.minimum_effect:g}%"
        if rule.relative
        else rule.minimum_effect,
        "confidence": rule.confidence,
        "direction": "higher_is_better" if rule.higher_is_better else "lower_is_better",
    }

"""Accuracy: how far two detectors differ on the same images, by a bootstrap in which both see the same draws.

The ends of an interval are the difference ± t · s: s is the standard deviation of the replicates, t the quantile of Student's t for as
many images as show something to find (Hesterberg, What Teachers Should Know about the Bootstrap, 2015). Unlike the percentiles of the
replicates it serves confidences near 1, which many classes at once ask for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from detbench.bench.gate.likeness import unlike_scores
from detbench.bench.gate.naming import AREA, EVERY_CLASS, MeasureName, check_known
from detbench.bench.gate.rules import Rule
from detbench.bench.gate.verdict import Effect, Verdict, judged, unjudged
from detbench.bench.runs import Run
from detbench.data.columns import Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import NotComparableError
from detbench.metrics.protocols.protocol import Measure, Protocol
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import unit_count
from detbench.metrics.uncertainty.intervals import FEWEST_UNITS, expanded_quantile, standard_error
from detbench.metrics.uncertainty.replicates import Resampled, resample, resample_halves

FEWEST_IMAGES = 10
"""Images that must show a class before the rule for every class looks at it, and objects before chance may excuse a huge loss."""
BEYOND_CHANCE = 0.99
"""How sure it must be that chance takes less, from all classes of a rule, for a huge loss that is not proven to be inconclusive."""


@dataclass(frozen=True)
class _ProtocolMeasure:
    """A measure as a protocol scores it."""

    protocol: Protocol
    measure: Measure


class Paired(NamedTuple):
    """A measure of two detectors over the same draws."""

    baseline: Resampled
    candidate: Resampled
    change: Resampled
    """Candidate − baseline."""


def accuracy_verdicts(
    baseline: Run, candidate: Run, rules: Sequence[Rule], *, replicates: int, seed: int
) -> list[list[Verdict]]:
    """Return for each rule on accuracy its verdicts: one, or one for each class.

    Raises:
        DetbenchError: a rule names a class or measure that is nowhere.
    """
    for rule in rules:
        check_known(
            rule.measure,
            (baseline.ground_truth, candidate.ground_truth),
            (baseline.protocol, candidate.protocol),
        )
    asked = [
        _measure_under(rule.measure, run.protocol)
        for rule in rules
        for run in (baseline, candidate)
    ]
    pairs = list(zip(rules, asked[::2], asked[1::2], strict=True))
    unlike = (
        unlike_scores(baseline, candidate) if any(one or other for _, one, other in pairs) else ""
    )
    source = _Scores(baseline, candidate, replicates, seed)
    verdicts: list[list[Verdict]] = []
    for rule, one, other in pairs:
        if one is None and other is None:
            verdicts.append(
                [
                    unjudged(
                        rule, "skipped", f"neither run has it (protocol {baseline.protocol.name})"
                    )
                ]
            )
        elif unlike or one is None or other is None:
            verdicts.append(
                [unjudged(rule, "inconclusive", unlike or "only one of the runs has it")]
            )
        else:
            verdicts.append(source.verdicts(rule, one))
    return verdicts


def _groups(baseline: GroundTruth, candidate: GroundTruth) -> Ints | None:
    """Return the groups of the images, where only one of the runs knows them those of that one; NotComparableError where they differ."""
    if baseline.groups is None or candidate.groups is None:
        return candidate.groups if baseline.groups is None else baseline.groups
    if not np.array_equal(baseline.units, candidate.units):
        raise NotComparableError(
            "the images of baseline and candidate are in different groups; say which with --groups"
        )
    return baseline.groups


@dataclass
class _Scores:
    """Scores both runs under each protocol once, and draws images for each measure once."""

    baseline: Run
    candidate: Run
    replicates: int
    seed: int
    _evaluations: dict[Protocol, tuple[Evaluation, Evaluation]] = field(default_factory=dict)
    _paired: dict[_ProtocolMeasure, Paired] = field(default_factory=dict)

    def verdicts(self, rule: Rule, asked: _ProtocolMeasure) -> list[Verdict]:
        if not self.baseline.ground_truth.image_ids:
            return [unjudged(rule, "inconclusive", "there are 0 images")]
        if asked not in self._paired:
            self._paired[asked] = self._resampled(asked)
        return verdicts_of(rule, self._paired[asked])

    def _resampled(self, asked: _ProtocolMeasure) -> Paired:
        pair, measures = self._pair(asked.protocol), [asked.measure]
        if unit_count(pair[0].ground_truth) < FEWEST_UNITS:
            (first,), (second,) = resample_halves(pair, measures)
        else:
            (first,), (second,) = resample(
                pair, measures, replicates=self.replicates, seed=self.seed
            )
        return Paired(first, second, second.minus(first))

    def _pair(self, protocol: Protocol) -> tuple[Evaluation, Evaluation]:
        if protocol not in self._evaluations:
            runs = (self.baseline, self.candidate)
            groups = _groups(self.baseline.ground_truth, self.candidate.ground_truth)
            first, second = (
                evaluate(replace(run.ground_truth, groups=groups), run.detections, protocol)
                for run in runs
            )
            self._evaluations[protocol] = first, second
        return self._evaluations[protocol]


def verdicts_of(rule: Rule, found: Paired) -> list[Verdict]:
    """Return what a rule on accuracy says of two detectors."""
    wanted = rule.measure.class_name
    if wanted == EVERY_CLASS:
        return _every_class(rule, found)
    column = 0 if wanted is None else 1 + found.change.class_names.index(wanted)
    if np.isnan(found.baseline.values[column]):
        return [unjudged(rule, "skipped", "there is nothing of it to find")]
    return [
        judged(rule, _effect(found, column, rule.confidence), by_chance=_by_chance(found, column))
    ]


def _every_class(rule: Rule, found: Paired) -> list[Verdict]:
    """Return a verdict for each class; the share of false alarms that the rule allows is divided among them (Bonferroni).

    Some class of many loses much by chance where few images show it, so the same is done to what counts as a huge loss.

    A class that few images show is skipped, unless nothing changed in it.
    """
    units = found.change.units
    there = [column for column in range(1, len(units)) if units[column] > 0]
    told = sum(units[column] >= FEWEST_IMAGES for column in there)
    if not there:
        return [unjudged(rule, "skipped", "there is nothing to find")]
    confidence = 1 - (1 - rule.confidence) / max(told, 1)
    verdicts = []
    for column in there:
        name = f"{rule.measure.base}[{found.change.class_names[column - 1]}]"
        effect = _effect(found, column, confidence)
        if units[column] >= FEWEST_IMAGES or effect.unchanged:
            verdicts.append(judged(rule, effect, name, by_chance=_by_chance(found, column, told)))
        else:
            reason = f"{FEWEST_IMAGES} images, or groups of them, must show the class to tell"
            verdicts.append(unjudged(rule, "skipped", reason, name))
    return verdicts


def _effect(found: Paired, column: int, confidence: float) -> Effect:
    first, second = float(found.baseline.values[column]), float(found.candidate.values[column])
    reach = _reach(found, column, confidence)
    if math.isnan(reach):
        return Effect(first, second, second - first, math.nan, math.nan)
    low, high = np.clip((second - first - reach, second - first + reach), *found.change.bounds)
    return Effect(first, second, second - first, float(low), float(high))


def _by_chance(found: Paired, column: int, classes: int = 1) -> float:
    """Return what chance may take, beyond which a huge loss is not let pass; 0 where so few images say nothing about chance."""
    return (
        _reach(found, column, 1 - (1 - BEYOND_CHANCE) / classes)
        if found.change.units[column] >= FEWEST_IMAGES
        else 0.0
    )


def _reach(found: Paired, column: int, confidence: float) -> float:
    """Return how far an end of the difference's interval lies from the difference; NaN where there is no interval."""
    units = int(found.change.units[column])
    return (
        expanded_quantile(confidence, units) * standard_error(found.change, column)
        if units >= FEWEST_UNITS
        else math.nan
    )


def _measure_under(name: MeasureName, protocol: Protocol) -> _ProtocolMeasure | None:
    """Return what a rule's measure is under a protocol, None where the protocol has no such measure."""
    known = {measure.name: measure for measure in protocol.measures}
    if name.base == AREA and "mAP" in known:
        return _ProtocolMeasure(
            replace(protocol, interpolation="area", recall_grid=()), known["mAP"]
        )
    if name.class_name is not None and name.base == "AP":
        return _ProtocolMeasure(protocol, protocol.measures[0])
    return _ProtocolMeasure(protocol, known[name.base]) if name.base in known else None

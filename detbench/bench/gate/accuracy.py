"""Gate accuracy: the difference of two detectors on the same images, by a paired bootstrap.

Both detectors see the same resamples of the images. The interval is the difference ± t · s, with
the standard deviation s over the resamples and the quantile t of Student's distribution for as many
images as show something to find. Source: Hesterberg, "What Teachers Should Know about the
Bootstrap", The American Statistician 69, 2015, section 5.3.

Percentiles of the resamples would not do: rules on many classes at once need confidences near 1,
beyond the outermost resample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from detbench.bench.gate.comparability import accuracy_difference
from detbench.bench.gate.measures import AREA, EVERY_CLASS, MeasureName, check_measure
from detbench.bench.gate.rules import Rule
from detbench.bench.gate.verdict import Effect, Verdict, verdict_on, verdict_without_comparison
from detbench.bench.runs import Run
from detbench.data.columns import Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import NotComparableError
from detbench.metrics.protocols.protocol import Measure, Protocol
from detbench.metrics.scoring.comparable import group_differences
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import MIN_CLUSTERS, cluster_count
from detbench.metrics.uncertainty.interval_methods import expanded_quantile
from detbench.metrics.uncertainty.intervals import standard_error
from detbench.metrics.uncertainty.replicates import Replicates, resample, resample_halves

MIN_IMAGES = 10
"""Images that must show a class before the rule on every class applies to it. Also the images that
must show something to find before chance may excuse a huge loss."""
CHANCE_CONFIDENCE = 0.99
"""A huge loss that is not significant passes if it is within what chance causes with this
probability, over all classes of a rule."""


@dataclass(frozen=True)
class _ProtocolMeasure:
    """A measure as a protocol scores it."""

    protocol: Protocol
    measure: Measure


class PairedReplicates(NamedTuple):
    """A measure of two detectors over the same resamples."""

    baseline: Replicates
    candidate: Replicates
    change: Replicates
    """Candidate − baseline."""


def accuracy_verdicts(
    baseline: Run, candidate: Run, rules: Sequence[Rule], *, resamples: int, seed: int
) -> list[list[Verdict]]:
    """Return the verdicts of each rule on accuracy: one, or one per class.

    Raises:
        DetbenchError: A rule names an unknown class or measure.
        NotComparableError: Both runs have groups of images, and these differ.
    """
    for rule in rules:
        check_measure(
            rule.measure,
            (baseline.ground_truth, candidate.ground_truth),
            (baseline.protocol, candidate.protocol),
        )
    measures = [
        tuple(_measure_under(rule.measure, run.protocol) for run in (baseline, candidate))
        for rule in rules
    ]
    # Runs that no rule compares need not be comparable.
    has_measures = any(measure for pair in measures for measure in pair)
    difference = accuracy_difference(baseline, candidate) if has_measures else ""
    comparison = _AccuracyComparison(baseline, candidate, resamples, seed)
    verdicts: list[list[Verdict]] = []
    for rule, (first, second) in zip(rules, measures, strict=True):
        if first is None and second is None:
            reason = f"neither run has this measure (protocol {baseline.protocol.name})"
            verdicts.append([verdict_without_comparison(rule, "skipped", reason)])
        elif difference or first is None or second is None:
            reason = difference or "only one of the runs has this measure"
            verdicts.append([verdict_without_comparison(rule, "inconclusive", reason)])
        else:
            verdicts.append(comparison.verdicts(rule, first))
    return verdicts


def _groups(baseline: GroundTruth, candidate: GroundTruth) -> Ints | None:
    """Return the groups of the images, which only one of the runs may have."""
    if baseline.groups is None or candidate.groups is None:
        return candidate.groups if baseline.groups is None else baseline.groups
    if group_differences(baseline, candidate):
        raise NotComparableError(
            "baseline and candidate have different groups of images; name a file with --groups"
        )
    return baseline.groups


@dataclass
class _AccuracyComparison:
    """Scores both runs once per protocol, and resamples images once per measure."""

    baseline: Run
    candidate: Run
    resamples: int
    seed: int
    _evaluations: dict[Protocol, tuple[Evaluation, Evaluation]] = field(default_factory=dict)
    _replicates: dict[_ProtocolMeasure, PairedReplicates] = field(default_factory=dict)

    def verdicts(self, rule: Rule, measure: _ProtocolMeasure) -> list[Verdict]:
        if not self.baseline.ground_truth.image_ids:
            return [verdict_without_comparison(rule, "inconclusive", "there are no images")]
        if measure not in self._replicates:
            self._replicates[measure] = self._resample(measure)
        return verdicts_of(rule, self._replicates[measure])

    def _resample(self, measure: _ProtocolMeasure) -> PairedReplicates:
        evaluations, measures = self._evaluate(measure.protocol), [measure.measure]
        # One image or one group cannot be resampled. Halves give the values without an interval.
        if cluster_count(evaluations[0].ground_truth) < MIN_CLUSTERS:
            (first,), (second,) = resample_halves(evaluations, measures)
        else:
            (first,), (second,) = resample(
                evaluations, measures, resamples=self.resamples, seed=self.seed
            )
        return PairedReplicates(first, second, second.minus(first))

    def _evaluate(self, protocol: Protocol) -> tuple[Evaluation, Evaluation]:
        if protocol not in self._evaluations:
            groups = _groups(self.baseline.ground_truth, self.candidate.ground_truth)
            first, second = (
                evaluate(replace(run.ground_truth, groups=groups), run.detections, protocol)
                for run in (self.baseline, self.candidate)
            )
            self._evaluations[protocol] = first, second
        return self._evaluations[protocol]


def verdicts_of(rule: Rule, replicates: PairedReplicates) -> list[Verdict]:
    """Return the verdicts of a rule on accuracy about two detectors."""
    class_name = rule.measure.class_name
    if class_name == EVERY_CLASS:
        return _class_verdicts(rule, replicates)
    # Column 0 is the overall value, the classes follow.
    column = 0 if class_name is None else 1 + replicates.change.class_names.index(class_name)
    if np.isnan(replicates.baseline.values[column]):
        return [verdict_without_comparison(rule, "skipped", "there is no ground truth for it")]
    effect = _effect(replicates, column, rule.confidence)
    return [verdict_on(rule, effect, chance_loss=_chance_loss(replicates, column))]


def _class_verdicts(rule: Rule, replicates: PairedReplicates) -> list[Verdict]:
    """Return a verdict for each class with ground truth.

    A class that few images show is skipped, unless nothing changed in it.
    """
    change = replicates.change
    columns = [column for column in range(1, len(change.clusters)) if change.clusters[column] > 0]
    if not columns:
        return [verdict_without_comparison(rule, "skipped", "there is no ground truth")]
    # Bonferroni: the false alarms that the rule allows are divided among the classes that it can
    # fail on. The same applies to huge losses: among many classes, some lose much by chance.
    n_classes = max(sum(change.clusters[column] >= MIN_IMAGES for column in columns), 1)
    confidence = 1 - (1 - rule.confidence) / n_classes
    verdicts = []
    for column in columns:
        name = f"{rule.measure.base}[{change.class_names[column - 1]}]"
        effect = _effect(replicates, column, confidence)
        if change.clusters[column] >= MIN_IMAGES or effect.unchanged:
            chance_loss = _chance_loss(replicates, column, n_classes)
            verdicts.append(verdict_on(rule, effect, name, chance_loss=chance_loss))
        else:
            reason = f"fewer than {MIN_IMAGES} images, or groups of them, show the class"
            verdicts.append(verdict_without_comparison(rule, "skipped", reason, name))
    return verdicts


def _effect(replicates: PairedReplicates, column: int, confidence: float) -> Effect:
    first, second = (
        float(detector.values[column]) for detector in (replicates.baseline, replicates.candidate)
    )
    difference = second - first
    margin = _margin(replicates, column, confidence)
    if math.isnan(margin):
        return Effect(first, second, difference, math.nan, math.nan)
    # Accuracies lie in 0..1, so their differences lie in −1..1.
    low, high = np.clip((difference - margin, difference + margin), *replicates.change.bounds)
    return Effect(first, second, difference, float(low), float(high))


def _chance_loss(replicates: PairedReplicates, column: int, n_classes: int = 1) -> float:
    """Return the loss that chance may cause; 0 if there are too few images to know."""
    if replicates.change.clusters[column] < MIN_IMAGES:
        return 0.0
    return _margin(replicates, column, 1 - (1 - CHANCE_CONFIDENCE) / n_classes)


def _margin(replicates: PairedReplicates, column: int, confidence: float) -> float:
    """Return t · s, half of the interval's width; NaN without an interval."""
    n_images = int(replicates.change.clusters[column])
    if n_images < MIN_CLUSTERS:
        return math.nan
    return expanded_quantile(confidence, n_images) * standard_error(replicates.change, column)


def _measure_under(name: MeasureName, protocol: Protocol) -> _ProtocolMeasure | None:
    """Return the measure of a protocol that a rule is about; None if there is none."""
    measures = {measure.name: measure for measure in protocol.measures}
    # VOC 2007 samples the curve at 11 recalls; its area uses the whole curve.
    if name.base == AREA and "mAP" in measures:
        area_protocol = replace(protocol, interpolation="area", recall_grid=())
        return _ProtocolMeasure(area_protocol, measures["mAP"])
    # `AP[dog]` is the headline measure of the class, whatever the protocol calls it overall.
    if name.class_name is not None and name.base == "AP":
        return _ProtocolMeasure(protocol, protocol.measures[0])
    return _ProtocolMeasure(protocol, measures[name.base]) if name.base in measures else None

"""Accuracy: how far two detectors differ on the same images, by a bootstrap in which both see the same draws.

The ends of an interval are the difference ± t · s: s is the standard deviation of the replicates, t the quantile of Student's t for as
many images as show something to find (Hesterberg, What Teachers Should Know about the Bootstrap, 2015). Unlike the percentiles of the
replicates it serves confidences near 1, which many classes at once ask for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detbench.bench.gate.likeness import unlike_scores
from detbench.bench.gate.naming import AREA, EVERY_CLASS, MeasureName
from detbench.bench.gate.rules import Rule
from detbench.bench.gate.verdict import Effect, Verdict, judged, unjudged
from detbench.bench.runs import Run
from detbench.data.columns import Floats, Ints
from detbench.metrics.bootstrap import bootstrap
from detbench.metrics.evaluate import evaluate
from detbench.metrics.evaluation import Evaluation
from detbench.metrics.intervals import FEWEST_UNITS
from detbench.metrics.protocol import Measure, Protocol
from detbench.metrics.student import student_quantile
from detbench.metrics.weighted import positives_by_image

FEWEST_IMAGES_OF_CLASS = 10
"""Images that must show a class before the rule for every class looks at it."""


@dataclass(frozen=True)
class _Asked:
    """What a rule asks of an evaluation."""

    protocol: Protocol
    measure: Measure


def accuracy_verdicts(baseline: Run, candidate: Run, rules: Sequence[Rule], *, replicates: int, seed: int) -> list[list[Verdict]]:
    """Return for each rule on accuracy its verdicts: one, or one for each class."""
    asked = [_asked(rule.measure, run.protocol) for rule in rules for run in (baseline, candidate)]
    pairs = list(zip(rules, asked[::2], asked[1::2], strict=True))
    unlike = unlike_scores(baseline, candidate) if any(one or other for _, one, other in pairs) else ""
    source = _Scores(baseline, candidate, replicates, seed)
    verdicts: list[list[Verdict]] = []
    for rule, one, other in pairs:
        if one is None and other is None:
            verdicts.append([unjudged(rule, "skipped", f"neither run has it (protocol {baseline.protocol.name})")])
        elif unlike or one is None or other is None:
            verdicts.append([unjudged(rule, "inconclusive", unlike or "only one of the runs has it")])
        else:
            verdicts.append(source.verdicts(rule, one))
    return verdicts


@dataclass(frozen=True, eq=False)
class Paired:
    """A measure of two detectors: column 0 is the overall value, column 1 + k class k; NaN where nothing is to be found."""

    class_names: tuple[str, ...]
    baseline: Floats
    """(1 + K,)"""
    candidate: Floats
    """(1 + K,)"""
    spread: Floats
    """(1 + K,) standard deviation of candidate − baseline over draws of images."""
    images: Ints
    """(1 + K,) how many images have something to find: the evidence there is."""


def paired(baseline: Evaluation, candidate: Evaluation, measure: Measure, *, replicates: int, seed: int) -> Paired:
    """Return a measure of two detectors on the same images, at least two, with the spread of its difference."""
    drawn = [found[0] for found in bootstrap([baseline, candidate], [measure], replicates=replicates, seed=seed)]
    first, second = (np.column_stack([found.values, found.classes]) for found in drawn)
    shown = positives_by_image(baseline, measure) > 0
    return Paired(
        baseline.ground_truth.class_names,
        _values(baseline, measure),
        _values(candidate, measure),
        _spread(second - first),
        np.concatenate([[shown.any(axis=1).sum()], shown.sum(axis=0)]).astype(np.int64),
    )


@dataclass
class _Scores:
    """Scores both runs under each protocol once, and draws images for each measure once."""

    baseline: Run
    candidate: Run
    replicates: int
    seed: int
    _evaluations: dict[Protocol, tuple[Evaluation, Evaluation]] = field(default_factory=dict)
    _paired: dict[_Asked, Paired] = field(default_factory=dict)

    def verdicts(self, rule: Rule, asked: _Asked) -> list[Verdict]:
        if len(self.baseline.ground_truth.image_ids) < FEWEST_UNITS:
            return [self._of_too_few(rule, asked)]
        if asked not in self._paired:
            self._paired[asked] = paired(*self._pair(asked.protocol), asked.measure, replicates=self.replicates, seed=self.seed)
        return verdicts_of(rule, self._paired[asked])

    def _pair(self, protocol: Protocol) -> tuple[Evaluation, Evaluation]:
        if protocol not in self._evaluations:
            first, second = (evaluate(run.ground_truth, run.detections, protocol) for run in (self.baseline, self.candidate))
            self._evaluations[protocol] = first, second
        return self._evaluations[protocol]

    def _of_too_few(self, rule: Rule, asked: _Asked) -> Verdict:
        count = len(self.baseline.ground_truth.image_ids)
        first, second = (each.value(asked.measure) for each in self._pair(asked.protocol))
        if first is None or second is None or rule.measure.class_name is not None:
            return unjudged(rule, "inconclusive", f"there are {count} images, and how results vary takes at least {FEWEST_UNITS} to tell")
        return judged(rule, Effect(first, second, second - first, math.nan, math.nan))


def verdicts_of(rule: Rule, found: Paired) -> list[Verdict]:
    """Return what a rule on accuracy says of two detectors."""
    wanted = rule.measure.class_name
    if wanted == EVERY_CLASS:
        return _every_class(rule, found)
    if wanted is not None and wanted not in found.class_names:
        return [unjudged(rule, "skipped", f"there is no class {wanted!r}; the classes are {', '.join(found.class_names)}")]
    column = 0 if wanted is None else 1 + found.class_names.index(wanted)
    if np.isnan(found.baseline[column]):
        return [unjudged(rule, "skipped", "there is nothing of it to find")]
    return [judged(rule, _effect(found, column, rule.confidence))]


def _every_class(rule: Rule, found: Paired) -> list[Verdict]:
    """Return a verdict for each class; the share of false alarms that the rule allows is divided among them (Bonferroni)."""
    there = [column for column in range(1, len(found.images)) if found.images[column] > 0]
    told = [column for column in there if found.images[column] >= FEWEST_IMAGES_OF_CLASS]
    if not there:
        return [unjudged(rule, "skipped", "there is nothing to find")]
    confidence = 1 - (1 - rule.confidence) / max(len(told), 1)
    verdicts = []
    for column in there:
        name = f"{rule.measure.base}[{found.class_names[column - 1]}]"
        if column in told:
            verdicts.append(judged(rule, _effect(found, column, confidence), name))
        else:
            reason = f"{FEWEST_IMAGES_OF_CLASS} images must show the class to tell"
            verdicts.append(unjudged(rule, "skipped", reason, name))
    return verdicts


def _effect(found: Paired, column: int, confidence: float) -> Effect:
    first, second = float(found.baseline[column]), float(found.candidate[column])
    images, spread = int(found.images[column]), float(found.spread[column])
    if images < FEWEST_UNITS or math.isnan(spread):
        return Effect(first, second, second - first, math.nan, math.nan)
    reach = student_quantile(confidence, images - 1) * spread * math.sqrt(images / (images - 1))
    return Effect(first, second, second - first, second - first - reach, second - first + reach)


def _values(evaluation: Evaluation, measure: Measure) -> Floats:
    whole = evaluation.value(measure)
    return np.concatenate([[np.nan if whole is None else whole], evaluation.class_values(measure)])


def _spread(differences: Floats) -> Floats:
    """Return the standard deviation of each column (B, 1 + K) over the replicates that have something to find; NaN for fewer than two."""
    known = ~np.isnan(differences)
    count = known.sum(axis=0)
    off = np.where(known, differences - np.where(known, differences, 0.0).sum(axis=0) / np.maximum(count, 1), 0.0)
    return np.where(count > 1, np.sqrt((off**2).sum(axis=0) / np.maximum(count - 1, 1)), np.nan)


def _asked(name: MeasureName, protocol: Protocol) -> _Asked | None:
    """Return what a rule's measure is under a protocol, None where the protocol has no such measure."""
    known = {measure.name: measure for measure in protocol.measures}
    if name.base == AREA:
        sampled = "mAP" in known and protocol.interpolation == "sampled"
        return _Asked(replace(protocol, interpolation="area", recall_grid=()), known["mAP"]) if sampled else None
    if name.class_name is not None and name.base == "AP":
        return _Asked(protocol, protocol.measures[0])
    return _Asked(protocol, known[name.base]) if name.base in known else None

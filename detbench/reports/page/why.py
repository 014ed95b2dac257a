"""Why: what the page tells of the errors of detectors, as frozen plain values, from their analyses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detbench.bench.analyze import Analysis, Study, analyze, tide_intervals
from detbench.metrics.bootstrap import image_draws
from detbench.metrics.calibration import Reliability
from detbench.metrics.evaluation import Evaluation
from detbench.metrics.intervals import Interval
from detbench.metrics.tide import ERRORS, SPECIAL

DRAWS = 200
"""Draws of images behind the intervals of costs: a page should not take minutes. `detbench analyze` draws more."""
_MOST_CONFUSIONS = 10
_MOST_SUSPECTS = 40
MEANINGS = {
    "Cls": "right place, wrong class",
    "Loc": "right class, badly placed",
    "Both": "wrong class and badly placed",
    "Dupe": "an object found a second time",
    "Bkg": "nothing there",
    "Miss": "not found at all",
    "FP": "all false positives",
    "FN": "all that is not found",
}
PICTURED = {"Cls": "false", "Loc": "badly placed", "Dupe": "false", "Bkg": "false", "Miss": "missed"}
"""The kind of pictures that shows a kind of error."""


@dataclass(frozen=True)
class Cost:
    """What a kind of error costs, in points of AP."""

    value: float
    interval: tuple[float, float] | None
    errors: int | None


@dataclass(frozen=True)
class Mistaken:
    """A class that is taken for another."""

    true: str
    said: str
    times: int
    share: float
    """Of the objects of the true class."""


@dataclass(frozen=True)
class Doings:
    """What one detector does wrong."""

    look: int
    base: float
    """AP that costs are added to."""
    costs: dict[str, Cost]
    parts: dict[str, float | None]
    """Mean optimal LRP and its parts."""
    calibration: dict[str, float | None]
    """D-ECE, that of sure detections, LaECE; None where scores do not lie in 0..1."""
    diagram: tuple[tuple[float, float], ...]
    """Mean score and precision of each bin."""
    score: float | None
    """At which classes are confused; None where nothing is found."""
    confusions: tuple[Mistaken, ...]
    corrected: tuple[float | None, float | None]
    """The headline measure as annotated and if all suspected labels were wrong."""


@dataclass(frozen=True)
class Suspect:
    """A suspected label error."""

    kind: str
    image_id: str
    class_name: str
    detected: str
    suspicion: float
    finders: int


@dataclass(frozen=True)
class Why:
    """The errors of the detectors of one part of the page."""

    iou: float
    doings: tuple[Doings, ...]
    suspects: tuple[Suspect, ...]
    suspected: dict[str, int]
    """How many of each kind there are."""
    highest: float
    """The end of the scale of costs."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of errors, in TIDE's order."""
        return (*ERRORS, *SPECIAL)


def why(evaluations: Sequence[Evaluation]) -> Why:
    """Return what detectors on the same data do wrong, in their order."""
    study = analyze(evaluations)
    doings = tuple(_doings(analysis, look) for look, analysis in enumerate(study.analyses))
    costs = [cost for each in doings for cost in each.costs.values()]
    highest = max([cost.interval[1] if cost.interval else cost.value for cost in costs], default=0.0)
    counts = {kind: sum(error.kind == kind for error in study.label_errors) for kind in ("missing", "class", "spurious")}
    return Why(study.analyses[0].tide.iou, doings, _suspects(study), counts, max(highest, 1.0))


def _doings(analysis: Analysis, look: int) -> Doings:
    images = len(analysis.evaluation.ground_truth.image_ids)
    drawn = tide_intervals(analysis.evaluation, analysis.tide, image_draws(images, 0), DRAWS if images > 1 else 0)
    found = analysis.calibration
    known = np.empty(0) if found is None else found.la_ece[~np.isnan(found.la_ece)]
    errors = (math.nan, math.nan) if found is None else (found.d_ece, found.d_ece_sure)
    values = (*errors, float(known.mean()) if len(known) else math.nan)
    return Doings(
        look=look,
        base=100 * analysis.tide.base,
        costs={name: _cost(analysis, name, drawn.get(name)) for name in analysis.tide.costs},
        parts={name: _finite(value) for name, value in analysis.lrp.means.items()},
        calibration=dict(zip(("D-ECE", "D-ECE, score ≥ 0.3", "LaECE"), map(_finite, values), strict=True)),
        diagram=() if found is None else _points(found.diagram),
        score=_finite(analysis.score),
        confusions=_confusions(analysis),
        corrected=(analysis.corrected["as annotated"], analysis.corrected["all"]),
    )


def _points(diagram: Reliability) -> tuple[tuple[float, float], ...]:
    used = diagram.counts > 0
    return tuple(zip(diagram.score[used].tolist(), diagram.precision[used].tolist(), strict=True))


def _cost(analysis: Analysis, name: str, interval: Interval | None) -> Cost:
    ends = (100 * interval.low, 100 * interval.high) if interval is not None and interval.known else None
    return Cost(100 * analysis.tide.costs[name], ends, analysis.tide.counts.get(name))


def _confusions(analysis: Analysis) -> tuple[Mistaken, ...]:
    """Return the most frequent confusions of two classes."""
    names, counts = analysis.evaluation.ground_truth.class_names, analysis.confusion.counts
    classes, objects = counts[:-1, :-1].copy(), counts[:-1].sum(axis=1)
    np.fill_diagonal(classes, 0)
    places = [divmod(int(place), len(names)) for place in np.argsort(-classes, axis=None, kind="stable")[:_MOST_CONFUSIONS]]
    return tuple(
        Mistaken(names[true], names[said], int(classes[true, said]), float(classes[true, said] / objects[true]))
        for true, said in places
        if classes[true, said]
    )


def _suspects(study: Study) -> tuple[Suspect, ...]:
    ids = study.analyses[0].evaluation.ground_truth.image_ids
    return tuple(
        Suspect(each.kind, ids[each.image], each.class_name, each.detected or "", each.suspicion, len(each.detectors))
        for each in study.label_errors[:_MOST_SUSPECTS]
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

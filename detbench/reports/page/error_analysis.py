"""Why: what the page tells of the errors of detectors, as frozen plain values, from their analyses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from detbench.bench.analyze import SURE, Analysis, analyze
from detbench.metrics.errors.calibration import Reliability
from detbench.metrics.errors.label_errors import KINDS
from detbench.metrics.errors.tide import ERRORS, SPECIAL
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.page.confusion_matrix import Heat, heat
from detbench.reports.page.error_tables import Number, Tables, number, tables
from detbench.reports.page.label_errors import Suspect, suspects

DRAWS = 200
"""Halves and draws of images behind intervals and p: a page should not take minutes. `detbench analyze` draws more."""
PICTURED = {
    "Cls": "false",
    "Loc": "badly placed",
    "Dupe": "false",
    "Bkg": "false",
    "Miss": "missed",
}
"""The kind of pictures that shows a kind of error."""


@dataclass(frozen=True)
class Cost:
    """What a kind of error costs, in points of AP."""

    value: float | None
    """None where there is nothing to find."""
    interval: tuple[float, float] | None
    errors: int | None


@dataclass(frozen=True)
class Doings:
    """What one detector does wrong."""

    look: int
    base: float | None
    """AP, in points, that costs are added to."""
    costs: dict[str, Cost]
    parts: dict[str, Number]
    """Mean optimal LRP and its parts."""
    calibration: dict[str, Number]
    """D-ECE, that of sure detections, LaECE; no value where scores do not lie in 0..1."""
    diagram: tuple[tuple[float, float], ...]
    """Mean score and precision of each bin."""
    corrected: tuple[float | None, float | None]
    """The headline measure as annotated and if all suspected labels were wrong."""
    corrected_range: tuple[float, float] | None
    """From where to where it goes with the suspects of one kind or of all corrected."""

    @property
    def wider(self) -> bool:
        """Whether the range is more than what lies between the two."""
        known = [value for value in self.corrected if value is not None]
        return (
            self.corrected_range is not None
            and bool(known)
            and self.corrected_range != (min(known), max(known))
        )


@dataclass(frozen=True)
class Why:
    """The errors of the detectors of one part of the page."""

    iou: float
    rules: tuple[str, ...]
    """What the base of the costs is, one sentence for all detectors or one for each."""
    doings: tuple[Doings, ...]
    heats: tuple[Heat, ...]
    tables: Tables
    suspects: tuple[Suspect, ...]
    suspected: dict[str, int]
    """How many of each kind there are."""
    highest: float
    """The end of the scale of costs."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of errors, in TIDE's order."""
        return (*ERRORS, *SPECIAL)


def why(evaluations: Sequence[Evaluation], *, pictured: bool = True) -> Why:
    """Return what detectors on the same data do wrong, in their order; suspected label errors with pictures if asked for."""
    study = analyze(evaluations, replicates=DRAWS)
    doings = tuple(_doings(analysis, look) for look, analysis in enumerate(study.analyses))
    costs = [cost for each in doings for cost in each.costs.values() if cost.value is not None]
    highest = max(
        [cost.interval[1] if cost.interval else cost.value or 0.0 for cost in costs], default=0.0
    )
    return Why(
        iou=study.analyses[0].tide.iou,
        rules=tuple(dict.fromkeys(analysis.tide.rule for analysis in study.analyses)),
        doings=doings,
        heats=tuple(heat(analysis, look) for look, analysis in enumerate(study.analyses)),
        tables=tables(study.analyses),
        suspects=suspects(evaluations[0].ground_truth, study.label_errors, pictured=pictured),
        suspected={kind: sum(error.kind == kind for error in study.label_errors) for kind in KINDS},
        highest=max(highest, 1.0),
    )


def _doings(analysis: Analysis, look: int) -> Doings:
    found = analysis.calibration
    named = zip(
        ("D-ECE", f"D-ECE, score ≥ {SURE:g}", "LaECE"),
        ("d_ece", "d_ece_sure", "la_ece"),
        strict=True,
    )
    return Doings(
        look=look,
        base=_points(analysis.tide.base),
        costs={name: _cost(analysis, name) for name in analysis.tide.costs},
        parts={
            name: number(value, analysis.lrp_intervals.get(name))
            for name, value in analysis.lrp.means.items()
        },
        calibration={
            title: Number(None)
            if found is None
            else number(getattr(found, name), getattr(found.intervals, name, None))
            for title, name in named
        },
        diagram=() if found is None else _bins(found.diagram),
        corrected=(analysis.corrected["as annotated"], analysis.corrected["all"]),
        corrected_range=analysis.corrected_range,
    )


def _bins(diagram: Reliability) -> tuple[tuple[float, float], ...]:
    used = diagram.counts > 0
    return tuple(zip(diagram.score[used].tolist(), diagram.precision[used].tolist(), strict=True))


def _cost(analysis: Analysis, name: str) -> Cost:
    interval = analysis.tide_intervals.get(name)
    ends = (
        (100 * interval.low, 100 * interval.high)
        if interval is not None and interval.known
        else None
    )
    return Cost(_points(analysis.tide.costs[name]), ends, analysis.tide.counts.get(name))


def _points(share: float) -> float | None:
    return 100 * share if math.isfinite(share) else None

"""Why tables: the folded tables of what goes wrong, one row for each kind of object, image, class or choice, detectors side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from detbench.bench.analyze import Analysis
from detbench.metrics.errors.lrp import PARTS
from detbench.metrics.uncertainty.intervals import Interval

Ends = tuple[float, float]
CALLED = 0.05
"""A corrected p below this is told apart from chance."""


@dataclass(frozen=True)
class Number:
    """A number with its interval, where it has one."""

    value: float | None
    interval: Ends | None = None


@dataclass(frozen=True)
class Hard:
    """Objects of one kind."""

    trait: str
    value: str
    objects: int
    recalls: tuple[Number, ...]


@dataclass(frozen=True)
class SliceCell:
    """What a detector does on images of one kind."""

    score: float | None
    difference: Number
    """To all other images."""
    p: float | None
    """Corrected (FDR)."""

    @property
    def called(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p is not None and self.p < CALLED


@dataclass(frozen=True)
class SliceRow:
    """Images of one kind."""

    attribute: str
    value: str
    images: int
    objects: int
    cells: tuple[SliceCell, ...]


@dataclass(frozen=True)
class Threshold:
    """A score threshold chosen on one half of the images, and what it gives on the other."""

    score: float | None
    chosen: float | None
    value: Number
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class ThresholdRow:
    """One class; no name for all together."""

    name: str
    cells: tuple[Threshold, ...]


@dataclass(frozen=True)
class LrpCell:
    """Optimal LRP of one class of one detector."""

    parts: dict[str, Number]
    threshold: float | None


@dataclass(frozen=True)
class LrpRow:
    """One class."""

    name: str
    cells: tuple[LrpCell, ...]


@dataclass(frozen=True)
class BandRow:
    """A choice that leaves the score open; `ends` are those of each detector."""

    name: str
    rule: str
    ends: tuple[Ends | None, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class CutRow:
    """The score had nothing below a score threshold been written."""

    score: float
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Tables:
    """All folded tables of one part of the page."""

    hard: tuple[Hard, ...]
    slices: tuple[SliceRow, ...]
    beta: float
    thresholds: tuple[ThresholdRow, ...]
    lrp: tuple[LrpRow, ...]
    classes: int
    """How many there are; those of which nothing is known have no row in `thresholds` or `lrp`."""
    bands: tuple[BandRow, ...]
    cuts: tuple[CutRow, ...]


def tables(analyses: Sequence[Analysis]) -> Tables:
    """Return the tables of detectors that were analyzed together."""
    return Tables(
        hard=_hard(analyses),
        slices=_slices(analyses),
        beta=analyses[0].operating.beta,
        thresholds=_thresholds(analyses),
        lrp=_lrp(analyses),
        classes=len(analyses[0].evaluation.ground_truth.class_names),
        bands=_bands(analyses),
        cuts=tuple(
            CutRow(score, tuple(each.cuts[score] for each in analyses))
            for score in analyses[0].cuts
        ),
    )


def number(value: float, interval: Interval | None = None) -> Number:
    """Return a number for the page; nothing for NaN and infinity."""
    ends = (interval.low, interval.high) if interval is not None and interval.known else None
    return Number(_finite(value), ends)


def _hard(analyses: Sequence[Analysis]) -> tuple[Hard, ...]:
    return tuple(
        Hard(
            recall.trait.name,
            value,
            int(recall.objects[v]),
            tuple(_recall(each, n, v) for each in analyses),
        )
        for n, recall in enumerate(analyses[0].recalls)
        for v, value in enumerate(recall.trait.values)
        if recall.objects[v]
    )


def _recall(analysis: Analysis, n: int, v: int) -> Number:
    return number(float(analysis.recalls[n].taken[v]), _of(analysis.recall_intervals[n], v))


def _slices(analyses: Sequence[Analysis]) -> tuple[SliceRow, ...]:
    return tuple(
        SliceRow(
            same[0].attribute,
            same[0].value,
            same[0].images,
            same[0].objects,
            tuple(
                SliceCell(
                    _finite(each.score),
                    number(each.difference.estimate, each.difference),
                    _finite(each.p_fdr),
                )
                for each in same
            ),
        )
        for same in zip(*(each.slices for each in analyses), strict=True)
    )


def _thresholds(analyses: Sequence[Analysis]) -> tuple[ThresholdRow, ...]:
    names = analyses[0].evaluation.ground_truth.class_names
    rows = [ThresholdRow("", tuple(_threshold(each, None) for each in analyses))]
    rows += [
        ThresholdRow(name, tuple(_threshold(each, k) for each in analyses))
        for k, name in enumerate(names)
    ]
    return tuple(
        row for row in rows if not row.name or any(cell.score is not None for cell in row.cells)
    )


def _threshold(analysis: Analysis, k: int | None) -> Threshold:
    found, interval = (
        (analysis.operating, _of(analysis.operating_intervals, k))
        if k is not None
        else (analysis.pooled, analysis.pooled_interval)
    )
    place = k or 0
    columns = (
        _finite(float(column[place]))
        for column in (found.threshold, found.chosen, found.precision, found.recall)
    )
    score, chosen, precision, recall = columns
    return Threshold(score, chosen, number(float(found.value[place]), interval), precision, recall)


def _lrp(analyses: Sequence[Analysis]) -> tuple[LrpRow, ...]:
    names = analyses[0].evaluation.ground_truth.class_names
    rows = [
        LrpRow(name, tuple(_lrp_cell(each, k) for each in analyses)) for k, name in enumerate(names)
    ]
    return tuple(
        row for row in rows if any(cell.parts["error"].value is not None for cell in row.cells)
    )


def _lrp_cell(analysis: Analysis, k: int) -> LrpCell:
    intervals = analysis.lrp_class_intervals
    parts = {
        part: number(float(getattr(analysis.lrp, part)[k]), _of(intervals.get(part, ()), k))
        for part in PARTS
    }
    return LrpCell(parts, _finite(float(analysis.lrp.threshold[k])))


def _bands(analyses: Sequence[Analysis]) -> tuple[BandRow, ...]:
    return tuple(
        BandRow(
            same[0].name,
            same[0].rule,
            tuple(
                None if band.low is None or band.high is None else (band.low, band.high)
                for band in same
            ),
            tuple(band.evidence for band in same),
        )
        for same in zip(*(each.bands for each in analyses), strict=True)
    )


def _of(intervals: Sequence[Interval], k: int) -> Interval | None:
    return intervals[k] if intervals else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""Charts: where lines and points of the page's small SVG charts lie; the templates draw them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from detbench.reports.page.claims import representative
from detbench.reports.page.content import Detector, Interval, Part, Timing

WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 16.0, 14.0, 40.0
_LETTER, _LINE = 7.5, 15.0
"""Width of a letter and height of a line of names, at most."""
_LONGEST_NAME = 36


@dataclass(frozen=True)
class Scale:
    """From values to places; `ticks` are values with a line of their own."""

    low: float
    high: float
    first: float
    last: float
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        """Return the place of a value, rounded to hundredths."""
        part = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.first + part * (self.last - self.first), 2)


@dataclass(frozen=True)
class Line:
    """One detector's points, in places; absent values are left out."""

    look: int
    points: tuple[tuple[float, float], ...]
    bars: tuple[tuple[float, float, float], ...]
    """x and both ends of each interval there is."""


@dataclass(frozen=True)
class IouChart:
    """AP over IoU thresholds."""

    x: Scale
    y: Scale
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class SpeedPoint:
    """A detector's time and score; `low` and `high` are the ends of the median's interval, None where not known."""

    detector: Detector
    timing: Timing
    x: float
    y: float
    low: float | None
    high: float | None
    bottom: float | None
    top: float | None
    """Ends of the interval of the score."""
    label_x: float
    label_y: float
    """Left end and base of its name."""
    fronted: bool
    """On the Pareto front of valid times: no other is as fast and scores better, or scores as well and is faster."""

    @property
    def label(self) -> str:
        """The detector's name, and whether its time must not be quoted."""
        name = self.detector.name
        short = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
        return short if self.timing.verdict == "valid" else f"{short} (not valid)"


@dataclass(frozen=True)
class SpeedChart:
    """Score over time."""

    x: Scale
    y: Scale
    points: tuple[SpeedPoint, ...]
    front: tuple[tuple[float, float], ...]


def strip_scale(values: Iterable[float | None], width: float) -> Scale:
    """Return a scale in tenths that holds all values, for a strip of dots."""
    known = [value for value in values if value is not None]
    low = min(math.floor(round(min(known, default=0.0) * 10, 9)) / 10, 0.9)
    high = max(math.ceil(round(max(known, default=1.0) * 10, 9)) / 10, low + 0.1)
    return Scale(low, high, 6.0, width - 6.0, (low, (low + high) / 2, high))


def iou_chart(part: Part) -> IouChart | None:
    """Return AP over IoU, or None where no detector has a value."""
    values = [
        value for detector in part.detectors for value in detector.by_iou if value is not None
    ]
    if not values or len(part.ious) < 2:
        return None
    x = Scale(part.ious[0], part.ious[-1], LEFT, WIDTH - RIGHT, part.ious)
    y = _from_zero(max(values), HEIGHT - BOTTOM, TOP)
    return IouChart(x, y, tuple(_line(each, part.ious, x, y) for each in part.detectors))


def _line(detector: Detector, ious: Sequence[float], x: Scale, y: Scale) -> Line:
    points = tuple(
        (x(iou), y(value))
        for iou, value in zip(ious, detector.by_iou, strict=True)
        if value is not None
    )
    bars = tuple(
        (x(iou), y(ends[0]), y(min(ends[1], y.high)))
        for iou, ends in zip(ious, detector.iou_intervals, strict=True)
        if ends
    )
    return Line(detector.look, points, bars)


def speed_chart(part: Part) -> SpeedChart | None:
    """Return score over time of the detectors whose time is known, or None where there is none."""
    timed = [
        (each, row, value)
        for each in part.detectors
        if (row := representative(each))
        and row.p50_ms is not None
        and (value := each.summary[part.headline]) is not None
    ]
    if not timed:
        return None
    stage = timed[0][1].stage
    timed = [entry for entry in timed if entry[1].stage == stage]
    ends = [
        end
        for _, row, _ in timed
        for end in (row.p50_ms, *(row.p50_interval_ms or ()))
        if end is not None
    ]
    x = _from_zero(max(ends) * 1.15, LEFT, WIDTH - RIGHT)
    y = _around(
        [end for each, _, value in timed for end in (value, *each.intervals.get(part.headline, ()))]
    )
    points = _labelled(
        [
            _speed_point(each, row, value, each.intervals.get(part.headline), x, y, timed)
            for each, row, value in timed
        ]
    )
    front = tuple(sorted((point.x, point.y) for point in points if point.fronted))
    return SpeedChart(x, y, points, front)


def _speed_point(
    detector: Detector,
    row: Timing,
    value: float,
    score_ends: Interval | None,
    x: Scale,
    y: Scale,
    timed: Sequence[tuple[Detector, Timing, float]],
) -> SpeedPoint:
    time = row.p50_ms or 0.0
    rivals = [(other.p50_ms or 0.0, score) for _, other, score in timed if other.verdict == "valid"]
    beaten = row.verdict != "valid" or any(
        t <= time and score >= value and (t < time or score > value) for t, score in rivals
    )
    low, high = (x(end) for end in row.p50_interval_ms) if row.p50_interval_ms else (None, None)
    bottom, top = (y(end) for end in score_ends) if score_ends else (None, None)
    return SpeedPoint(
        detector, row, x(time), y(value), low, high, bottom, top, x(time), y(value), not beaten
    )


def _labelled(points: Sequence[SpeedPoint]) -> tuple[SpeedPoint, ...]:
    """Place the names above their points, or below where one is there already, and inside the chart."""
    taken: list[tuple[float, float, float]] = []
    placed = []
    for point in points:
        width = _LETTER * len(point.label)
        left = round(min(max(point.x - width / 2, LEFT), max(WIDTH - width, LEFT)), 2)
        heights = [point.y + rise for rise in (-11.0, 22.0, -27.0, 38.0)]
        free = [
            y
            for y in heights
            if all(
                abs(y - other) >= _LINE or left > end or left + width < start
                for start, end, other in taken
            )
        ]
        base = round(min(max((free or heights)[0], _LINE), HEIGHT - BOTTOM - 4), 2)
        taken.append((left, left + width, base))
        placed.append(replace(point, label_x=left, label_y=base))
    return tuple(placed)


def _from_zero(most: float, first: float, last: float) -> Scale:
    step = _step(most)
    count = math.ceil(most / step - 1e-9)
    return Scale(0.0, step * count, first, last, tuple(step * n for n in range(count + 1)))


def _around(values: Sequence[float]) -> Scale:
    low, high = math.floor(min(values) * 20) / 20, math.ceil(max(values) * 20 + 1e-9) / 20
    low, high = max(low - 0.05, 0.0), min(high + 0.05, 1.0)
    count = round((high - low) / 0.05)
    stride = max(count // 5, 1)
    return Scale(
        low, high, HEIGHT - BOTTOM, TOP, tuple(low + 0.05 * n for n in range(0, count + 1, stride))
    )


def _step(most: float) -> float:
    """Return 1, 2 or 5 times a power of ten such that four to eight steps reach `most`."""
    power: float = 10.0 ** math.floor(math.log10(most)) if most > 0 else 1.0
    return next(
        (power * factor for factor in (0.1, 0.2, 0.5, 1.0, 2.0) if most / (power * factor) <= 8),
        power,
    )

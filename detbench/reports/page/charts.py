"""Charts: where lines and points of the page's small SVG charts lie; the templates draw them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from detbench.reports.page.claims import representative_timing
from detbench.reports.page.content import Comparison, Detector, Ends, Timing

WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 16.0, 14.0, 40.0
"""Margins around the plotting area."""
_LETTER_WIDTH, _LINE_HEIGHT = 7.5, 15.0
"""Upper bounds for the size of a label's text."""
_LABEL_OFFSETS = (-11.0, 22.0, -27.0, 38.0)
"""Heights of a label relative to its point, in the order in which they are tried."""
_MAX_NAME_LENGTH = 36
_MAX_STEPS = 8
_NOTES = {"quick look": "quick look", "invalid": "not valid"}
_LOOKS = {"quick look": "pale", "invalid": "hollow"}
"""By the verdict on a time."""


@dataclass(frozen=True)
class Scale:
    """A linear map from values to coordinates."""

    low: float
    high: float
    first: float
    """Coordinate of `low`."""
    last: float
    """Coordinate of `high`."""
    ticks: tuple[float, ...]
    """Values with a grid line."""

    def __call__(self, value: float) -> float:
        """Return the coordinate of a value, rounded to hundredths."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.first + share * (self.last - self.first), 2)


@dataclass(frozen=True)
class Line:
    """The points of one detector; absent values are left out."""

    series: int
    points: tuple[tuple[float, float], ...]
    bars: tuple[tuple[float, float, float], ...]
    """x and both ends of each interval."""


@dataclass(frozen=True)
class IouChart:
    """AP over IoU thresholds."""

    x: Scale
    y: Scale
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class SpeedPoint:
    """The time and the score of one detector."""

    detector: Detector
    timing: Timing
    x: float
    y: float
    low: float | None
    high: float | None
    """Ends of the interval of the median time; None if unknown."""
    bottom: float | None
    top: float | None
    """Ends of the interval of the score; None if unknown."""
    label_x: float
    label_y: float
    """Left end and baseline of the label."""
    on_front: bool
    """Whether it is on the Pareto front of times that are not invalid.

    Then no other detector is as fast and scores higher, or is faster and scores as high.
    """

    @property
    def label(self) -> str:
        """The detector's name, shortened, with a note if its time is not simply valid."""
        name = self.detector.name
        if len(name) > _MAX_NAME_LENGTH:
            name = name[: _MAX_NAME_LENGTH - 1] + "…"
        note = _NOTES.get(self.timing.verdict, "")
        return f"{name} ({note})" if note else name

    @property
    def look(self) -> str:
        """The CSS class of its mark, by the verdict on its time."""
        return _LOOKS.get(self.timing.verdict, "")


@dataclass(frozen=True)
class SpeedChart:
    """Score over median time."""

    x: Scale
    y: Scale
    points: tuple[SpeedPoint, ...]
    front: tuple[tuple[float, float], ...]
    """The points of the Pareto front, by time."""


def strip_scale(values: Iterable[float | None], width: float) -> Scale:
    """Return the scale of a strip of dots: whole tenths that hold all values."""
    present = [value for value in values if value is not None]
    low = min(math.floor(round(min(present, default=0.0) * 10, 9)) / 10, 0.9)
    high = max(math.ceil(round(max(present, default=1.0) * 10, 9)) / 10, low + 0.1)
    return Scale(low, high, 6.0, width - 6.0, (low, (low + high) / 2, high))


def iou_chart(comparison: Comparison) -> IouChart | None:
    """Return AP over IoU; None with a single threshold or without any value."""
    detectors, ious = comparison.detectors, comparison.ious
    values = [value for detector in detectors for value in detector.by_iou if value is not None]
    if not values or len(ious) < 2:
        return None
    x = Scale(ious[0], ious[-1], LEFT, WIDTH - RIGHT, ious)
    y = _scale_from_zero(max(values), HEIGHT - BOTTOM, TOP)
    return IouChart(x, y, tuple(_line(detector, ious, x, y) for detector in detectors))


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
    return Line(detector.series, points, bars)


@dataclass(frozen=True)
class _Timed:
    """A detector with the timing that stands for it and its score."""

    detector: Detector
    timing: Timing
    time: float
    score: float
    score_ends: Ends | None


def speed_chart(comparison: Comparison) -> SpeedChart | None:
    """Return score over time of the detectors that were timed at the same stage, if any."""
    timed = _timed(comparison)
    if not timed:
        return None
    time_values = [
        value for row in timed for value in (row.time, *(row.timing.p50_interval_ms or ()))
    ]
    scores = [value for row in timed for value in (row.score, *(row.score_ends or ()))]
    x = _scale_from_zero(max(time_values) * 1.15, LEFT, WIDTH - RIGHT)
    y = _scale_around(scores)
    points = _with_labels([_speed_point(row, timed, x, y) for row in timed])
    front = tuple(sorted((point.x, point.y) for point in points if point.on_front))
    return SpeedChart(x, y, points, front)


def _timed(comparison: Comparison) -> list[_Timed]:
    timed = []
    for detector in comparison.detectors:
        timing = representative_timing(detector)
        score = detector.summary[comparison.headline]
        if timing is None or timing.p50_ms is None or score is None:
            continue
        ends = detector.intervals.get(comparison.headline)
        timed.append(_Timed(detector, timing, timing.p50_ms, score, ends))
    return [row for row in timed if row.timing.stage == timed[0].timing.stage]


def _speed_point(row: _Timed, timed: Sequence[_Timed], x: Scale, y: Scale) -> SpeedPoint:
    is_beaten = any(
        rival.time <= row.time
        and rival.score >= row.score
        and (rival.time < row.time or rival.score > row.score)
        for rival in timed
        if rival.timing.verdict != "invalid"
    )
    times = row.timing.p50_interval_ms
    low, high = (x(end) for end in times) if times else (None, None)
    bottom, top = (y(end) for end in row.score_ends) if row.score_ends else (None, None)
    return SpeedPoint(
        detector=row.detector,
        timing=row.timing,
        x=x(row.time),
        y=y(row.score),
        low=low,
        high=high,
        bottom=bottom,
        top=top,
        label_x=x(row.time),
        label_y=y(row.score),
        on_front=row.timing.verdict != "invalid" and not is_beaten,
    )


def _with_labels(points: Sequence[SpeedPoint]) -> tuple[SpeedPoint, ...]:
    """Place each label above its point, or below it if that overlaps another label."""
    placed: list[SpeedPoint] = []
    spans: list[tuple[float, float, float]] = []
    for point in points:
        width = _LETTER_WIDTH * len(point.label)
        left = round(min(max(point.x - width / 2, LEFT), max(WIDTH - width, LEFT)), 2)
        candidates = [point.y + offset for offset in _LABEL_OFFSETS]
        free = [
            height
            for height in candidates
            if all(
                abs(height - other) >= _LINE_HEIGHT or left > end or left + width < start
                for start, end, other in spans
            )
        ]
        baseline = min(max((free or candidates)[0], _LINE_HEIGHT), HEIGHT - BOTTOM - 4)
        baseline = round(baseline, 2)
        spans.append((left, left + width, baseline))
        placed.append(replace(point, label_x=left, label_y=baseline))
    return tuple(placed)


def _scale_from_zero(highest: float, first: float, last: float) -> Scale:
    step = _round_step(highest)
    count = math.ceil(highest / step - 1e-9)
    return Scale(0.0, step * count, first, last, tuple(step * n for n in range(count + 1)))


def _scale_around(scores: Sequence[float]) -> Scale:
    """Return a vertical scale in steps of .05 that holds all scores with a margin."""
    low = math.floor(min(scores) * 20) / 20
    high = math.ceil(max(scores) * 20 + 1e-9) / 20
    low, high = max(low - 0.05, 0.0), min(high + 0.05, 1.0)
    count = round((high - low) / 0.05)
    stride = max(count // 5, 1)
    ticks = tuple(low + 0.05 * n for n in range(0, count + 1, stride))
    return Scale(low, high, HEIGHT - BOTTOM, TOP, ticks)


def _round_step(highest: float) -> float:
    """Return 1, 2 or 5 times a power of ten, so that at most eight steps reach `highest`."""
    power: float = 10.0 ** math.floor(math.log10(highest)) if highest > 0 else 1.0
    steps = (power * factor for factor in (0.1, 0.2, 0.5, 1.0, 2.0))
    return next((step for step in steps if highest / step <= _MAX_STEPS), power)

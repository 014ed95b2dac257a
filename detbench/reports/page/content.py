"""Content: everything the page shows, as frozen plain values, before it is made into HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from detbench.reports.page.error_analysis import Why

Interval = tuple[float, float]
"""Lower and upper end."""


@dataclass(frozen=True)
class OperatingPoint:
    """The score threshold of the best F1, and what is reached there."""

    score: float
    f1: float
    precision: float
    recall: float


@dataclass(frozen=True)
class ClassRow:
    """One class of one detector."""

    measures: dict[str, float | None]
    """AP first; as in the record."""
    intervals: dict[str, Interval]
    """Of those measures that have one, at 95 %."""
    detections: int
    best: OperatingPoint | None


@dataclass(frozen=True)
class Timing:
    """One row of a latency summary in milliseconds; the interval is the median's."""

    stage: str
    batch: int
    scenario: str
    p50_ms: float | None = None
    p50_interval_ms: Interval | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    throughput_per_s: float | None = None
    samples: int = 0
    verdict: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detector:
    """One run."""

    name: str
    look: int
    """Which colour, dash and marker it has everywhere on the page."""
    summary: dict[str, float | None]
    intervals: dict[str, Interval]
    """Of those measures of the summary that have one, at 95 %."""
    rank: str
    """Its place by the headline measure, or from where to where it may be; empty where that is not known."""
    detections: int
    best: OperatingPoint | None
    """Of all boxes of all classes together."""
    classes: tuple[ClassRow, ...]
    by_iou: tuple[float | None, ...]
    iou_intervals: tuple[Interval | None, ...]
    by_size: tuple[float | None, ...]
    size_intervals: tuple[Interval | None, ...]
    timings: tuple[Timing, ...]
    suspicions: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    """Labels and values of what is this run's own, in the order shown."""
    command: str
    """What made the run; empty where the record does not say."""


@dataclass(frozen=True)
class Pair:
    """What the images say of two detectors, `better` and `worse` by the headline measure: the places of both."""

    better: int
    worse: int
    points: float
    """Hundredths of the measure."""
    interval: Interval | None
    """In points."""
    p: float | None
    """Corrected for the number of pairs."""
    told_apart: bool


@dataclass(frozen=True)
class ClassPair:
    """AP of a detector less that of the reference in one class, in points: hundredths of AP."""

    points: float | None
    interval: Interval | None
    """In points."""
    told_apart: bool
    """Corrected for the number of classes."""


@dataclass(frozen=True)
class ClassName:
    """One class of the ground truth."""

    name: str
    objects: int


@dataclass(frozen=True)
class SizeRange:
    """An area range and the objects in it."""

    name: str
    objects: int
    limits: str
    """In pixels, for people."""


@dataclass(frozen=True)
class DrawnBox:
    """A box over a thumbnail, in pixels of the original image."""

    x: float
    y: float
    width: float
    height: float
    role: str
    """What became of it, as `detbench.reports.example_images.Box.outcome`."""
    look: int | None
    """Of the detector; None for ground truth."""
    label: str


@dataclass(frozen=True)
class Picture:
    """One image of the gallery."""

    image_id: str
    kinds: tuple[str, ...]
    """Of missed, false, badly placed and disagreement those that it shows, that of the first words first."""
    sentence: str
    alt: str
    thumbnail: str
    """A data URI."""
    width: float
    height: float
    """Of the original image, in whose pixels the boxes are."""
    boxes: tuple[DrawnBox, ...]
    detectors: tuple[int, ...]
    """Places of the detectors that it tells something about."""
    classes: tuple[int, ...]
    """Places of the classes that it tells something about."""


@dataclass(frozen=True)
class Part:
    """Runs on the same data under the same protocol, which may stand in one table."""

    key: str
    heading: str
    """Data and protocol in a line."""
    dataset: str
    images: int
    groups: int | None
    """In how many groups images are drawn; None where each is by itself."""
    objects: int
    protocol: str
    headline: str
    """The measure that decides the order."""
    detectors: tuple[Detector, ...]
    pairs: tuple[Pair, ...]
    """Empty where the images were not asked."""
    reference: int | None
    """The place of the detector that `class_pairs` refers to."""
    class_pairs: dict[int, tuple[ClassPair, ...]]
    """By the place of each other detector: one for each class."""
    classes: tuple[ClassName, ...]
    sizes: tuple[SizeRange, ...]
    ious: tuple[float, ...]
    plotted_iou: float
    explorer: dict[str, Any]
    """What the curve explorer reads, JSON-ready."""
    claims: tuple[str, ...]
    why: Why
    gallery: tuple[Picture, ...]
    gallery_note: str
    provenance: tuple[tuple[str, str], ...]
    """Of dataset and protocol, and what all runs have in common."""

    @property
    def pictured_kinds(self) -> tuple[str, ...]:
        """What there is to see in the gallery."""
        return tuple(dict.fromkeys(kind for picture in self.gallery for kind in picture.kinds))

    @property
    def pictured_classes(self) -> tuple[int, ...]:
        """Places of the classes that the gallery tells something about."""
        return tuple(sorted({k for picture in self.gallery for k in picture.classes}))

    @property
    def any_interval(self) -> bool:
        """Whether a score on the page has an interval."""
        return any(
            each.intervals
            or any(each.iou_intervals)
            or any(each.size_intervals)
            or any(row.intervals for row in each.classes)
            for each in self.detectors
        )

    @property
    def without_objects(self) -> tuple[str, ...]:
        """The classes that have nothing to find and are left out of every mean."""
        return tuple(each.name for each in self.classes if not each.objects)


@dataclass(frozen=True)
class Content:
    """The whole page."""

    title: str
    parts: tuple[Part, ...]
    notices: tuple[str, ...]
    command: str
    """What builds this page again."""
    version: str

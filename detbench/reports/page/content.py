"""Content: everything that the page shows, as frozen plain values, before it is made into HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from detbench.reports.page.error_analysis import ErrorAnalysis

Ends = tuple[float, float]
"""Lower and upper end of an interval."""


@dataclass(frozen=True)
class BestF1:
    """The score threshold of the best F1, and the values there."""

    score: float
    f1: float
    precision: float
    recall: float


@dataclass(frozen=True)
class ClassRow:
    """One class of one detector."""

    measures: dict[str, float | None]
    """AP first; as in the record."""
    intervals: dict[str, Ends]
    """The 95% confidence intervals of those measures that have one."""
    detections: int
    best: BestF1 | None


@dataclass(frozen=True)
class Timing:
    """One row of a latency summary, times in milliseconds; the interval is the median's.

    The verdict is "valid", "quick look" (one process, whose interval does not cover how much
    processes differ) or "invalid".
    """

    stage: str
    batch: int
    scenario: str
    p50_ms: float | None = None
    p50_interval_ms: Ends | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    throughput_per_s: float | None = None
    samples: int = 0
    processes: int = 0
    process_p50_ms: tuple[float, ...] = ()
    verdict: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detector:
    """One run."""

    name: str
    series: int
    """Index of its color, dash and marker, the same everywhere on the page."""
    summary: dict[str, float | None]
    intervals: dict[str, Ends]
    """The 95% confidence intervals of those measures of the summary that have one."""
    with_intervals: bool
    """Whether intervals were computed."""
    rank: str
    """Its rank by the headline measure, or a range of ranks; empty if unknown."""
    detections: int
    best: BestF1 | None
    """Over all boxes of all classes."""
    classes: tuple[ClassRow, ...]
    by_iou: tuple[float | None, ...]
    iou_intervals: tuple[Ends | None, ...]
    by_size: tuple[float | None, ...]
    size_intervals: tuple[Ends | None, ...]
    timings: tuple[Timing, ...]
    suspicions: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    """Labels and values that are this run's own, in the order shown."""
    command: str
    """The command that made the run; empty if the record has none."""


@dataclass(frozen=True)
class PairRow:
    """The difference between two detectors, given by their positions on the page."""

    better: int
    """The one with the higher headline measure."""
    worse: int
    points: float
    """Hundredths of the measure."""
    interval: Ends | None
    """In points."""
    p: float | None
    """Corrected for the number of pairs."""
    significant: bool


@dataclass(frozen=True)
class ClassPairCell:
    """AP of a detector minus AP of the reference in one class."""

    points: float | None
    """Hundredths of AP."""
    interval: Ends | None
    """In points."""
    significant: bool
    """After correction for the number of classes."""


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
    """For people, in pixels."""


@dataclass(frozen=True)
class DrawnBox:
    """A box over a thumbnail, in pixels of the original image."""

    x: float
    y: float
    width: float
    height: float
    outcome: str
    """As `detbench.reports.example_images.Box.outcome`."""
    series: int | None
    """Of its detector; None for ground truth."""
    label: str


@dataclass(frozen=True)
class ExampleCard:
    """One example image of the gallery."""

    image_id: str
    kinds: tuple[str, ...]
    """The kinds of mistakes that it shows: missed, false, misplaced or disagreement.

    The first is the kind of the mistake that its sentence begins with.
    """
    sentence: str
    alt: str
    thumbnail: str
    """A data URI."""
    width: float
    height: float
    """Of the original image, in whose pixels the boxes are."""
    boxes: tuple[DrawnBox, ...]
    detectors: tuple[int, ...]
    """Positions of the detectors whose mistakes it shows."""
    classes: tuple[int, ...]
    """Positions of the classes of these mistakes."""


@dataclass(frozen=True)
class Comparison:
    """Runs on the same data under the same protocol, which may stand in one table."""

    key: str
    heading: str
    """Data and protocol in one line."""
    dataset: str
    images: int
    groups: int | None
    """Number of groups of images; None if images are not grouped."""
    objects: int
    protocol: str
    changed_switches: str
    """The switches that differ from the named protocol; empty if none does."""
    headline: str
    """The measure that decides the order."""
    detectors: tuple[Detector, ...]
    pairs: tuple[PairRow, ...]
    """Empty without intervals."""
    reference: int | None
    """Position of the detector that `class_pairs` refers to."""
    class_pairs: dict[int, tuple[ClassPairCell, ...]]
    """By position of each other detector: one for each class."""
    classes: tuple[ClassName, ...]
    sizes: tuple[SizeRange, ...]
    ious: tuple[float, ...]
    plotted_iou: float
    explorer: dict[str, Any]
    """The data of the curve explorer, JSON-ready."""
    claims: tuple[str, ...]
    error_analysis: ErrorAnalysis
    gallery: tuple[ExampleCard, ...]
    gallery_note: str
    provenance: tuple[tuple[str, str], ...]
    """Of dataset and protocol, and what all runs have in common."""

    @property
    def example_kinds(self) -> tuple[str, ...]:
        """The kinds of mistakes in the gallery."""
        return tuple(dict.fromkeys(kind for card in self.gallery for kind in card.kinds))

    @property
    def example_classes(self) -> tuple[int, ...]:
        """Positions of the classes of the mistakes in the gallery."""
        return tuple(sorted({k for card in self.gallery for k in card.classes}))

    @property
    def any_interval(self) -> bool:
        """Whether a score on the page has an interval."""
        return any(
            detector.intervals
            or any(detector.iou_intervals)
            or any(detector.size_intervals)
            or any(row.intervals for row in detector.classes)
            for detector in self.detectors
        )

    @property
    def missing_in_summary(self) -> bool:
        """Whether a score of the summary has no interval, although intervals were computed."""
        return any(
            _lacks_interval(detector.summary, detector.intervals)
            for detector in self.detectors
            if detector.with_intervals
        )

    @property
    def missing_in_classes(self) -> bool:
        """Whether a score of a class has no interval, although intervals were computed."""
        return any(
            _lacks_interval(row.measures, row.intervals)
            for detector in self.detectors
            if detector.with_intervals
            for row in detector.classes
        )

    @property
    def missing_in_conditions(self) -> bool:
        """Whether a score by IoU or size has no interval, although intervals were computed."""
        return any(
            value is not None and interval is None
            for detector in self.detectors
            if detector.with_intervals
            for value, interval in (
                *zip(detector.by_iou, detector.iou_intervals, strict=True),
                *zip(detector.by_size, detector.size_intervals, strict=True),
            )
        )

    @property
    def without_objects(self) -> tuple[str, ...]:
        """The classes without ground truth, which every mean leaves out."""
        return tuple(row.name for row in self.classes if not row.objects)


@dataclass(frozen=True)
class Content:
    """The whole page."""

    title: str
    comparisons: tuple[Comparison, ...]
    notices: tuple[str, ...]
    command: str
    """Rebuilds this page."""
    version: str


def _lacks_interval(values: dict[str, float | None], intervals: dict[str, Ends]) -> bool:
    return any(value is not None and name not in intervals for name, value in values.items())

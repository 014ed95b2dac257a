"""Protocol: every switch of an evaluation by name, and the published protocols as values of it.

Sources: COCO as in pycocotools 2.0.11 (`COCOeval.evaluateImg`, `accumulate`, `summarize`); VOC 2007 as `VOCevaldet.m` of the
VOC 2007 devkit, VOC 2012 as that of the 2012 devkit. What differs from them on purpose is numbered in `docs/protocols.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from detbench.errors import DetbenchError

MOST_THRESHOLDS = 32
"""IoU thresholds in one protocol: one bit each in a detection's match mask."""
MOST_AREA_RANGES = 8
"""Area ranges in one protocol: one bit each in a detection's range flags."""

MOST_DETECTIONS = 2**31 - 1
"""The largest limit of detections per image and class; without one, a protocol names none."""


@dataclass(frozen=True)
class AreaRange:
    """Objects of `low <= area <= high` square pixels, both ends included."""

    name: str
    low: float
    high: float


ALL_AREAS = AreaRange("all", -math.inf, math.inf)
COCO_AREAS = (
    AreaRange("all", 0.0, 1e5**2),
    AreaRange("small", 0.0, 32.0**2),
    AreaRange("medium", 32.0**2, 96.0**2),
    AreaRange("large", 96.0**2, 1e5**2),
)
COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""pycocotools' own grid: some values differ by an ulp from the written decimals."""
COCO_RECALLS = tuple(np.linspace(0.0, 1.0, 101).tolist())
VOC_RECALLS = tuple(np.arange(0.0, 1.1, 0.1).tolist())
"""The devkit's `0:0.1:1` with its rounding (0.30000000000000004)."""


@dataclass(frozen=True)
class Measure:
    """One number of a summary: the mean over classes (and IoU thresholds, unless one is named) of AP or of recall."""

    name: str
    kind: Literal["AP", "AR"] = "AP"
    iou: float | None = None
    area: str = "all"
    max_detections: int | None = None
    """None: the protocol's largest."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How detections are matched with ground truth and turned into numbers. Change a switch with `dataclasses.replace`."""

    name: str
    iou_thresholds: tuple[float, ...]
    """Rising, in (0, 1]."""
    strict_overlap: bool = False
    """True: a match needs IoU > threshold, as in the widespread Python port of the devkit; False: IoU >= threshold."""
    plus_one: bool = True
    """True: a box is as wide as its continuous edges say, which for VOC's inclusive pixels is xmax − xmin + 1.
    False: one pixel less in both directions (xmax − xmin), the common slip with VOC boxes."""
    assignment: Literal["best_available", "best_overall"] = "best_available"
    """`best_available` (COCO): the best-overlapping ground truth not yet matched, regular ones before ignored ones, the later on a tie.
    `best_overall` (VOC): the best-overlapping ground truth, the first on a tie; if it is taken, the detection is a false positive."""
    difficult: Literal["ignore", "count", "drop"] = "count"
    """VOC's difficult objects: neither reward nor punish, treat as any object, or leave out as if unlabelled."""
    crowd: Literal["region", "ignore", "count", "drop"] = "region"
    """COCO's crowd objects: `region` absorbs any number of detections by intersection / detection area; the others as `difficult`."""
    interpolation: Literal["sampled", "area"] = "sampled"
    """`sampled`: mean of the interpolated precision at `recall_grid`; `area`: area under the interpolated curve."""
    recall_grid: tuple[float, ...] = COCO_RECALLS
    """Rising, in 0..1 up to rounding; not used by `area`."""
    precision_epsilon: float = float(np.spacing(1))
    """Added to tp + fp below tp: pycocotools' guard against 0 / 0; 0 in VOC."""
    pooled_mean: bool = True
    """True: AP is the mean of all sampled precisions at once (pycocotools); False: per class first (devkit). The same up to rounding."""
    area_ranges: tuple[AreaRange, ...] = (ALL_AREAS,)
    """The first one is the range of the measures that name none."""
    max_detections: tuple[int, ...] = ()
    """Rising numbers of detections per image and class, best first; empty: all."""
    score_ties: Literal["image", "source"] = "image"
    """Among equal scores, the order of images and then of rows (pycocotools), or the order of the source file (devkit)."""
    measures: tuple[Measure, ...] = (Measure("mAP"),)
    """The summary."""

    def __post_init__(self) -> None:
        def require(condition: bool, problem: str) -> None:
            if not condition:
                raise DetbenchError(f"protocol {self.name!r}: {problem}")

        thresholds, grid = np.asarray(self.iou_thresholds), np.asarray(self.recall_grid)
        require(
            0 < len(thresholds) <= MOST_THRESHOLDS,
            f"needs 1 to {MOST_THRESHOLDS} IoU thresholds, got {len(thresholds)}",
        )
        require(
            bool((thresholds > 0).all() and (thresholds <= 1).all()),
            "IoU thresholds must lie in (0, 1]",
        )
        require(bool((np.diff(thresholds) > 0).all()), "IoU thresholds must rise, each named once")
        require(
            0 < len(self.area_ranges) <= MOST_AREA_RANGES,
            f"needs 1 to {MOST_AREA_RANGES} area ranges",
        )
        limits = (0, *self.max_detections)
        rising = limits == tuple(sorted(set(limits))) and limits[-1] <= MOST_DETECTIONS
        require(
            rising,
            f"max_detections must rise from 1 to {MOST_DETECTIONS:,} at most, each named once",
        )
        if self.interpolation == "sampled":
            require(
                len(grid) > 0 and bool((np.diff(grid) > 0).all()),
                "the recall grid must rise and not be empty",
            )
        for measure in self.measures:
            require(
                measure.area in {area.name for area in self.area_ranges},
                f"{measure.name} names an unknown area range",
            )
            require(
                measure.max_detections in {None, *self.max_detections},
                f"{measure.name} names an unknown max_detections",
            )

    @property
    def changed(self) -> dict[str, Any]:
        """The switches that differ from the published protocol of this name; empty for that one itself and for names of one's own."""
        published = PROTOCOLS.get(self.name, self)
        switches = [field.name for field in fields(self) if field.name not in {"name", "measures"}]
        return {
            name: getattr(self, name)
            for name in switches
            if getattr(self, name) != getattr(published, name)
        }

    def measure(self, name: str) -> Measure:
        """Return the measure of this name; DetbenchError lists the names when there is none."""
        for measure in self.measures:
            if measure.name == name:
                return measure
        known = ", ".join(measure.name for measure in self.measures)
        raise DetbenchError(
            f"protocol {self.name!r} has no measure {name!r}; choose one of {known}"
        )

    def with_thresholds(self, iou_thresholds: tuple[float, ...]) -> Protocol:
        """Return this protocol with other IoU thresholds; measures at a threshold that is gone stay and are None."""
        return replace(self, iou_thresholds=tuple(sorted(iou_thresholds)))

    def with_max_detections(self, max_detections: tuple[int, ...]) -> Protocol:
        """Return this protocol with other limits; the recalls by limit (AR1, AR10, AR100) become those of the new ones."""
        limits = tuple(sorted(max_detections))
        by_limit = [
            n for n, measure in enumerate(self.measures) if measure.max_detections is not None
        ]
        if not by_limit:
            return replace(self, max_detections=limits)
        kind = self.measures[by_limit[0]].kind
        new = tuple(Measure(f"{kind}{limit}", kind, max_detections=limit) for limit in limits)
        before = tuple(measure for measure in self.measures[: by_limit[0]])
        after = tuple(
            measure for measure in self.measures[by_limit[0] :] if measure.max_detections is None
        )
        return replace(self, max_detections=limits, measures=(*before, *new, *after))


_MOST = 100
COCO = Protocol(
    name="coco",
    iou_thresholds=COCO_THRESHOLDS,
    area_ranges=COCO_AREAS,
    max_detections=(1, 10, _MOST),
    measures=(
        Measure("AP"),
        Measure("AP50", iou=0.5),
        Measure("AP75", iou=0.75),
        Measure("APs", area="small"),
        Measure("APm", area="medium"),
        Measure("APl", area="large"),
        Measure("AR1", "AR", max_detections=1),
        Measure("AR10", "AR", max_detections=10),
        Measure("AR100", "AR", max_detections=_MOST),
        Measure("ARs", "AR", area="small"),
        Measure("ARm", "AR", area="medium"),
        Measure("ARl", "AR", area="large"),
    ),
)
VOC2007 = Protocol(
    name="voc2007",
    iou_thresholds=(0.5,),
    assignment="best_overall",
    difficult="ignore",
    crowd="ignore",
    recall_grid=VOC_RECALLS,
    precision_epsilon=0.0,
    pooled_mean=False,
    score_ties="source",
)
VOC2012 = replace(VOC2007, name="voc2012", interpolation="area", recall_grid=())

PROTOCOLS = {protocol.name: protocol for protocol in (COCO, VOC2007, VOC2012)}


def protocol_named(name: str) -> Protocol:
    """Return a published protocol; DetbenchError lists the names when there is none of this name."""
    if name not in PROTOCOLS:
        raise DetbenchError(f"there is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]

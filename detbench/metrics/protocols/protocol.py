"""Protocol: every rule of an evaluation as a named switch.

The published protocols are values of this type: `coco.py`, `voc.py`, and `table.py` for all of
them. Where they differ from the reference implementations on purpose is numbered in
`docs/protocols.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detbench.errors import DetbenchError

MAX_IOU_THRESHOLDS = 32
"""Maximum number of IoU thresholds: each is one bit of a detection's match mask."""
MAX_AREA_RANGES = 8
"""Maximum number of area ranges: each is one bit of an object's range flags."""
MAX_LIMIT = 2**31 - 1
"""Largest limit of detections per image and class."""

RECALLS_101 = tuple(np.linspace(0.0, 1.0, 101).tolist())
"""0, 0.01, …, 1 as pycocotools computes them."""


@dataclass(frozen=True)
class AreaRange:
    """Objects of `low <= area <= high` square pixels, both ends included."""

    name: str
    low: float
    high: float


ALL_AREAS = AreaRange("all", -math.inf, math.inf)


@dataclass(frozen=True)
class Measure:
    """One number of a summary: AP or recall, averaged over classes and IoU thresholds."""

    name: str
    kind: Literal["AP", "AR"] = "AP"
    iou: float | None = None
    """One IoU threshold; None: the mean over all thresholds of the protocol."""
    area: str = "all"
    """The name of one of the protocol's area ranges."""
    max_detections: int | None = None
    """One of the protocol's limits; None: the largest."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How detections are matched with objects and turned into numbers.

    Change a switch with `dataclasses.replace`.
    """

    name: str
    iou_thresholds: tuple[float, ...]
    """Rising, in (0, 1]."""
    strict_overlap: bool = False
    """Whether a match needs IoU > threshold, as in the widespread Python port of the VOC devkit,
    and not IoU >= threshold."""
    plus_one: bool = True
    """Whether a box is as wide as its continuous edges say. For VOC's inclusive pixels that is
    xmax − xmin + 1. False: one pixel less in both directions (xmax − xmin), a common mistake."""
    assignment: Literal["best_available", "best_overall"] = "best_available"
    """Which object a detection is matched with.

    `best_available` (COCO): the best-overlapping object that is not matched yet; regular objects
    before ignored ones, the later one on a tie.
    `best_overall` (VOC): the best-overlapping object, the first one on a tie; if it is matched
    already, the detection is a false positive."""
    difficult: Literal["ignore", "count", "drop"] = "count"
    """The rule on VOC's difficult objects: finding them is neither rewarded nor punished
    (`ignore`), they are objects like any other (`count`), or as if not annotated (`drop`)."""
    crowd: Literal["region", "ignore", "count", "drop"] = "region"
    """The rule on COCO's crowd objects. `region`: a crowd absorbs any number of detections, by
    intersection / detection area. The other values are those of `difficult`."""
    interpolation: Literal["sampled", "area"] = "sampled"
    """How AP is computed. `sampled`: mean of the interpolated precision at `recall_grid`. `area`:
    area under the interpolated curve."""
    recall_grid: tuple[float, ...] = RECALLS_101
    """Recalls of the `sampled` interpolation: rising, in 0..1 up to rounding."""
    precision_epsilon: float = float(np.spacing(1))
    """Added to the denominator of precision: pycocotools' guard against 0 / 0; 0 in VOC."""
    pooled_mean: bool = True
    """Whether AP is the mean of all sampled precisions at once, as in pycocotools, and not of the
    classes' APs, as in the devkit. The two are the same up to rounding."""
    area_ranges: tuple[AreaRange, ...] = (ALL_AREAS,)
    """The first one is that of measures without an area range of their own."""
    max_detections: tuple[int, ...] = ()
    """Limits of detections per image and class, best first: rising; empty for no limit."""
    score_ties: Literal["image", "source"] = "image"
    """Order of equal scores: that of images and then rows, as in pycocotools, or that of the
    source file, as in the devkit."""
    measures: tuple[Measure, ...] = (Measure("mAP"),)
    """The summary; the first measure is the headline."""

    def __post_init__(self) -> None:
        self._check_thresholds()
        self._check_limits()
        self._check_measures()

    def _check_thresholds(self) -> None:
        thresholds, grid = np.asarray(self.iou_thresholds), np.asarray(self.recall_grid)
        self._require(
            0 < len(thresholds) <= MAX_IOU_THRESHOLDS,
            f"needs 1 to {MAX_IOU_THRESHOLDS} IoU thresholds, got {len(thresholds)}",
        )
        in_range = bool((thresholds > 0).all() and (thresholds <= 1).all())
        self._require(in_range, "IoU thresholds must lie in (0, 1]")
        rising = bool((np.diff(thresholds) > 0).all())
        self._require(rising, "IoU thresholds must rise, each given once")
        if self.interpolation == "sampled":
            self._require(
                len(grid) > 0 and bool((np.diff(grid) > 0).all()),
                "the recall grid must rise and not be empty",
            )

    def _check_limits(self) -> None:
        self._require(
            0 < len(self.area_ranges) <= MAX_AREA_RANGES,
            f"needs 1 to {MAX_AREA_RANGES} area ranges, got {len(self.area_ranges)}",
        )
        limits = (0, *self.max_detections)
        rising = limits == tuple(sorted(set(limits))) and limits[-1] <= MAX_LIMIT
        self._require(
            rising, f"max_detections must rise within 1 to {MAX_LIMIT:,}, each limit given once"
        )

    def _check_measures(self) -> None:
        area_names = {area.name for area in self.area_ranges}
        for measure in self.measures:
            self._require(
                measure.area in area_names,
                f"{measure.name} has the unknown area range {measure.area!r}",
            )
            self._require(
                measure.max_detections in {None, *self.max_detections},
                f"{measure.name} has the unknown max_detections {measure.max_detections}",
            )

    def _require(self, condition: bool, problem: str) -> None:
        if not condition:
            raise DetbenchError(f"protocol {self.name!r}: {problem}")

    def measure(self, name: str) -> Measure:
        """Return the measure of this name.

        Raises:
            DetbenchError: the protocol has no such measure.
        """
        for measure in self.measures:
            if measure.name == name:
                return measure
        names = ", ".join(measure.name for measure in self.measures)
        raise DetbenchError(
            f"protocol {self.name!r} has no measure {name!r}; choose one of {names}"
        )

    def with_thresholds(self, iou_thresholds: tuple[float, ...]) -> Protocol:
        """Return this protocol with other IoU thresholds.

        Measures at a threshold that the protocol no longer has stay, and their value is None.
        """
        return replace(self, iou_thresholds=tuple(sorted(iou_thresholds)))

    def with_max_detections(self, max_detections: tuple[int, ...]) -> Protocol:
        """Return this protocol with other limits.

        The measures by limit (AR1, AR10, AR100) become those of the new limits.
        """
        limits = tuple(sorted(max_detections))
        by_limit = [measure for measure in self.measures if measure.max_detections is not None]
        if not by_limit:
            return replace(self, max_detections=limits)
        kind, position = by_limit[0].kind, self.measures.index(by_limit[0])
        new = (Measure(f"{kind}{limit}", kind, max_detections=limit) for limit in limits)
        after = (measure for measure in self.measures[position:] if measure not in by_limit)
        measures = (*self.measures[:position], *new, *after)
        return replace(self, max_detections=limits, measures=measures)

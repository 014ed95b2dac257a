"""Columns: the named tuples of arrays in which kernels receive objects, detections and rules."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

REGULAR, IGNORED, REGION, DROPPED = 0, 1, 2, 3
"""Kinds of objects.

REGULAR: detectors must find it. IGNORED: finding it is neither rewarded nor punished.
REGION: a crowd region, which absorbs any number of detections. DROPPED: left out of the scoring as
if it were not annotated.
"""


class DetectionColumns(NamedTuple):
    """N detections in K classes."""

    offsets: NDArray[np.int64]
    """(K + 1,) class k has the entries `offsets[k]:offsets[k + 1]` of `rows`."""
    rows: NDArray[np.int32]
    """(N,) rows of the other columns, by class; within a class in the order that breaks ties."""
    images: NDArray[np.int32]
    """(N,) index of the image."""
    scores: NDArray[np.float64]
    """(N,)"""
    boxes: NDArray[np.float64]
    """(N, 4) x1, y1, x2, y2."""
    areas: NDArray[np.float64]
    """(N,) width · height."""


class GroundTruthColumns(NamedTuple):
    """G annotated objects in K classes, by class and then by image."""

    offsets: NDArray[np.int64]
    """(K + 1,) class k has the objects `offsets[k]:offsets[k + 1]`."""
    images: NDArray[np.int32]
    """(G,) index of the image."""
    boxes: NDArray[np.float64]
    """(G, 4) x1, y1, x2, y2."""
    areas: NDArray[np.float64]
    """(G,) width · height."""
    kinds: NDArray[np.uint8]
    """(G,) REGULAR, IGNORED or REGION."""
    in_range: NDArray[np.uint8]
    """(G,) bit a is set if the object's area lies in area range a."""


class Rules(NamedTuple):
    """The switches of a protocol: T IoU thresholds, R recalls, A area ranges, M limits."""

    thresholds: NDArray[np.float64]
    """(T,) rising."""
    recall_grid: NDArray[np.float64]
    """(R,) rising."""
    range_limits: NDArray[np.float64]
    """(A, 2) smallest and largest area."""
    max_detections: NDArray[np.int64]
    """(M,) limits of detections per image and class, rising."""
    images: int
    """Number of images in the dataset."""
    epsilon: float
    """Added to the denominator of precision."""
    shrink: float
    """Pixels by which widths and heights are reduced."""
    strict: bool
    """A match needs IoU > threshold, not IoU >= threshold."""
    best_available: bool
    """COCO's assignment; otherwise VOC's."""
    by_area: bool
    """Compute the area under the precision-recall curve."""


class ScoreColumns(NamedTuple):
    """The outputs of scoring: the arrays of `Evaluation` and `Matches`."""

    rows: NDArray[np.int32]
    """(N,) rows of detections by class and falling score."""
    hits: NDArray[Any]
    """(A, N) bit t is set for a hit on a regular object at threshold t."""
    ignored: NDArray[Any]
    """(A, N) bit t is set if the detection does not count at threshold t."""
    precision: NDArray[np.float64]
    """(K, A, M, T, R)"""
    score_at: NDArray[np.float64]
    """(K, A, M, T, R)"""
    recall: NDArray[np.float64]
    """(K, A, M, T)"""
    area_under_curve: NDArray[np.float64]
    """(K, A, M, T)"""
    counts: NDArray[np.int64]
    """(K, A, T, 4) true positives, false positives, ignored detections, positives."""

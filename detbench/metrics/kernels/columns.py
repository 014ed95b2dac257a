"""The columns and rules that the kernels share, as named tuples of arrays: what numba can pass around."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

REGULAR, IGNORED, REGION, DROPPED = 0, 1, 2, 3
"""Kinds of ground truth: to be found; neither reward nor punishment; a crowd region that absorbs any number of detections; left out as if
unlabelled."""


class DetectionColumns(NamedTuple):
    """N detections in K classes."""

    offsets: NDArray[np.int64]
    """(K + 1,) first place of each class in `rows`."""
    rows: NDArray[np.int32]
    """(N,) rows of the other columns by class, inside a class in the order in which ties are broken."""
    images: NDArray[np.int32]
    """(N,) image of each row."""
    scores: NDArray[np.float64]
    """(N,)"""
    boxes: NDArray[np.float64]
    """(N, 4) x1, y1, x2, y2."""
    areas: NDArray[np.float64]
    """(N,) width · height."""


class TruthColumns(NamedTuple):
    """G ground truths by class, images in order inside a class."""

    offsets: NDArray[np.int64]
    """(K + 1,) first ground truth of each class."""
    images: NDArray[np.int32]
    """(G,)"""
    boxes: NDArray[np.float64]
    """(G, 4) x1, y1, x2, y2."""
    areas: NDArray[np.float64]
    """(G,) width · height."""
    kinds: NDArray[np.uint8]
    """(G,) REGULAR, IGNORED or REGION."""
    in_range: NDArray[np.uint8]
    """(G,) bit a is set where the object lies in area range a."""


class Rules(NamedTuple):
    """A protocol's switches: T thresholds, R recall samples, A area ranges, M limits."""

    thresholds: NDArray[np.float64]
    """(T,) rising."""
    recall_grid: NDArray[np.float64]
    """(R,) rising."""
    range_limits: NDArray[np.float64]
    """(A, 2) lowest and highest area."""
    most: NDArray[np.int64]
    """(M,) rising numbers of detections per image and class."""
    images: int
    """Images in the dataset."""
    epsilon: float
    """Added below precision."""
    shrink: float
    """Pixels taken off widths and heights."""
    strict: bool
    """A match needs overlap > threshold."""
    best_available: bool
    """COCO's assignment, else VOC's."""
    by_area: bool
    """Compute the area under the curve."""


class ScoreColumns(NamedTuple):
    """What scoring fills in; the arrays of `Evaluation` and `Matches`."""

    rows: NDArray[np.int32]
    """(N,) rows by class and falling score."""
    hits: NDArray[Any]
    """(A, N) bit t: a hit on regular ground truth at threshold t."""
    ignored: NDArray[Any]
    """(A, N) bit t: does not count at threshold t."""
    precision: NDArray[np.float64]
    """(K, A, M, T, R)"""
    score_at: NDArray[np.float64]
    """(K, A, M, T, R)"""
    recall: NDArray[np.float64]
    """(K, A, M, T)"""
    area_under_curve: NDArray[np.float64]
    """(K, A, M, T)"""
    counts: NDArray[np.int64]
    """(K, A, T, 4) true positives, false positives, ignored, positives."""

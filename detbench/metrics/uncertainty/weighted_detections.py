"""Weighted detections: what of an evaluation is scored again under weights of its images.

The scoring itself is in `detbench.metrics.kernels.weighted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Indices, Ints, groups_from_offsets
from detbench.metrics.kernels.weighted import Averaging, WeightedDetections, ranks_in_images
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.scoring.kernel_columns import ground_truth_columns, is_positive

_UNLIMITED = np.iinfo(np.int64).max


def weighted_detections(
    evaluation: Evaluation, measure: Measure, weight_index: NDArray[Any] | None = None
) -> WeightedDetections:
    """Return the detections that count for a measure: its area range, limit and IoU thresholds.

    Args:
        evaluation: of the detections.
        measure: what is to be computed.
        weight_index: (N,) the index of each detection's weight, by row of the evaluation's
            `Detections`. None: the index of its image.
    """
    area, _, thresholds = evaluation.indices_of(measure)
    protocol, matches = evaluation.protocol, evaluation.matches
    levels = range(len(protocol.iou_thresholds))[thresholds]
    images = _images_of_matches(evaluation)
    ignored = matches.ignored[area]
    hits = matches.hits[area]
    # A detection counts unless it is ignored at all of these thresholds, or beyond the limit.
    counts = np.zeros(len(hits), np.bool_)
    for level in levels:
        counts |= (ignored >> level) & 1 == 0
    counts &= _within_limit(evaluation, measure, images)
    rows = np.flatnonzero(counts)
    # Each detection's position among those of its class that count.
    offsets = np.searchsorted(rows, matches.offsets)
    starts = np.repeat(offsets[:-1], np.diff(offsets))
    positions = (np.arange(len(rows)) - starts).astype(np.int32)
    index = images if weight_index is None else weight_index[matches.rows]
    return WeightedDetections(
        offsets.astype(np.int64),
        index[rows].astype(np.int32),
        *_positions_by_level(hits[rows], levels, positions, offsets),
        *_positions_by_level(ignored[rows], levels, positions, offsets),
    )


def averaging(evaluation: Evaluation) -> Averaging:
    """Return how the evaluation's protocol averages."""
    protocol = evaluation.protocol
    grid = () if protocol.interpolation == "area" else protocol.recall_grid
    return Averaging(np.array(grid, np.float64), float(protocol.precision_epsilon))


def objects_to_find(evaluation: Evaluation, measure: Measure) -> tuple[Indices, Indices]:
    """Return image and class (G,) of each object to find, in the measure's area range."""
    area, _, _ = evaluation.indices_of(measure)
    objects = ground_truth_columns(evaluation.ground_truth, evaluation.protocol)
    counted = is_positive(objects, area)
    return objects.images[counted], groups_from_offsets(objects.offsets)[counted]


@dataclass(frozen=True, eq=False)
class ImageClasses:
    """The pairs of an image and a class that have something: M of all I · K, without repetition."""

    images: Ints
    """(M,) rising."""
    classes: Ints
    """(M,) rising within an image."""


def images_with_objects(evaluation: Evaluation, measure: Measure) -> ImageClasses:
    """Return the images and classes with objects to find, in the measure's area range."""
    cells, _ = _cells_with_objects(evaluation, measure)
    return _image_classes(evaluation, cells)


def images_with_hits_and_misses(
    evaluation: Evaluation, measure: Measure
) -> tuple[ImageClasses, ImageClasses]:
    """Return those with hits at the measure's lowest IoU, and with misses at its highest."""
    area, _, thresholds = evaluation.indices_of(measure)
    levels = range(len(evaluation.protocol.iou_thresholds))[thresholds]
    images, hits = _images_of_matches(evaluation), evaluation.matches.hits[area]
    cells = _cells(evaluation, images, groups_from_offsets(evaluation.matches.offsets))
    within_limit = _within_limit(evaluation, measure, images)

    def cells_with_hits(level: int) -> tuple[Ints, Ints]:
        is_hit = ((hits >> level) & 1 == 1) & within_limit
        return np.unique(cells[is_hit], return_counts=True)

    lowest, _ = cells_with_hits(levels[0])
    highest, n_hits = cells_with_hits(levels[-1])
    with_objects, n_objects = _cells_with_objects(evaluation, measure)
    n_missed = n_objects.copy()
    _, own, others = np.intersect1d(with_objects, highest, assume_unique=True, return_indices=True)
    n_missed[own] -= n_hits[others]
    return (
        _image_classes(evaluation, lowest),
        _image_classes(evaluation, with_objects[n_missed > 0]),
    )


def _cells_with_objects(evaluation: Evaluation, measure: Measure) -> tuple[Ints, Ints]:
    """Return the cells (M,) with objects to find, rising, and the number of objects in each."""
    return np.unique(_cells(evaluation, *objects_to_find(evaluation, measure)), return_counts=True)


def _cells(evaluation: Evaluation, images: NDArray[Any], classes: NDArray[Any]) -> Ints:
    """Return image · K + class of each pair."""
    n_classes = len(evaluation.ground_truth.class_names)
    return np.asarray(images.astype(np.int64) * n_classes + classes)


def _image_classes(evaluation: Evaluation, cells: Ints) -> ImageClasses:
    return ImageClasses(*np.divmod(cells, max(1, len(evaluation.ground_truth.class_names))))


def _images_of_matches(evaluation: Evaluation) -> NDArray[Any]:
    """Return (N,) the image of each detection, by class and falling score."""
    return groups_from_offsets(evaluation.detections.offsets)[evaluation.matches.rows]


def _within_limit(evaluation: Evaluation, measure: Measure, images: NDArray[Any]) -> Flags:
    """Return (N,) which detections are within the measure's limit of detections per image."""
    _, limit, _ = evaluation.indices_of(measure)
    max_detections = (*evaluation.protocol.max_detections, _UNLIMITED)[limit]
    if max_detections == _UNLIMITED:
        return np.ones(len(images), np.bool_)
    n_images = len(evaluation.ground_truth.image_ids)
    return np.asarray(
        ranks_in_images(evaluation.matches.offsets, images, n_images) < max_detections
    )


def _positions_by_level(
    masks: NDArray[Any], levels: range, positions: NDArray[np.int32], offsets: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where masks have the bit of each level, as offsets (K · T + 1,) and positions.

    Args:
        masks: (N,) by class.
        levels: the T bits to look at.
        positions: (N,) position of each detection in its class.
        offsets: (K + 1,) first detection of each class.
    """
    by_class: list[list[NDArray[np.int32]]] = [[] for _ in range(len(offsets) - 1)]
    for level in levels:
        rows = np.flatnonzero((masks >> level) & 1)
        cuts = np.searchsorted(rows, offsets)
        for k, lists in enumerate(by_class):
            lists.append(positions[rows[cuts[k] : cuts[k + 1]]])
    flat = [part for lists in by_class for part in lists]
    sizes = np.array([len(part) for part in flat], np.int64)
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return ends, np.concatenate(flat or [np.zeros(0, np.int32)])

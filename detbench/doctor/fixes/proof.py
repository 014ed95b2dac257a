"""Proof of a fix: what it writes is read again, compared with what it promises, and scored."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detbench.data.checks.suspicion import score_text
from detbench.data.columns import Floats, Indices, Ints, groups_from_offsets
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.case import Case
from detbench.errors import DetbenchError, DetbenchWarning
from detbench.metrics.scoring.quick_score import QuickScore

MAX_SHIFT = 0.01
"""Pixels by which written numbers may differ from the promised ones on average: text is rounded."""
MAX_SCORE_DIFFERENCE = 5e-4
"""How much the score of what was read again may differ from that of what was promised."""


@dataclass(frozen=True)
class Proof:
    """The score of what a fix wrote, after it was read again."""

    measure: str
    score: float
    scope: str
    """A phrase that says on how many images it was scored; empty for all."""

    def __str__(self) -> str:
        return f"{self.measure} is {score_text(self.score)}{self.scope}"


class NotProvenError(DetbenchError):
    """What a fix wrote is not what it promised."""


def prove_detections(case: Case, promised: DetectionRows, path: Path) -> Proof:
    """Read fixed detections again and compare them with what was promised.

    Args:
        case: The case, with its ground truth as far as it is fixed.
        promised: The fixed detections.
        path: What was written.

    Raises:
        NotProvenError: They cannot be read, or are others than promised.
    """
    ground_truth = case.ground_truth
    with _reading_again():
        detections = load_detections(path, ground_truth)
    rows = DetectionRows.from_detections(detections)
    n_classes = len(ground_truth.class_names)
    _compare(
        "detections",
        _cells(promised.image_index, promised.class_index, n_classes),
        np.column_stack([promised.boxes, promised.scores]),
        _cells(rows.image_index, rows.class_index, n_classes),
        np.column_stack([rows.boxes, rows.scores]),
    )
    quick_score = case.quick_score
    score = quick_score.score(rows)
    _compare_scores(quick_score.score(promised), score)
    return Proof(quick_score.measure, score, quick_score.scope)


def prove_ground_truth(
    case: Case, promised: GroundTruth | None, n_promised: int, path: Path, split: str | None
) -> Proof:
    """Read fixed ground truth again, and compare it with what was promised.

    Args:
        case: The case as it was read.
        promised: The fixed ground truth, or a selection of its images; None if only the number of
            its objects is known.
        n_promised: Number of objects.
        path: What was written.
        split: The split that was written; None for a format of one split per file.

    Raises:
        NotProvenError: It cannot be read, or is another one than promised.
    """
    with _reading_again():
        ground_truth = load_ground_truth(path, split=split)
    if len(ground_truth) != n_promised:
        raise NotProvenError(f"{len(ground_truth):,} objects are read, not {n_promised:,}")
    score = _score(case, ground_truth)
    if promised is not None:
        _compare_objects(promised, ground_truth)
        # Clipping boxes to the image changes scores a little.
        _compare_scores(_score(case, promised), score, tolerance=10 * MAX_SCORE_DIFFERENCE)
    n_images = len(ground_truth.image_ids)
    is_sample = n_images < len(set(case.ground_truth.image_ids))
    scope = f" on a sample of {n_images} images" if is_sample else ""
    return Proof(case.quick_score.measure, score, scope)


@contextmanager
def _reading_again() -> Iterator[None]:
    """Turn errors of reading into `NotProvenError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DetbenchWarning)
            yield
    except DetbenchError as error:
        raise NotProvenError(f"what it writes cannot be read: {error}") from error


def _cells(image_index: Ints | Indices, class_index: Ints | Indices, n_classes: int) -> Ints:
    """Return the number (N,) of each row's image and class."""
    return image_index.astype(np.int64) * n_classes + class_index


def _compare(
    content: str, cells: Ints, numbers: Floats, read_cells: Ints, read_numbers: Floats
) -> None:
    """Compare rows by their number and the sums of their numbers in each image and class.

    Args:
        content: What is compared.
        cells: (N,) image and class of each promised row.
        numbers: (N, M) its numbers.
        read_cells: (N,) the same of the rows that were read again.
        read_numbers: (N, M) their numbers.

    Raises:
        NotProvenError: They differ.
    """
    if len(cells) != len(read_cells):
        raise NotProvenError(f"{len(read_cells):,} {content} are read, not {len(cells):,}")
    used, codes = np.unique(np.concatenate([cells, read_cells]), return_inverse=True)
    n_cells = len(used)
    counts, read_counts = (
        np.bincount(part, minlength=n_cells) for part in np.split(codes, [len(cells)])
    )
    if not np.array_equal(counts, read_counts):
        raise NotProvenError(f"other images or classes of {content} are read")
    for column in range(numbers.shape[1]):
        sums, read_sums = (
            np.bincount(part, weights=values[:, column], minlength=n_cells)
            for part, values in zip(
                np.split(codes, [len(cells)]), (numbers, read_numbers), strict=True
            )
        )
        if (np.abs(sums - read_sums) > MAX_SHIFT * counts).any():
            raise NotProvenError(f"other numbers of {content} are read")


def _compare_objects(promised: GroundTruth, ground_truth: GroundTruth) -> None:
    """Compare the objects of the same images and classes, whatever their order."""
    images = {image_id: position for position, image_id in enumerate(promised.image_ids)}
    classes = {name: position for position, name in enumerate(promised.class_names)}
    if set(images) != set(ground_truth.image_ids):
        raise NotProvenError("other images are read")
    if not set(ground_truth.class_names) <= set(classes):
        raise NotProvenError("other classes are read")
    image_index = np.array([images[image_id] for image_id in ground_truth.image_ids], np.int64)
    class_index = np.array([classes[name] for name in ground_truth.class_names], np.int64)
    n_classes = len(classes)
    _compare(
        "objects",
        _cells(groups_from_offsets(promised.offsets), promised.class_index, n_classes),
        _clipped(promised),
        _cells(
            image_index[groups_from_offsets(ground_truth.offsets)],
            class_index[ground_truth.class_index],
            n_classes,
        ),
        _clipped(ground_truth),
    )


def _clipped(ground_truth: GroundTruth) -> Floats:
    """Return boxes (G, 4) clipped to their images, which some formats do."""
    sizes = ground_truth.image_sizes[groups_from_offsets(ground_truth.offsets)]
    limits = np.where(np.isfinite(sizes), sizes, np.inf)
    return np.clip(ground_truth.boxes, 0, np.tile(limits, 2))


def _score(case: Case, ground_truth: GroundTruth) -> float:
    """Return the score of the detections on the images and classes of another ground truth."""
    images = {image_id: position for position, image_id in enumerate(ground_truth.image_ids)}
    classes = {name: position for position, name in enumerate(ground_truth.class_names)}
    # The last element stays −1: rows of unknown images and classes stay unknown.
    image_index = [images.get(image_id, -1) for image_id in case.ground_truth.image_ids]
    class_index = [classes.get(name, -1) for name in case.ground_truth.class_names]
    rows = replace(
        case.rows,
        image_index=np.array([*image_index, -1], np.int64)[case.rows.image_index],
        class_index=np.array([*class_index, -1], np.int64)[case.rows.class_index],
    )
    return QuickScore(ground_truth, case.protocol, len(rows)).score(rows)


def _compare_scores(
    promised: float, score: float, *, tolerance: float = MAX_SCORE_DIFFERENCE
) -> None:
    if abs(promised - score) > tolerance:
        raise NotProvenError(
            f"the score is {score_text(score)}, not {score_text(promised)} as promised"
        )

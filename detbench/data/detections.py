"""Detections: what a detector found, as frozen columns grouped by the images of a ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from detbench.data.columns import (
    Floats,
    Indices,
    Ints,
    check_groups,
    check_rows,
    digest,
    frozen,
    offsets_from_groups,
    rows_of_groups,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, NotComparableError


@dataclass(frozen=True, eq=False, kw_only=True)
class Detections:
    """N scored boxes on I images in K classes. Detections of image i are rows `offsets[i]:offsets[i + 1]`.

    Images and classes are those of the ground truth they were loaded for. Within an image, rows keep the order of their source.
    """

    image_ids: tuple[str, ...]
    """I identifiers, the same as the ground truth's."""
    class_names: tuple[str, ...]
    """K names, the same as the ground truth's."""
    offsets: Ints
    """(I + 1,) first row of each image."""
    class_index: Indices
    """(N,) in 0..K−1."""
    scores: Floats
    """(N,) finite; higher is surer."""
    boxes: Floats
    """(N, 4) x1, y1, x2, y2 in pixels, continuous edges; inverted boxes are kept and match nothing."""
    box_areas: Floats
    """(N,) width · height in square pixels, multiplied as the source states them: IoU's denominator, bit for bit."""
    source_rows: Ints | None = None
    """(N,) each row's place in its source, where that order is not the one here: VOC breaks score ties by it."""
    name: str = ""
    """What people call the detector, for tables and titles."""
    source: str = ""
    """Where they came from and in which format, for the record."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The effective settings of the model that found them, as JSON-ready values; empty where that is not known."""

    def __post_init__(self) -> None:
        rows = len(self.class_index)
        for column, dtype, shape in (
            ("offsets", np.int64, (len(self.image_ids) + 1,)),
            ("class_index", np.int32, (rows,)),
            ("scores", np.float64, (rows,)),
            ("boxes", np.float64, (rows, 4)),
            ("box_areas", np.float64, (rows,)),
        ):
            object.__setattr__(self, column, frozen(getattr(self, column), dtype, shape))
        if self.source_rows is not None:
            object.__setattr__(self, "source_rows", frozen(self.source_rows, np.int64, (rows,)))
        self._check()

    def _check(self) -> None:
        check_groups(self.offsets, self.class_index, len(self.class_names))
        if not (np.isfinite(self.scores).all() and np.isfinite(self.boxes).all()):
            raise DetbenchError("boxes and scores of detections must be finite")

    @classmethod
    def from_rows(
        cls,
        ground_truth: GroundTruth,
        *,
        image_index: ArrayLike,
        class_index: ArrayLike,
        scores: ArrayLike,
        boxes: ArrayLike,
        box_areas: ArrayLike | None = None,
        name: str = "",
        source: str = "",
        settings: Mapping[str, Any] | None = None,
    ) -> Detections:
        """Group rows by image, keeping their order within an image and, where it differs, remembering the order they came in.

        `image_index` (N,) and `class_index` (N,) point into the ground truth's images and classes; boxes (N, 4) are xyxy.
        """
        image = np.asarray(image_index, np.int64).reshape(-1)
        classes = np.asarray(class_index, np.int32).reshape(-1)
        score = np.asarray(scores, np.float64).reshape(-1)
        xyxy = np.asarray(boxes, np.float64).reshape(-1, 4)
        area = (
            (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
            if box_areas is None
            else np.asarray(box_areas, np.float64)
        )
        check_rows(
            image,
            len(ground_truth.image_ids),
            class_index=classes,
            scores=score,
            boxes=xyxy,
            box_areas=area,
        )
        source_rows = None
        if (np.diff(image) < 0).any():
            order = np.argsort(image, kind="stable")
            if _order_within_classes_changes(image, classes):
                source_rows = order
            image, classes, score, xyxy, area = (
                image[order],
                classes[order],
                score[order],
                xyxy[order],
                area[order],
            )
        return cls(
            image_ids=ground_truth.image_ids,
            class_names=ground_truth.class_names,
            offsets=offsets_from_groups(image, len(ground_truth.image_ids)),
            class_index=classes,
            scores=score,
            boxes=xyxy,
            box_areas=area,
            source_rows=source_rows,
            name=name,
            source=source,
            settings=settings or {},
        )

    def __len__(self) -> int:
        return len(self.class_index)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is scored: ids, names and rows, in their order. Name, source and settings do not count."""
        rows = () if self.source_rows is None else (self.source_rows,)
        columns = (self.offsets, self.class_index, self.scores, self.boxes, self.box_areas, *rows)
        return digest((*self.image_ids, *self.class_names), columns)

    def check_same_images(self, ground_truth: GroundTruth) -> None:
        """Raise NotComparableError unless images and classes are those of `ground_truth`, in the same order."""
        for ours, theirs, what in (
            (self.image_ids, ground_truth.image_ids, "images"),
            (self.class_names, ground_truth.class_names, "classes"),
        ):
            if ours is not theirs and ours != theirs:
                raise NotComparableError(
                    f"detections {self.name!r} were loaded for other {what} than ground truth {ground_truth.name!r}; "
                    "load them again for this ground truth"
                )

    def select_images(self, ground_truth: GroundTruth, positions: Ints) -> Detections:
        """Return the detections on the images at `positions`, for `ground_truth`, which was selected the same way."""
        rows = rows_of_groups(self.offsets, positions)
        return replace(
            self,
            image_ids=ground_truth.image_ids,
            class_names=ground_truth.class_names,
            offsets=np.concatenate([[0], np.cumsum(np.diff(self.offsets)[positions])]),
            class_index=self.class_index[rows],
            scores=self.scores[rows],
            boxes=self.boxes[rows],
            box_areas=self.box_areas[rows],
            source_rows=None if self.source_rows is None else self.source_rows[rows],
        )


def _order_within_classes_changes(image: Ints, classes: Indices) -> bool:
    """Tell whether grouping by image puts the rows of any one class into another order than they came in."""
    by_class = np.argsort(classes, kind="stable")
    steps_back = np.diff(image[by_class]) < 0
    same_class = np.diff(classes[by_class]) == 0
    return bool((steps_back & same_class).any())

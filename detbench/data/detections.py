"""Detections: the scored boxes of one detector, as frozen columns grouped by image."""

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
    offsets_of_groups,
    rows_of_groups,
)
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, NotComparableError
from detbench.wording import plural


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Detections:
    """N scored boxes on I images in K classes: those of the ground truth they were loaded for.

    The detections of image i are rows `offsets[i]:offsets[i + 1]`, in the order of their source.
    `Detections.from_rows` builds them from rows in any order.
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
    """(N,) finite; higher is more confident."""
    boxes: Floats
    """(N, 4) x1, y1, x2, y2 in pixels, continuous edges.

    Inverted boxes are kept: they match nothing and count as false positives.
    """
    box_areas: Floats
    """(N,) width · height in square pixels, multiplied as the source states them.

    IoU divides by these, so that its values are the reference implementation's, bit for bit.
    """
    source_rows: Ints | None = None
    """(N,) each row's position in its source; None if that order is the order here.

    VOC breaks ties of scores by it.
    """
    name: str = ""
    """The name of the detector in tables and titles."""
    source: str = ""
    """Where they came from and in which format, for the record."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The effective settings of the model, as JSON-ready values; empty if unknown."""

    def __post_init__(self) -> None:
        rows = len(self.class_index)
        # A frozen dataclass allows no plain assignment, not even here.
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
        """Group rows by image, keeping their order within an image.

        `image_index` (N,) and `class_index` (N,) point into the ground truth's images and classes;
        `boxes` (N, 4) are x1, y1, x2, y2; `box_areas` defaults to width · height. Where grouping
        changes the order of the rows of a class, `source_rows` remembers the original one.

        Raises:
            DetbenchError: Columns differ in length, point at no image or class, or are not finite.
        """
        images = np.asarray(image_index, np.int64).reshape(-1)
        classes = np.asarray(class_index, np.int32).reshape(-1)
        columns = {
            "scores": np.asarray(scores, np.float64).reshape(-1),
            "boxes": np.asarray(boxes, np.float64).reshape(-1, 4),
        }
        if box_areas is None:
            xyxy = columns["boxes"]
            with np.errstate(over="ignore", invalid="ignore"):  # checked below
                columns["box_areas"] = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
        else:
            columns["box_areas"] = np.asarray(box_areas, np.float64)
        check_rows(images, len(ground_truth.image_ids), class_index=classes, **columns)

        # Only detectors that write class after class, as VOC's do, come in another order.
        source_rows = None
        if (np.diff(images) < 0).any():
            # A stable sort keeps the order of the source within each image.
            order = np.argsort(images, kind="stable")
            if _order_within_classes_changes(images, classes):
                source_rows = order
            images, classes = images[order], classes[order]
            columns = {column: values[order] for column, values in columns.items()}
        return cls(
            image_ids=ground_truth.image_ids,
            class_names=ground_truth.class_names,
            offsets=offsets_from_groups(images, len(ground_truth.image_ids)),
            class_index=classes,
            **columns,
            source_rows=source_rows,
            name=name,
            source=source,
            settings=settings or {},
        )

    def __len__(self) -> int:
        return len(self.class_index)

    def __repr__(self) -> str:
        contents = (
            plural(len(self.image_ids), "image"),
            plural(len(self), "detection"),
            plural(len(self.class_names), "class"),
        )
        name = f" {self.name!r}" if self.name else ""
        return f"<Detections{name}: {', '.join(contents)}>"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is scored: ids, names and rows, in their order.

        Name, source and settings are not part of it.
        """
        source_rows = () if self.source_rows is None else (self.source_rows,)
        columns = (self.offsets, self.class_index, self.scores, self.boxes, self.box_areas)
        return digest((*self.image_ids, *self.class_names), (*columns, *source_rows))

    def check_same_images(self, ground_truth: GroundTruth) -> None:
        """Check that images and classes are those of `ground_truth`, in the same order.

        Raises:
            NotComparableError: They are not.
        """
        for ours, theirs, what in (
            (self.image_ids, ground_truth.image_ids, "images"),
            (self.class_names, ground_truth.class_names, "classes"),
        ):
            # Comparing identities first saves a walk over all ids in the usual case.
            if ours is not theirs and ours != theirs:
                raise NotComparableError(
                    f"detections {self.name!r} were loaded for other {what} than those of "
                    f"ground truth {ground_truth.name!r}; load them again for this ground truth"
                )

    def select_images(self, ground_truth: GroundTruth, positions: Ints) -> Detections:
        """Return the detections on the images at `positions` only, in that order.

        `ground_truth` must be the result of the same selection.
        """
        rows = rows_of_groups(self.offsets, positions)
        return replace(
            self,
            image_ids=ground_truth.image_ids,
            class_names=ground_truth.class_names,
            offsets=offsets_of_groups(self.offsets, positions),
            class_index=self.class_index[rows],
            scores=self.scores[rows],
            boxes=self.boxes[rows],
            box_areas=self.box_areas[rows],
            source_rows=None if self.source_rows is None else self.source_rows[rows],
        )


def _order_within_classes_changes(images: Ints, classes: Indices) -> bool:
    """Return whether grouping by image changes the order of the rows of any one class."""
    # Grouping by image moves a row of a class before another one only if its image comes earlier.
    by_class = np.argsort(classes, kind="stable")
    image_decreases = np.diff(images[by_class]) < 0
    same_class = np.diff(classes[by_class]) == 0
    return bool((image_decreases & same_class).any())

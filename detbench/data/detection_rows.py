"""Detection rows: detections as plain columns in the order of their source, faults included.

`Detections` holds only what can be scored. Checks need the rest too: rows of unknown images or
classes, and rows whose numbers are NaN or infinite.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth


@dataclass(frozen=True, eq=False)
class DetectionRows:
    """N detections as read; none is left out."""

    image_index: Ints
    """(N,) position of the image in the ground truth, −1 for an image it does not have."""
    class_index: Ints
    """(N,) class of the ground truth, −1 for a class it does not have."""
    boxes: Floats
    """(N, 4) x1, y1, x2, y2 in pixels, continuous edges; may be NaN or infinite."""
    scores: Floats
    """(N,) may be NaN or infinite."""
    source_rows: Ints
    """(N,) the row of the source that each detection comes from."""

    @classmethod
    def from_source(
        cls, image_index: Ints, class_index: Ints, boxes: Floats, scores: Floats
    ) -> DetectionRows:
        """Return all rows of a source, in its order."""
        return cls(image_index, class_index, boxes, scores, np.arange(len(image_index)))

    @classmethod
    def from_detections(cls, detections: Detections) -> DetectionRows:
        """Return loaded detections in the order of their source."""
        image_index = groups_from_offsets(detections.offsets).astype(np.int64)
        class_index = detections.class_index.astype(np.int64)
        rows = cls.from_source(image_index, class_index, detections.boxes, detections.scores)
        if detections.source_rows is None:
            return rows
        return rows.select(np.argsort(detections.source_rows))

    def __len__(self) -> int:
        return len(self.image_index)

    @property
    def finite(self) -> Flags:
        """(N,) whether box and score of a row are finite."""
        return np.asarray(np.isfinite(self.boxes).all(axis=1) & np.isfinite(self.scores))

    @property
    def scorable(self) -> Flags:
        """(N,) whether a row can be scored: finite, of a known image and a known class."""
        return self.finite & (self.image_index >= 0) & (self.class_index >= 0)

    @property
    def with_extent(self) -> Flags:
        """(N,) whether the box of a row has a positive width and height."""
        return np.asarray((self.boxes[:, 2:] > self.boxes[:, :2]).all(axis=1))

    @property
    def is_inverted(self) -> Flags:
        """(N,) whether the box of a row has a negative width or height."""
        return np.asarray((self.boxes[:, 2:] < self.boxes[:, :2]).any(axis=1))

    def select(self, rows: Flags | Ints) -> DetectionRows:
        """Return the rows marked in a mask (N,), or those with these positions (M,)."""
        return DetectionRows(
            self.image_index[rows],
            self.class_index[rows],
            self.boxes[rows],
            self.scores[rows],
            self.source_rows[rows],
        )

    def with_boxes(self, boxes: Floats) -> DetectionRows:
        """Return the same rows with other boxes (N, 4)."""
        return replace(self, boxes=boxes)

    def to_detections(self, ground_truth: GroundTruth, positions: Ints | None = None) -> Detections:
        """Return the scorable rows as detections for a ground truth.

        Args:
            ground_truth: The ground truth that the rows were read for, or a selection of its
                images.
            positions: For a selection, the positions (M,) of its images in the full ground truth.
        """
        rows = self.select(self.scorable)
        image_index = rows.image_index
        if positions is not None:
            size = int(max(positions.max(initial=-1), image_index.max(initial=-1))) + 1
            position_in_selection = np.full(size, -1, np.int64)
            position_in_selection[positions] = np.arange(len(positions))
            image_index = position_in_selection[image_index]
            rows, image_index = rows.select(image_index >= 0), image_index[image_index >= 0]
        return Detections.from_rows(
            ground_truth,
            image_index=image_index,
            class_index=rows.class_index,
            scores=rows.scores,
            boxes=rows.boxes,
        )

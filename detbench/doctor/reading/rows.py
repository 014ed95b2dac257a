"""Rows: detections as plain columns in the order of their source, faults included, and the detections they make."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth


@dataclass(frozen=True, eq=False)
class Rows:
    """N detections as read, none of them left out."""

    image: Ints
    """(N,) position of the image in the ground truth, −1 where it has none of this name."""
    classes: Ints
    """(N,) class of the ground truth, −1 where it has none of this name."""
    boxes: Floats
    """(N, 4) x1, y1, x2, y2 in pixels, continuous edges; NaN or infinite where the source is."""
    scores: Floats
    """(N,) may be NaN or infinite."""
    source_rows: Ints | None = None
    """(N,) row of the source that each came from; None for all of them in its order."""

    def __len__(self) -> int:
        return len(self.image)

    @property
    def places(self) -> Ints:
        """(N,) row of the source that each came from."""
        return np.arange(len(self)) if self.source_rows is None else self.source_rows

    @property
    def finite(self) -> Flags:
        """(N,) whether all numbers of a row are finite."""
        return np.asarray(np.isfinite(self.boxes).all(axis=1) & np.isfinite(self.scores))

    @property
    def usable(self) -> Flags:
        """(N,) whether a row can be scored: finite, of a known image and class."""
        return self.finite & (self.image >= 0) & (self.classes >= 0)

    def where(self, kept: Flags | Ints) -> Rows:
        """Return the rows marked (N,) or numbered (M,)."""
        return Rows(
            self.image[kept],
            self.classes[kept],
            self.boxes[kept],
            self.scores[kept],
            self.places[kept],
        )

    def with_boxes(self, boxes: Floats) -> Rows:
        """Return the same rows with other boxes."""
        return replace(self, boxes=boxes)


def rows_of(detections: Detections) -> Rows:
    """Return the rows of loaded detections, in the order of their source."""
    image = groups_from_offsets(detections.offsets).astype(np.int64)
    rows = Rows(image, detections.class_index.astype(np.int64), detections.boxes, detections.scores)
    return (
        rows if detections.source_rows is None else rows.where(np.argsort(detections.source_rows))
    )


def detections_of(rows: Rows, truth: GroundTruth, positions: Ints | None = None) -> Detections:
    """Return what of the rows can be scored, on all images or on those at `positions` (of which `truth` is the selection)."""
    kept = rows.where(rows.usable)
    image = kept.image
    if positions is not None:
        places = np.full(
            int(max(positions.max(initial=-1), image.max(initial=-1))) + 1, -1, np.int64
        )
        places[positions] = np.arange(len(positions))
        kept, image = kept.where(places[image] >= 0), places[image][places[image] >= 0]
    return Detections.from_rows(
        truth, image_index=image, class_index=kept.classes, scores=kept.scores, boxes=kept.boxes
    )


def copied(rows: Rows) -> Flags:
    """Tell for each row whether another one of its image and class, of a higher score or before it, has the same box."""
    keys = np.column_stack([rows.image, rows.classes, rows.boxes])
    order = np.lexsort((np.arange(len(rows)), -rows.scores, *keys.T))
    copies = np.zeros(len(rows), np.bool_)
    copies[order[1:]] = (np.diff(keys[order], axis=0) == 0).all(axis=1)
    return copies


def without_copies(rows: Rows) -> Rows:
    """Return the rows without copies of others."""
    return rows.where(~copied(rows))

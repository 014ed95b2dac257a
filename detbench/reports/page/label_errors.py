"""Likely label errors on the page: the most suspicious ones, with their images if available."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from detbench.bench.analysis.analyze import Study
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.errors.label_errors import LabelError

MAX_CARDS = 40
MAX_BYTES = 700_000
"""Maximum size of all thumbnails of one comparison together."""
_SMALL = 0.08
"""A box of less than this share of the width of its image gets a ring."""


class Rectangle(NamedTuple):
    """A box in pixels of the original image."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ErrorImage:
    """The image of a label error."""

    thumbnail: str
    """A data URI."""
    width: float
    height: float
    """Of the original image."""
    others: tuple[Rectangle, ...]
    """The other objects of the image."""


@dataclass(frozen=True)
class LabelErrorCard:
    """A likely label error."""

    kind: str
    image_id: str
    number: int | None
    """Number of the object in its image, from 0 in the order of the file; None if missing."""
    class_name: str
    detected: str
    suspicion: float
    detectors: int
    """Number of detectors that support it."""
    box: Rectangle
    image: ErrorImage | None

    @property
    def annotated(self) -> str:
        """The annotated class; empty for a missing object."""
        return "" if self.kind == "missing" else self.class_name

    @property
    def is_small(self) -> bool:
        """Whether the box is hard to see in its image."""
        if self.image is None:
            return False
        return max(self.box.width, self.box.height) < _SMALL * self.image.width

    @property
    def sentence(self) -> str:
        """What may be wrong."""
        if self.kind == "missing":
            return f"{self.class_name} may be missing"
        if self.kind == "class":
            return f"annotated as {self.class_name}, detected as {self.detected}"
        return f"{self.class_name} may not be there"


def label_error_cards(study: Study, *, with_images: bool) -> tuple[LabelErrorCard, ...]:
    """Return the most suspicious label errors, with their images if requested and available."""
    errors, rows = study.label_errors[:MAX_CARDS], study.label_error_rows[:MAX_CARDS]
    images: list[ErrorImage | None] = [None] * len(errors)
    if with_images:
        images = _images(study.ground_truth, errors)
    return tuple(
        LabelErrorCard(
            kind=row.kind,
            image_id=row.image_id,
            number=row.object_in_image,
            class_name=row.class_name,
            detected=row.detected or "",
            suspicion=row.suspicion,
            detectors=len(row.detectors),
            box=_rectangle((row.x1, row.y1, row.x2, row.y2)),
            image=image,
        )
        for row, image in zip(rows, images, strict=True)
    )


def _images(ground_truth: GroundTruth, errors: Sequence[LabelError]) -> list[ErrorImage | None]:
    from detbench.reports.thumbnails import thumbnails

    try:
        present = set(ground_truth.images_with_files().tolist())
    except DetbenchError:
        return [None] * len(errors)
    images = list(dict.fromkeys(error.image for error in errors if error.image in present))
    small = thumbnails(ground_truth, images, max_bytes=MAX_BYTES)
    return [
        ErrorImage(
            small.uris[error.image], *small.sizes[error.image], _other_objects(ground_truth, error)
        )
        if error.image in small.uris
        else None
        for error in errors
    ]


def _other_objects(ground_truth: GroundTruth, error: LabelError) -> tuple[Rectangle, ...]:
    first, end = ground_truth.offsets[error.image], ground_truth.offsets[error.image + 1]
    rows = [row for row in range(first, end) if row != error.object]
    return tuple(_rectangle(ground_truth.boxes[row].tolist()) for row in rows)


def _rectangle(box: Sequence[float]) -> Rectangle:
    x1, y1, x2, y2 = box
    sides = max(x2 - x1, 0.0), max(y2 - y1, 0.0)
    return Rectangle(round(x1, 1), round(y1, 1), *(round(side, 1) for side in sides))

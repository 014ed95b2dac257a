"""Suspects: the first of the suspected label errors, each with its picture where that is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.errors.label_errors import LabelError, places_in_images

MOST = 40
MOST_BYTES = 700_000
"""Of the pictures of all suspects of one part together."""
_SMALL = 0.08
"""A box of less than this share of the width of its picture gets a ring."""
Rectangle = tuple[float, float, float, float]
"""x, y, width and height in pixels of the picture."""


@dataclass(frozen=True)
class Photograph:
    """The picture of a suspect."""

    thumbnail: str
    """A data URI."""
    width: float
    height: float
    """Of the original image, in whose pixels the boxes are."""
    others: tuple[Rectangle, ...]
    """The other objects of the image."""


@dataclass(frozen=True)
class Suspect:
    """A suspected label error."""

    kind: str
    image_id: str
    place: int | None
    """Which object of its image it is, from 0 in the order of the file; None where it is missing."""
    class_name: str
    detected: str
    suspicion: float
    finders: int
    box: Rectangle
    photograph: Photograph | None

    @property
    def hard_to_see(self) -> bool:
        """Whether the box is small in its picture."""
        return self.photograph is not None and max(self.box[2:]) < _SMALL * self.photograph.width

    @property
    def sentence(self) -> str:
        """What may be wrong."""
        if self.kind == "missing":
            return f"{self.class_name} may be missing"
        if self.kind == "class":
            return f"annotated as {self.class_name}, seen as {self.detected}"
        return f"{self.class_name} may not be there"


def suspects(
    truth: GroundTruth, errors: Sequence[LabelError], *, pictured: bool
) -> tuple[Suspect, ...]:
    """Return the first of the label errors, with their pictures if asked for and there."""
    shown = errors[:MOST]
    photographs = _photographs(truth, shown) if pictured else [None] * len(shown)
    return tuple(
        Suspect(
            kind=error.kind,
            image_id=truth.image_ids[error.image],
            place=place,
            class_name=error.class_name,
            detected=error.detected or "",
            suspicion=error.suspicion,
            finders=len(error.detectors),
            box=_rectangle(error.box),
            photograph=photograph,
        )
        for error, place, photograph in zip(
            shown, places_in_images(truth, shown), photographs, strict=True
        )
    )


def _photographs(truth: GroundTruth, errors: Sequence[LabelError]) -> list[Photograph | None]:
    from detbench.reports.thumbnails import thumbnails

    try:
        present = truth.images_with_files()
    except DetbenchError:
        return [None] * len(errors)
    images = list(dict.fromkeys(error.image for error in errors if np.isin(error.image, present)))
    if not images:
        return [None] * len(errors)
    small = thumbnails(truth, images, most_bytes=MOST_BYTES)
    return [
        Photograph(small.uris[error.image], *small.sizes[error.image], _others(truth, error))
        if error.image in small.uris
        else None
        for error in errors
    ]


def _others(truth: GroundTruth, error: LabelError) -> tuple[Rectangle, ...]:
    rows = range(int(truth.offsets[error.image]), int(truth.offsets[error.image + 1]))
    return tuple(_rectangle(truth.boxes[row].tolist()) for row in rows if row != error.object)


def _rectangle(box: Sequence[float]) -> Rectangle:
    x1, y1, x2, y2 = box
    return round(x1, 1), round(y1, 1), round(max(x2 - x1, 0.0), 1), round(max(y2 - y1, 0.0), 1)

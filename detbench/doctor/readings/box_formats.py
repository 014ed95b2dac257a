"""Box formats: corners, centers, sizes and fractions, as readings of the same four numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detbench.data.columns import Floats
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case

CLEARLY_BETTER = 0.1
"""Gain in mean best IoU that shows another reading to be right. No wrong reading of a real
detector's boxes comes near it."""
MUCH_BETTER = 1.25
"""Factor by which the mean best IoU must grow as well."""
SLIGHTLY_BETTER = 0.04
"""Gain that a border of known size must bring. Borders of a few pixels bring .05, and nothing else
does."""

Decoder = Callable[[Floats], Floats]
Frame = Literal["pixels", "image", "letterbox", "square"]
Offset = tuple[float, float, float, float]


def _corners(numbers: Floats) -> Floats:
    return numbers


def _swapped(numbers: Floats) -> Floats:
    return numbers[:, [1, 0, 3, 2]]


def _sized(numbers: Floats) -> Floats:
    corner, size = numbers[:, :2], numbers[:, 2:]
    return np.hstack([corner, corner + size])


def _swapped_sized(numbers: Floats) -> Floats:
    return _sized(_swapped(numbers))


def _centered(numbers: Floats) -> Floats:
    center, half = numbers[:, :2], numbers[:, 2:] / 2
    return np.hstack([center - half, center + half])


DECODERS: dict[str, Decoder] = {
    "xyxy": _corners,
    "xywh": _sized,
    "cxcywh": _centered,
    "yxyx": _swapped,
    "yxhw": _swapped_sized,
}
"""Box format → function from four numbers (N, 4) to corners x1, y1, x2, y2 (N, 4)."""
OWN_FORMAT = {"coco": "xywh", "voc": "xyxy", "yolo": "cxcywh", "parquet": "xyxy"}
"""File format → the box format it is defined to have."""

NO_OFFSET: Offset = (0, 0, 0, 0)
ONE_BASED: Offset = (1, 1, 0, 0)
"""What VOC's 1-based inclusive corners exceed continuous edges by."""
VOC_OFFSETS: dict[str, tuple[Offset, ...]] = {
    "xyxy": (ONE_BASED,),
    "xywh": ((1, 1, 1, 1), ONE_BASED),
    "cxcywh": ((0.5, 0.5, 0.5, 0.5), ONE_BASED),
    "yxyx": (ONE_BASED,),
    "yxhw": ((1, 1, 1, 1), ONE_BASED),
}
"""Box format → what decoded corners can exceed continuous edges by, in VOC files. Some converters
count the last pixel in sizes, some do not."""

FORMAT_IDS = {
    "xyxy": "box-format-xyxy",
    # Corners where the file should have sizes is the same mistake as sizes where it should have
    # corners.
    "xywh": "box-format-xyxy",
    "cxcywh": "box-format-cxcywh",
    "yxyx": "box-format-yxyx",
    "yxhw": "box-format-yxyx",
}
"""Box format → the finding that reports it."""
_FRAMES: tuple[tuple[Frame, str], ...] = (
    ("image", "the image"),
    ("letterbox", "a letterbox"),
    ("square", "a square padded right and below"),
)


@dataclass(frozen=True)
class BoxReading:
    """One meaning of the four numbers of a box."""

    id: str
    """The finding that reports it."""
    name: str
    decode: Decoder
    frame: Frame = "pixels"
    """What coordinates are fractions of: the image, the letterbox around it, or the square whose
    padding is right and below."""
    offset: Offset = NO_OFFSET
    """What decoded corners exceed continuous edges by."""
    is_border_only: bool = False
    """Whether it differs from the file's own reading only by a border."""

    def is_better(self, before: float, after: float) -> bool:
        """Tell whether the mean best IoU `after`, with this reading, is clearly above `before`."""
        if self.is_border_only:
            return after >= before + SLIGHTLY_BETTER
        return after >= before + CLEARLY_BETTER and after >= MUCH_BETTER * before

    def boxes(self, numbers: Floats, sizes: Floats) -> Floats:
        """Return boxes x1, y1, x2, y2 in pixels (N, 4).

        Args:
            numbers: (N, 4) as the file has them.
            sizes: (N, 2) width and height of each box's image.
        """
        boxes: Floats = self.decode(numbers) - np.array(self.offset, np.float64)
        if self.frame == "pixels":
            return boxes
        if self.frame == "image":
            return boxes * np.tile(sizes, 2)
        longer = sizes.max(axis=1, keepdims=True)
        border = (longer - sizes) / 2 if self.frame == "letterbox" else np.zeros_like(sizes)
        return np.asarray(boxes * longer - np.tile(border, 2))


def other_readings(format_name: str) -> list[BoxReading]:
    """Return every reading of a file format but its own."""
    own = OWN_FORMAT[format_name]
    formats = [
        BoxReading(FORMAT_IDS[name], name, decode, offset=offset)
        for name, decode in DECODERS.items()
        for offset in (VOC_OFFSETS[name] if format_name == "voc" else (NO_OFFSET,))
        if name != own
    ]
    fractions = [
        BoxReading(
            "box-normalized",
            f"fractions of {frame_name}, {name}",
            decode,
            frame,
            is_border_only=format_name == "yolo" and name == own,
        )
        for frame, frame_name in _FRAMES
        for name, decode in DECODERS.items()
    ]
    if format_name != "yolo":
        return formats + fractions
    # YOLO's own numbers are fractions of the image already: pixels are the mistake there.
    pixels = BoxReading("box-normalized", "cxcywh", _centered)
    return [*formats, pixels, *(reading for reading in fractions if reading.frame != "image")]


def readings(case: Case, numbers: Floats) -> list[BoxReading]:
    """Return every other reading of a case's boxes.

    In YOLO files whose numbers (N, 4) cannot be fractions, names say that these are pixels.
    """
    others = other_readings(case.file.format_name)
    if case.file.format_name != "yolo" or _can_be_fractions(numbers):
        return others
    return [
        replace(reading, name=f"pixels, {reading.name}") if reading.frame == "pixels" else reading
        for reading in others
    ]


def boxes_read(case: Case, reading: BoxReading, numbers: Floats, sizes: Floats) -> Floats:
    """Return the boxes (N, 4) that a reading makes of the numbers (N, 4) of the case's file."""
    is_fraction = case.file.format_name == "yolo" and _can_be_fractions(numbers)
    if reading.frame == "pixels" and is_fraction:
        numbers = numbers * np.tile(sizes, 2)
    return reading.boxes(numbers, sizes)


def _can_be_fractions(numbers: Floats) -> bool:
    """Tell whether widths and heights, or last corners, are at most 1 for the most part."""
    return not np.nanmedian(numbers[:, 2:]) > 1


def reread(case: Case, reading: BoxReading, rows: DetectionRows) -> DetectionRows:
    """Return rows with the boxes that a reading makes of the numbers in the file."""
    numbers = case.file.box_numbers[rows.source_rows]
    return rows.with_boxes(boxes_read(case, reading, numbers, sizes_of(case, rows)))


def sizes_of(case: Case, rows: DetectionRows) -> Floats:
    """Return the size (N, 2) of each row's image, NaN for an unknown image."""
    has_image = (rows.image_index >= 0)[:, None]
    return np.where(has_image, case.ground_truth.image_sizes[rows.image_index], np.nan)

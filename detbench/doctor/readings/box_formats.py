"""Box formats: corners, centers, sizes and units, as readings of the same four numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from detbench.data.columns import Floats
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.lenient_files import AnnotationsFile, DetectionsFile
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
BoxFile = DetectionsFile | AnnotationsFile
"""A file whose format defines what the four numbers of a box are."""


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


def _in_order(order: list[int], decode: Decoder, numbers: Floats) -> Floats:
    """Decode numbers that are in another order."""
    return decode(numbers[:, order])


def _from_lower_left(numbers: Floats) -> Floats:
    """Decode x, y, width and height whose y is that of the lower edge."""
    return np.asarray(_sized(numbers) - numbers[:, [3]] * np.array([0, 1, 0, 1]))


def ordered_corners(boxes: Floats) -> Floats:
    """Return boxes (N, 4) with left and right, or top and bottom, exchanged where inverted."""
    first, last = boxes[:, :2], boxes[:, 2:]
    return np.hstack([np.minimum(first, last), np.maximum(first, last)])


def positive_sizes(boxes: Floats) -> Floats:
    """Return boxes (N, 4) with the same first corner and sizes without their sign."""
    first, last = boxes[:, :2], boxes[:, 2:]
    return np.hstack([first, first + np.abs(last - first)])


def _changed(change: Decoder, decode: Decoder, numbers: Floats) -> Floats:
    return change(decode(numbers))


DECODERS: dict[str, Decoder] = {
    "xyxy": _corners,
    "xywh": _sized,
    "cxcywh": _centered,
    "yxyx": _swapped,
    "yxhw": _swapped_sized,
    "xxyy": partial(_in_order, [0, 2, 1, 3], _corners),
    "cy, cx, h, w": partial(_in_order, [1, 0, 3, 2], _centered),
    "cy, cx, w, h": partial(_in_order, [1, 0, 2, 3], _centered),
}
"""Box format → function from four numbers (N, 4) to corners x1, y1, x2, y2 (N, 4)."""
_PLAIN_FORMATS = ("xyxy", "xywh", "cxcywh")
"""Formats that occur with other units and origins, too."""

_CORNER_FORMATS = ("xyxy", "yxyx", "xxyy")
"""Formats that state both corners."""

NO_OFFSET: Offset = (0, 0, 0, 0)
ONE_BASED: Offset = (1, 1, 0, 0)
"""What 1-based inclusive corners, as in VOC files, exceed continuous edges by."""
_ONE_BASED_OFFSETS: dict[str, tuple[Offset, ...]] = {
    "xywh": ((1, 1, 1, 1), ONE_BASED),
    "cxcywh": ((0.5, 0.5, 0.5, 0.5), ONE_BASED),
    "yxhw": ((1, 1, 1, 1), ONE_BASED),
}
"""Box format → what decoded corners can exceed continuous edges by, in 1-based files; `ONE_BASED`
for all others. Some converters count the last pixel in sizes, some do not."""

FORMAT_IDS = {
    "xyxy": "box-format-xyxy",
    # Corners where the file should have sizes is the same mistake as sizes where it should have
    # corners.
    "xywh": "box-format-xyxy",
    "cxcywh": "box-format-cxcywh",
    "yxyx": "box-format-yxyx",
    "yxhw": "box-format-yxyx",
    "xxyy": "box-format-xxyy",
    "cy, cx, h, w": "box-format-yxyx",
    "cy, cx, w, h": "box-format-yxyx",
}
"""Box format → the finding that reports it."""
_FRAMES: tuple[tuple[Frame, str], ...] = (
    ("image", "the image"),
    ("letterbox", "a letterbox"),
    ("square", "a square padded right and below"),
)
SCALES = {100: "percent", 1000: "thousandths"}
"""What fractions are multiplied by in some files, and how these units are called."""
SCALE_RANGE = (0.7, 1.05)
"""Where almost the largest number of such a file lies, as a part of the scale: objects reach the
right and lower parts of their images."""
_ALMOST_LARGEST = 0.995
REREAD_IDS = ("box-", "score-column", "negative-size")
"""Beginnings of the findings after which the numbers of a box are no longer as in the file."""


@dataclass(frozen=True)
class BoxReading:
    """One meaning of the four numbers of a box."""

    id: str
    """The finding that reports it; empty for the file's own."""
    name: str
    decode: Decoder
    frame: Frame = "pixels"
    """What coordinates are fractions of: the image, the letterbox around it, or the square whose
    padding is right and below."""
    offset: Offset = NO_OFFSET
    """What decoded corners exceed continuous edges by."""
    is_border_only: bool = False
    """Whether it differs from the file's own reading only by a border."""
    is_plain_format: bool = False
    """Whether it is another order of numbers in the file's unit, which can occur with a scale."""
    scale: float = 1
    """What fractions are multiplied by in the file."""
    is_from_bottom: bool = False
    """Whether y is measured from the lower edge of the image."""

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
        boxes = self._framed(self.decode(numbers) - np.array(self.offset, np.float64), sizes)
        if not self.is_from_bottom:
            return boxes
        heights = sizes[:, 1]
        return np.column_stack(
            [boxes[:, 0], heights - boxes[:, 3], boxes[:, 2], heights - boxes[:, 1]]
        )

    def _framed(self, boxes: Floats, sizes: Floats) -> Floats:
        """Return boxes (N, 4) in pixels."""
        if self.frame == "pixels":
            return boxes
        fractions = boxes / self.scale
        if self.frame == "image":
            return fractions * np.tile(sizes, 2)
        longer = sizes.max(axis=1, keepdims=True)
        border = (longer - sizes) / 2 if self.frame == "letterbox" else np.zeros_like(sizes)
        return np.asarray(fractions * longer - np.tile(border, 2))


def own_reading(file: BoxFile) -> BoxReading:
    """Return the reading that a file's format defines."""
    return BoxReading(
        "",
        file.box_format,
        DECODERS[file.box_format],
        frame="pixels" if file.unit == "pixels" else "image",
        offset=corner_offset(file),
        scale=100 if file.unit == "percent" else 1,
    )


def corner_offset(file: BoxFile) -> Offset:
    """Return what the corners of a file's own format exceed continuous edges by."""
    first, last = file.corner_offsets
    return (first, first, last, last)


def offsets(file: BoxFile, box_format: str) -> tuple[Offset, ...]:
    """Return what the corners of a box format can exceed continuous edges by in a file."""
    own = corner_offset(file)
    if own == ONE_BASED:
        return _ONE_BASED_OFFSETS.get(box_format, (ONE_BASED,))
    if box_format in _CORNER_FORMATS or own == NO_OFFSET:
        return (own,)
    return (NO_OFFSET, own)


def other_readings(file: BoxFile, numbers: Floats) -> list[BoxReading]:
    """Return every reading of a file's boxes but its own.

    Readings of frame "pixels" are in the file's own unit if that is another one.

    Args:
        file: The file.
        numbers: (N, 4) boxes as the file has them. Percent and thousandths are among the readings
            only if the numbers are of their size.
    """
    readings = [*_other_orders(file), *_fractions(file), *_scaled(file, numbers)]
    readings += [*_from_bottom(file), *_inverted(file)]
    if file.unit != "pixels":
        # Fractions are the file's own unit: pixels are the mistake there.
        decode = DECODERS[file.box_format]
        pixels = BoxReading("box-normalized", file.box_format, decode, is_plain_format=True)
        readings.append(pixels)
    return readings


def _other_orders(file: BoxFile) -> Iterator[BoxReading]:
    for name, decode in DECODERS.items():
        if name != file.box_format:
            for offset in offsets(file, name):
                finding = FORMAT_IDS[name]
                yield BoxReading(finding, name, decode, offset=offset, is_plain_format=True)


def _fractions(file: BoxFile) -> Iterator[BoxReading]:
    for frame, frame_name in _FRAMES:
        if frame == "image" and file.unit == "fractions":
            continue
        for name, decode in DECODERS.items():
            yield BoxReading(
                "box-normalized",
                f"fractions of {frame_name}, {name}",
                decode,
                frame,
                is_border_only=file.unit == "fractions" and name == file.box_format,
            )


def _scaled(file: BoxFile, numbers: Floats) -> Iterator[BoxReading]:
    finite = numbers[np.isfinite(numbers)]
    largest = float(np.quantile(finite, _ALMOST_LARGEST)) if len(finite) else 0.0
    for scale, unit in SCALES.items():
        low, high = (scale * part for part in SCALE_RANGE)
        is_own_unit = file.unit == "percent" and scale == 100
        if low <= largest <= high and not is_own_unit:
            for name, decode in DECODERS.items():
                reading = f"{unit} of the image, {name}"
                yield BoxReading("box-normalized", reading, decode, "image", scale=scale)


def _from_bottom(file: BoxFile) -> Iterator[BoxReading]:
    """Yield the readings whose y axis runs upwards, or whose boxes begin with their lower edge."""
    frames: tuple[tuple[Frame, str], ...] = (("pixels", ""),)
    if file.unit == "pixels":
        frames += (("image", "fractions of the image, "),)
    for name in _PLAIN_FORMATS:
        for frame, unit in frames:
            yield BoxReading(
                "box-y-flipped",
                f"{unit}{name} with y measured from the bottom of the image",
                DECODERS[name],
                frame,
                offsets(file, name)[0] if frame == "pixels" else NO_OFFSET,
                is_from_bottom=True,
            )
    name = "xywh with y of the lower edge"
    yield BoxReading("box-y-flipped", name, _from_lower_left, offset=offsets(file, "xywh")[0])


def _inverted(file: BoxFile) -> Iterator[BoxReading]:
    """Yield the readings that only change boxes of negative width or height."""
    own = own_reading(file)
    for how, change in (
        ("left and right, or top and bottom, exchanged", ordered_corners),
        ("widths and heights without their sign", positive_sizes),
    ):
        decode = partial(_changed, change, own.decode)
        yield replace(own, id="negative-size", name=f"{own.name} with {how}", decode=decode)


def readings(case: Case, numbers: Floats) -> list[BoxReading]:
    """Return every other reading of a case's detections, or of some of them.

    Args:
        case: The case.
        numbers: (N, 4) their boxes as the file has them. If these cannot be in the file's own unit,
            names say that they are pixels.
    """
    others, own = other_readings(case.file, numbers), own_reading(case.file)
    if case.file.unit == "pixels":
        return others
    is_in_own_unit = _are_in_own_unit(case.file, numbers)

    def in_unit(reading: BoxReading) -> BoxReading:
        if is_in_own_unit:
            return replace(reading, frame="image", scale=own.scale)
        return replace(reading, name=f"pixels, {reading.name}")

    return [in_unit(reading) if reading.frame == "pixels" else reading for reading in others]


def _are_in_own_unit(file: BoxFile, numbers: Floats) -> bool:
    """Tell whether widths and heights, or last corners, can be fractions for the most part."""
    return not np.nanmedian(numbers[:, 2:]) > own_reading(file).scale


def reread(case: Case, reading: BoxReading, rows: DetectionRows) -> DetectionRows:
    """Return rows with the boxes that a reading makes of the numbers in the file."""
    numbers = case.file.box_numbers[rows.source_rows]
    return rows.with_boxes(reading.boxes(numbers, sizes_of(case, rows)))


def sizes_of(case: Case, rows: DetectionRows) -> Floats:
    """Return the size (N, 2) of each row's image, NaN for an unknown image."""
    has_image = (rows.image_index >= 0)[:, None]
    return np.where(has_image, case.ground_truth.image_sizes[rows.image_index], np.nan)

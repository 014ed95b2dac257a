"""Box formats: corners, centres, fractions; whether another reading of the four numbers puts the boxes onto the objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from detbench.data.columns import Floats
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import told
from detbench.doctor.evidence.fit import Sample
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

CLEARLY_BETTER = 0.1
"""How much the mean best overlap must gain: no reading of a real detector's boxes but the right one comes near it."""
MUCH_BETTER = 1.25
"""And by which factor."""
SLIGHTLY_BETTER = 0.04
"""Gain in mean best overlap that a border of known size must bring: borders of a few pixels bring .05, and nothing else does."""

Decoder = Callable[[Floats], Floats]


def _corners(n: Floats) -> Floats:
    return n


def _swapped(n: Floats) -> Floats:
    return n[:, [1, 0, 3, 2]]


def _sized(n: Floats) -> Floats:
    return np.hstack([n[:, :2], n[:, :2] + n[:, 2:]])


def _swapped_sized(n: Floats) -> Floats:
    return _sized(_swapped(n))


def _centred(n: Floats) -> Floats:
    return np.hstack([n[:, :2] - n[:, 2:] / 2, n[:, :2] + n[:, 2:] / 2])


DECODERS: dict[str, Decoder] = {
    "xyxy": _corners,
    "xywh": _sized,
    "cxcywh": _centred,
    "yxyx": _swapped,
    "yxhw": _swapped_sized,
}
OWN = {"coco": "xywh", "voc": "xyxy", "yolo": "cxcywh", "parquet": "xyxy"}
"""The format in which each kind of file writes its boxes."""

Base = tuple[float, float, float, float]
CORNERS, SIZES, CENTRES = (1, 1, 0, 0), (1, 1, 1, 1), (0.5, 0.5, 0.5, 0.5)
"""What is taken off 1-based, inclusive corners, and off what sizes and centres that count the last pixel give, for continuous edges."""
VOC_BASES: dict[str, tuple[Base, ...]] = {
    "xyxy": (CORNERS,), "xywh": (SIZES, CORNERS), "cxcywh": (CENTRES, CORNERS), "yxyx": (CORNERS,), "yxhw": (SIZES, CORNERS),
}  # fmt: skip
"""Those that a format can have in VOC files: some converters count the last pixel in sizes, some do not."""
IDS = {"xywh": "box-format-xyxy", "yxhw": "box-format-yxyx"} | {
    name: f"box-format-{name}" for name in ("xyxy", "cxcywh", "yxyx")
}
"""The finding that a reading is reported by."""
_FRAMES: tuple[tuple[Literal["image", "letterbox", "square"], str], ...] = (
    ("image", "the image"), ("letterbox", "a letterbox"), ("square", "a square filled up right and below"),
)  # fmt: skip
SURELY_FRAMED = 0.01
"""Fractions of a letterbox must fit by more than this better than fractions of the image to be called so."""


@dataclass(frozen=True)
class Alternative:
    """Another reading: the id it is reported by, how to call it, and the boxes it makes of the numbers."""

    id: str
    name: str
    decode: Decoder
    frame: Literal["pixels", "image", "letterbox", "square"] = "pixels"
    """What coordinates are fractions of: the image, the letterbox around it, or the square that its borders right and below fill."""
    base: Base = (0, 0, 0, 0)
    """What is subtracted from the corners: VOC counts from 1."""
    border_only: bool = False
    """Whether it differs from the file's own reading by a border alone."""

    def fits(self, before: float, after: float) -> bool:
        """Tell whether a mean best overlap of `after` with this reading is clearly better than one of `before` without."""
        if self.border_only:
            return after >= before + SLIGHTLY_BETTER
        return after >= before + CLEARLY_BETTER and after >= MUCH_BETTER * before

    def boxes(self, written: Floats, sizes: Floats) -> Floats:
        """Return the boxes that the numbers (N, 4) in files mean, on images of `sizes` (N, 2)."""
        boxes: Floats = self.decode(written) - np.array(self.base, np.float64)
        if self.frame == "pixels":
            return boxes
        if self.frame == "image":
            return boxes * np.tile(sizes, 2)
        longer = sizes.max(axis=1, keepdims=True)
        border = (longer - sizes) / 2 if self.frame == "letterbox" else np.zeros_like(sizes)
        return np.asarray(boxes * longer - np.tile(border, 2))


def alternatives(form: str) -> list[Alternative]:
    """Return every reading of a kind of file but its own."""
    own = OWN[form]
    formats = [
        Alternative(IDS[name], name, decode, base=base)
        for name, decode in DECODERS.items()
        for base in (VOC_BASES[name] if form == "voc" else ((0, 0, 0, 0),))
        if name != own
    ]
    fractions = [
        Alternative(
            "box-normalised",
            f"fractions of {what}, {name}",
            decode,
            frame,
            border_only=form == "yolo" and name == own,
        )
        for frame, what in _FRAMES
        for name, decode in DECODERS.items()
    ]
    if form == "yolo":
        return [
            *formats,
            Alternative("box-normalised", "cxcywh", _centred),
            *(each for each in fractions if each.frame != "image"),
        ]
    return formats + fractions


def best_format(case: Case, sample: Sample, before: float) -> tuple[Alternative, float] | None:
    """Return the reading that fits clearly better than a mean best overlap of `before`, and its own."""
    assert case.source is not None  # noqa: S101  the check asks for it
    fits = [
        (sample.mean_overlap(boxes_read(case, each, sample.written, sample.sizes)), each)
        for each in readings(case, sample.written)
    ]
    after, best = max(
        fits, key=lambda fit: fit[0] - SURELY_FRAMED * (fit[1].frame in ("letterbox", "square"))
    )
    return (best, after) if best.fits(before, after) else None


def format_finding(case: Case, before: float, best: Alternative, after: float) -> Finding:
    """Return the finding for a reading, proven by scoring again."""
    mend = partial(reread, case, best)
    what = f"read as {best.name} the boxes lie on the objects (mean best overlap {before:.2f} → {after:.2f})"
    return Finding(
        best.id,
        "error",
        f"{what}: {told(case, mend(case.rows), f'read as {best.name}')}",
        mending(case, best.id),
        mend,
    )


def readings(case: Case, written: Floats) -> list[Alternative]:
    """Return every other reading of a case's boxes; the names of those in YOLO files say where the numbers (N, 4) are pixels."""
    assert case.source is not None  # noqa: S101  the check asks for it
    found = alternatives(case.source.form)
    if case.source.form != "yolo" or _fractions(written):
        return found
    return [
        replace(each, name=f"pixels, {each.name}") if each.frame == "pixels" else each
        for each in found
    ]


def boxes_read(case: Case, reading: Alternative, written: Floats, sizes: Floats) -> Floats:
    """Return the boxes (N, 4) that a reading makes of the numbers (N, 4) of a file."""
    return reading.boxes(
        numbers_of(case, written, sizes) if reading.frame == "pixels" else written, sizes
    )


def numbers_of(case: Case, written: Floats, sizes: Floats) -> Floats:
    """Return the numbers of a file as pixels; YOLO's are multiplied by the image's size where they can be fractions."""
    if case.source is None or case.source.form != "yolo" or not _fractions(written):
        return written
    return written * np.tile(sizes, 2)


def _fractions(written: Floats) -> bool:
    return not np.nanmedian(written[:, 2:]) > 1


def reread(case: Case, reading: Alternative, rows: Rows) -> Rows:
    """Return the rows with the boxes that a reading makes of the numbers in the file."""
    assert case.source is not None  # noqa: S101  the check asks for it
    sizes = np.where((rows.image >= 0)[:, None], case.truth.image_sizes[rows.image], np.nan)
    return rows.with_boxes(boxes_read(case, reading, case.source.written[rows.places], sizes))

"""Transforms: boxes in the coordinates of the model's input, or of an image of another size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from detbench.data.columns import Floats
from detbench.data.detection_rows import DetectionRows
from detbench.doctor.case import Case
from detbench.doctor.evidence.fit import BoxMap, Sample
from detbench.doctor.readings.box_formats import CLEARLY_BETTER, SLIGHTLY_BETTER, sizes_of

# fmt: off
INPUT_SIZES = (
    128, 160, 192, 224, 256, 300, 320, 352, 384, 416, 448, 480, 512, 544, 576,
    608, 640, 672, 704, 736, 768, 800, 832, 896, 960, 1024, 1152, 1280, 1333, 1536,
)
# fmt: on
"""Sides of square inputs that detectors are run at. The largest coordinates in the file are tried,
too."""
COMMON_SIDES = (*INPUT_SIZES, 288, 360, 540, 600, 720, 1080, 1200, 1920)
FACTORS = np.exp(np.linspace(np.log(0.1), np.log(10), 139))
"""Constant factors that are tried, 3.4% apart."""
UNCHANGED = (0.98, 1.02)
"""Factors that are too near to 1 to be recognized."""

N_FIRST_OBJECTS = 80
"""Objects on which all transforms are tried; the best ones are tried on the whole sample."""
N_BEST = 10
MIN_GAIN_TWO_SIDES = 0.02
"""Gain in mean best IoU that an input of two different sides must bring over everything simpler:
so many of them are tried that some fit a little better by chance."""
NEAR_LARGEST = (0.8, 1.25)
"""Sides that are tried, as parts of the largest coordinate but one in a thousand."""
SIDE_STEP = 1.03
LARGEST_QUANTILE = 0.999
AS_GOOD = 0.003
"""Mean best IoU by which common sides may be worse than the best ones and still be preferred."""

Sides = tuple[float, float]
"""Width and height of an input."""


@dataclass(frozen=True)
class Transform:
    """A way back to pixels of the image."""

    id: str
    """The finding that reports it."""
    name: str
    """What the boxes are before it, as in: boxes seem to be …"""
    undo: BoxMap
    min_gain: float = CLEARLY_BETTER
    """Gain in mean best IoU that shows it to be right."""


@dataclass(frozen=True)
class FittedTransform:
    """A transform and the mean best IoU of the boxes after it."""

    transform: Transform
    fit: float


def _twice(values: Floats) -> Floats:
    """Return x and y (N, 2) for both corners (N, 4); faster than `np.tile`."""
    return np.concatenate([values, values], axis=1)


# Each of the next functions undoes one transform: it takes boxes (N, 4) in the coordinates of some
# input and the sizes (N, 2) of their images, and returns boxes in pixels of the images.


def _longer_sides(sizes: Floats) -> Floats:
    return np.asarray(sizes.max(axis=1, keepdims=True))


def _letterboxed(side: float, boxes: Floats, sizes: Floats) -> Floats:
    """Undo scaling to a square and centering in it."""
    scale = side / _longer_sides(sizes)
    border = (side - sizes * scale) / 2
    return np.asarray((boxes - _twice(border)) / scale)


def _with_letterbox_border(boxes: Floats, sizes: Floats) -> Floats:
    """Undo centering in the smallest square around the image."""
    border = (_longer_sides(sizes) - sizes) / 2
    return np.asarray(boxes - _twice(border))


def _with_border_of(side: float, boxes: Floats, sizes: Floats) -> Floats:
    """Undo centering in a letterbox; the scale of the letterbox is undone already."""
    scale = side / _longer_sides(sizes)
    border = (side - sizes * scale) / 2
    return np.asarray(boxes - _twice(border))


def _with_padding_to(side: float, boxes: Floats, sizes: Floats) -> Floats:
    """Undo padding on all sides without scaling."""
    border = (side - sizes) / 2
    return np.asarray(boxes - _twice(border))


def _stretched(sides: Sides, boxes: Floats, sizes: Floats) -> Floats:
    """Undo stretching to a fixed width and height."""
    factors = sizes / np.array(sides)
    return np.asarray(boxes * _twice(factors))


def _with_sides_swapped(boxes: Floats, sizes: Floats) -> Floats:
    """Undo multiplication of fractions by height and width instead of width and height."""
    factors = sizes / sizes[:, ::-1]
    return np.asarray(boxes * _twice(factors))


def _shrunk(side: float, boxes: Floats, sizes: Floats) -> Floats:
    """Undo scaling to a fixed longer side."""
    factors = _longer_sides(sizes) / side
    return np.asarray(boxes * factors)


def _multiplied(factor: float, boxes: Floats, sizes: Floats) -> Floats:  # noqa: ARG001
    """Undo multiplication by a constant."""
    return np.asarray(boxes / factor)


def transforms(sample: Sample) -> Iterator[Transform]:
    """Yield every transform that is tried, simple ones first."""
    for factor in FACTORS:
        if not UNCHANGED[0] < factor < UNCHANGED[1]:
            yield _multiplication(factor)
    yield Transform(
        "box-scale", "pixels of an image with width and height swapped", _with_sides_swapped
    )
    yield Transform(
        "letterbox-offset",
        "shifted by the border of a centered letterbox",
        _with_letterbox_border,
        SLIGHTLY_BETTER,
    )
    ends = sample.boxes[:, 2:]
    large = np.quantile(ends, (0.99, LARGEST_QUANTILE), method="lower")
    sides = {*INPUT_SIZES, *np.round([ends.max(), *large]).tolist()}
    for side in sorted(sides):
        if side > 1:
            yield from _transforms_of_side(side)


def _multiplication(factor: float) -> Transform:
    return Transform("box-scale", f"{factor:.3g} times too large", partial(_multiplied, factor))


def _transforms_of_side(side: float) -> Iterator[Transform]:
    """Yield the transforms of a square input."""
    square = f"{side:g} × {side:g}"
    yield _stretch((side, side))
    yield Transform(
        "box-scale", f"pixels of an input whose longer side is {side:g}", partial(_shrunk, side)
    )
    yield Transform(
        "letterbox-offset", f"pixels of a letterbox of {square}", partial(_letterboxed, side)
    )
    yield Transform(
        "letterbox-offset",
        f"shifted by the border of a letterbox of {square}",
        partial(_with_border_of, side),
    )
    yield Transform(
        "letterbox-offset",
        f"shifted by the border of a padding to {square}",
        partial(_with_padding_to, side),
    )


def _stretch(sides: Sides) -> Transform:
    name = f"pixels of an input stretched to {sides[0]:g} × {sides[1]:g}"
    return Transform("box-scale", name, partial(_stretched, sides))


def best_transform(sample: Sample, before: float) -> FittedTransform | None:
    """Return the transform after which boxes fit clearly better than a mean best IoU of `before`.

    None if there is no such transform, or if an image size is unknown.
    """
    if np.isnan(sample.sizes).any():
        return None
    # All transforms are tried on a few objects, the best of them on the whole sample.
    first = sample.head(N_FIRST_OBJECTS)
    candidates = sorted(transforms(sample), key=lambda transform: -_fit(first, transform))
    best, after = None, before
    for transform in candidates[:N_BEST]:
        fit = _fit(sample, transform)
        if fit > before + transform.min_gain and fit > after + 1e-3:
            best, after = transform, fit
    refined = None if best is None else _refined(sample, FittedTransform(best, after))
    after = after if refined is None else refined.fit
    # An input of any two sides must fit clearly better than everything simpler.
    two_sided = _best_stretch(first, sample)
    gain_needed = max(after + MIN_GAIN_TWO_SIDES, before + two_sided.transform.min_gain)
    return two_sided if two_sided.fit > gain_needed else refined


def _fit(sample: Sample, transform: Transform) -> float:
    return sample.mean_best_iou(transform.undo(sample.boxes, sample.sizes))


def _best_stretch(first: Sample, sample: Sample) -> FittedTransform:
    """Return the input of two sides that the boxes fit best; common sides are preferred."""

    def fit_to_all(sides: Sides) -> float:
        return _stretch_fit(sample, sides)

    # A coarse grid on a few objects, then finer steps around its best point on all of them.
    best = max(_grid_of_sides(sample), key=lambda sides: _stretch_fit(first, sides))
    for reach in (0.03, 0.006):
        factors = np.linspace(1 - reach, 1 + reach, 7)
        best = max(((x, best[1]) for x in best[0] * factors), key=fit_to_all)
        best = max(((best[0], y) for y in best[1] * factors), key=fit_to_all)

    common = (_nearest_common(best[0]), _nearest_common(best[1]))
    rounded = (float(round(best[0])), float(round(best[1])))
    sides = common if fit_to_all(common) > fit_to_all(rounded) - AS_GOOD else rounded
    return FittedTransform(_stretch(sides), fit_to_all(sides))


def _stretch_fit(sample: Sample, sides: Sides) -> float:
    return sample.mean_best_iou(_stretched(sides, sample.boxes, sample.sizes))


def _grid_of_sides(sample: Sample) -> list[Sides]:
    """Return widths and heights near the largest coordinates of the boxes."""
    ends = sample.boxes[:, 2:]
    largest = np.quantile(ends, LARGEST_QUANTILE, axis=0, method="lower")
    x_largest, y_largest = np.maximum(largest, 1)
    low, high = (np.log(part) / np.log(SIDE_STEP) for part in NEAR_LARGEST)
    steps = SIDE_STEP ** np.arange(low, high)
    return [(x, y) for x in x_largest * steps for y in y_largest * steps]


def _nearest_common(side: float) -> float:
    return float(min(COMMON_SIDES, key=lambda common: abs(common - side)))


def _refined(sample: Sample, best: FittedTransform) -> FittedTransform:
    """Return a constant factor with up to three decimals, fewer if these fit as well.

    Other transforms are returned as they are.
    """
    undo = best.transform.undo
    if not isinstance(undo, partial) or undo.func is not _multiplied:
        return best
    near = undo.args[0] * np.linspace(0.97, 1.03, 61)
    factors = np.unique(np.round(near, 3))
    fits = [_fit(sample, _multiplication(factor)) for factor in factors]
    best_factor = float(factors[int(np.argmax(fits))])
    for factor in (round(best_factor, 1), round(best_factor, 2), best_factor):
        fit = _fit(sample, _multiplication(factor)) if factor else 0.0
        if fit > max(fits) - AS_GOOD:
            break
    return FittedTransform(_multiplication(factor), fit)


def undo_transform(case: Case, transform: Transform, rows: DetectionRows) -> DetectionRows:
    """Return rows with their boxes in pixels of the image again."""
    return rows.with_boxes(transform.undo(rows.boxes, sizes_of(case, rows)))

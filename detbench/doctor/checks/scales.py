"""Scales: boxes in the coordinates of the model's input, letterboxed or stretched, or of an image of another size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from detbench.data.columns import Floats
from detbench.doctor.case import Case
from detbench.doctor.checks.box_formats import CLEARLY_BETTER, SLIGHTLY_BETTER
from detbench.doctor.evidence.counterfactual import told
from detbench.doctor.evidence.fit import Reading, Sample
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

INPUT_SIZES = (128, 160, 192, 224, 256, 300, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800, 832, 896, 960,
               1024, 1152, 1280, 1333, 1536)  # fmt: skip
"""Sides of square inputs that detectors are run at; the largest coordinates in the file are tried, too."""
FIRST_TRIED = 80
"""Objects on which all transforms are tried; the likely ones are tried on the whole sample."""
TRIED_AGAIN = 10
FACTORS = np.exp(np.linspace(np.log(0.1), np.log(10), 139))
"""Constant factors tried, 3.4 % apart."""


LEAST_OF_TWO_SIDES = 0.02
"""Gain that an input of two different sides must bring over everything simpler, since so many of them are tried."""
NEAR_LARGEST = (0.8, 1.25)
"""Sides that are tried, as parts of the largest coordinate but one in a thousand."""
SIDE_STEP = 1.03
COMMON_SIDES = (*INPUT_SIZES, 288, 360, 540, 600, 720, 1080, 1200, 1920)
AS_GOOD = 0.003
"""Mean overlap that common sides may lack of the best ones and are still taken to be the true ones."""


@dataclass(frozen=True)
class Transform:
    """A way back to pixels of the image."""

    id: str
    name: str
    undo: Reading
    gain: float = CLEARLY_BETTER


def _letterboxed(side: float, boxes: Floats, sizes: Floats) -> Floats:
    scale = side / sizes.max(axis=1, keepdims=True)
    border = (side - sizes * scale) / 2
    return np.asarray((boxes - np.tile(border, 2)) / scale)


def _scaled_border(boxes: Floats, sizes: Floats) -> Floats:
    return np.asarray(boxes - np.tile((sizes.max(axis=1, keepdims=True) - sizes) / 2, 2))


def _border(side: float, boxes: Floats, sizes: Floats) -> Floats:
    scale = side / sizes.max(axis=1, keepdims=True)
    return np.asarray(boxes - np.tile((side - sizes * scale) / 2, 2))


def _padded(side: float, boxes: Floats, sizes: Floats) -> Floats:
    return np.asarray(boxes - np.tile((side - sizes) / 2, 2))


def _stretched(sides: tuple[float, float], boxes: Floats, sizes: Floats) -> Floats:
    return np.asarray(boxes * np.tile(sizes / np.array(sides), 2))


def _turned(boxes: Floats, sizes: Floats) -> Floats:
    return np.asarray(boxes * np.tile(sizes / sizes[:, ::-1], 2))


def _shrunk(side: float, boxes: Floats, sizes: Floats) -> Floats:
    return np.asarray(boxes * (sizes.max(axis=1, keepdims=True) / side))


def _multiplied(factor: float, boxes: Floats, sizes: Floats) -> Floats:  # noqa: ARG001
    return np.asarray(boxes / factor)


def transforms(sample: Sample) -> Iterator[Transform]:
    """Yield every transform that is tried, simple ones first."""
    for factor in FACTORS:
        if not 0.98 < factor < 1.02:
            yield Transform(
                "box-scale", f"{factor:.3g} times too large", partial(_multiplied, factor)
            )
    yield Transform("box-scale", "pixels of an image whose width and height are exchanged", _turned)
    yield Transform(
        "letterbox-offset",
        "with the border of a centred letterbox",
        _scaled_border,
        SLIGHTLY_BETTER,
    )
    ends = sample.boxes[:, 2:]
    for side in sorted(
        {
            *INPUT_SIZES,
            *np.round([ends.max(), *np.quantile(ends, (0.99, 0.999), method="lower")]).tolist(),
        }
    ):
        if side <= 1:
            continue
        yield Transform(
            "box-scale",
            f"pixels of an input stretched to {side:g} × {side:g}",
            partial(_stretched, (side, side)),
        )
        yield Transform(
            "box-scale", f"pixels of an input whose longer side is {side:g}", partial(_shrunk, side)
        )
        yield Transform(
            "letterbox-offset",
            f"pixels of a letterbox of {side:g} × {side:g}",
            partial(_letterboxed, side),
        )
        yield Transform(
            "letterbox-offset",
            f"with the border of a letterbox of {side:g} × {side:g}",
            partial(_border, side),
        )
        yield Transform(
            "letterbox-offset",
            f"with the border of a padding to {side:g} × {side:g}",
            partial(_padded, side),
        )


def best_transform(sample: Sample, before: float) -> tuple[Transform, float] | None:
    """Return the transform after which boxes fit clearly better than a mean best overlap of `before`, and their own then."""
    if np.isnan(sample.sizes).any():
        return None
    coarse = sample.first(FIRST_TRIED)
    likely = sorted(
        transforms(sample),
        key=lambda each: -coarse.mean_overlap(each.undo(sample.boxes, sample.sizes)),
    )[:TRIED_AGAIN]
    best, after = None, before
    for each in likely:
        fit = sample.mean_overlap(each.undo(sample.boxes, sample.sizes))
        if fit > before + each.gain and fit > after + 1e-3:
            best, after = each, fit
    if best:
        best, after = _refined(sample, best, after)
    two_sided, fit = _two_sided(coarse, sample)
    if fit > max(after + LEAST_OF_TWO_SIDES, before + two_sided.gain):
        return two_sided, fit
    return (best, after) if best else None


def _two_sided(coarse: Sample, sample: Sample) -> tuple[Transform, float]:
    """Return the input of two sides that the boxes fit best when stretched to it, and how well; common sides are preferred."""

    def fit(sample: Sample, sides: tuple[float, float]) -> float:
        return sample.mean_overlap(_stretched(sides, sample.boxes, sample.sizes))

    largest = np.quantile(sample.boxes[:, 2:], 0.999, axis=0, method="lower")
    steps = SIDE_STEP ** np.arange(
        np.log(NEAR_LARGEST[0]) / np.log(SIDE_STEP), np.log(NEAR_LARGEST[1]) / np.log(SIDE_STEP)
    )
    grid = [
        (x, y) for x in np.maximum(largest[0], 1) * steps for y in np.maximum(largest[1], 1) * steps
    ]
    best = max(grid, key=lambda sides: fit(coarse, sides))
    for reach in (0.03, 0.006):
        factors = np.linspace(1 - reach, 1 + reach, 7)
        best = max(((x, best[1]) for x in best[0] * factors), key=lambda sides: fit(sample, sides))
        best = max(((best[0], y) for y in best[1] * factors), key=lambda sides: fit(sample, sides))
    common = tuple(float(min(COMMON_SIDES, key=lambda side: abs(side - own))) for own in best)
    rounded = (float(round(best[0])), float(round(best[1])))
    sides = (
        (common[0], common[1])
        if fit(sample, (common[0], common[1])) > fit(sample, rounded) - AS_GOOD
        else rounded
    )
    name = f"pixels of an input stretched to {sides[0]:g} × {sides[1]:g}"
    return Transform("box-scale", name, partial(_stretched, sides)), fit(sample, sides)


def transform_finding(case: Case, before: float, best: Transform, after: float) -> Finding:
    """Return the finding for a transform, proven by scoring again."""
    mend = partial(undone, case, best.undo)
    what = f"boxes fit when taken as {best.name} (mean best overlap {before:.2f} → {after:.2f})"
    return Finding(
        best.id,
        "error",
        f"{what}: {told(case, mend(case.rows), 'with that undone')}",
        mending(case, best.id),
        mend,
    )


def _refined(sample: Sample, best: Transform, after: float) -> tuple[Transform, float]:
    """Return a constant factor to the third digit, or to fewer where these fit, too; other transforms as they are."""
    if not isinstance(best.undo, partial) or best.undo.func is not _multiplied:
        return best, after
    factors = np.unique(np.round(best.undo.args[0] * np.linspace(0.97, 1.03, 61), 3))
    fits = [
        sample.mean_overlap(_multiplied(factor, sample.boxes, sample.sizes)) for factor in factors
    ]
    likeliest = float(factors[int(np.argmax(fits))])
    for factor in (round(likeliest, 1), round(likeliest, 2), likeliest):
        fit = (
            sample.mean_overlap(_multiplied(factor, sample.boxes, sample.sizes)) if factor else 0.0
        )
        if fit > max(fits) - AS_GOOD:
            break
    return Transform(best.id, f"{factor:.3g} times too large", partial(_multiplied, factor)), fit


def undone(case: Case, undo: Reading, rows: Rows) -> Rows:
    """Return the rows with their boxes in pixels of the image again."""
    sizes = np.where((rows.image >= 0)[:, None], case.truth.image_sizes[rows.image], np.nan)
    return rows.with_boxes(undo(rows.boxes, sizes))

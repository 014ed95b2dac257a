"""Scales: boxes in the coordinates of the model's input, letterboxed or stretched, or of an image of another size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from detbench.bench.doctor.case import Case
from detbench.bench.doctor.counterfactual import told
from detbench.bench.doctor.findings import Finding
from detbench.bench.doctor.fit import Reading, Sample
from detbench.bench.doctor.fixes import mending
from detbench.bench.doctor.formats import CLEARLY_BETTER
from detbench.bench.doctor.rows import Rows
from detbench.data.columns import Floats

INPUT_SIZES = (128, 160, 192, 224, 256, 300, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800, 832, 896, 960,
               1024, 1152, 1280, 1333, 1536)  # fmt: skip
"""Sides of square inputs that detectors are run at; the largest coordinates in the file are tried, too."""
SLIGHTLY_BETTER = 0.04
"""Gain in mean best overlap that a border of known size must bring: borders of a few pixels bring .05, and nothing else does."""
FIRST_TRIED = 80
"""Objects on which all transforms are tried; the likely ones are tried on the whole sample."""
TRIED_AGAIN = 10
FACTORS = np.exp(np.linspace(np.log(0.1), np.log(10), 139))
"""Constant factors tried, 3.4 % apart."""


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


def _stretched(side: float, boxes: Floats, sizes: Floats) -> Floats:
    return np.asarray(boxes * np.tile(sizes / side, 2))


def _shrunk(side: float, boxes: Floats, sizes: Floats) -> Floats:
    return np.asarray(boxes * (sizes.max(axis=1, keepdims=True) / side))


def _multiplied(factor: float, boxes: Floats, sizes: Floats) -> Floats:  # noqa: ARG001
    return np.asarray(boxes / factor)


def transforms(sample: Sample) -> Iterator[Transform]:
    """Yield every transform that is tried, simple ones first."""
    for factor in FACTORS:
        if not 0.98 < factor < 1.02:
            yield Transform("box-scale", f"{factor:.3g} times too large", partial(_multiplied, factor))
    yield Transform("letterbox-offset", "with the border of a centred letterbox", _scaled_border, SLIGHTLY_BETTER)
    ends = sample.boxes[:, 2:]
    for side in sorted({*INPUT_SIZES, *np.round([ends.max(), *np.quantile(ends, (0.99, 0.999), method="lower")]).tolist()}):
        if side <= 1:
            continue
        yield Transform("box-scale", f"pixels of an input stretched to {side:g} × {side:g}", partial(_stretched, side))
        yield Transform("box-scale", f"pixels of an input whose longer side is {side:g}", partial(_shrunk, side))
        yield Transform("letterbox-offset", f"pixels of a letterbox of {side:g} × {side:g}", partial(_letterboxed, side))
        yield Transform("letterbox-offset", f"with the border of a letterbox of {side:g} × {side:g}", partial(_border, side))
        yield Transform("letterbox-offset", f"with the border of a padding to {side:g} × {side:g}", partial(_padded, side))


def best_transform(sample: Sample, before: float) -> tuple[Transform, float] | None:
    """Return the transform after which boxes fit clearly better than a mean best overlap of `before`, and their own then."""
    if np.isnan(sample.sizes).any():
        return None
    coarse = sample.first(FIRST_TRIED)
    likely = sorted(transforms(sample), key=lambda each: -coarse.mean_overlap(each.undo(sample.boxes, sample.sizes)))[:TRIED_AGAIN]
    best, after = None, before
    for each in likely:
        fit = sample.mean_overlap(each.undo(sample.boxes, sample.sizes))
        if fit > before + each.gain and fit > after + 1e-3:
            best, after = each, fit
    return _refined(sample, best, after) if best else None


def transform_finding(case: Case, before: float, best: Transform, after: float) -> Finding:
    """Return the finding for a transform, proven by scoring again."""
    mend = partial(_undone, case, best.undo)
    what = f"boxes fit when taken as {best.name} (mean best overlap {before:.2f} → {after:.2f})"
    return Finding(best.id, "error", f"{what}: {told(case, mend(case.rows), 'with that undone')}", mending(case, best.id), mend)


def _refined(sample: Sample, best: Transform, after: float) -> tuple[Transform, float]:
    """Return a constant factor to the third digit; other transforms as they are."""
    if not isinstance(best.undo, partial) or best.undo.func is not _multiplied:
        return best, after
    factors = np.unique(np.round(best.undo.args[0] * np.linspace(0.97, 1.03, 61), 3))
    fits = [sample.mean_overlap(_multiplied(factor, sample.boxes, sample.sizes)) for factor in factors]
    factor = float(factors[int(np.argmax(fits))])
    return Transform(best.id, f"{factor:.3g} times too large", partial(_multiplied, factor)), max(fits)


def _undone(case: Case, undo: Reading, rows: Rows) -> Rows:
    sizes = np.where((rows.image >= 0)[:, None], case.truth.image_sizes[rows.image], np.nan)
    return rows.with_boxes(undo(rows.boxes, sizes))

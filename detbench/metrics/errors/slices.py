"""Slices: the headline measure on images that share an attribute, against all other images, corrected for many comparisons.

Slices hold different classes, and a mean over other classes says nothing about the images: slice and rest are compared over the classes
that both have. p-values ask whether the difference is 0 on images of this kind, by the bootstrap over images, and are corrected over all
slices of all attributes: Holm for no false call at all, Benjamini–Hochberg for few false ones among those called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights, units_with
from detbench.metrics.uncertainty.drawn import drawn_interval, drawn_p
from detbench.metrics.uncertainty.intervals import Interval
from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg, holm
from detbench.metrics.uncertainty.subset_scores import Parts

BUILT_IN = ("objects", "megapixels", "shape")
"""The names of the attributes that need no table."""
MOST_VALUES = 50
_MOST_NUMBERS = 12
"""An attribute of more different numbers is cut into quarters."""


@dataclass(frozen=True, eq=False)
class Attribute:
    """One way to group the I images."""

    name: str
    values: tuple[str, ...]
    of: NDArray[np.int64]
    """(I,) place in `values`; −1 where not known."""


@dataclass(frozen=True)
class Slice:
    """One group of images."""

    attribute: str
    value: str
    images: int
    objects: int
    score: float
    """The measure on these images, over the classes that both they and the rest have; NaN where there is no such class."""
    difference: Interval
    """To the same classes on all other images of known value; ends are NaN without replicates."""
    p: float
    p_holm: float
    p_fdr: float


def attribute(name: str, texts: Sequence[str | None]) -> Attribute:
    """Return an attribute from the text of each image, None where there is none.

    Texts are values, in the order of the alphabet; numbers in their own order, and cut into quarters where there are more than 12.

    Raises:
        DetbenchError: more than 50 different texts.
    """
    known = sorted({text for text in texts if text is not None})
    numbers = _numbers(known)
    if numbers is not None and len(known) > _MOST_NUMBERS:
        by_text = dict(zip(known, numbers, strict=True))
        return quarters(
            name, np.array([np.nan if text is None else by_text[text] for text in texts])
        )
    if len(known) > MOST_VALUES:
        raise DetbenchError(
            f"attribute {name!r} has {len(known):,} different values; at most {MOST_VALUES} make slices"
        )
    values = known if numbers is None else [known[n] for n in np.argsort(numbers, kind="stable")]
    place = {text: n for n, text in enumerate(values)}
    return Attribute(
        name,
        tuple(values),
        np.array([-1 if text is None else place[text] for text in texts], np.int64),
    )


def quarters(name: str, numbers: Floats) -> Attribute:
    """Return an attribute of numbers (I,), NaN where not known, cut at their quartiles; equal numbers stay together."""
    known = numbers[~np.isnan(numbers)]
    cuts = np.unique(np.quantile(known, (0.25, 0.5, 0.75))) if len(known) else np.empty(0)
    cuts = cuts[cuts < known.max(initial=-np.inf)]
    ends = [f"{cut:g}" for cut in cuts]
    between = [f"{low} to {high}" for low, high in pairwise(ends)]
    labels = [f"to {ends[0]}", *between, f"over {ends[-1]}"] if ends else ["all"]
    places = np.searchsorted(cuts, numbers, side="left")
    return Attribute(name, tuple(labels), np.where(np.isnan(numbers), -1, places))


def built_in(truth: GroundTruth) -> list[Attribute]:
    """Return the attributes that every ground truth has: objects per image and, where sizes are known and differ, pixels and shape."""
    counts = np.diff(truth.offsets)
    labels = ("none", "1", "2 to 3", "4 to 7", "8 and more")
    found = [Attribute("objects", labels, np.searchsorted([0, 1, 3, 7], counts, side="left"))]
    pixels, ratio = (
        truth.image_sizes.prod(axis=1) / 1e6,
        truth.image_sizes[:, 0] / truth.image_sizes[:, 1],
    )
    if len(np.unique(pixels[~np.isnan(pixels)])) > 1:
        found.append(quarters("megapixels", pixels))
    if len(np.unique(np.sign(np.log(ratio[~np.isnan(ratio)])))) > 1:
        shapes = np.where(np.isnan(ratio), -1, np.searchsorted([1 - 1e-9, 1 + 1e-9], ratio))
        found.append(Attribute("shape", ("upright", "square", "wide"), shapes))
    return found


def slices(
    evaluation: Evaluation, attributes: Sequence[Attribute], weights: Weights | None = None
) -> list[Slice]:
    """Return every slice that has objects, attribute by attribute; `weights` (B, I) are bootstrap draws, for intervals and p."""
    truth = evaluation.ground_truth
    ones = np.ones((1, len(truth.image_ids)), np.uint16)
    draws = ones if weights is None else np.concatenate([ones, weights])
    parts = Parts(evaluation)
    objects = parts.positives.sum(axis=1)
    found: list[Slice] = []
    for one in attributes:
        for place, value in enumerate(one.values):
            inside = one.of == place
            if objects[inside].sum():
                rest = (one.of >= 0) & ~inside
                units = min(
                    int(units_with(truth, (objects * images)[:, None])[0])
                    for images in (inside, rest)
                )
                found.append(_slice(parts, (one.name, value), inside, rest, draws, objects, units))
    p = np.array([each.p for each in found])
    return [
        _with_p(each, *adjusted)
        for each, *adjusted in zip(
            found, holm(p).tolist(), benjamini_hochberg(p).tolist(), strict=True
        )
    ]


def by_columns(columns: Mapping[str, Sequence[str | None]]) -> list[Attribute]:
    """Return the attributes of a table of texts; those without any value are left out.

    Raises:
        DetbenchError: a column has the name of a built-in attribute, or too many values.
    """
    if taken := [name for name in columns if name in BUILT_IN]:
        raise DetbenchError(
            f"attribute {taken[0]!r} is built in already ({', '.join(BUILT_IN)}); give the column another name"
        )
    return [
        attribute(name, texts)
        for name, texts in columns.items()
        if any(text is not None for text in texts)
    ]


def _slice(
    parts: Parts,
    name: tuple[str, str],
    inside: Flags,
    rest: Flags,
    draws: Weights,
    objects: Ints,
    units: int,
) -> Slice:
    score, other = (parts.class_values(images, draws) for images in (inside, rest))
    both = ~np.isnan(score) & ~np.isnan(other)
    values, differences = _means(score, both), _means(score - other, both)
    drawn = differences[1:]
    return Slice(
        *name,
        images=int(inside.sum()),
        objects=int(objects[inside].sum()),
        score=float(values[0]),
        difference=drawn_interval(float(differences[0]), drawn, units, lowest=-1.0),
        p=drawn_p(float(differences[0]), drawn, units),
        p_holm=np.nan,
        p_fdr=np.nan,
    )


def _with_p(found: Slice, p_holm: float, p_fdr: float) -> Slice:
    return Slice(**{**vars(found), "p_holm": p_holm, "p_fdr": p_fdr})


def _means(values: Floats, there: Flags) -> Floats:
    count = there.sum(axis=1)
    return np.asarray(
        np.divide(
            np.where(there, values, 0.0).sum(axis=1),
            count,
            out=np.full(len(values), np.nan),
            where=count > 0,
        )
    )


def _numbers(texts: Sequence[str]) -> Floats | None:
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return numbers if len(numbers) and np.isfinite(numbers).all() else None

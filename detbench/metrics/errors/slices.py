"""Slices: the headline measure on images that share an attribute, against all other images.

Slices hold different classes, and a mean over other classes says nothing about the images. So slice
and rest are compared over the classes that both have. p-values test whether the difference is 0, by
the bootstrap over images. They are corrected over all slices of all attributes: by Holm against any
false positive, by Benjamini–Hochberg for the false discovery rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.errors.means import masked_mean
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights, clusters_with
from detbench.metrics.uncertainty.intervals import Interval
from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg, holm
from detbench.metrics.uncertainty.statistic_intervals import statistic_interval, statistic_p
from detbench.metrics.uncertainty.subset_scores import SubsetScores

BUILT_IN = ("objects", "megapixels", "shape")
"""The names of the attributes that need no table."""
MAX_VALUES = 50
_MAX_NUMBERS = 12
"""An attribute of more different numbers is cut at its quartiles."""


@dataclass(frozen=True, eq=False)
class Attribute:
    """One way to group the I images."""

    name: str
    values: tuple[str, ...]
    value_index: NDArray[np.int64]
    """(I,) index into `values`; −1 where not known."""


@dataclass(frozen=True)
class Slice:
    """One group of images."""

    attribute: str
    value: str
    images: int
    objects: int
    score: float
    """The measure on these images, over the classes that both they and the rest have; NaN if there
    is no such class."""
    difference: Interval
    """Score − score of the same classes on all other images whose value is known; NaN ends without
    replicates."""
    p: float
    p_holm: float
    p_fdr: float


def attribute_of_texts(name: str, texts: Sequence[str | None]) -> Attribute:
    """Return an attribute from the text of each image, None where not known.

    Texts are values, in alphabetical order. Numbers are values in their own order; more than 12
    different numbers are cut at their quartiles.

    Raises:
        DetbenchError: more than 50 different texts.
    """
    values = sorted({text for text in texts if text is not None})
    numbers = _numbers(values)
    if numbers is not None and len(values) > _MAX_NUMBERS:
        by_text = dict(zip(values, numbers, strict=True))
        of_images = [np.nan if text is None else by_text[text] for text in texts]
        return quartile_attribute(name, np.array(of_images))
    if len(values) > MAX_VALUES:
        raise DetbenchError(
            f"attribute {name!r} has {len(values):,} different values, expected at most "
            f"{MAX_VALUES}"
        )
    if numbers is not None:
        values = [values[n] for n in np.argsort(numbers, kind="stable")]
    index = {text: n for n, text in enumerate(values)}
    value_index = [-1 if text is None else index[text] for text in texts]
    return Attribute(name, tuple(values), np.array(value_index, np.int64))


def quartile_attribute(name: str, numbers: Floats) -> Attribute:
    """Return an attribute of numbers (I,), NaN where not known, cut at their quartiles.

    Equal numbers stay together.
    """
    finite = numbers[~np.isnan(numbers)]
    cuts = np.unique(np.quantile(finite, (0.25, 0.5, 0.75))) if len(finite) else np.empty(0)
    cuts = cuts[cuts < finite.max(initial=-np.inf)]
    ends = [f"{cut:g}" for cut in cuts]
    between = [f"{low} to {high}" for low, high in pairwise(ends)]
    labels = [f"to {ends[0]}", *between, f"over {ends[-1]}"] if ends else ["all"]
    value_index = np.searchsorted(cuts, numbers, side="left")
    return Attribute(name, tuple(labels), np.where(np.isnan(numbers), -1, value_index))


def attributes_of_columns(columns: Mapping[str, Sequence[str | None]]) -> list[Attribute]:
    """Return the attributes of a table of texts; columns without any value are left out.

    Raises:
        DetbenchError: a column has the name of a built-in attribute, or too many values.
    """
    for name in columns:
        if name in BUILT_IN:
            raise DetbenchError(
                f"attribute {name!r} is built in, like {', '.join(BUILT_IN)}; rename the column"
            )
    return [
        attribute_of_texts(name, texts)
        for name, texts in columns.items()
        if any(text is not None for text in texts)
    ]


def built_in_attributes(ground_truth: GroundTruth) -> list[Attribute]:
    """Return the attributes that need no table: objects, megapixels and shape.

    The last two need image sizes that are known and differ.
    """
    counts = np.diff(ground_truth.offsets)
    labels = ("none", "1", "2 to 3", "4 to 7", "8 and more")
    by_count = np.searchsorted([0, 1, 3, 7], counts, side="left")
    attributes = [Attribute("objects", labels, by_count)]
    width, height = ground_truth.image_sizes.T
    has_size = ~np.isnan(width) & ~np.isnan(height)
    megapixels = width * height / 1e6
    if len(np.unique(megapixels[has_size])) > 1:
        attributes.append(quartile_attribute("megapixels", megapixels))
    shape = np.sign(width - height)
    if len(np.unique(shape[has_size])) > 1:
        by_shape = np.where(has_size, shape + 1, -1).astype(np.int64)
        attributes.append(Attribute("shape", ("upright", "square", "wide"), by_shape))
    return attributes


def score_slices(
    evaluation: Evaluation, attributes: Sequence[Attribute], weights: Weights | None = None
) -> list[Slice]:
    """Return every slice that has objects, attribute by attribute.

    Args:
        evaluation: the headline measure of its protocol is scored.
        attributes: of its images.
        weights: (B, I) bootstrap resamples for intervals and p-values; None for neither.
    """
    n_images = len(evaluation.ground_truth.image_ids)
    all_once = np.ones((1, n_images), np.uint16)
    weights = all_once if weights is None else np.concatenate([all_once, weights])
    subsets = SubsetScores(evaluation)
    slices = [
        _slice(evaluation, subsets, attribute, index, weights)
        for attribute in attributes
        for index in range(len(attribute.values))
        if subsets.objects[attribute.value_index == index].any()
    ]
    p = np.array([row.p for row in slices])
    corrected = zip(holm(p).tolist(), benjamini_hochberg(p).tolist(), strict=True)
    return [
        replace(row, p_holm=p_holm, p_fdr=p_fdr)
        for row, (p_holm, p_fdr) in zip(slices, corrected, strict=True)
    ]


def _slice(
    evaluation: Evaluation,
    subsets: SubsetScores,
    attribute: Attribute,
    index: int,
    weights: Weights,
) -> Slice:
    """Return the slice of one value of an attribute; its p-values are not corrected yet."""
    inside = attribute.value_index == index
    rest = (attribute.value_index >= 0) & ~inside
    score = subsets.class_values(inside, weights)
    score_of_rest = subsets.class_values(rest, weights)
    # The first row has all images once: the value itself. The others are its replicates.
    in_both = ~np.isnan(score) & ~np.isnan(score_of_rest)
    scores = masked_mean(score, in_both)
    differences = masked_mean(score - score_of_rest, in_both)
    difference, replicates = float(differences[0]), differences[1:]
    # The evidence for a difference is that of the side with less of it.
    objects = subsets.objects
    by_side = np.stack([objects * inside, objects * rest], axis=1)
    clusters = int(clusters_with(evaluation.ground_truth, by_side).min())
    return Slice(
        attribute.name,
        attribute.values[index],
        images=int(inside.sum()),
        objects=int(objects[inside].sum()),
        score=float(scores[0]),
        difference=statistic_interval(difference, replicates, clusters, lowest=-1.0),
        p=statistic_p(difference, replicates, clusters),
        p_holm=np.nan,
        p_fdr=np.nan,
    )


def _numbers(texts: Sequence[str]) -> Floats | None:
    """Return the texts as numbers; None if one is no finite number, or there are none."""
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return numbers if len(numbers) and np.isfinite(numbers).all() else None

"""Units: what is drawn where scores are asked how they vary: images, or the groups of images that the ground truth knows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError

Weights = NDArray[np.uint16]
"""(I,) how often each image counts, or (B, I) for B such sets."""

_HALVES_STREAM = 2
"""Tells the random stream of halves from others of one seed."""


def unit_count(ground_truth: GroundTruth) -> int:
    """Return how many units there are."""
    return int(ground_truth.clusters.max(initial=-1)) + 1


def group_count(ground_truth: GroundTruth) -> int | None:
    """Return in how many groups the images are drawn; None where each is by itself."""
    return None if ground_truth.groups is None else unit_count(ground_truth)


def check_units(ground_truth: GroundTruth, method: str) -> None:
    """Raise DetbenchError unless there are two units at least."""
    count = unit_count(ground_truth)
    if count < 2:
        what = "images" if ground_truth.groups is None else "groups of images"
        raise DetbenchError(
            f"{method} needs at least two {what}, to tell how results vary; there is {count}"
        )


def image_draws(images: int, seed: int) -> Callable[[int], Weights]:
    """Return what gives the weights (I,) of replicate b: how often each of the images is drawn."""
    return lambda b: np.bincount(
        np.random.default_rng([seed, b]).integers(0, images, images), minlength=images
    ).astype(np.uint16)


def unit_draws(ground_truth: GroundTruth, seed: int) -> Callable[[int], Weights]:
    """Return what gives the weights (I,) of replicate b: as many units are drawn as there are, those of many images whole."""
    draw = image_draws(unit_count(ground_truth), seed)
    return lambda b: draw(b)[ground_truth.clusters]


def half_draws(ground_truth: GroundTruth, seed: int) -> Callable[[int], Weights]:
    """Return what gives the weights (I,) of half b: a random half of the units, and the other half for the odd b after it."""
    count = unit_count(ground_truth)

    def draw(b: int) -> Weights:
        cut, side = divmod(b, 2)
        place = np.random.default_rng([seed, cut, _HALVES_STREAM]).permutation(count)[
            ground_truth.clusters
        ]
        return np.asarray(place % 2 == side, np.uint16)

    return draw


def units_with(ground_truth: GroundTruth, by_image: NDArray[np.integer]) -> Ints:
    """Return (K,) how many units have something, given what each image has (I, K): the evidence there is."""
    by_unit = np.zeros((unit_count(ground_truth), by_image.shape[1]), np.int64)
    np.add.at(by_unit, ground_truth.clusters, by_image)
    return np.asarray((by_unit > 0).sum(axis=0))

"""Clusters: what is resampled when the uncertainty of a score is estimated.

Images of one group, such as a video, are not independent evidence, so they are resampled together.
A cluster is such a group, or a single image if the ground truth has no groups.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError

MIN_CLUSTERS = 2
"""Minimum number of clusters for resampling: one cannot show how results vary."""
MIN_WITH_OBJECTS = 7
"""Minimum number of clusters with objects for the interval of a value."""

Weights = NDArray[np.uint16]
"""(I,) how often each image counts, or (B, I) for B such sets."""
WeightsOf = Callable[[int], Weights]
"""The number of a resample → the weights (I,) of the images in it."""

_HALVES_STREAM = 2
"""Distinguishes the random stream of halves from others of the same seed."""
_KEPT_SPLITS = 16
"""Splits kept for their second half: one for each thread, which takes the halves in order."""


def cluster_count(ground_truth: GroundTruth) -> int:
    """Return the number of clusters."""
    return int(ground_truth.clusters.max(initial=-1)) + 1


def group_count(ground_truth: GroundTruth) -> int | None:
    """Return the number of groups of images; None if the ground truth has no groups."""
    return None if ground_truth.groups is None else cluster_count(ground_truth)


def check_cluster_count(ground_truth: GroundTruth, method: str) -> None:
    """Raise DetbenchError if there are fewer than two clusters."""
    count = cluster_count(ground_truth)
    if count < MIN_CLUSTERS:
        clusters = "images" if ground_truth.groups is None else "groups of images"
        raise DetbenchError(f"{method} needs at least two {clusters}; the dataset has {count}")


def resample_images(n_images: int, seed: int) -> WeightsOf:
    """Return the bootstrap resamples of independent images, drawn with replacement.

    Each resample has a random stream of its own, which depends on its number and the seed only.
    """

    def weights_of(b: int) -> Weights:
        images = np.random.default_rng([seed, b]).integers(0, n_images, n_images)
        return np.bincount(images, minlength=n_images).astype(np.uint16)

    return weights_of


def resample_clusters(ground_truth: GroundTruth, seed: int) -> WeightsOf:
    """Return the bootstrap resamples of clusters: as many as there are, with all their images."""
    cluster_weights_of = resample_images(cluster_count(ground_truth), seed)
    return lambda b: cluster_weights_of(b)[ground_truth.clusters]


def split_halves(ground_truth: GroundTruth, seed: int) -> WeightsOf:
    """Return random halves of the clusters: an even number and the next are complementary."""
    count = cluster_count(ground_truth)

    @lru_cache(maxsize=_KEPT_SPLITS)
    def side_of_images(split: int) -> Weights:
        rng = np.random.default_rng([seed, split, _HALVES_STREAM])
        side = (rng.permutation(count) & 1).astype(np.uint16)
        return side[ground_truth.clusters]

    def weights_of(b: int) -> Weights:
        split, side = divmod(b, 2)
        return side_of_images(split) if side else 1 - side_of_images(split)

    return weights_of


def stack_weights(weights_of: WeightsOf, count: int) -> Weights:
    """Return (B, I) the weights of the first `count` resamples."""
    return np.stack([weights_of(b) for b in range(count)])


def clusters_with(ground_truth: GroundTruth, by_image: NDArray[np.integer]) -> Ints:
    """Return (K,) the number of clusters that have something, given the counts (I, K) of images."""
    by_cluster = np.zeros((cluster_count(ground_truth), by_image.shape[1]), np.int64)
    np.add.at(by_cluster, ground_truth.clusters, by_image)
    return np.asarray((by_cluster > 0).sum(axis=0))


def clusters_of_classes(
    ground_truth: GroundTruth,
    images: NDArray[np.integer],
    classes: NDArray[np.integer],
    n_classes: int,
) -> Ints:
    """Return (K,) the number of clusters that have something, given the images and classes of it.

    It is `clusters_with` for pairs (M,) of an image and a class, whose table (I, K) may be large.
    """
    pairs = np.unique(ground_truth.clusters[images] * n_classes + classes)
    return np.bincount(pairs % max(1, n_classes), minlength=n_classes)

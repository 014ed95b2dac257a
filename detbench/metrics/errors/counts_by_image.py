"""Counts by image and class, held as a pair for each thing counted: most of I · K are 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Indices, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.weighted import fill_positives
from detbench.metrics.uncertainty.clusters import clusters_of_classes


@dataclass(frozen=True, eq=False)
class CountsByImage:
    """M things, such as objects to find, in I images and of K classes."""

    images: Indices
    """(M,) index of the image."""
    classes: Indices
    """(M,) index of the class."""
    n_images: int
    n_classes: int

    @property
    def of_images(self) -> Ints:
        """(I,) the number in each image, of all classes."""
        return np.bincount(self.images, minlength=self.n_images)

    @property
    def of_classes(self) -> Ints:
        """(K,) the number of each class, in all images."""
        return np.bincount(self.classes, minlength=self.n_classes)

    def inside(self, images: Flags) -> CountsByImage:
        """Return what is in some of the images (I,)."""
        kept = images[self.images]
        return replace(self, images=self.images[kept], classes=self.classes[kept])

    def pooled(self) -> CountsByImage:
        """Return the same things, all as those of one class."""
        return replace(self, classes=np.zeros(len(self.classes), np.int32), n_classes=1)

    def weighted(self, weights: NDArray[np.uint16]) -> Ints:
        """Return (B, K) the number of each class if image i counts `weights[b, i]` times."""
        counts = np.zeros((len(weights), self.n_classes), np.int64)
        fill_positives(self.images, self.classes, weights, counts)
        return counts

    def clusters(self, ground_truth: GroundTruth) -> Ints:
        """Return (K,) the number of clusters that have something of each class."""
        return clusters_of_classes(ground_truth, self.images, self.classes, self.n_classes)


def counts_of(
    ground_truth: GroundTruth, images: NDArray[Any], classes: NDArray[Any]
) -> CountsByImage:
    """Return the counts of things with these images and classes (M,)."""
    return CountsByImage(
        np.ascontiguousarray(images, np.int32),
        np.ascontiguousarray(classes, np.int32),
        len(ground_truth.image_ids),
        len(ground_truth.class_names),
    )

"""Traits: what may make an object hard to find (size, shape, crowding), and the recall by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets, pairs_in_groups
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.means import share
from detbench.metrics.kernels.columns import DROPPED
from detbench.metrics.kernels.error_kinds import FOUND, HIT, NOT_COUNTED, ErrorKinds
from detbench.metrics.kernels.overlap import paired_iou
from detbench.metrics.protocols.crowd_and_difficult import object_kinds
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluation import Evaluation

_EDGE_PIXELS = 1.0
"""A box that comes this close to the edge of its image touches it."""


@dataclass(frozen=True, eq=False)
class Trait:
    """One way to group the G objects."""

    name: str
    values: tuple[str, ...]
    value_index: NDArray[np.int64]
    """(G,) index into `values`; −1 where not known."""


@dataclass(frozen=True, eq=False)
class TraitRecall:
    """Recall by the V values of a trait; objects that do not count are left out."""

    trait: Trait
    objects: Ints
    """(V,) objects to find."""
    recall: Floats
    """(V,) share found by detections of at least the score threshold; NaN without objects."""
    max_recall: Floats
    """(V,) share found by any detection; NaN without objects."""
    by_image: Ints
    """(2, I, V) objects to find, and those of them found at the score threshold."""

    def replicates(self, weights: NDArray[np.uint16]) -> Floats:
        """Return (B, V) the recall when image i counts `weights[b, i]` times; weights is (B, I)."""
        times = weights.astype(np.float64)
        n_objects, n_found = self.by_image
        return share(times @ n_found, times @ n_objects)


def traits(ground_truth: GroundTruth, protocol: Protocol) -> list[Trait]:
    """Return the traits that the ground truth provides.

    - size: COCO's, by area: up to 32², up to 96², more.
    - aspect ratio: width / height.
    - neighbors: other objects of the class in the image.
    - overlap: the greatest IoU with another object of any class.
    - truncated: VOC's flag, if any object has it.
    - edge: whether the box comes within a pixel of the edge of its image, if sizes are known.

    Objects that the protocol drops are no neighbors and overlap nothing.
    """
    present = object_kinds(ground_truth, protocol) != DROPPED
    sides = ground_truth.boxes[:, 2:] - ground_truth.boxes[:, :2]
    with np.errstate(divide="ignore", invalid="ignore"):
        aspect = sides[:, 0] / sides[:, 1]
    result = [
        _binned("size", ground_truth.areas, {"small": 32**2, "medium": 96**2, "large": np.inf}),
        _binned(
            "aspect ratio",
            aspect,
            {
                "to 1:3": 1 / 3,
                "1:3 to 2:3": 2 / 3,
                "2:3 to 3:2": 3 / 2,
                "3:2 to 3:1": 3,
                "over 3:1": np.inf,
            },
        ),
        _binned(
            "neighbors",
            _neighbors(ground_truth, present),
            {"none": 0, "1": 1, "2 to 4": 4, "5 to 9": 9, "10 and more": np.inf},
        ),
        _binned(
            "overlap",
            _greatest_overlap(ground_truth, present),
            {"none": 0, "to 0.1": 0.1, "0.1 to 0.3": 0.3, "over 0.3": np.inf},
        ),
    ]
    if ground_truth.truncated.any():
        truncated = ground_truth.truncated.astype(np.int64)
        result.append(Trait("truncated", ("no", "yes"), truncated))
    if not np.isnan(ground_truth.image_sizes).all():
        result.append(Trait("edge", ("inside", "touched"), _touches_edge(ground_truth)))
    return result


def trait_recall(
    evaluation: Evaluation, kinds: ErrorKinds, trait: Trait, min_score: float
) -> TraitRecall:
    """Return recall by a trait, with all detections and with those of at least a score."""
    high_score = evaluation.detections.scores >= min_score
    hits = (kinds.detections == HIT) & high_score
    found_at_score = np.zeros(len(kinds.objects), np.bool_)
    found_at_score[kinds.targets[hits]] = True
    objects = (kinds.objects != NOT_COUNTED) & (trait.value_index >= 0)
    found_at_all = objects & (kinds.objects == FOUND)

    ground_truth = evaluation.ground_truth
    n_objects = _count_by_image(ground_truth, trait, objects)
    n_found = _count_by_image(ground_truth, trait, objects & found_at_score)
    n_found_by_any = _count_by_image(ground_truth, trait, found_at_all)
    total = n_objects.sum(axis=0)
    return TraitRecall(
        trait=trait,
        objects=total,
        recall=share(n_found.sum(axis=0), total),
        max_recall=share(n_found_by_any.sum(axis=0), total),
        by_image=np.stack([n_objects, n_found]),
    )


def _binned(name: str, numbers: Floats | Ints, upper_limits: dict[str, float]) -> Trait:
    """Group numbers by the upper limit of each value, which belongs to it; the last has none."""
    limits = np.array([*upper_limits.values()], np.float64)
    value_index = np.searchsorted(limits, numbers, side="left")
    value_index = np.where(np.isnan(numbers), -1, value_index)
    return Trait(name, tuple(upper_limits), value_index)


def _neighbors(ground_truth: GroundTruth, present: Flags) -> Ints:
    """Return (G,) how many other objects of its class are in the image of each object."""
    images = groups_from_offsets(ground_truth.offsets).astype(np.int64)
    n_classes = max(len(ground_truth.class_names), 1)
    cell = images * n_classes + ground_truth.class_index
    cells, place = np.unique(cell, return_inverse=True)
    counts = np.bincount(place[present], minlength=len(cells))
    # An object that is present is in the count of its own cell.
    return np.asarray(counts[place] - present)


def _greatest_overlap(ground_truth: GroundTruth, present: Flags) -> Floats:
    """Return (G,) the greatest IoU of each object with another one."""
    images = groups_from_offsets(ground_truth.offsets)
    a, b = pairs_in_groups(ground_truth.offsets, images.astype(np.int64))
    kept = (a != b) & present[b]
    a, b = a[kept], b[kept]
    greatest = np.zeros(len(ground_truth))
    np.maximum.at(greatest, a, paired_iou(ground_truth.boxes, ground_truth.boxes, a, b))
    return greatest


def _touches_edge(ground_truth: GroundTruth) -> Ints:
    """Return (G,) 1 for objects at the edge of their image, 0 for others, −1 if not known."""
    images = groups_from_offsets(ground_truth.offsets)
    sizes = ground_truth.image_sizes[images]
    touches_low = ground_truth.boxes[:, :2] <= _EDGE_PIXELS
    touches_high = ground_truth.boxes[:, 2:] >= sizes - _EDGE_PIXELS
    touches = (touches_low | touches_high).any(axis=1)
    unknown = np.isnan(sizes).any(axis=1)
    return np.where(unknown, -1, touches)


def _count_by_image(ground_truth: GroundTruth, trait: Trait, chosen: Flags) -> Ints:
    """Return (I, V) how many of the chosen objects each image has of each value."""
    n_images = len(ground_truth.image_ids)
    n_values = len(trait.values)
    images = groups_from_offsets(ground_truth.offsets)[chosen].astype(np.int64)
    cell = images * n_values + trait.value_index[chosen]
    counts = np.bincount(cell, minlength=n_images * n_values)
    return counts.reshape(n_images, n_values)

"""Traits: what may make an object hard to find (size, shape, crowding, truncation), as groups of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.kernels.columns import DROPPED
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluate import object_kinds

_AT_THE_EDGE = 1.0
"""Pixels between a box and the edge of its image at which it touches it."""


@dataclass(frozen=True, eq=False)
class Trait:
    """One way to group the G objects."""

    name: str
    values: tuple[str, ...]
    of: NDArray[np.int64]
    """(G,) place in `values`; −1 where not known."""


def traits(truth: GroundTruth, rules: Protocol) -> list[Trait]:
    """Return the groups of objects that the ground truth allows.

    size: COCO's, by area: up to 32², up to 96², more. aspect ratio: width / height. neighbours: other objects of the class in the image.
    overlap: the greatest IoU with another object of any class. truncated: VOC's flag, where any object has it. edge: whether the box
    comes within a pixel of the edge of its image, where sizes are known. Objects that the protocol drops are no neighbours.
    """
    there = object_kinds(truth, rules) != DROPPED
    sides = truth.boxes[:, 2:] - truth.boxes[:, :2]
    with np.errstate(divide="ignore", invalid="ignore"):
        aspect = sides[:, 0] / sides[:, 1]
    found = [
        _cut("size", truth.areas, (32**2, 96**2), ("small", "medium", "large")),
        _cut(
            "aspect ratio",
            aspect,
            (1 / 3, 2 / 3, 3 / 2, 3),
            ("to 1:3", "1:3 to 2:3", "2:3 to 3:2", "3:2 to 3:1", "over 3:1"),
        ),
        _cut(
            "neighbours",
            _neighbours(truth, there),
            (0, 1, 4, 9),
            ("none", "1", "2 to 4", "5 to 9", "10 and more"),
        ),
        _cut(
            "overlap",
            _greatest_overlap(truth, there),
            (0, 0.1, 0.3),
            ("none", "to 0.1", "0.1 to 0.3", "over 0.3"),
        ),
    ]
    if truth.truncated.any():
        found.append(Trait("truncated", ("no", "yes"), truth.truncated.astype(np.int64)))
    if not np.isnan(truth.image_sizes).all():
        found.append(Trait("edge", ("inside", "touched"), _touches(truth)))
    return found


def _cut(
    name: str, values: Floats | Ints, highest: Sequence[float], labels: tuple[str, ...]
) -> Trait:
    """Group by the highest value of each group, included."""
    places = np.searchsorted(np.asarray(highest, np.float64), values, side="left")
    return Trait(name, labels, np.where(np.isnan(values), -1, places))


def _neighbours(truth: GroundTruth, there: Flags) -> Ints:
    place = (
        groups_from_offsets(truth.offsets).astype(np.int64) * max(len(truth.class_names), 1)
        + truth.class_index
    )
    counts = np.bincount(place[there], minlength=int(place.max(initial=0)) + 1)
    return np.asarray(counts[place] - there)


def _greatest_overlap(truth: GroundTruth, there: Flags) -> Floats:
    images = groups_from_offsets(truth.offsets)
    counts = np.diff(truth.offsets)[images]
    a = np.repeat(np.arange(len(truth)), counts)
    b = np.repeat(truth.offsets[:-1][images] - (np.cumsum(counts) - counts), counts) + np.arange(
        len(a)
    )
    pairs = (a != b) & there[b]
    a, b = a[pairs], b[pairs]
    corners = np.minimum(truth.boxes[a, 2:], truth.boxes[b, 2:]) - np.maximum(
        truth.boxes[a, :2], truth.boxes[b, :2]
    )
    common = np.clip(corners, 0, None).prod(axis=1)
    union = truth.box_areas[a] + truth.box_areas[b] - common
    greatest = np.zeros(len(truth))
    np.maximum.at(greatest, a, np.divide(common, union, out=np.zeros(len(a)), where=union > 0))
    return greatest


def _touches(truth: GroundTruth) -> Ints:
    sizes = truth.image_sizes[groups_from_offsets(truth.offsets)]
    touching = (truth.boxes[:, :2] <= _AT_THE_EDGE).any(axis=1) | (
        truth.boxes[:, 2:] >= sizes - _AT_THE_EDGE
    ).any(axis=1)
    return np.where(np.isnan(sizes).any(axis=1), -1, touching)

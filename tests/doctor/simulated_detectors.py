"""Simulated detectors of many kinds: weak, blind, confident, clipped, of any size and number.

None of them makes a mistake in its files.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detbench.data.columns import Floats
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth

WIDTH, HEIGHT = 640, 480
_PLACES = np.array([[0.1, 0.2, 0.3, 0.4], [0.6, 0.1, 0.15, 0.2], [0.5, 0.6, 0.4, 0.25]])
"""Places of false positives that are always the same: x, y, width, height in fractions."""


def annotated(
    rng,
    images=100,
    classes=5,
    size=(WIDTH, HEIGHT),
    objects=4.0,
    sides=(20, 200),
    shares=None,
    empty=0.0,
) -> GroundTruth:
    """Return images of one size with objects at uniform positions.

    Args:
        rng: Random generator.
        images: Number of images.
        classes: Number of classes.
        size: Width and height of every image.
        objects: Mean number of objects of an image.
        sides: Shortest and longest side of an object; sides are log-uniform.
        shares: Share of each class; None for equal ones.
        empty: Share of images without objects.
    """
    counts = np.where(rng.random(images) < empty, 0, np.maximum(rng.poisson(objects, images), 1))
    total = int(counts.sum())
    extent = np.minimum(np.exp(rng.uniform(*np.log(sides), (total, 2))), np.array(size) - 1)
    corner = rng.uniform(0, np.array(size) - extent)
    return GroundTruth.from_rows(
        image_ids=[str(n + 1) for n in range(images)],
        class_names=[f"class{k}" for k in range(classes)],
        image_index=np.repeat(np.arange(images), counts),
        class_index=rng.choice(classes, total, p=shares),
        boxes=np.hstack([corner, corner + extent]),
        image_sizes=np.tile(np.array(size, float), (images, 1)),
    )


def detected(
    rng,
    ground_truth: GroundTruth,
    recall=0.7,
    noise=0.08,
    confused=0.1,
    false=3.0,
    clip=True,
    scores: Callable[[Floats], Floats] = lambda scores: scores,
    boxes: Callable[[Floats], Floats] = lambda boxes: boxes,
    same_places: bool = False,
) -> Detections:
    """Return what a simulated detector finds.

    Args:
        rng: Random generator.
        ground_truth: Images of known sizes.
        recall: Share of objects that are found.
        noise: Standard deviation of corners, as a share of the box's side.
        confused: Share of hits with a random class.
        false: Mean number of false positives of an image.
        clip: Whether boxes are clipped to the image.
        scores: Changes the scores.
        boxes: Changes the boxes.
        same_places: Whether false positives lie at the same three places of every image.
    """
    n_images, n_classes = len(ground_truth.image_ids), len(ground_truth.class_names)
    object_images = np.repeat(np.arange(n_images), np.diff(ground_truth.offsets))
    image_sizes = ground_truth.image_sizes

    hit = rng.random(len(ground_truth)) < recall
    objects = ground_truth.boxes[hit]
    extent = np.tile(objects[:, 2:] - objects[:, :2], 2)
    hits = objects + rng.normal(0, noise, (int(hit.sum()), 4)) * extent
    hit_classes = np.where(
        rng.random(len(hits)) < confused,
        rng.integers(n_classes, size=len(hits)),
        ground_truth.class_index[hit],
    )

    counts = rng.poisson(false, n_images)
    if same_places:
        counts = np.minimum(counts, len(_PLACES))
    n_false = int(counts.sum())
    false_images = np.repeat(np.arange(n_images), counts)
    size = image_sizes[false_images]
    if same_places:
        places = _PLACES[np.concatenate([np.arange(count) for count in counts])]
        extent, corner = places[:, 2:] * size, places[:, :2] * size
    else:
        extent = np.minimum(np.exp(rng.uniform(np.log(10), np.log(200), (n_false, 2))), size - 1)
        corner = rng.uniform(0, size - extent)

    images = np.concatenate([object_images[hit], false_images])
    both = np.vstack([hits, np.hstack([corner, corner + extent])])
    first, last = np.minimum(both[:, :2], both[:, 2:]), np.maximum(both[:, :2], both[:, 2:])
    ordered = np.hstack([first, last])
    changed = boxes(np.clip(ordered, 0, np.tile(image_sizes[images], 2)) if clip else ordered)
    base_scores = np.concatenate([rng.beta(4, 2, len(hits)), rng.beta(1, 6, n_false)])
    changed_scores = scores(base_scores)
    kept = (changed[:, 2:] > changed[:, :2]).all(axis=1)
    classes = np.concatenate([hit_classes, rng.integers(n_classes, size=n_false)])
    return Detections.from_rows(
        ground_truth,
        image_index=images[kept],
        class_index=classes[kept],
        scores=changed_scores[kept],
        boxes=changed[kept],
    )


def _grown(share: float) -> Callable[[Floats], Floats]:
    def change(boxes: Floats) -> Floats:
        margin = share * (boxes[:, 2:] - boxes[:, :2])
        grown = np.hstack([boxes[:, :2] - margin, boxes[:, 2:] + margin])
        return np.clip(grown, 0, [WIDTH, HEIGHT] * 2)

    return change


KINDS = {
    "plain": ({}, {}),
    "three images": ({"images": 3}, {}),
    "one image": ({"images": 1}, {}),
    "one class": ({"classes": 1}, {}),
    "80 classes": ({"classes": 80, "images": 60}, {}),
    "tiny objects": ({"sides": (4, 14)}, {}),
    "huge images": ({"size": (8000, 6000), "sides": (300, 3000), "images": 50}, {}),
    "aerial": ({"size": (8000, 6000), "sides": (4, 14), "objects": 40, "images": 30}, {}),
    "square images": ({"size": (416, 416)}, {}),
    "perfect": ({}, {"recall": 1, "noise": 0, "confused": 0, "false": 0}),
    "perfect, one score": (
        {},
        {"recall": 1, "noise": 0, "confused": 0, "false": 0, "scores": np.ones_like},
    ),
    "weak": ({}, {"recall": 0.15, "noise": 0.25, "confused": 0.5, "false": 10}),
    "barely trained": (
        {"images": 200},
        {"recall": 0.05, "noise": 0.3, "confused": 0.7, "false": 20},
    ),
    "random boxes": ({}, {"recall": 0, "false": 10}),
    "little found": ({"images": 200}, {"recall": 0.35, "false": 0.1}),
    "two digits": ({}, {"scores": lambda scores: np.round(scores, 2)}),
    "whole pixels": ({}, {"boxes": np.round}),
    "clipped a pixel early": (
        {},
        {"boxes": lambda boxes: np.clip(np.round(boxes), 0, [WIDTH - 1, HEIGHT - 1] * 2)},
    ),
    "not clipped": ({}, {"clip": False}),
    "boxes too small": ({}, {"boxes": _grown(-0.025)}),
    "boxes too large": ({}, {"boxes": _grown(0.1)}),
    "one dominant class": ({"classes": 6, "shares": [0.9] + 5 * [0.02]}, {}),
    "mostly empty images": ({"images": 300, "empty": 0.8}, {"false": 0.2}),
    "an object an image": ({"images": 300, "objects": 0.5, "sides": (100, 400)}, {"false": 0.5}),
    "no false positives": (
        {"images": 300, "objects": 0.5, "sides": (100, 400)},
        {"recall": 0.9, "false": 0},
    ),
    "crowded": ({"images": 20, "objects": 150, "sides": (5, 40)}, {}),
    "confuses most": ({"classes": 4}, {"confused": 0.75}),
    "too confident": ({}, {"scores": lambda scores: 1 - (1 - scores) / 100}),
    "never confident": ({}, {"scores": lambda scores: scores / 20}),
    "nothing below a half": (
        {"images": 40, "classes": 3},
        {"recall": 1, "noise": 0.02, "confused": 0, "false": 0, "scores": lambda s: (1 + s) / 2},
    ),
}
"""Name → how the ground truth differs from the plain one, and how the detector does."""

DETECTORS = {
    "perfect": {"recall": 1, "noise": 0, "confused": 0, "false": 0},
    "strong": {"recall": 0.95, "noise": 0.02, "confused": 0.02, "false": 1},
    "fair": {},
    "weak": {"recall": 0.3, "noise": 0.2, "confused": 0.4, "false": 8},
    "sparse": {"recall": 0.4, "false": 0.1},
    "many boxes": {"recall": 0.9, "noise": 0.05, "false": 300},
    "same false positives": {"recall": 0.8, "false": 2, "same_places": True},
}
"""Name → how the detector differs from the plain one, on scenes of any kind."""

"""Simulated detectors of many kinds, none of which makes a mistake in its files: weak, blind, sure, clipped, of any size and number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detbench.data.columns import Floats
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth

WIDTH, HEIGHT = 640, 480


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
    """Return images of one size with objects of log-uniform sides at uniform places; `shares` are those of the classes."""
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
    truth: GroundTruth,
    recall=0.7,
    noise=0.08,
    confused=0.1,
    false=3.0,
    clip=True,
    scores: Callable[[Floats], Floats] = lambda scores: scores,
    boxes: Callable[[Floats], Floats] = lambda boxes: boxes,
) -> Detections:
    """Return what a detector of this recall, noise of corners, share of confused classes and false positives an image finds."""
    image = np.repeat(np.arange(len(truth.image_ids)), np.diff(truth.offsets))
    hit = rng.random(len(truth)) < recall
    extent = np.tile(truth.boxes[hit, 2:] - truth.boxes[hit, :2], 2)
    hits = truth.boxes[hit] + rng.normal(0, noise, (int(hit.sum()), 4)) * extent
    kinds = np.where(
        rng.random(len(hits)) < confused,
        rng.integers(len(truth.class_names), size=len(hits)),
        truth.class_index[hit],
    )
    beside = rng.poisson(false, len(truth.image_ids))
    size = truth.image_sizes[0]
    extent = np.minimum(
        np.exp(rng.uniform(np.log(10), np.log(200), (int(beside.sum()), 2))), size - 1
    )
    corner = rng.uniform(0, size - extent)
    found = np.vstack([hits, np.hstack([corner, corner + extent])])
    found = np.hstack(
        [np.minimum(found[:, :2], found[:, 2:]), np.maximum(found[:, :2], found[:, 2:])]
    )
    found = boxes(np.clip(found, 0, np.tile(size, 2)) if clip else found)
    sure = scores(np.concatenate([rng.beta(4, 2, len(hits)), rng.beta(1, 6, len(corner))]))
    kept = (found[:, 2:] > found[:, :2]).all(axis=1)
    return Detections.from_rows(
        truth,
        image_index=np.concatenate(
            [image[hit], np.repeat(np.arange(len(truth.image_ids)), beside)]
        )[kept],
        class_index=np.concatenate([kinds, rng.integers(len(truth.class_names), size=len(corner))])[
            kept
        ],
        scores=sure[kept],
        boxes=found[kept],
    )


def _grown(by: float) -> Callable[[Floats], Floats]:
    def change(boxes: Floats) -> Floats:
        more = by * (boxes[:, 2:] - boxes[:, :2])
        return np.clip(
            np.hstack([boxes[:, :2] - more, boxes[:, 2:] + more]), 0, [WIDTH, HEIGHT] * 2
        )

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
    "cut a pixel early": (
        {},
        {"boxes": lambda boxes: np.clip(np.round(boxes), 0, [WIDTH - 1, HEIGHT - 1] * 2)},
    ),
    "not cut": ({}, {"clip": False}),
    "boxes too small": ({}, {"boxes": _grown(-0.025)}),
    "boxes too large": ({}, {"boxes": _grown(0.1)}),
    "one class rules": ({"classes": 6, "shares": [0.9] + 5 * [0.02]}, {}),
    "mostly empty images": ({"images": 300, "empty": 0.8}, {"false": 0.2}),
    "an object an image": ({"images": 300, "objects": 0.5, "sides": (100, 400)}, {"false": 0.5}),
    "no false positives": (
        {"images": 300, "objects": 0.5, "sides": (100, 400)},
        {"recall": 0.9, "false": 0},
    ),
    "crowded": ({"images": 20, "objects": 150, "sides": (5, 40)}, {}),
    "confuses most": ({"classes": 4}, {"confused": 0.75}),
    "too sure": ({}, {"scores": lambda scores: 1 - (1 - scores) / 100}),
    "never sure": ({}, {"scores": lambda scores: scores / 20}),
    "nothing below a half": (
        {"images": 40, "classes": 3},
        {"recall": 1, "noise": 0.02, "confused": 0, "false": 0, "scores": lambda s: (1 + s) / 2},
    ),
}
"""Name → how the ground truth differs from the plain one, and how the detector does."""

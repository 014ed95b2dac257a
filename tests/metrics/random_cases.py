"""Random datasets and detections as plain columns, and datasets that repeat their images."""

from __future__ import annotations

import numpy as np

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.scoring.evaluate import evaluate

CLASSES = ("a", "b", "c", "never")


def random_case(rng, images=12):
    """Return columns of objects and of detections.

    There are crowds, difficult objects and objects of all sizes. Scores tie between images, but not
    within one. No object has the class "never".
    """
    count, n_detections = rng.integers(0, 40), rng.integers(0, 120)
    corner = rng.uniform(0, 100, (count, 2))
    extent = rng.choice([10, 31, 32, 60, 97, 150], (count, 2))
    objects = {
        "image_index": rng.integers(0, images, count),
        "class_index": rng.integers(0, 3, count),
        "boxes": np.hstack([corner, corner + extent]),
        "iscrowd": rng.random(count) < 0.1,
        "difficult": rng.random(count) < 0.2,
    }
    near = rng.integers(0, max(count, 1), n_detections)
    boxes = objects["boxes"][near] if count else rng.uniform(0, 50, (n_detections, 4))
    boxes = boxes + rng.normal(0, 6, (n_detections, 4))
    image = objects["image_index"][near] if count else rng.integers(0, images, n_detections)
    own_class = rng.random(n_detections) < 0.8
    classes = objects["class_index"][near] if count else 0
    detections = {
        "image_index": image,
        "class_index": np.where(own_class, classes, rng.integers(0, 4, n_detections)),
        "scores": np.zeros(n_detections),
        "boxes": boxes,
    }
    for i in range(images):
        inside = np.flatnonzero(image == i)
        if len(inside) <= 40:
            detections["scores"][inside] = rng.permutation(40)[: len(inside)] / 40
        else:
            detections["scores"][inside] = rng.random(len(inside))
    return objects, detections


def repeat(columns, weights):
    """Return the columns of a dataset with image i `weights[i]` times, copies side by side."""
    first = np.concatenate([[0], np.cumsum(weights)])
    rows, images = [], []
    for row, image in enumerate(columns["image_index"]):
        for copy in range(weights[image]):
            rows.append(row)
            images.append(first[image] + copy)
    rows = np.array(rows, np.int64)
    repeated = {name: values[rows] for name, values in columns.items()}
    return repeated | {"image_index": np.array(images, np.int64)}


def evaluate_columns(objects, detections, images, protocol):
    """Return the evaluation of columns as `random_case` returns them."""
    ground_truth = GroundTruth.from_rows(
        image_ids=[f"{n:04d}" for n in range(images)], class_names=CLASSES, **objects
    )
    detector = Detections.from_rows(ground_truth, name="made", **detections)
    return evaluate(ground_truth, detector, protocol)

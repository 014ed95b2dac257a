"""Small datasets and detectors for tests: a few images of 200 × 100 pixels, boxes by hand."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation


def truth(rows, classes=("cat", "dog"), images=4, size=(200, 100), **columns) -> GroundTruth:
    """Return ground truth of (image, class, box) rows."""
    return GroundTruth.from_rows(
        class_names=classes,
        image_index=[row[0] for row in rows],
        class_index=[row[1] for row in rows],
        boxes=[row[2] for row in rows],
        **{
            "image_ids": [f"{n:03d}" for n in range(images)],
            "image_sizes": [size] * images,
            "name": "made",
            "protocol": "voc2007",
        }
        | columns,
    )


def detections(ground_truth, rows, name="finder") -> Detections:
    """Return detections of (image, class, score, box) rows."""
    return Detections.from_rows(
        ground_truth,
        image_index=[row[0] for row in rows],
        class_index=[row[1] for row in rows],
        scores=[row[2] for row in rows],
        boxes=[row[3] for row in rows],
        name=name,
    )


def perfect(ground_truth, name="finder", **changes) -> Detections:
    """Return the ground truth's own boxes as detections, with falling scores.

    `changes` replace columns.
    """
    columns = {
        "image_index": groups_from_offsets(ground_truth.offsets),
        "class_index": ground_truth.class_index,
        "scores": np.linspace(0.9, 0.1, len(ground_truth)),
        "boxes": ground_truth.boxes,
    }
    return Detections.from_rows(ground_truth, name=name, **columns | changes)


def scored(ground_truth, detector, protocol="voc2007") -> Evaluation:
    return evaluate(ground_truth, detector, protocol)


def random_pair(seed, classes=3, images=6, objects=20, boxes=60, names=None, detector="finder"):
    """Return random ground truth, and so many boxes of a detector: hits, misses, duplicates."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 80, (objects, 2))
    sides = rng.uniform(5, 60, (objects, 2))
    object_boxes = np.concatenate([corner, corner + sides], axis=1).round(1)
    image, label = rng.integers(0, images, objects), rng.integers(0, classes, objects)
    ground_truth = truth(
        list(zip(image.tolist(), label.tolist(), object_boxes.tolist(), strict=True)),
        names or [f"class{k}" for k in range(classes)],
        images,
    )
    near = rng.integers(0, objects, boxes)
    moved = (object_boxes[near] + rng.normal(0, 2, (boxes, 4))).round(1)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
    confused = np.where(rng.random(boxes) < 0.2, rng.integers(0, classes, boxes), label[near])
    rows = zip(
        image[near].tolist(),
        confused.tolist(),
        rng.random(boxes).round(2).tolist(),
        moved.tolist(),
        strict=True,
    )
    return ground_truth, detections(ground_truth, list(rows), detector)

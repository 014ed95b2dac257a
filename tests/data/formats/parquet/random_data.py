"""Random ground truths and detections for the tests of Parquet files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth


def random_ground_truth(images: int, objects: int, seed: int = 0) -> GroundTruth:
    rng = np.random.default_rng(seed)
    sizes = rng.random((images, 2))
    sizes[::2] = np.nan
    return GroundTruth.from_rows(
        image_ids=[f"bild {number}" for number in range(images)],
        class_names=["Hund", "Kätzchen", "class"],
        image_index=rng.integers(0, max(images, 1), objects),
        class_index=rng.integers(0, 3, objects),
        boxes=rng.normal(size=(objects, 4)),
        box_areas=rng.random(objects),
        areas=rng.random(objects),
        iscrowd=rng.random(objects) < 0.5,
        difficult=rng.random(objects) < 0.5,
        truncated=rng.random(objects) < 0.5,
        category_ids=[7, 9, 90],
        image_sizes=sizes,
        image_files=[f"{number}.jpg" if number % 3 else "" for number in range(images)],
        image_folder=Path("images"),
        name="a set",
        protocol="voc2007",
        source="made",
    )


def random_detections(ground_truth: GroundTruth, rows: int, seed: int = 0) -> Detections:
    rng = np.random.default_rng(seed)
    boxes = rng.random((rows, 4))
    boxes[:, 2:] += boxes[:, :2]
    return Detections.from_rows(
        ground_truth,
        image_index=rng.integers(0, max(len(ground_truth.image_ids), 1), rows),
        class_index=rng.integers(0, 3, rows),
        scores=rng.normal(size=rows),
        boxes=boxes,
        box_areas=rng.random(rows),
        name="a detector",
        source="made",
    )

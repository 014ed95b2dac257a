"""Simulated detections: boxes of a ground truth with random faults, for tests and benchmarks.

They show what tables and plots look like. They say nothing about any detector.
"""

import numpy as np

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth

N_SHAPES = 4
"""Number of classes of the shapes dataset; a confused class is one of the next three."""


def simulated_detections(ground_truth: GroundTruth, quality: float, seed: int = 0) -> Detections:
    """Return detections made from the boxes of a ground truth, with random faults.

    `quality` in 0..1 governs how many objects are missed, duplicated or given another class, how
    far the boxes are off, how many false positives there are, and how well the scores (in 0..1,
    four decimals) separate right from wrong. The same arguments give the same detections. All
    image sizes must be known.
    """
    rng = np.random.default_rng([seed, round(quality * 1000)])
    fault = 1 - quality
    n_images, n_classes = len(ground_truth.image_ids), len(ground_truth.class_names)

    # True positives: objects that are not missed, some of them twice. Difficult and small objects
    # are missed more often.
    object_image = np.repeat(np.arange(n_images), np.diff(ground_truth.offsets))
    hard = ground_truth.difficult | (ground_truth.box_areas < 300)
    missed = rng.random(len(object_image)) <= fault * 0.35 + hard * (0.15 + 0.35 * fault)
    detected = np.flatnonzero(~missed)
    duplicated = detected[rng.random(len(detected)) < 0.3 * fault]
    source = np.concatenate([detected, duplicated])
    is_duplicate = np.arange(len(source)) >= len(detected)

    # Localization and classification errors.
    offset = np.abs(rng.normal(0, 1, len(source))) * (0.02 + 0.16 * fault) * (1 + is_duplicate)
    boxes = _jitter(rng, ground_truth.boxes[source], offset)
    confused = rng.random(len(source)) < 0.25 * fault
    shift = confused * rng.integers(1, N_SHAPES, len(source))
    classes = (ground_truth.class_index[source] + shift) % n_classes
    logits = (
        1.4
        + 2 * quality
        - 6 * offset
        - 1.2 * is_duplicate
        - 1.5 * confused
        - hard[source]
        + rng.normal(0, 0.9, len(source))
    )

    # False positives on the background, anywhere in any image.
    n_background = rng.poisson((0.3 + 2 * fault) * n_images)
    background_image = rng.integers(0, max(1, n_images), n_background)
    image = np.concatenate([object_image[source], background_image])
    boxes = np.vstack([boxes, _random_boxes(rng, ground_truth.image_sizes[background_image])])
    background_logits = -2.2 + 0.8 * fault + rng.normal(0, 1.0, n_background)
    logits = np.concatenate([logits, background_logits])

    order = np.lexsort((-logits, image))
    classes = np.concatenate([classes, rng.integers(0, n_classes, n_background)])
    return Detections.from_rows(
        ground_truth,
        image_index=image[order],
        class_index=classes[order],
        scores=np.clip(1 / (1 + np.exp(-logits)), 1e-4, 1 - 1e-4).round(4)[order],
        boxes=_clip(boxes, ground_truth.image_sizes[image])[order],
        name=f"simulated-{quality:g}",
        source=f"simulated, not a model: quality {quality:g}, seed {seed}",
    )


def _jitter(rng, boxes, offset):
    """Move each edge by at most `offset` times the box's width or height."""
    extent = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + extent * offset[:, None] * rng.uniform(-1, 1, boxes.shape)


def _random_boxes(rng, sizes):
    """Return one random box in each image."""
    extent = rng.uniform(0.08, 0.45, sizes.shape) * sizes
    corner = rng.uniform(0, 1, sizes.shape) * (sizes - extent)
    return np.hstack([corner, corner + extent])


def _clip(boxes, sizes):
    """Clip boxes to their images, at least a pixel wide, in hundredths of a pixel."""
    corner = np.clip(boxes[:, :2], 0, sizes - 1)
    return np.hstack([corner, np.clip(boxes[:, 2:], corner + 1, sizes)]).round(2)

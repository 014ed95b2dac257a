"""Simulated detectors of known quality on one larger dataset, for tests of statistics."""

from __future__ import annotations

import numpy as np

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.replicates import resample
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import truth


def many_images(images=120):
    """Return ground truth with two objects of the classes a, b and c in each image."""
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 80, (2 * images, 2))
    boxes = np.hstack([corner, corner + rng.uniform(15, 60, (2 * images, 2))])
    image, label = np.repeat(np.arange(images), 2), rng.integers(0, 3, 2 * images)
    return truth(list(zip(image, label, boxes, strict=True)), "abc", images)


def evaluate_simulated(ground_truth, quality, name, seed=0):
    """Return the VOC 2012 evaluation of a simulated detector of this quality (0..1) and name."""
    detections = simulated_detections(ground_truth, quality, seed)
    columns = {column: getattr(detections, column) for column in ("class_index", "scores", "boxes")}
    image = groups_from_offsets(detections.offsets)
    named = Detections.from_rows(ground_truth, image_index=image, name=name, **columns)
    return evaluate(ground_truth, named, "voc2012")


def four_detectors():
    """Return the replicates of a good detector (a), two equal ones (b, c) and a bad one (d)."""
    ground_truth = many_images()
    kinds = ((0.6, "b", 1), (0.95, "a", 0), (0.6, "c", 2), (0.2, "d", 0))
    evaluations = [evaluate_simulated(ground_truth, *kind) for kind in kinds]
    return [replicates for [replicates] in resample(evaluations, resamples=1999)]

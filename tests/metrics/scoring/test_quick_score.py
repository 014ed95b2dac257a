"""Quick scores are those of `evaluate` on the whole set, or say on how many images they are."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.detection_rows import DetectionRows
from detbench.metrics.protocols.table import protocol_named
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.quick_score import MAX_DETECTIONS, MAX_IMAGES, QuickScore
from tests.doctor.simulated_detectors import annotated, detected

COCO = protocol_named("coco")


@pytest.fixture(scope="module")
def pair():
    """More images than a sample has."""
    rng = np.random.default_rng(0)
    ground_truth = annotated(rng, images=MAX_IMAGES + 100, objects=2.0)
    return ground_truth, detected(rng, ground_truth)


def test_all_images_are_scored_if_there_are_not_too_many_detections(pair):
    ground_truth, detections = pair
    quick_score = QuickScore(ground_truth, COCO, len(detections))
    score = quick_score.score(DetectionRows.from_detections(detections))
    assert score == evaluate(ground_truth, detections, COCO).average_precision
    assert quick_score.scope == ""


def test_a_sample_of_a_larger_set_is_named(pair):
    ground_truth, detections = pair
    quick_score = QuickScore(ground_truth, COCO, MAX_DETECTIONS + 1)
    images = quick_score.images
    sampled = ground_truth.select_images(images)
    expected = evaluate(sampled, detections.select_images(sampled, images), COCO)
    score = quick_score.score(DetectionRows.from_detections(detections))
    assert score == expected.average_precision
    assert quick_score.scope == f" on a sample of {MAX_IMAGES} images"

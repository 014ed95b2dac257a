"""Subset scores: the same as weights of 0 for all other images, and as a smaller dataset."""

import numpy as np
import pytest

from detbench.metrics.uncertainty.clusters import resample_images, stack_weights
from detbench.metrics.uncertainty.subset_scores import SubsetScores
from detbench.metrics.uncertainty.weighted_scores import weighted_scores
from tests.metrics.random_cases import evaluate_columns, random_case, repeat

IMAGES = 12


@pytest.mark.parametrize("protocol", ["coco", "voc2007", "voc2012"])
@pytest.mark.parametrize("seed", range(6))
def test_as_weights_of_zero_for_all_other_images(protocol, seed):
    case = random_case(np.random.default_rng(seed), IMAGES)
    evaluation = evaluate_columns(*case, IMAGES, protocol)
    images = np.arange(IMAGES) % 3 != 0
    weights = stack_weights(resample_images(IMAGES, seed), 60)
    values = SubsetScores(evaluation).class_values(images, weights)
    headline = evaluation.protocol.measures[:1]
    [[expected]] = weighted_scores([evaluation], headline, 60, lambda b: weights[b] * images)
    np.testing.assert_allclose(values, expected.classes, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_as_a_dataset_of_these_images(seed):
    objects, detections = random_case(np.random.default_rng(seed), IMAGES)
    evaluation = evaluate_columns(objects, detections, IMAGES, "coco")
    images = np.arange(IMAGES) % 2 == 0
    once = np.ones((1, IMAGES), np.uint16)
    [values] = SubsetScores(evaluation).class_values(images, once)
    weights = images.astype(np.int64)
    copies = repeat(objects, weights), repeat(detections, weights)
    smaller = evaluate_columns(*copies, int(images.sum()), "coco")
    np.testing.assert_allclose(values, smaller.class_ap, rtol=0, atol=1e-12)


def test_no_images_have_no_score():
    case = random_case(np.random.default_rng(1), IMAGES)
    scores = SubsetScores(evaluate_columns(*case, IMAGES, "coco"))
    values = scores.class_values(np.zeros(IMAGES, bool), np.ones((2, IMAGES), np.uint16))
    assert np.isnan(values).all()

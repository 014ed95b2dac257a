"""Traits of objects that can be read off, and recall by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.metrics.errors.error_kinds import error_kinds
from detbench.metrics.errors.traits import trait_recall, traits
from detbench.metrics.uncertainty.clusters import resample_images, stack_weights
from detbench.metrics.uncertainty.statistic_intervals import statistic_interval, statistic_p
from tests.metrics.random_evaluations import random_evaluation
from tests.metrics.scored import detections, perfect, scored, truth

ROWS = [
    (0, 0, (10, 10, 20, 50)),
    (0, 0, (10, 10, 20, 30)),
    (0, 1, (100, 20, 150, 60)),
    (1, 0, (0, 10, 60, 30)),
    (2, 1, (50, 5, 180, 95)),
]


def values_of_objects(ground_truth, **switches):
    """Return the value of each object by name of the trait."""
    evaluation = scored(ground_truth, detections(ground_truth, []), "voc2007")
    protocol = replace(evaluation.protocol, **switches)
    return {
        trait.name: [trait.values[n] if n >= 0 else None for n in trait.value_index]
        for trait in traits(ground_truth, protocol)
    }


def test_traits_of_objects():
    values = values_of_objects(truth(ROWS, truncated=[False, False, True, False, False]))
    assert values == {
        "size": ["small", "small", "medium", "medium", "large"],
        "aspect ratio": ["to 1:3", "1:3 to 2:3", "2:3 to 3:2", "3:2 to 3:1", "2:3 to 3:2"],
        "neighbors": ["1", "1", "none", "none", "none"],
        "overlap": ["over 0.3", "over 0.3", "none", "none", "none"],
        "truncated": ["no", "no", "yes", "no", "no"],
        "edge": ["inside", "inside", "inside", "touched", "inside"],
    }


def test_unknown_traits_are_left_out():
    values = values_of_objects(truth(ROWS, size=(np.nan, np.nan)))
    assert "truncated" not in values
    assert "edge" not in values


def test_dropped_objects_are_no_neighbors():
    ground_truth = truth(ROWS, difficult=[False, True, False, False, False])
    assert values_of_objects(ground_truth)["neighbors"][:2] == ["1", "1"]
    dropped = values_of_objects(ground_truth, difficult="drop")
    assert dropped["neighbors"][:2] == ["none", "1"]


def test_no_objects():
    assert all(len(values) == 0 for values in values_of_objects(truth([])).values())


def test_recall_by_size():
    ground_truth = truth(ROWS)
    scores, classes = np.array([0.9, 0.2, 0.9, 0.9, 0.9]), np.array([0, 0, 1, 1, 1])
    finder = perfect(ground_truth, scores=scores, class_index=classes)
    evaluation = scored(ground_truth, finder)
    size = traits(ground_truth, evaluation.protocol)[0]
    recall = trait_recall(evaluation, error_kinds(evaluation), size, 0.5)
    assert recall.objects.tolist() == [2, 2, 1]
    assert recall.recall.tolist() == [0.5, 0.5, 1]
    assert recall.max_recall.tolist() == [1, 0.5, 1]


@pytest.mark.parametrize("seed", range(6))
def test_every_object_to_find_has_a_value_of_every_trait(seed):
    evaluation = random_evaluation(seed, "voc2007")
    kinds = error_kinds(evaluation)
    for trait in traits(evaluation.ground_truth, evaluation.protocol):
        recall = trait_recall(evaluation, kinds, trait, 0.3)
        assert recall.objects.sum() == evaluation.counts[:, 0, 0, 3].sum()
        all_once = recall.replicates(np.ones((1, 12), np.uint16))
        np.testing.assert_array_equal(all_once[0], recall.recall)


def test_weights_multiply_images():
    ground_truth = truth(ROWS)
    finder = perfect(ground_truth, class_index=np.array([0, 0, 0, 0, 1]))
    evaluation = scored(ground_truth, finder)
    size = traits(ground_truth, evaluation.protocol)[0]
    recall = trait_recall(evaluation, error_kinds(evaluation), size, 0.0)
    [values] = recall.replicates(np.array([[1, 3, 1, 0]], np.uint16))
    assert values.tolist() == [1, 0.75, 1]


def test_intervals_of_a_share():
    values = np.random.default_rng(0).binomial(100, 0.5, 100) / 100
    mean = float(values.mean())
    shares = stack_weights(resample_images(100, 0), 400) @ values / 100
    interval = statistic_interval(mean, shares, 100)
    half_width = 1.96 * values.std(ddof=1) / 10
    assert interval.low == pytest.approx(mean - half_width, abs=half_width / 3)
    assert interval.high == pytest.approx(mean + half_width, abs=half_width / 3)
    assert 2 / 401 <= statistic_p(mean, shares, 100) < 0.01
    assert np.isnan(statistic_interval(0.5, np.empty(0), 100).low)

"""Traits of objects that can be read off, and recall by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.metrics.errors.diagnosis import diagnose
from detbench.metrics.errors.trait_recall import trait_recall
from detbench.metrics.errors.traits import traits
from detbench.metrics.uncertainty.clusters import image_draws
from detbench.metrics.uncertainty.drawn import drawn_interval, drawn_p, stacked
from tests.metrics.analysed import analysed
from tests.metrics.scored import detections, perfect, scored, truth

ROWS = [
    (0, 0, (10, 10, 20, 50)),
    (0, 0, (10, 10, 20, 30)),
    (0, 1, (100, 20, 150, 60)),
    (1, 0, (0, 10, 60, 30)),
    (2, 1, (50, 5, 180, 95)),
]


def by_name(data, protocol="voc2007"):
    evaluation = scored(data, detections(data, []), protocol)
    return {
        trait.name: [trait.values[n] if n >= 0 else None for n in trait.of]
        for trait in traits(data, evaluation.protocol)
    }


def test_traits_of_objects():
    found = by_name(truth(ROWS, truncated=[False, False, True, False, False]))
    assert found["size"] == ["small", "small", "medium", "medium", "large"]
    assert found["aspect ratio"] == [
        "to 1:3",
        "1:3 to 2:3",
        "2:3 to 3:2",
        "3:2 to 3:1",
        "2:3 to 3:2",
    ]
    assert found["neighbours"] == ["1", "1", "none", "none", "none"]
    assert found["overlap"] == ["over 0.3", "over 0.3", "none", "none", "none"]
    assert found["truncated"] == ["no", "no", "yes", "no", "no"]
    assert found["edge"] == ["inside", "inside", "inside", "touched", "inside"]


def test_what_is_not_known_is_left_out():
    found = by_name(truth(ROWS, size=(np.nan, np.nan)))
    assert "truncated" not in found
    assert "edge" not in found


def test_dropped_objects_are_no_neighbours():
    found = by_name(truth(ROWS, difficult=[False, True, False, False, False]), "voc2007")
    assert found["neighbours"][:2] == ["1", "1"]
    data = truth(ROWS, difficult=[False, True, False, False, False])
    rules = replace(scored(data, detections(data, [])).protocol, difficult="drop")
    neighbours = traits(data, rules)[2]
    assert [neighbours.values[n] for n in neighbours.of][:2] == ["none", "1"]


def test_no_objects():
    assert all(len(values) == 0 for values in by_name(truth([])).values())


def test_recall_by_size():
    data = truth(ROWS)
    found = perfect(
        data, scores=np.array([0.9, 0.2, 0.9, 0.9, 0.9]), class_index=np.array([0, 0, 1, 1, 1])
    )
    evaluation = scored(data, found)
    size = traits(data, evaluation.protocol)[0]
    recall = trait_recall(evaluation, diagnose(evaluation), size, 0.5)
    assert recall.objects.tolist() == [2, 2, 1]
    assert recall.reached.tolist() == [1, 0.5, 1]
    assert recall.taken.tolist() == [0.5, 0.5, 1]


@pytest.mark.parametrize("seed", range(6))
def test_every_trait_parts_the_objects_to_find(seed):
    evaluation = analysed(seed, "voc2007")
    diagnosis = diagnose(evaluation)
    for trait in traits(evaluation.ground_truth, evaluation.protocol):
        recall = trait_recall(evaluation, diagnosis, trait, 0.3)
        assert recall.objects.sum() == evaluation.counts[:, 0, 0, 3].sum()
        np.testing.assert_array_equal(
            recall.replicates(np.ones((1, 12), np.uint16))[0], recall.taken
        )


def test_replicates_count_images_as_often_as_drawn():
    data = truth(ROWS)
    evaluation = scored(data, perfect(data, class_index=np.array([0, 0, 0, 0, 1])))
    size = traits(data, evaluation.protocol)[0]
    recall = trait_recall(evaluation, diagnose(evaluation), size, 0.0)
    assert recall.replicates(np.array([[1, 3, 1, 0]], np.uint16))[0].tolist() == [1, 0.75, 1]


def test_intervals_of_a_share():
    values = np.random.default_rng(0).binomial(100, 0.5, 100) / 100
    draws = stacked(image_draws(100, 0), 400)
    shares = draws @ values / 100
    interval = drawn_interval(float(values.mean()), shares, 100)
    half = 1.96 * values.std(ddof=1) / 10
    assert interval.low == pytest.approx(values.mean() - half, abs=half / 3)
    assert interval.high == pytest.approx(values.mean() + half, abs=half / 3)
    assert 2 / 401 <= drawn_p(float(values.mean()), shares, 100) < 0.01
    assert np.isnan(drawn_interval(0.5, np.empty(0), 100).low)

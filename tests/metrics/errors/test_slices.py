"""Slices against scoring their images alone, and their p-values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.errors.slices import (
    Attribute,
    attribute_of_texts,
    attributes_of_columns,
    built_in_attributes,
    quartile_attribute,
    score_slices,
)
from detbench.metrics.uncertainty.clusters import resample_images, stack_weights
from detbench.metrics.uncertainty.subset_scores import SubsetScores
from detbench.metrics.uncertainty.weighted_scores import weighted_scores
from tests.metrics.random_evaluations import random_evaluation
from tests.metrics.scored import detections, perfect, scored, truth

BOX = (10, 10, 60, 60)
PARITY = Attribute("parity", ("even", "odd"), np.arange(12) % 2)


def class_ap_alone(evaluation, images):
    """Return AP of each class as if only some images existed."""
    subset = evaluation.ground_truth.select_images(images)
    detections = evaluation.detections.select_images(subset, images)
    return scored(subset, detections, evaluation.protocol).class_ap


@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
@pytest.mark.parametrize("seed", range(6))
def test_scoring_the_images_alone(seed, protocol):
    evaluation = random_evaluation(seed, protocol)
    for one in score_slices(evaluation, [PARITY]):
        inside = np.flatnonzero(np.arange(12) % 2 == (one.value == "odd"))
        score = class_ap_alone(evaluation, inside)
        rest = class_ap_alone(evaluation, np.setdiff1d(np.arange(12), inside))
        in_both = ~np.isnan(score) & ~np.isnan(rest)
        assert one.score == pytest.approx(score[in_both].mean(), abs=1e-12)
        difference = (score - rest)[in_both].mean()
        assert one.difference.estimate == pytest.approx(difference, abs=1e-12)
        assert math.isnan(one.p)


def test_images_of_unknown_value_are_in_no_slice_and_no_rest():
    ground_truth = truth([(i, 0, BOX) for i in range(4)])
    rows = [(0, 0, 0.9, BOX), (1, 0, 0.9, BOX)]
    evaluation = scored(ground_truth, detections(ground_truth, rows))
    light = Attribute("light", ("day", "night"), np.array([0, 1, -1, -1]))
    slices = score_slices(evaluation, [light])
    assert [each.images for each in slices] == [1, 1]
    assert [each.score for each in slices] == [1, 1]
    assert [each.difference.estimate for each in slices] == [0, 0]


def test_a_real_difference_is_significant_and_chance_is_not():
    ground_truth = truth([(i, 0, BOX) for i in range(80)], images=80)
    classes = np.where(np.arange(80) < 40, 0, 1)
    detections = perfect(ground_truth, class_index=classes, scores=np.full(80, 0.9))
    half = Attribute("half", ("first", "second"), np.arange(80) // 40)
    parity = Attribute("parity", ("even", "odd"), np.arange(80) % 2)
    weights = stack_weights(resample_images(80, 0), 400)
    first, _, even, _ = score_slices(scored(ground_truth, detections), [half, parity], weights)
    assert (first.score, first.difference.estimate) == (1, 1)
    assert first.p_holm < 0.05
    assert even.p > 0.2
    assert first.p <= first.p_fdr <= first.p_holm
    assert first.difference.low <= 1 <= first.difference.high


@pytest.mark.parametrize("seed", range(4))
def test_corrected_over_all_slices_of_all_attributes(seed):
    """Compare with the definitions, p-values rising from rank 1 of n.

    Holm: p · (n − rank + 1), running maximum. Benjamini–Hochberg: p · n / rank, running minimum
    from above.
    """
    thirds = Attribute("third", ("a", "b", "c"), np.arange(12) % 3)
    weights = stack_weights(resample_images(12, 0), 60)
    slices = score_slices(random_evaluation(seed), [PARITY, thirds], weights)
    tested = sorted((each for each in slices if not math.isnan(each.p)), key=lambda each: each.p)
    assert len({each.attribute for each in tested}) == 2
    n, highest = len(tested), 0.0
    for rank, each in enumerate(tested, 1):
        highest = max(highest, min((n - rank + 1) * each.p, 1.0))
        assert each.p_holm == pytest.approx(highest, abs=1e-12)
        lowest = min(n * other.p / at for at, other in enumerate(tested, 1) if at >= rank)
        assert each.p_fdr == pytest.approx(lowest, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_resamples_of_some_images_are_scored_like_repeated_ones(seed):
    evaluation, images = random_evaluation(seed, "voc2012"), np.arange(12) % 3 != 0
    weights = stack_weights(resample_images(12, seed), 3)
    values = SubsetScores(evaluation).class_values(images, weights)
    [[expected]] = weighted_scores(
        [evaluation], evaluation.protocol.measures[:1], 3, lambda b: weights[b] * images
    )
    np.testing.assert_allclose(values, expected.classes, rtol=0, atol=1e-12)


def test_a_column_of_a_built_in_name():
    with pytest.raises(DetbenchError, match="'objects' is built in"):
        attributes_of_columns({"light": ["day"], "objects": ["1"]})


def test_built_in_attributes():
    ground_truth = truth(
        [(0, 0, BOX), (1, 0, BOX), (1, 1, BOX)],
        image_sizes=[(200, 100), (100, 200), (100, 100), (200, 100)],
    )
    of_images = {
        one.name: [one.values[n] for n in one.value_index]
        for one in built_in_attributes(ground_truth)
    }
    assert of_images["objects"] == ["1", "2 to 3", "none", "none"]
    assert of_images["shape"] == ["wide", "upright", "square", "wide"]
    assert of_images["megapixels"][2] != of_images["megapixels"][0]
    assert [one.name for one in built_in_attributes(truth([]))] == ["objects"]


def test_attributes_from_texts():
    assert attribute_of_texts("light", ["night", None, "day"]).value_index.tolist() == [1, -1, 0]
    assert attribute_of_texts("hour", ["10", "9", "10"]).values == ("9", "10")
    quartiles = ("to 24.75", "24.75 to 49.5", "49.5 to 74.25", "over 74.25")
    assert attribute_of_texts("speed", [str(n) for n in range(100)]).values == quartiles
    with pytest.raises(DetbenchError, match="51 different values"):
        attribute_of_texts("file", [f"a{n}" for n in range(51)])
    assert [one.name for one in attributes_of_columns({"a": ["x"], "b": [None]})] == ["a"]


def test_quartiles_keep_equal_numbers_together():
    one = quartile_attribute("n", np.array([1.0, 1.0, 1.0, 1.0, 5.0, np.nan]))
    assert one.value_index.tolist() == [0, 0, 0, 0, 1, -1]
    assert quartile_attribute("n", np.full(3, 2.0)).values == ("all",)

"""Slices against scoring their images alone, and their p-values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.errors.slices import (
    Attribute,
    attribute,
    built_in,
    by_columns,
    quarters,
    slices,
)
from detbench.metrics.uncertainty.bootstrap import weighted_replicates
from detbench.metrics.uncertainty.clusters import image_draws
from detbench.metrics.uncertainty.drawn import stacked
from detbench.metrics.uncertainty.subset_scores import Parts
from tests.metrics.analysed import analysed
from tests.metrics.scored import detections, perfect, scored, truth

BOX = (10, 10, 60, 60)


def alone(evaluation, images):
    """AP of each class when only some images exist."""
    data = evaluation.ground_truth.select_images(images)
    return scored(
        data, evaluation.detections.select_images(data, images), evaluation.protocol
    ).class_ap


@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
@pytest.mark.parametrize("seed", range(6))
def test_scoring_the_images_alone(seed, protocol):
    evaluation = analysed(seed, protocol)
    one = Attribute("parity", ("even", "odd"), np.arange(12) % 2)
    for found in slices(evaluation, [one]):
        inside = np.flatnonzero(np.arange(12) % 2 == (found.value == "odd"))
        own, other = (
            alone(evaluation, inside),
            alone(evaluation, np.setdiff1d(np.arange(12), inside)),
        )
        both = ~np.isnan(own) & ~np.isnan(other)
        assert found.score == pytest.approx(own[both].mean(), abs=1e-12)
        assert found.difference.estimate == pytest.approx((own - other)[both].mean(), abs=1e-12)
        assert math.isnan(found.p)


def test_images_of_unknown_value_are_in_no_slice_and_no_rest():
    data = truth([(i, 0, BOX) for i in range(4)])
    evaluation = scored(data, detections(data, [(0, 0, 0.9, BOX), (1, 0, 0.9, BOX)]))
    found = slices(evaluation, [Attribute("light", ("day", "night"), np.array([0, 1, -1, -1]))])
    assert [(each.images, each.score, each.difference.estimate) for each in found] == [
        (1, 1, 0),
        (1, 1, 0),
    ]


def test_a_real_difference_is_called_and_chance_is_not():
    data = truth([(i, 0, BOX) for i in range(80)], images=80)
    found = perfect(data, class_index=np.where(np.arange(80) < 40, 0, 1), scores=np.full(80, 0.9))
    evaluation = scored(data, found)
    halves = Attribute("half", ("first", "second"), np.arange(80) // 40)
    chance = Attribute("parity", ("even", "odd"), np.arange(80) % 2)
    first, _, even, _ = slices(evaluation, [halves, chance], stacked(image_draws(80, 0), 400))
    assert (first.score, first.difference.estimate) == (1, 1)
    assert first.p_holm < 0.05
    assert even.p > 0.2
    assert first.p <= first.p_fdr <= first.p_holm
    assert first.difference.low <= 1 <= first.difference.high


@pytest.mark.parametrize("seed", range(4))
def test_corrected_over_all_slices_of_all_attributes(seed):
    """Holm: p times the number of larger or equal ones, running maximum; Benjamini-Hochberg: n p / rank, running minimum from above."""
    parity, thirds = (
        Attribute("parity", ("even", "odd"), np.arange(12) % 2),
        Attribute("third", ("a", "b", "c"), np.arange(12) % 3),
    )
    found = slices(analysed(seed), [parity, thirds], stacked(image_draws(12, 0), 60))
    asked = sorted((each for each in found if not math.isnan(each.p)), key=lambda each: each.p)
    assert len({each.attribute for each in asked}) == 2
    n, highest = len(asked), 0.0
    for place, each in enumerate(asked):
        highest = max(highest, min((n - place) * each.p, 1.0))
        assert each.p_holm == pytest.approx(highest, abs=1e-12)
        assert each.p_fdr == pytest.approx(
            min(n * other.p / (at + 1) for at, other in enumerate(asked) if at >= place), abs=1e-12
        )


@pytest.mark.parametrize("seed", range(6))
def test_draws_of_some_images_are_scored_like_repeated_ones(seed):
    evaluation, images = analysed(seed, "voc2012"), np.arange(12) % 3 != 0
    weights = stacked(image_draws(12, seed), 3)
    values = Parts(evaluation).class_values(images, weights)
    [[expected]] = weighted_replicates(
        [evaluation], evaluation.protocol.measures[:1], 3, lambda b: weights[b] * images
    )
    np.testing.assert_allclose(values, expected.classes, rtol=0, atol=1e-12)


def test_a_column_of_a_built_in_name():
    with pytest.raises(DetbenchError, match="'objects' is built in already"):
        by_columns({"light": ["day"], "objects": ["1"]})


def test_built_in_attributes():
    data = truth(
        [(0, 0, BOX), (1, 0, BOX), (1, 1, BOX)],
        image_sizes=[(200, 100), (100, 200), (100, 100), (200, 100)],
    )
    found = {one.name: [one.values[n] for n in one.of] for one in built_in(data)}
    assert found["objects"] == ["1", "2 to 3", "none", "none"]
    assert found["shape"] == ["wide", "upright", "square", "wide"]
    assert found["megapixels"][2] != found["megapixels"][0]
    assert [one.name for one in built_in(truth([]))] == ["objects"]


def test_attributes_from_texts():
    assert attribute("light", ["night", None, "day"]).of.tolist() == [1, -1, 0]
    assert attribute("hour", ["10", "9", "10"]).values == ("9", "10")
    assert attribute("speed", [str(n) for n in range(100)]).values == (
        "to 24.75",
        "24.75 to 49.5",
        "49.5 to 74.25",
        "over 74.25",
    )
    with pytest.raises(DetbenchError, match="51 different values"):
        attribute("file", [f"a{n}" for n in range(51)])
    assert [one.name for one in by_columns({"a": ["x"], "b": [None]})] == ["a"]


def test_quarters_keep_equal_numbers_together():
    one = quarters("n", np.array([1.0, 1.0, 1.0, 1.0, 5.0, np.nan]))
    assert one.of.tolist() == [0, 0, 0, 0, 1, -1]
    assert quarters("n", np.full(3, 2.0)).values == ("all",)

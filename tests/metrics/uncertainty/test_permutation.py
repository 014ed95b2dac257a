"""Permutation tests against swapping detections for real, and what makes two detectors' scores alike."""

import numpy as np
import pytest

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.permutation import permutation_test, score_distance
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import perfect, random_pair, truth


def two_detectors(seed, images=8):
    """Return ground truth and two detectors' findings, made apart, whose scores are drawn alike."""
    ground_truth, first = random_pair(seed, images=images)
    rng = np.random.default_rng(seed)
    shaken = np.array(first.boxes) + rng.normal(0, 6, first.boxes.shape)
    shaken[:, 2:] = np.maximum(shaken[:, 2:], shaken[:, :2] + 1)
    second = made(
        ground_truth,
        groups_from_offsets(first.offsets),
        first.class_index,
        rng.random(len(first)),
        shaken,
        "other",
    )
    return ground_truth, first, second


def made(ground_truth, image, label, score, boxes, name):
    return Detections.from_rows(
        ground_truth, image_index=image, class_index=label, scores=score, boxes=boxes, name=name
    )


def swapped(ground_truth, first, second, swap):
    """Return both detectors' findings after exchanging those on the images where `swap` is 1."""
    sides = []
    for side in (0, 1):
        columns = {"image_index": [], "class_index": [], "scores": [], "boxes": []}
        for i in range(len(ground_truth.image_ids)):
            source = (first, second)[side ^ int(swap[i])]
            rows = slice(source.offsets[i], source.offsets[i + 1])
            columns["image_index"] += [i] * (rows.stop - rows.start)
            columns["class_index"] += source.class_index[rows].tolist()
            columns["scores"] += source.scores[rows].tolist()
            columns["boxes"] += source.boxes[rows].tolist()
        sides.append(Detections.from_rows(ground_truth, **columns))
    return sides


@pytest.mark.parametrize("protocol", ["coco", "voc2007", "voc2012"])
@pytest.mark.parametrize("seed", range(4))
def test_as_swapping_for_real(protocol, seed):
    ground_truth, first, second = two_detectors(seed)
    a, b = (evaluate(ground_truth, each, protocol) for each in (first, second))
    tests = permutation_test(a, b, permutations=60, seed=seed, scores="auto")
    differences = {test.measure.name: [] for test in tests}
    by_class = []
    for n in range(61):
        swap = np.random.default_rng([seed, n]).integers(0, 2, 8) if n else np.zeros(8)
        one, two = (
            evaluate(ground_truth, each, protocol)
            for each in swapped(ground_truth, first, second, swap)
        )
        for test in tests:
            pair = one.value(test.measure), two.value(test.measure)
            differences[test.measure.name].append(np.nan if None in pair else pair[1] - pair[0])
        by_class.append(two.class_values(tests[0].measure) - one.class_values(tests[0].measure))
    for test in tests:
        assert test.scores == "raw"
        found = np.array(differences[test.measure.name])
        if np.isnan(found[0]):
            assert np.isnan(test.difference)
            assert np.isnan(test.p)
            continue
        assert test.difference == pytest.approx(found[0], abs=1e-12)
        assert test.p == pytest.approx((np.abs(found) >= abs(found[0]) - 1e-12).mean(), abs=1e-15)
    np.testing.assert_allclose(tests[0].class_differences, by_class[0], atol=1e-12)
    expected = (np.abs(by_class) >= np.abs(by_class[0]) - 1e-12).mean(axis=0)
    np.testing.assert_allclose(tests[0].class_p, np.where(np.isnan(by_class[0]), np.nan, expected))


def test_identical_detections():
    ground_truth, found = random_pair(1)
    evaluation = evaluate(ground_truth, found, "coco")
    for test in permutation_test(evaluation, evaluation, permutations=30):
        assert test.difference == 0 or np.isnan(test.difference)
        assert test.p == 1 or np.isnan(test.p)


def test_scores_on_other_scales_are_ranked():
    ground_truth = truth([(i, 0, [10, 10, 60, 60]) for i in range(300)], images=300)
    found = simulated_detections(ground_truth, 0.7)
    image = groups_from_offsets(found.offsets)
    cold = made(ground_truth, image, found.class_index, found.scores**4 / 10, found.boxes, "cold")
    a, b = (evaluate(ground_truth, each, "voc2007") for each in (found, cold))
    assert score_distance(a, a) == 0
    assert score_distance(a, b) > 0.5
    with pytest.raises(
        NotComparableError, match=r"different scales: .* use scores=.ranks., or the bootstrap"
    ):
        permutation_test(a, b, scores="raw")
    (test,) = permutation_test(a, b, permutations=30)
    assert test.scores == "ranks"
    assert (test.difference, test.p) == (0, 1)


@pytest.mark.parametrize("seed", range(4))
def test_ranks_keep_each_detectors_own_value(seed):
    ground_truth, first, second = two_detectors(seed)
    a, b = (evaluate(ground_truth, each, "coco") for each in (first, second))
    for test in permutation_test(a, b, permutations=1, scores="ranks"):
        pair = a.value(test.measure), b.value(test.measure)
        assert test.difference == pytest.approx(
            np.nan if None in pair else pair[1] - pair[0], abs=1e-12, nan_ok=True
        )


def test_groups_are_swapped_whole():
    for groups, p in (([8, 8, 8, 5, 5, 5], 2 / 2**2), ([0, 0, 1, 1, 2, 2], 2 / 2**3)):
        ground_truth = truth([(i, 0, [10, 10, 60, 60]) for i in range(6)], images=6, groups=groups)
        nothing = made(ground_truth, [], [], [], np.zeros((0, 4)), "nothing")
        a, b = (
            evaluate(ground_truth, each, "voc2007") for each in (nothing, perfect(ground_truth))
        )
        (found,) = permutation_test(a, b, permutations=2000)
        assert found.p == pytest.approx(p, abs=0.04)


def test_what_cannot_be_swapped():
    single = truth([(0, 0, [10, 10, 60, 60])], images=1)
    one = evaluate(single, perfect(single), "voc2007")
    with pytest.raises(
        DetbenchError,
        match="a permutation test needs at least two images; the dataset has 1",
    ):
        permutation_test(one, one)
    six = truth([(i, 0, [10, 10, 60, 60]) for i in range(6)], images=6)
    pair = [evaluate(six, perfect(six), "voc2007")] * 2
    together = truth([(i, 0, [10, 10, 60, 60]) for i in range(6)], images=6, groups=[0] * 6)
    with pytest.raises(
        DetbenchError, match="at least two groups of images; the dataset has 1"
    ):
        permutation_test(*[evaluate(together, perfect(together), "voc2007")] * 2)
    with pytest.raises(DetbenchError, match="permutations must be 1 or more, got 0"):
        permutation_test(*pair, permutations=0)
    with pytest.raises(DetbenchError, match="scores must be one of auto, raw, ranks, got 'bogus'"):
        permutation_test(*pair, scores="bogus")
    other = truth([(0, 0, [10, 10, 60, 60])], images=2)
    with pytest.raises(NotComparableError, match="different images"):
        permutation_test(one, evaluate(other, perfect(other), "voc2007"))

"""Permutation tests: as if detections were really swapped, and scores on different scales."""

import numpy as np
import pytest

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.permutation import (
    permutation_test,
    repeat_images,
    score_distance,
)
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import perfect, random_pair, truth

BOX = [10, 10, 60, 60]


def detector_of(ground_truth, image, label, score, boxes, name):
    return Detections.from_rows(
        ground_truth, image_index=image, class_index=label, scores=score, boxes=boxes, name=name
    )


def two_detectors(seed, images=8):
    """Return ground truth and two different detectors with scores of the same distribution."""
    ground_truth, first = random_pair(seed, images=images)
    rng = np.random.default_rng(seed)
    boxes = np.array(first.boxes) + rng.normal(0, 6, first.boxes.shape)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    image, score = groups_from_offsets(first.offsets), rng.random(len(first))
    second = detector_of(ground_truth, image, first.class_index, score, boxes, "other")
    return ground_truth, first, second


def swap_detections(ground_truth, first, second, swap):
    """Return both detectors after exchanging their detections in the images where `swap` is 1."""
    swapped = []
    for side in (0, 1):
        columns = {"image_index": [], "class_index": [], "scores": [], "boxes": []}
        for i in range(len(ground_truth.image_ids)):
            source = (first, second)[side ^ int(swap[i])]
            rows = slice(source.offsets[i], source.offsets[i + 1])
            columns["image_index"] += [i] * (rows.stop - rows.start)
            columns["class_index"] += source.class_index[rows].tolist()
            columns["scores"] += source.scores[rows].tolist()
            columns["boxes"] += source.boxes[rows].tolist()
        swapped.append(Detections.from_rows(ground_truth, **columns))
    return swapped


@pytest.mark.parametrize("protocol", ["coco", "voc2007", "voc2012"])
@pytest.mark.parametrize("seed", range(4))
def test_as_swapping_detections(protocol, seed):
    ground_truth, first, second = two_detectors(seed)
    pair = [evaluate(ground_truth, detector, protocol) for detector in (first, second)]
    tests = permutation_test(*pair, permutations=60, seed=seed, scores="auto")
    differences = {test.measure.name: [] for test in tests}
    by_class = []
    for n in range(61):
        swap = np.random.default_rng([seed, n]).integers(0, 2, 8) if n else np.zeros(8)
        baseline, candidate = (
            evaluate(ground_truth, detector, protocol)
            for detector in swap_detections(ground_truth, first, second, swap)
        )
        for test in tests:
            a, b = baseline.value(test.measure), candidate.value(test.measure)
            differences[test.measure.name].append(np.nan if None in (a, b) else b - a)
        headline = tests[0].measure
        by_class.append(candidate.class_values(headline) - baseline.class_values(headline))
    for test in tests:
        assert test.scores == "raw"
        expected = np.array(differences[test.measure.name])
        if np.isnan(expected[0]):
            assert np.isnan(test.difference)
            assert np.isnan(test.p)
            continue
        assert test.difference == pytest.approx(expected[0], abs=1e-12)
        at_least = np.abs(expected) >= abs(expected[0]) - 1e-12
        assert test.p == pytest.approx(at_least.mean(), abs=1e-15)
    np.testing.assert_allclose(tests[0].class_differences, by_class[0], atol=1e-12)
    share = (np.abs(by_class) >= np.abs(by_class[0]) - 1e-12).mean(axis=0)
    np.testing.assert_allclose(tests[0].class_p, np.where(np.isnan(by_class[0]), np.nan, share))


def test_identical_detections():
    ground_truth, detector = random_pair(1)
    evaluation = evaluate(ground_truth, detector, "coco")
    for test in permutation_test(evaluation, evaluation, permutations=30):
        assert test.difference == 0 or np.isnan(test.difference)
        assert test.p == 1 or np.isnan(test.p)


def test_scores_on_different_scales_are_replaced_by_ranks():
    ground_truth = truth([(i, 0, BOX) for i in range(300)], images=300)
    detector = simulated_detections(ground_truth, 0.7)
    image, low_scores = groups_from_offsets(detector.offsets), detector.scores**4 / 10
    low = detector_of(ground_truth, image, detector.class_index, low_scores, detector.boxes, "low")
    a, b = (evaluate(ground_truth, each, "voc2007") for each in (detector, low))
    assert score_distance(a, a) == 0
    assert score_distance(a, b) > 0.5
    message = r'different scales: .* use scores="ranks", or the bootstrap'
    with pytest.raises(NotComparableError, match=message):
        permutation_test(a, b, scores="raw")
    (test,) = permutation_test(a, b, permutations=30)
    assert test.scores == "ranks"
    assert (test.difference, test.p) == (0, 1)


@pytest.mark.parametrize("seed", range(4))
def test_ranks_keep_each_detectors_own_value(seed):
    ground_truth, first, second = two_detectors(seed)
    a, b = (evaluate(ground_truth, detector, "coco") for detector in (first, second))
    for test in permutation_test(a, b, permutations=1, scores="ranks"):
        values = a.value(test.measure), b.value(test.measure)
        expected = np.nan if None in values else values[1] - values[0]
        assert test.difference == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("groups", "p"), [([8, 8, 8, 5, 5, 5], 2 / 2**2), ([0, 0, 1, 1, 2, 2], 2 / 2**3)]
)
def test_groups_are_swapped_whole(groups, p):
    ground_truth = truth([(i, 0, BOX) for i in range(6)], images=6, groups=groups)
    nothing = detector_of(ground_truth, [], [], [], np.zeros((0, 4)), "nothing")
    a, b = (
        evaluate(ground_truth, detector, "voc2007") for detector in (nothing, perfect(ground_truth))
    )
    (test,) = permutation_test(a, b, permutations=2000)
    assert test.p == pytest.approx(p, abs=0.04)


def test_repeated_images_are_images_of_their_own():
    ground_truth = truth([(0, 0, BOX), (2, 1, BOX)], images=3, groups=[7, 8, 9])
    repeated, [detector] = repeat_images(ground_truth, [perfect(ground_truth)], np.array([2, 0, 2]))
    assert repeated.image_ids == ("000000000", "000000001", "000000002")
    assert repeated.class_index.tolist() == detector.class_index.tolist() == [1, 0, 1]
    assert repeated.offsets.tolist() == detector.offsets.tolist() == [0, 1, 2, 3]
    assert repeated.groups.tolist() == [9, 7, 9]


def test_one_image_and_one_group_are_refused():
    single = truth([(0, 0, BOX)], images=1)
    one = evaluate(single, perfect(single), "voc2007")
    message = "a permutation test needs at least two images; the dataset has 1"
    with pytest.raises(DetbenchError, match=message):
        permutation_test(one, one)
    together = truth([(i, 0, BOX) for i in range(6)], images=6, groups=[0] * 6)
    with pytest.raises(DetbenchError, match="at least two groups of images; the dataset has 1"):
        permutation_test(*[evaluate(together, perfect(together), "voc2007")] * 2)


def test_impossible_options_are_refused():
    six = truth([(i, 0, BOX) for i in range(6)], images=6)
    pair = [evaluate(six, perfect(six), "voc2007")] * 2
    with pytest.raises(DetbenchError, match="permutations must be 1 or more, got 0"):
        permutation_test(*pair, permutations=0)
    with pytest.raises(DetbenchError, match="scores must be one of auto, raw, ranks, got 'bogus'"):
        permutation_test(*pair, scores="bogus")


def test_other_images_are_refused():
    first, second = (truth([(0, 0, BOX)], images=images) for images in (2, 3))
    pair = [evaluate(ground_truth, perfect(ground_truth)) for ground_truth in (first, second)]
    with pytest.raises(NotComparableError, match="different images"):
        permutation_test(*pair)

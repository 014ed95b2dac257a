"""Differences: of equal detectors, of a better one, and of those that cannot be compared."""

import math

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.difference import differences
from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg, holm
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import perfect, random_pair, truth
from tests.metrics.simulated import many_images

BOX = [10, 10, 60, 60]


@pytest.mark.parametrize("protocol", ["coco", "voc2007", "voc2012"])
def test_equal_detections_have_a_difference_of_exactly_0(protocol):
    ground_truth, detector = random_pair(2)
    pair = [evaluate(ground_truth, detector, protocol) for _ in range(2)]
    for change in differences(*pair, resamples=50):
        interval = change.interval
        if math.isnan(interval.estimate):
            assert math.isnan(change.p)
            continue
        assert (interval.estimate, interval.low, interval.high, change.p) == (0, 0, 0, 1)
        class_values = {
            (of_class.interval.low, of_class.p, of_class.p_holm, of_class.p_fdr)
            for of_class in change.classes
            if of_class.interval.is_defined
        }
        assert class_values <= {(0, 1, 1, 1)}


def test_a_better_detector_is_better():
    ground_truth = many_images()
    worse, better = (
        evaluate(ground_truth, simulated_detections(ground_truth, quality), "voc2012")
        for quality in (0.5, 0.9)
    )
    (change,) = differences(worse, better, resamples=199)
    expected = better.summary["mAP"] - worse.summary["mAP"]
    assert change.interval.estimate == pytest.approx(expected, abs=1e-15)
    assert change.baseline.estimate == worse.summary["mAP"]
    assert change.candidate.estimate == better.summary["mAP"]
    assert 0 < change.interval.low < change.interval.estimate < change.interval.high
    assert 2 / 200 <= change.p < 0.05
    (back,) = differences(better, worse, resamples=199)
    assert back.interval.estimate == -change.interval.estimate
    assert back.interval.low == pytest.approx(-change.interval.high, abs=1e-15)
    assert back.p == pytest.approx(change.p)
    assert [of_class.name for of_class in change.classes] == list("abc")


def test_p_values_of_classes_are_corrected_for_their_number():
    ground_truth = many_images()
    pair = [
        evaluate(ground_truth, simulated_detections(ground_truth, quality), "voc2012")
        for quality in (0.5, 0.9)
    ]
    (change,) = differences(*pair, resamples=199)
    p = np.array([of_class.p for of_class in change.classes])
    corrected = [(of_class.p_holm, of_class.p_fdr) for of_class in change.classes]
    np.testing.assert_array_equal(corrected, np.transpose([holm(p), benjamini_hochberg(p)]))


def test_all_measures_or_those_given():
    ground_truth = many_images(20)
    pair = [
        evaluate(ground_truth, simulated_detections(ground_truth, quality), "coco")
        for quality in (0.5, 0.9)
    ]
    all_measures = [change.measure for change in differences(*pair, resamples=5)]
    assert all_measures == list(COCO.measures)
    (only,) = differences(*pair, [COCO.measures[1]], resamples=5)
    assert only.measure.name == "AP50"


def test_other_ground_truth_and_too_few_images_are_refused():
    one, other = (evaluate(*random_pair(seed), "coco") for seed in (2, 3))
    with pytest.raises(NotComparableError, match="different annotations"):
        differences(one, other)
    for images in (0, 1):
        few = truth([(0, 0, BOX)] * images, images=images)
        evaluation = evaluate(few, perfect(few), "coco")
        message = f"at least two images; the dataset has {images}"
        with pytest.raises(DetbenchError, match=message):
            differences(evaluation, evaluation)


@pytest.mark.parametrize("images", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("seed", range(8))
def test_interval_and_p_agree_if_few_images_have_objects(images, seed):
    ground_truth, detector = random_pair(seed, images=images, objects=3 * images, boxes=9 * images)
    pair = (
        evaluate(ground_truth, perfect(ground_truth), "voc2007"),
        evaluate(ground_truth, detector, "voc2007"),
    )
    (change,) = differences(*pair, resamples=999, seed=seed)
    for difference in (change, *change.classes):
        interval, p = difference.interval, difference.p
        assert (p <= 0.05) == (interval.low > 0 or interval.high < 0)
        assert (interval.low, interval.high) != (-1, 1)


def test_no_detections_and_all_objects():
    ground_truth = many_images(10)
    nothing = Detections.from_rows(
        ground_truth,
        image_index=[],
        class_index=[],
        scores=[],
        boxes=np.zeros((0, 4)),
        name="nothing",
    )
    pair = [
        evaluate(ground_truth, detector, "voc2007") for detector in (nothing, perfect(ground_truth))
    ]
    (change,) = differences(*pair, resamples=200)
    interval = change.interval
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((1, 1, 1))


def test_no_objects_have_no_difference():
    empty = truth([], images=3)
    pair = [evaluate(empty, perfect(empty), "voc2007")] * 2
    (change,) = differences(*pair, resamples=5)
    assert math.isnan(change.interval.estimate)
    assert math.isnan(change.p)
    assert not change.interval.is_defined

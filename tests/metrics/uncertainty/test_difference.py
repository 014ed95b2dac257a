"""Paired differences: what they are of equal and of unequal detectors, and of those that cannot be compared."""

import math

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.difference import differences
from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg, holm
from detbench.metrics.uncertainty.replicates import resample
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import perfect, random_pair, truth

BOX = [10, 10, 60, 60]


def many_images(images=120):
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 80, (2 * images, 2))
    boxes = np.hstack([corner, corner + rng.uniform(15, 60, (2 * images, 2))])
    return truth(
        list(
            zip(np.repeat(np.arange(images), 2), rng.integers(0, 3, 2 * images), boxes, strict=True)
        ),
        "abc",
        images,
    )


@pytest.mark.parametrize("protocol", ["coco", "voc2007", "voc2012"])
def test_equal_detections_differ_by_exactly_nothing(protocol):
    ground_truth, found = random_pair(2)
    pair = [evaluate(ground_truth, found, protocol) for _ in range(2)]
    for change in differences(*pair, resamples=50):
        if math.isnan(change.interval.estimate):
            assert math.isnan(change.p)
            continue
        assert (change.interval.estimate, change.interval.low, change.interval.high, change.p) == (
            0,
            0,
            0,
            1,
        )
        assert {
            (each.interval.low, each.p, each.p_holm, each.p_fdr)
            for each in change.classes
            if each.interval.is_defined
        } <= {(0, 1, 1, 1)}


def test_a_better_detector_is_better():
    ground_truth = many_images()
    worse, better = (
        evaluate(ground_truth, simulated_detections(ground_truth, quality), "voc2012")
        for quality in (0.5, 0.9)
    )
    (change,) = differences(worse, better, resamples=199)
    assert change.interval.estimate == pytest.approx(
        better.summary["mAP"] - worse.summary["mAP"], abs=1e-15
    )
    assert change.baseline.estimate == worse.summary["mAP"]
    assert change.candidate.estimate == better.summary["mAP"]
    assert 0 < change.interval.low < change.interval.estimate < change.interval.high
    assert 2 / 200 <= change.p < 0.05
    (back,) = differences(better, worse, resamples=199)
    assert back.interval.estimate == -change.interval.estimate
    assert back.interval.low == pytest.approx(-change.interval.high, abs=1e-15)
    assert back.p == pytest.approx(change.p)
    p = np.array([each.p for each in change.classes])
    np.testing.assert_array_equal([each.p_holm for each in change.classes], holm(p))
    np.testing.assert_array_equal([each.p_fdr for each in change.classes], benjamini_hochberg(p))
    assert [each.name for each in change.classes] == list("abc")


def test_pairing_takes_out_what_the_images_do_to_both():
    ground_truth = many_images()
    first, second = (
        evaluate(ground_truth, simulated_detections(ground_truth, 0.7, seed), "voc2012")
        for seed in (0, 0)
    )
    a, b = (one[0] for one in resample([first, second], resamples=50))
    assert a.bootstrap[:, 0].std() > 0.01
    assert not (a.bootstrap[:, 0] - b.bootstrap[:, 0]).any()


def test_the_measures_asked_for():
    ground_truth = many_images(20)
    pair = [
        evaluate(ground_truth, simulated_detections(ground_truth, quality), "coco")
        for quality in (0.5, 0.9)
    ]
    assert [change.measure.name for change in differences(*pair, resamples=5)] == [
        measure.name for measure in COCO.measures
    ]
    (only,) = differences(*pair, [COCO.measures[1]], resamples=5)
    assert only.measure.name == "AP50"


def test_what_cannot_be_compared():
    ground_truth, found = random_pair(2)
    other_truth, other_found = random_pair(3)
    one, other = evaluate(ground_truth, found, "coco"), evaluate(other_truth, other_found, "coco")
    with pytest.raises(NotComparableError, match="different annotations"):
        differences(one, other)
    for images in (0, 1):
        few = truth([(0, 0, BOX)] * images, images=images)
        evaluation = evaluate(few, perfect(few), "coco")
        with pytest.raises(
            DetbenchError, match=f"at least two images; the dataset has {images}"
        ):
            differences(evaluation, evaluation)
    with pytest.raises(NotComparableError, match="finder and finder were not resampled together"):
        resample([one], resamples=5)[0][0].minus(resample([one], resamples=5, seed=1)[0][0])


@pytest.mark.parametrize("images", [2, 3, 4, 5, 6])
def test_interval_and_p_agree_where_few_images_show_a_class(images):
    for seed in range(8):
        ground_truth, found = random_pair(seed, images=images, objects=3 * images, found=9 * images)
        evaluations = [
            evaluate(ground_truth, each, "voc2007") for each in (perfect(ground_truth), found)
        ]
        (change,) = differences(*evaluations, resamples=999, seed=seed)
        for interval, p in [
            (change.interval, change.p),
            *((each.interval, each.p) for each in change.classes),
        ]:
            assert math.isnan(p) != interval.is_defined
            if interval.is_defined:
                assert (p <= 0.05) == (interval.low > 0 or interval.high < 0), (seed, interval, p)


def test_protocols_that_differ_in_any_switch_are_not_resampled_together():
    ground_truth, found = random_pair(2)
    at = [
        resample([evaluate(ground_truth, found, VOC2007.with_thresholds((iou,)))], resamples=50)[
            0
        ][0]
        for iou in (0.5, 0.75)
    ]
    with pytest.raises(NotComparableError, match="finder and finder were not resampled together"):
        at[0].minus(at[1])


def test_nothing_found_and_nothing_to_find():
    ground_truth = many_images(10)
    empty = Detections.from_rows(
        ground_truth,
        image_index=[],
        class_index=[],
        scores=[],
        boxes=np.zeros((0, 4)),
        name="nothing",
    )
    (change,) = differences(
        *(evaluate(ground_truth, each, "voc2007") for each in (empty, perfect(ground_truth))),
        resamples=200,
    )
    assert (change.interval.estimate, change.interval.low, change.interval.high) == pytest.approx(
        (1, 1, 1)
    )
    nothing = truth([], images=3)
    pair = [evaluate(nothing, perfect(nothing), "voc2007")] * 2
    (change,) = differences(*pair, resamples=5)
    assert math.isnan(change.interval.estimate)
    assert math.isnan(change.p)
    assert not change.interval.is_defined

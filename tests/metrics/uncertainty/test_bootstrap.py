"""The bootstrap: resamples, pairing, threads, and what cannot be resampled."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.bootstrap import bootstrap
from tests.metrics.scored import detections, perfect, truth

BOX, FAR = [10, 10, 60, 60], [100, 10, 150, 60]


def ten_images():
    """Return ten images with one cat each, and a detector that finds six of them."""
    ground_truth = truth([(i, 0, BOX) for i in range(10)], images=10)
    rows = [(i, 0, 0.9 - i / 100, BOX if i < 6 else FAR) for i in range(10)]
    return ground_truth, detections(ground_truth, rows)


def test_recall_is_the_share_of_resampled_images_with_a_hit():
    evaluation = evaluate(*ten_images(), "voc2007")
    [[recall]] = bootstrap([evaluation], [Measure("recall", "AR")], resamples=40, seed=3)
    for b in range(40):
        images = np.random.default_rng([3, b]).integers(0, 10, 10)
        assert recall.values[b] == pytest.approx((images < 6).mean(), abs=1e-15)


def test_results_do_not_depend_on_threads_nor_on_how_many_resamples_follow():
    evaluation = evaluate(*ten_images(), "coco")
    one = bootstrap([evaluation], resamples=130, threads=1)[0]
    many = bootstrap([evaluation], resamples=130, threads=4)[0]
    fewer = bootstrap([evaluation], resamples=60, threads=2)[0]
    for a, b, c in zip(one, many, fewer, strict=True):
        np.testing.assert_array_equal(a.classes, b.classes)
        np.testing.assert_array_equal(a.classes[:60], c.classes)
    other_seed = bootstrap([evaluation], resamples=130, seed=1)[0]
    assert not np.array_equal(one[0].values, other_seed[0].values)


def test_all_detectors_see_the_same_resamples():
    ground_truth, detector = ten_images()
    evaluations = [
        evaluate(ground_truth, each, "voc2007")
        for each in (detector, detector, perfect(ground_truth))
    ]
    [first], [again], [best] = bootstrap(evaluations, resamples=50)
    np.testing.assert_array_equal(first.values, again.values)
    assert (best.values == 1).all()


def test_a_class_without_objects_in_a_resample_is_left_out_of_its_mean():
    ground_truth = truth([(i, 0, BOX) for i in range(9)] + [(9, 1, BOX)], images=10)
    rows = [(i, 0, 0.9, BOX) for i in range(9)] + [(9, 1, 0.5, FAR)]
    evaluation = evaluate(ground_truth, detections(ground_truth, rows), "voc2007")
    [[scores]] = bootstrap([evaluation], resamples=60)
    resamples = [np.random.default_rng([0, b]).integers(0, 10, 10) for b in range(60)]
    without = np.array([9 not in images for images in resamples])
    assert 0 < without.sum() < 60
    np.testing.assert_array_equal(np.isnan(scores.classes[:, 1]), without)
    np.testing.assert_allclose(scores.values, np.where(without, 1.0, 0.5))


def test_measures_that_share_a_pass_do_not_change():
    evaluation = evaluate(*ten_images(), COCO)
    together = bootstrap([evaluation], COCO.measures, resamples=20)[0]
    for measure, scores in zip(COCO.measures, together, strict=True):
        [[alone]] = bootstrap([evaluation], [measure], resamples=20)
        np.testing.assert_array_equal(alone.classes, scores.classes)


def test_no_resamples_are_refused():
    with pytest.raises(DetbenchError, match="resamples must be 1 or more, got 0"):
        bootstrap([evaluate(*ten_images(), "voc2007")], resamples=0)


def test_one_image_and_one_group_are_refused():
    ground_truth, detector = ten_images()
    one_group = replace(ground_truth, groups=np.zeros(10, np.int64))
    with pytest.raises(DetbenchError, match="at least two groups of images; the dataset has 1"):
        bootstrap([evaluate(one_group, detector, "voc2007")])
    one_image = truth([(0, 0, BOX)], images=1)
    with pytest.raises(DetbenchError, match="a bootstrap needs at least two images"):
        bootstrap([evaluate(one_image, perfect(one_image), "voc2007")])


def test_a_measure_whose_threshold_the_protocol_lacks_is_refused():
    message = r"measure AP75 needs IoU 0\.75, but the protocol has 0\.5"
    with pytest.raises(DetbenchError, match=message):
        bootstrap([evaluate(*ten_images(), "voc2007")], [Measure("AP75", iou=0.75)])


def test_evaluations_that_cannot_be_compared_are_refused():
    ground_truth, detector = ten_images()
    evaluation = evaluate(ground_truth, detector, "voc2007")
    with pytest.raises(NotComparableError, match="different protocols"):
        bootstrap([evaluation, evaluate(ground_truth, detector, "voc2012")])
    other = truth([(i, 0, FAR) for i in range(10)], images=10)
    with pytest.raises(NotComparableError, match="different annotations"):
        bootstrap([evaluation, evaluate(other, perfect(other), "voc2007")])


@pytest.mark.parametrize("protocol", ["voc2007", "voc2012", "coco"])
def test_no_detections(protocol):
    ground_truth, _ = ten_images()
    nothing = Detections.from_rows(
        ground_truth,
        image_index=[],
        class_index=[],
        scores=[],
        boxes=np.zeros((0, 4)),
        name="nothing",
    )
    for scores in bootstrap([evaluate(ground_truth, nothing, protocol)], resamples=10)[0]:
        has_objects = scores.measure.area not in {"small", "large"}
        value = 0.0 if has_objects else np.nan
        np.testing.assert_array_equal(scores.classes, np.tile([value, np.nan], (10, 1)))
        np.testing.assert_array_equal(scores.values, np.full(10, value))

"""The bootstrap: draws, pairing, threads, groups, and what cannot be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.bootstrap import bootstrap
from detbench.metrics.uncertainty.clusters import resample_clusters, resample_images
from tests.metrics.scored import detections, perfect, truth

BOX, FAR = [10, 10, 60, 60], [100, 10, 150, 60]


def ten_images():
    """Return ground truth of one cat in each of ten images, and a detector that finds it in six, each with its own score."""
    ground_truth = truth([(i, 0, BOX) for i in range(10)], images=10)
    found = detections(
        ground_truth, [(i, 0, 0.9 - i / 100, BOX if i < 6 else FAR) for i in range(10)]
    )
    return ground_truth, found


def test_recall_is_the_share_of_drawn_images_with_a_hit():
    ground_truth, found = ten_images()
    evaluation = evaluate(ground_truth, found, "voc2007")
    (replicates,) = bootstrap([evaluation], [Measure("recall", "AR")], resamples=40, seed=3)[0]
    for b in range(40):
        drawn = np.random.default_rng([3, b]).integers(0, 10, 10)
        assert replicates.values[b] == pytest.approx((drawn < 6).mean(), abs=1e-15)


def test_results_do_not_depend_on_threads_nor_on_how_many_replicates_follow():
    ground_truth, found = ten_images()
    evaluation = evaluate(ground_truth, found, "coco")
    one = bootstrap([evaluation], resamples=130, threads=1)[0]
    many = bootstrap([evaluation], resamples=130, threads=4)[0]
    fewer = bootstrap([evaluation], resamples=60, threads=2)[0]
    for a, b, c in zip(one, many, fewer, strict=True):
        np.testing.assert_array_equal(a.classes, b.classes)
        np.testing.assert_array_equal(a.classes[:60], c.classes)
    assert not np.array_equal(
        one[0].values, bootstrap([evaluation], resamples=130, seed=1)[0][0].values
    )


def test_the_same_draws_for_all_detectors():
    ground_truth, found = ten_images()
    evaluations = [
        evaluate(ground_truth, one, "voc2007") for one in (found, found, perfect(ground_truth))
    ]
    (first,), (again,), (best,) = bootstrap(evaluations, resamples=50)
    np.testing.assert_array_equal(first.values, again.values)
    assert (best.values == 1).all()


def test_a_class_without_objects_in_a_replicate_is_left_out_of_its_mean():
    ground_truth = truth([(i, 0, BOX) for i in range(9)] + [(9, 1, BOX)], images=10)
    found = detections(ground_truth, [(i, 0, 0.9, BOX) for i in range(9)] + [(9, 1, 0.5, FAR)])
    (replicates,) = bootstrap([evaluate(ground_truth, found, "voc2007")], resamples=60)[0]
    without = np.array(
        [9 not in np.random.default_rng([0, b]).integers(0, 10, 10) for b in range(60)]
    )
    assert 0 < without.sum() < 60
    np.testing.assert_array_equal(np.isnan(replicates.classes[:, 1]), without)
    np.testing.assert_allclose(replicates.values, np.where(without, 1.0, 0.5))


def test_groups_are_drawn_whole():
    draw = resample_clusters(truth([], images=6, groups=[7, 7, 3, 3, 3, 9]), 5)
    for b in range(20):
        weights = draw(b)
        assert weights[0] == weights[1]
        assert weights[2] == weights[3] == weights[4]
        np.testing.assert_array_equal(weights[[0, 2, 5]], resample_images(3, 5)(b))


def test_measures_share_passes_without_changing():
    ground_truth, found = ten_images()
    evaluation = evaluate(ground_truth, found, COCO)
    together = bootstrap([evaluation], COCO.measures, resamples=20)[0]
    for measure, replicates in zip(COCO.measures, together, strict=True):
        (alone,) = bootstrap([evaluation], [measure], resamples=20)[0]
        np.testing.assert_array_equal(alone.classes, replicates.classes)


def test_what_cannot_be_drawn():
    ground_truth, found = ten_images()
    evaluation = evaluate(ground_truth, found, "voc2007")
    one_group = evaluate(replace(ground_truth, groups=np.zeros(10, np.int64)), found, "voc2007")
    with pytest.raises(DetbenchError, match="resamples must be 1 or more, got 0"):
        bootstrap([evaluation], resamples=0)
    with pytest.raises(
        DetbenchError, match="at least two groups of images; the dataset has 1"
    ):
        bootstrap([one_group])
    with pytest.raises(
        DetbenchError, match=r"measure AP75 needs IoU 0\.75, but the protocol has 0\.5"
    ):
        bootstrap([evaluation], [Measure("AP75", iou=0.75)])
    single = truth([(0, 0, BOX)], images=1)
    with pytest.raises(DetbenchError, match="at least two images"):
        bootstrap([evaluate(single, perfect(single), "voc2007")])
    with pytest.raises(NotComparableError, match="different protocols"):
        bootstrap([evaluation, evaluate(ground_truth, found, "voc2012")])
    other = truth([(i, 0, FAR) for i in range(10)], images=10)
    with pytest.raises(NotComparableError, match="different annotations"):
        bootstrap([evaluation, evaluate(other, perfect(other), "voc2007")])


def test_no_detections():
    ground_truth, _ = ten_images()
    nothing = Detections.from_rows(
        ground_truth,
        image_index=[],
        class_index=[],
        scores=[],
        boxes=np.zeros((0, 4)),
        name="nothing",
    )
    for protocol in ("voc2007", "voc2012", COCO):
        for replicates in bootstrap([evaluate(ground_truth, nothing, protocol)], resamples=10)[0]:
            there = {"small": np.nan, "large": np.nan}.get(replicates.measure.area, 0.0)
            np.testing.assert_array_equal(replicates.classes, np.tile([there, np.nan], (10, 1)))
            np.testing.assert_array_equal(replicates.values, np.full(10, there))

"""Replicates: pairing, evidence, parts and halves, and what a plain bootstrap gives."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.errors import NotComparableError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.replicates import FEWER_HALVES, HALVES, halves_of, resample
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import detections, perfect, random_pair, truth
from tests.metrics.simulated import many_images

BOX, FAR = [10, 10, 60, 60], [100, 10, 150, 60]


def slow_values(ground_truth, detector, protocol, positions):
    """Return overall value and classes of a dataset that contains the images at `positions`."""
    objects = {"image": [], "label": [], "box": []}
    rows = {"image": [], "label": [], "score": [], "box": []}
    for new, old in enumerate(positions):
        for r in range(ground_truth.offsets[old], ground_truth.offsets[old + 1]):
            values = (new, ground_truth.class_index[r], ground_truth.boxes[r])
            for name, value in zip(objects, values, strict=True):
                objects[name].append(value)
        for r in range(detector.offsets[old], detector.offsets[old + 1]):
            values = (new, detector.class_index[r], detector.scores[r], detector.boxes[r])
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    objects = list(zip(*objects.values(), strict=True))
    resampled = truth(objects, ground_truth.class_names, len(positions))
    boxes = Detections.from_rows(
        resampled,
        image_index=rows["image"],
        class_index=rows["label"],
        scores=rows["score"],
        boxes=rows["box"],
    )
    evaluation = evaluate(resampled, boxes, protocol)
    overall = evaluation.average_precision
    return [np.nan if overall is None else overall, *evaluation.class_ap]


@pytest.mark.parametrize("protocol", ["coco", "voc2012"])
def test_as_a_plain_bootstrap_that_copies_images(protocol):
    ground_truth, detector = random_pair(3, images=12, objects=30, boxes=80)
    detector = replace(detector, scores=np.random.default_rng(3).permutation(80) / 80)
    evaluation = evaluate(ground_truth, detector, protocol)
    [[replicates]] = resample([evaluation], [Measure("AP")], resamples=60, seed=5)
    samples = [np.sort(np.random.default_rng([5, b]).integers(0, 12, 12)) for b in range(60)]
    slow = [slow_values(ground_truth, detector, protocol, positions) for positions in samples]
    np.testing.assert_allclose(replicates.bootstrap, slow, atol=1e-12)


def test_replicates_of_equal_detections_are_equal():
    ground_truth = many_images()
    detector = simulated_detections(ground_truth, 0.7)
    evaluations = [evaluate(ground_truth, detector, "voc2012") for _ in range(2)]
    [first], [second] = resample(evaluations, resamples=50)
    assert first.bootstrap[:, 0].std() > 0.01
    change = first.minus(second)
    assert not change.bootstrap[:, 0].any()
    assert change.is_difference
    assert change.bounds == (-1, 1)


def test_replicates_of_different_calls_and_protocols_are_not_paired():
    ground_truth, detector = random_pair(2)
    message = "finder and finder were not resampled together; resample both in one call"
    evaluation = evaluate(ground_truth, detector, "coco")
    first, second = (resample([evaluation], resamples=5, seed=seed)[0][0] for seed in (0, 1))
    with pytest.raises(NotComparableError, match=message):
        first.minus(second)
    first, second = (
        resample([evaluate(ground_truth, detector, VOC2007.with_thresholds((iou,)))], resamples=5)
        for iou in (0.5, 0.75)
    )
    with pytest.raises(NotComparableError, match=message):
        first[0][0].minus(second[0][0])


def test_parts_and_halves_cover_all_images_evenly():
    ground_truth = truth([(i, 0, BOX) for i in range(9)], images=9)
    rows = [(i, 0, 0.9, BOX if i < 4 else FAR) for i in range(9)]
    evaluation = evaluate(ground_truth, detections(ground_truth, rows), "voc2007")
    [[recall]] = resample([evaluation], [Measure("recall", "AR")], resamples=2)
    assert sorted(recall.left_out[:, 0].round(6).tolist()) == [0.375] * 4 + [0.5] * 5
    assert len(recall.halves) == HALVES
    larger, smaller = recall.halves[::2, 0] * 5, recall.halves[1::2, 0] * 4
    np.testing.assert_allclose(larger + smaller, 4)


def test_the_evidence_is_the_number_of_images_with_objects():
    cats = [(i, 0, BOX) for i in range(8)]
    rows = [*cats, (0, 1, FAR), (1, 1, FAR), (2, 2, FAR)]
    ground_truth = truth(rows, "abcd", images=8)
    evaluation = evaluate(ground_truth, perfect(ground_truth), "voc2007")
    [[replicates]] = resample([evaluation], resamples=300)
    assert replicates.clusters.tolist() == [8, 8, 2, 1, 0]
    assert 0 < np.isnan(replicates.bootstrap[:, 2]).sum() < 100
    assert replicates.overall.clusters.tolist() == [8]


def test_a_group_of_images_is_one_piece_of_evidence():
    ground_truth = truth([(i, 0, BOX) for i in range(6)], images=6, groups=[4, 4, 9, 9, 9, 1])
    evaluation = evaluate(ground_truth, perfect(ground_truth), "voc2007")
    [[replicates]] = resample([evaluation], resamples=5)
    assert replicates.clusters[0] == 3
    assert len(replicates.left_out) == 3


def test_large_datasets_have_fewer_halves_whatever_is_compared():
    for images, protocol, expected in (
        (2000, "coco", HALVES),
        (2001, "coco", FEWER_HALVES),
        (2001, "voc2007", HALVES),
    ):
        ground_truth = truth([(0, 0, BOX)], images=images)
        for detector in (perfect(ground_truth), detections(ground_truth, [])):
            assert halves_of(evaluate(ground_truth, detector, protocol)) == expected

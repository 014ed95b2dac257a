"""Bands of curves against datasets that really hold images several times, and a plain quantile of what these give."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.uncertainty.clusters import resample_images
from detbench.metrics.uncertainty.curve_bands import curve_bands
from tests.metrics.uncertainty.test_weighted_scores import random_case, repeated, scored

IMAGES = 12
GRID = np.array([0.0, 0.1, 0.25, 0.5, 0.55, 0.9, 1.0])
T_OF_11 = 2.200985
"""The 97.5 % quantile of Student's t with 11 degrees of freedom, as tables have it."""


def everywhere(objects):
    """Return the objects and one more of class a in each image, so that as many images show it as there are."""
    more = np.arange(IMAGES)
    extra = {
        "image_index": more,
        "class_index": 0 * more,
        "boxes": np.tile([200.0, 200, 260, 260], (IMAGES, 1)),
    }
    flags = {"iscrowd": np.zeros(IMAGES, bool), "difficult": np.zeros(IMAGES, bool)}
    return {
        name: np.concatenate([values, (extra | flags)[name]]) for name, values in objects.items()
    }


def plain_interpolated(evaluation, iou):
    """Return the best precision at each recall of the grid or a higher one, in so many words."""
    precision, recall, _ = evaluation.curve("a", iou)
    return [
        max((p for p, r in zip(precision, recall, strict=True) if r >= level), default=0.0)
        for level in GRID
    ]


def plain_wilson(evaluation, iou):
    """Return for each recall the lowest share of which the hits among the detections taken are not too many at 97.5 %, by bisection."""
    objects = int(evaluation.counts[0, 0, 0, 3])
    ends = []
    for level, precision in zip(GRID, plain_interpolated(evaluation, iou), strict=True):
        taken = max(math.ceil(level * objects), 1) / precision if precision else 1.0
        low, high = 0.0, precision
        for _ in range(60 if precision else 0):
            share = (low + high) / 2
            unlikely = (precision - share) / math.sqrt(
                share * (1 - share) / taken
            ) > NormalDist().inv_cdf(0.975)
            low, high = (share, high) if unlikely else (low, share)
        ends.append(low)
    return ends


@pytest.mark.parametrize(("protocol", "iou"), [(VOC2007, 0.5), (COCO, 0.75)])
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_each_draw_is_the_curve_of_a_dataset_that_holds_its_images(protocol, iou, seed):
    objects, detections = random_case(np.random.default_rng(seed), IMAGES)
    objects, count = everywhere(objects), 100
    drawn = []
    for b in range(count):
        weights = resample_images(IMAGES, seed)(b)
        drawn.append(
            plain_interpolated(
                scored(
                    repeated(objects, weights),
                    repeated(detections, weights),
                    int(weights.sum()),
                    protocol,
                ),
                iou,
            )
        )
    share = NormalDist().cdf(-T_OF_11 * (IMAGES / (IMAGES - 1)) ** 0.5)
    low, high = np.quantile(drawn, (share, 1 - share), axis=0, method="weibull")
    evaluation = scored(objects, detections, IMAGES, protocol)
    [found] = [
        band
        for band in curve_bands(evaluation, iou, recalls=GRID, resamples=count, seed=seed)
        if band.class_name == "a"
    ]
    np.testing.assert_allclose(found.low, np.minimum(low, plain_wilson(evaluation, iou)), atol=2e-5)
    np.testing.assert_allclose(found.high, high, atol=2e-5)
    assert (found.low < found.high).any()


def test_threads_change_nothing_and_seeds_do():
    evaluation = scored(*random_case(np.random.default_rng(5), IMAGES), IMAGES, COCO)
    one, other, third = (
        curve_bands(evaluation, 0.5, seed=seed, threads=threads)
        for seed, threads in ((1, 1), (1, 2), (2, 2))
    )
    assert all(
        (a.low == b.low).all() and (a.high == b.high).all() for a, b in zip(one, other, strict=True)
    )
    assert any((a.low != b.low).any() for a, b in zip(one, third, strict=True))


def test_classes_that_fewer_than_two_images_show_have_none():
    objects, detections = random_case(np.random.default_rng(0), IMAGES)
    lonely = np.flatnonzero(objects["class_index"] == 1)[:1]
    kept = np.concatenate([np.flatnonzero(objects["class_index"] != 1), lonely])
    evaluation = scored(
        {name: values[kept] for name, values in objects.items()}, detections, IMAGES, COCO
    )
    assert {band.class_name for band in curve_bands(evaluation, 0.5)} == {"a", "c"}
    empty = {name: values[:0] for name, values in objects.items()}
    assert curve_bands(scored(empty, detections, IMAGES, COCO), 0.5) == []


def test_an_iou_that_the_protocol_lacks_is_refused():
    evaluation = scored(*random_case(np.random.default_rng(0), IMAGES), IMAGES, VOC2007)
    with pytest.raises(DetbenchError, match=r"0\.3"):
        curve_bands(evaluation, 0.3)


def test_perfect_detections_are_not_perfectly_known():
    count = 30
    boxes = np.tile([10.0, 10, 60, 60], (count, 1))
    columns = {"image_index": np.arange(count), "class_index": np.zeros(count, int), "boxes": boxes}
    [band] = curve_bands(
        scored(columns, columns | {"scores": np.linspace(0.9, 0.5, count)}, count, VOC2007),
        0.5,
        recalls=np.array([0.5, 1.0]),
    )
    z = NormalDist().inv_cdf(0.975)
    assert band.low == pytest.approx([15 / (15 + z**2), 30 / (30 + z**2)])
    assert band.high.tolist() == [1, 1]

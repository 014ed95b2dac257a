"""Curve bands: percentiles of the curves of datasets that contain images several times."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.uncertainty.clusters import MIN_WITH_OBJECTS, resample_images
from detbench.metrics.uncertainty.curve_bands import curve_bands
from tests.metrics.random_cases import evaluate_columns, random_case, repeat

IMAGES = 12
GRID = np.array([0.0, 0.1, 0.25, 0.5, 0.55, 0.9, 1.0])
T_OF_11 = 2.200985
"""The 97.5% quantile of Student's t with 11 degrees of freedom, from a table."""


def random_evaluation(seed, protocol):
    return evaluate_columns(*random_case(np.random.default_rng(seed), IMAGES), IMAGES, protocol)


def with_class_a_everywhere(objects):
    """Return the objects and one more of class a in each image."""
    images = np.arange(IMAGES)
    more = {
        "image_index": images,
        "class_index": 0 * images,
        "boxes": np.tile([200.0, 200, 260, 260], (IMAGES, 1)),
        "iscrowd": np.zeros(IMAGES, bool),
        "difficult": np.zeros(IMAGES, bool),
    }
    return {name: np.concatenate([values, more[name]]) for name, values in objects.items()}


def plain_interpolated(evaluation, iou):
    """Return the best precision of class a at each recall of the grid or a higher one."""
    precision, recall, _ = evaluation.curve("a", iou)
    points = list(zip(precision, recall, strict=True))
    return [max((p for p, r in points if r >= level), default=0.0) for level in GRID]


def plain_wilson(evaluation, iou):
    """Return the lower end of Wilson's interval at each recall, by bisection.

    It is the smallest share under which the observed share of hits, or a larger one, has a
    probability of at least 2.5%.
    """
    objects = int(evaluation.counts[0, 0, 0, 3])
    z = NormalDist().inv_cdf(0.975)
    ends = []
    for level, precision in zip(GRID, plain_interpolated(evaluation, iou), strict=True):
        n = max(math.ceil(level * objects), 1) / precision if precision else 1.0
        low, high = 0.0, precision
        for _ in range(60 if precision else 0):
            share = (low + high) / 2
            unlikely = (precision - share) / math.sqrt(share * (1 - share) / n) > z
            low, high = (share, high) if unlikely else (low, share)
        ends.append(low)
    return ends


@pytest.mark.parametrize(("protocol", "iou"), [(VOC2007, 0.5), (COCO, 0.75)])
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_each_resample_is_the_curve_of_a_dataset_with_its_images(protocol, iou, seed):
    objects, detections = random_case(np.random.default_rng(seed), IMAGES)
    objects, count = with_class_a_everywhere(objects), 100
    curves = []
    for b in range(count):
        weights = resample_images(IMAGES, seed)(b)
        copies = repeat(objects, weights), repeat(detections, weights)
        resampled = evaluate_columns(*copies, int(weights.sum()), protocol)
        curves.append(plain_interpolated(resampled, iou))
    share = NormalDist().cdf(-T_OF_11 * (IMAGES / (IMAGES - 1)) ** 0.5)
    low, high = np.quantile(curves, (share, 1 - share), axis=0, method="weibull")
    evaluation = evaluate_columns(objects, detections, IMAGES, protocol)
    bands = curve_bands(evaluation, iou, recalls=GRID, resamples=count, seed=seed)
    [band] = [band for band in bands if band.class_name == "a"]
    expected_low = np.minimum(low, plain_wilson(evaluation, iou))
    np.testing.assert_allclose(band.low, expected_low, atol=2e-5)
    np.testing.assert_allclose(band.high, high, atol=2e-5)
    assert (band.low < band.high).any()


def test_threads_change_nothing_and_seeds_do():
    evaluation = random_evaluation(5, COCO)
    first, second, other_seed = (
        curve_bands(evaluation, 0.5, seed=seed, threads=threads)
        for seed, threads in ((1, 1), (1, 2), (2, 2))
    )
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.low, b.low)
        np.testing.assert_array_equal(a.high, b.high)
    assert any((a.low != b.low).any() for a, b in zip(first, other_seed, strict=True))


@pytest.mark.parametrize("images", [MIN_WITH_OBJECTS - 1, MIN_WITH_OBJECTS])
def test_classes_with_objects_in_few_images_have_no_band(images):
    objects, detections = random_case(np.random.default_rng(0), IMAGES)
    objects = with_class_a_everywhere(objects)
    kept = (objects["class_index"] == 0) & (objects["image_index"] < images)
    few = {name: values[kept] for name, values in objects.items()}
    bands = curve_bands(evaluate_columns(few, detections, IMAGES, COCO), 0.5)
    assert [band.class_name for band in bands] == ["a"] * (images == MIN_WITH_OBJECTS)
    none = {name: values[:0] for name, values in objects.items()}
    assert curve_bands(evaluate_columns(none, detections, IMAGES, COCO), 0.5) == []


def test_an_iou_that_the_protocol_lacks_is_refused():
    with pytest.raises(DetbenchError, match=r"0\.3"):
        curve_bands(random_evaluation(0, VOC2007), 0.3)


def test_perfect_detections_are_not_perfectly_known():
    count = 30
    objects = {
        "image_index": np.arange(count),
        "class_index": np.zeros(count, int),
        "boxes": np.tile([10.0, 10, 60, 60], (count, 1)),
    }
    detections = objects | {"scores": np.linspace(0.9, 0.5, count)}
    evaluation = evaluate_columns(objects, detections, count, VOC2007)
    [band] = curve_bands(evaluation, 0.5, recalls=np.array([0.5, 1.0]))
    z = NormalDist().inv_cdf(0.975)
    assert band.low == pytest.approx([15 / (15 + z**2), 30 / (30 + z**2)])
    assert band.high.tolist() == [1, 1]

"""Power: tables of the normal distribution, and how the numbers follow from each other."""

import math

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.intervals import standard_error
from detbench.metrics.uncertainty.power import (
    CORRELATION,
    images_needed,
    power_analysis,
    smallest_difference,
)
from detbench.metrics.uncertainty.replicates import resample
from tests.metrics.scored import detections, perfect, truth
from tests.metrics.simulated import four_detectors

BOX, FAR = [10, 10, 60, 60], [100, 10, 150, 60]


def test_by_hand():
    assert smallest_difference(0.0043) == pytest.approx((1.959964 + 0.841621) * 0.0043, abs=1e-8)
    strict = smallest_difference(1, power=0.9, level=0.01)
    assert strict == pytest.approx(2.575829 + 1.281552, abs=1e-5)
    assert images_needed(0.012, 4952, 0.006) == 4 * 4952
    assert images_needed(0.001, 4952, 0.5) == 2


def test_two_detectors_give_their_paired_difference():
    first, second = four_detectors()[:2]
    analysis = power_analysis([first, second], 120, difference=0.02)
    change = second.minus(first)
    assert analysis.standard_error == standard_error(change)
    variances = [np.var(each.bootstrap[:, 0], ddof=1) for each in (first, second)]
    covariance = analysis.correlation * math.sqrt(math.prod(variances))
    assert analysis.standard_error**2 == pytest.approx(sum(variances) - 2 * covariance)
    assert analysis.smallest == smallest_difference(analysis.standard_error)
    assert analysis.needed == math.ceil(120 * (analysis.smallest / 0.02) ** 2)
    assert not analysis.assumed
    assert analysis.values == (first.values[0], second.values[0])
    by_class = [smallest_difference(standard_error(change, 1 + k)) for k in range(3)]
    assert analysis.classes == tuple(zip("abc", by_class, strict=True))


def test_one_detector_assumes_a_second_one_like_it():
    first = four_detectors()[0]
    analysis = power_analysis([first], 120)
    assert (analysis.assumed, analysis.correlation) == (True, CORRELATION)
    assert (analysis.difference, analysis.needed) == (None, None)
    factor = math.sqrt(2 * (1 - CORRELATION))
    assert analysis.standard_error == pytest.approx(factor * standard_error(first))
    closer = power_analysis([first], 120, correlation=0.98)
    ratio = math.sqrt(0.02 / (1 - CORRELATION))
    assert closer.smallest == pytest.approx(analysis.smallest * ratio)


@pytest.mark.parametrize("count", [1, 2])
def test_without_variation_there_is_no_smallest_difference(count):
    ground_truth = truth([(0, 0, BOX), (1, 0, BOX), (1, 1, FAR)], "abc", images=2)
    evaluations = [evaluate(ground_truth, perfect(ground_truth), "voc2007")] * count
    detectors = [replicates for [replicates] in resample(evaluations, resamples=50)]
    analysis = power_analysis(detectors, 2, difference=0.01)
    assert analysis.needed is None
    assert math.isnan(analysis.standard_error)
    assert math.isnan(analysis.smallest)
    assert all(math.isnan(smallest) for _, smallest in analysis.classes)
    assert all(value <= 1 for value in analysis.values)


def test_a_class_with_objects_in_one_image_has_no_smallest_difference():
    cats = [(i, 0, BOX) for i in range(3)]
    ground_truth = truth([*cats, (1, 1, FAR)], "ab", images=3)
    rows = [(0, 0, 0.9, BOX), (1, 1, 0.8, BOX), (1, 1, 0.7, FAR)]
    evaluation = evaluate(ground_truth, detections(ground_truth, rows), "voc2007")
    [[replicates]] = resample([evaluation], resamples=50)
    (_, of_a), (_, of_b) = power_analysis([replicates], 3).classes
    assert of_a > 0
    assert math.isnan(of_b)


@pytest.mark.parametrize(
    ("count", "options", "problem"),
    [
        (3, {}, "a power analysis needs one or two detectors, got 3"),
        (1, {"power": 0.01}, "must lie between the level and 1, got power 0.01 and level 0.05"),
        (1, {"power": 1.0}, "power must lie between"),
        (1, {"difference": 0.0}, "difference must lie between 0 and 100 points, got 0"),
        (1, {"difference": 1.5}, "between 0 and 100 points, got 150"),
        (1, {"correlation": 1.0}, "correlation must be at least -1 and less than 1, got 1"),
        (2, {"correlation": 0.5}, "correlation of two detectors is measured"),
    ],
)
def test_impossible_numbers_are_refused(count, options, problem):
    with pytest.raises(DetbenchError, match=problem):
        power_analysis(four_detectors()[:count], 120, **options)
